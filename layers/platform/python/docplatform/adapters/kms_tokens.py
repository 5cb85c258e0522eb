"""Access tokens: JWTs (RFC 7519), RS256 only, signed inside KMS; the private key is nowhere else.

Only the signer needs KMS for every token; a verifier fetches the public key once for its environment.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

LIFE = timedelta(minutes=15)
_ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"


@dataclass(frozen=True, slots=True)
class Claims:
    tenant_id: str
    user_id: str
    session_id: str


class TokenRefused(Exception):
    """``expired``: it was good once. Otherwise malformed, forged, or of another issuer."""

    def __init__(self, reason: str, *, expired: bool = False) -> None:
        super().__init__(reason)
        self.expired = expired


def issuer(region: str) -> str:
    return f"docplatform:{region}"


class KmsTokens:
    def __init__(self, client: Any, key_arn: str, region: str) -> None:
        self._client, self._key_arn, self._region = client, key_arn, region

    @property
    def key_id(self) -> str:
        return self._key_arn.rsplit("/", 1)[-1]

    def issue(self, claims: Claims, role: str, token_id: str, now: datetime) -> str:
        """A token good for 15 minutes. One call of KMS."""
        head = {"alg": "RS256", "typ": "JWT", "kid": self.key_id}
        issued = int(now.timestamp())
        body = {
            "iss": issuer(self._region),
            "aud": claims.tenant_id,
            "tid": claims.tenant_id,
            "sub": claims.user_id,
            "sid": claims.session_id,
            "role": role,
            "jti": token_id,
            "iat": issued,
            "exp": issued + int(LIFE.total_seconds()),
        }
        signed = f"{_segment(head)}.{_segment(body)}"
        answer = self._client.sign(
            KeyId=self._key_arn,
            Message=signed.encode(),  # a few hundred bytes of ids; KMS takes up to 4,096 and hashes them itself
            MessageType="RAW",
            SigningAlgorithm=_ALGORITHM,
        )
        return f"{signed}.{_text(answer['Signature'])}"

    def read(self, token: str) -> Claims:
        """Raises TokenRefused. Accepts RS256, our key and our issuer, and nothing else (RFC 8725 §3.1)."""
        import jwt

        try:
            if jwt.get_unverified_header(token).get("kid") != self.key_id:
                raise TokenRefused("unknown key")
            body = jwt.decode(
                token,
                key=self._public_key,
                algorithms=["RS256"],
                issuer=issuer(self._region),
                options={
                    "require": ["exp", "iat", "iss", "aud", "sub", "sid", "tid"],
                    "verify_aud": False,  # against the token's own tenant below; against the host's by whoever asks
                    "verify_iat": False,  # the issuer's clock may be a moment ahead of this one
                },
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenRefused("expired", expired=True) from error
        except jwt.PyJWTError as error:
            raise TokenRefused(type(error).__name__) from error
        values = [body["tid"], body["sub"], body["sid"]]
        if body["aud"] != body["tid"] or not all(isinstance(value, str) and value for value in values):
            raise TokenRefused("claims disagree")
        return Claims(*values)

    def key_set(self) -> dict[str, Any]:
        """The public key as a JWK set (RFC 7517)."""
        numbers = self._public_key.public_numbers()
        key = {
            "kty": "RSA",
            "use": "sig",
            "alg": "RS256",
            "kid": self.key_id,
            "n": _number(numbers.n),
            "e": _number(numbers.e),
        }
        return {"keys": [key]}

    @cached_property
    def _public_key(self) -> Any:
        from cryptography.hazmat.primitives.serialization import load_der_public_key

        return load_der_public_key(self._client.get_public_key(KeyId=self._key_arn)["PublicKey"])


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _segment(value: dict[str, Any]) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _number(value: int) -> str:
    return _text(value.to_bytes((value.bit_length() + 7) // 8, "big"))
