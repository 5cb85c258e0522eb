"""Access tokens: JWTs (RFC 7519) with RS256 only. KMS signs them, and the private keys never leave it.

The first key signs and all keys verify, so that a key can be replaced while its tokens are still valid. The id of a key
is the thumbprint of its public half (RFC 7638). Only signing calls KMS for every token; each public key is fetched once
per Lambda environment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from docplatform.authentication.access_token import LIFE, Claims, TokenRefused
from docplatform.authentication.adapters import token_format

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey  # imported with the first key: nothing needs it before

__all__ = ["Claims", "KmsTokens", "TokenRefused", "issuer"]

_ALGORITHM = "RSASSA_PKCS1_V1_5_SHA_256"
_JWS_ALGORITHM = "RS256"
_SMALLEST_KEY = 2_048  # bits; RFC 7518 §3.3


def issuer(region: str) -> str:
    return f"docplatform:{region}"


class KmsTokens:
    def __init__(self, client: Any, key_arns: Sequence[str], region: str) -> None:
        """Raises ValueError without a key."""
        if not key_arns:
            raise ValueError("access tokens need a signing key")
        self._client, self._key_arns, self._region = client, tuple(key_arns), region
        self._unread = list(self._key_arns)
        self._public: dict[str, RSAKey] = {}  # kid → public key, in the order of the keys

    @property
    def key_id(self) -> str:
        """The id of the key that signs."""
        if not self._public:
            self._read_next()
        return next(iter(self._public))

    def issue(self, claims: Claims, role: str, token_id: str, now: datetime, life: timedelta = LIFE) -> str:
        """A token that is valid for ``life``. One call of KMS; the first token of an environment may need a second
        call, for the public key."""
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
            "exp": issued + int(life.total_seconds()),
        }
        signed = f"{token_format.segment(token_format.header(self.key_id))}.{token_format.segment(body)}"
        return f"{signed}.{token_format.text(self._sign(signed.encode()))}"

    def _sign(self, message: bytes) -> bytes:
        answer = self._client.sign(
            KeyId=self._key_arns[0],
            Message=message,  # a few hundred bytes of ids; KMS takes up to 4,096 and hashes them itself
            MessageType="RAW",
            SigningAlgorithm=_ALGORITHM,
        )
        signature: bytes = answer["Signature"]
        return signature

    def read(self, token: str, now: datetime) -> Claims:
        """Verify a token and return its claims. Accepts only RS256, the platform's keys and this region's issuer (RFC
        8725 §3.1). Raises TokenRefused."""
        key = self._key(token_format.key_id_of(token))
        if key is None:
            raise TokenRefused("unknown key")
        from joserfc import jws
        from joserfc.errors import JoseError

        try:
            payload = jws.deserialize_compact(token, key, algorithms=[_JWS_ALGORITHM]).payload
        except JoseError as error:
            raise TokenRefused("bad signature") from error
        return token_format.claims(payload, issuer=issuer(self._region), now=now)

    def key_set(self) -> dict[str, Any]:
        """The public keys as a JWK set (RFC 7517); the key that signs comes first."""
        while self._unread:
            self._read_next()
        return {"keys": [key.as_dict(private=False, kid=kid) for kid, key in self._public.items()]}

    def _key(self, key_id: str) -> RSAKey | None:
        """The public key with that id, or None. Each key is fetched at most once, whatever ids are asked for."""
        while key_id not in self._public and self._unread:
            self._read_next()
        return self._public.get(key_id)

    def _read_next(self) -> None:
        key = _public_key(self._client.get_public_key(KeyId=self._unread[0])["PublicKey"])
        del self._unread[0]  # only after the fetch: a fetch that failed is tried again
        self._public[key.thumbprint()] = key


def _public_key(der: bytes) -> RSAKey:
    """The key, for RS256 signatures only. Raises ValueError when it is not an RSA key of at least 2,048 bits."""
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key
    from joserfc.jwk import RSAKey

    key = load_der_public_key(der)
    if not isinstance(key, RSAPublicKey) or key.key_size < _SMALLEST_KEY:
        raise ValueError(f"access tokens are signed by RSA keys of {_SMALLEST_KEY} bits or more")
    return RSAKey.import_key(key, {"use": "sig", "alg": _JWS_ALGORITHM})
