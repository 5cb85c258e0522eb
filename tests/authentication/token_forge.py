"""Makes bad access tokens from good ones, with the platform's own key or with an attacker's means."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from joserfc import jwe
from joserfc.jwk import RSAKey

from docplatform.authentication.wiring.access_tokens import tokens
from tests.support.mocked_region import House


def text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def coded(value: object) -> str:
    return text(value.encode() if isinstance(value, str) else json.dumps(value, separators=(",", ":")).encode())


@dataclass
class Forge:
    """A good token of ``house``, and the bad ones that are made from it."""

    house: House
    good: str

    @cached_property
    def head(self) -> dict[str, Any]:
        return jwt.get_unverified_header(self.good)

    @cached_property
    def facts(self) -> dict[str, Any]:
        return dict(jwt.decode(self.good, options={"verify_signature": False}))

    @cached_property
    def parts(self) -> tuple[str, str, str]:
        head, body, signature = self.good.split(".")
        return head, body, signature

    @cached_property
    def stranger(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public_key(self, form: str) -> bytes:
        public = next(iter(tokens()._public.values())).public_key
        encoding = serialization.Encoding.DER if form == "DER" else serialization.Encoding.PEM
        kind = serialization.PublicFormat.PKCS1 if form == "PKCS1" else serialization.PublicFormat.SubjectPublicKeyInfo
        return public.public_bytes(encoding, kind)  # type: ignore[no-any-return]

    def signed(self, head: object = None, body: object = None) -> str:
        """This header and body, whatever they are, signed by the platform's own key."""
        message = f"{coded(self.head if head is None else head)}.{coded(self.facts if body is None else body)}"
        return f"{message}.{text(tokens()._sign(message.encode()))}"

    def with_head(self, **more: object) -> str:
        return self.signed({**self.head, **more})

    def without_head(self, name: str) -> str:
        return self.signed({key: value for key, value in self.head.items() if key != name})

    def with_claims(self, **more: object) -> str:
        return self.signed(body={**self.facts, **more})

    def without_claim(self, name: str) -> str:
        return self.signed(body={key: value for key, value in self.facts.items() if key != name})

    def raw_head(self, old: str, new: str) -> str:
        """The token with a text of its header replaced."""
        head = json.dumps(self.head, separators=(",", ":"))
        assert old in head
        return self.signed(head.replace(old, new, 1))

    def raw_claim(self, old: str, new: str) -> str:
        """The token with a text of its payload replaced."""
        body = json.dumps(self.facts, separators=(",", ":"))
        assert old in body
        return self.signed(body=body.replace(old, new, 1))

    def as_algorithm(self, name: object, signature: str | None = None, **more: object) -> str:
        """The good token's body and signature under a header that names another algorithm."""
        return f"{coded({**self.head, 'alg': name, **more})}.{self.parts[1]}.{self.parts[2] if signature is None else signature}"

    def hmac_signed(self, key: bytes, algorithm: str = "HS256") -> str:
        message = f"{coded({**self.head, 'alg': algorithm})}.{self.parts[1]}"
        kinds = {"HS256": hashes.SHA256(), "HS384": hashes.SHA384(), "HS512": hashes.SHA512()}
        mac = hmac.HMAC(key, kinds[algorithm])  # type: ignore[arg-type]
        mac.update(message.encode())
        return f"{message}.{text(mac.finalize())}"

    def by_stranger(self, algorithm: str = "RS256", **head: object) -> str:
        """The token signed by the attacker's key, under the name of the platform's key."""
        message = f"{coded({**self.head, 'alg': algorithm, **head})}.{self.parts[1]}".encode()
        if algorithm.startswith("ES"):
            signature = ec.generate_private_key(ec.SECP256R1()).sign(message, ec.ECDSA(hashes.SHA256()))
        elif algorithm.startswith("PS"):
            signature = self.stranger.sign(message, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        else:
            digest = hashes.SHA512() if algorithm == "RS512" else hashes.SHA256()
            signature = self.stranger.sign(message, padding.PKCS1v15(), digest)
        return f"{message.decode()}.{text(signature)}"

    def unencoded(self, payload: str) -> str:
        """An unencoded payload (RFC 7797), signed by the platform's own key."""
        message = f"{coded({**self.head, 'b64': False, 'crit': ['b64']})}.{payload}"
        return f"{message}.{text(tokens()._sign(message.encode()))}"

    def deflated(self) -> str:
        """A compressed payload, which only a JWE may have, signed by the platform's own key."""
        content = zlib.compress(json.dumps(self.facts).encode(), wbits=-zlib.MAX_WBITS)
        message = f"{coded({**self.head, 'zip': 'DEF'})}.{text(content)}"
        return f"{message}.{text(tokens()._sign(message.encode()))}"

    def detached(self, token: str) -> str:
        head, _, signature = token.split(".")
        return f"{head}..{signature}"

    def encrypted(self, content: str, algorithm: str, **head: str) -> str:
        """A JWE that the holder of the private key could decrypt."""
        key = RSAKey.import_key(self.public_key("PEM"))
        protected = {"alg": algorithm, "enc": "A256GCM", "kid": self.head["kid"], **head}
        return jwe.encrypt_compact(protected, content.encode(), key, [algorithm, "A256GCM"])

    def jwk(self) -> dict[str, str]:
        numbers = self.stranger.public_key().public_numbers()
        return {"kty": "RSA", "n": text(numbers.n.to_bytes(256)), "e": "AQAB", "kid": str(self.head["kid"])}

    def respelt(self, part: int) -> str:
        """Another spelling of the same bytes: the unused bits of the last character are set."""
        pieces = list(self.parts)
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        piece = pieces[part]
        if part < 2 and len(piece) % 4 == 0:  # no unused bits: a blank in the JSON makes some
            message = json.dumps(self.head if part == 0 else self.facts, separators=(",", ":")) + " "
            other = coded(self.facts if part == 0 else self.head)
            pieces[part], pieces[1 - part] = coded(message), other
            if len(pieces[part]) % 4 == 0:
                pieces[part] = coded(message + " ")
            piece = pieces[part]
        assert len(piece) % 4
        pieces[part] = piece[:-1] + alphabet[alphabet.index(piece[-1]) + 1]
        signature = tokens()._sign(f"{pieces[0]}.{pieces[1]}".encode())
        if part != 2:
            pieces[2] = text(signature)
        return ".".join(pieces)
