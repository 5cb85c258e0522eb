"""Small secrets that must be read back, encrypted under a data key of the tenant's encryption context in KMS
(docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html). Whoever lacks the tenant's role opens none of them."""

from __future__ import annotations

import base64
import os
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_FORM = "v1"
_NONCE = 12  # bytes (NIST SP 800-38D §8.2)


class TenantSeal:
    """``client`` is a KMS client with the tenant's credentials. ``purpose`` is sealed in: what was closed for one does not open for
    another."""

    def __init__(self, client: Any, *, key: str, tenant_id: str, purpose: str) -> None:
        self._client, self._key = client, key
        self._context, self._purpose = {"tenant_id": tenant_id}, purpose.encode()

    def close(self, text: str) -> str:
        made = self._client.generate_data_key(KeyId=self._key, KeySpec="AES_256", EncryptionContext=self._context)
        nonce = os.urandom(_NONCE)
        closed = AESGCM(made["Plaintext"]).encrypt(nonce, text.encode(), self._purpose)
        return ".".join((_FORM, _text(made["CiphertextBlob"]), _text(nonce + closed)))

    def open(self, sealed: str) -> str:
        """Raises ValueError or InvalidTag for what was not closed here."""
        form, wrapped, closed = sealed.split(".")
        if form != _FORM:
            raise ValueError("not a sealed secret")
        answer = self._client.decrypt(CiphertextBlob=base64.b64decode(wrapped), EncryptionContext=self._context)
        content = base64.b64decode(closed)
        return AESGCM(answer["Plaintext"]).decrypt(content[:_NONCE], content[_NONCE:], self._purpose).decode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
