"""Encryption of secrets that must be read back, with a data key of KMS in the tenant's encryption context.

The tenant's role may use the key in that context only (cdk/constructs/tenant_access.py), so no other tenant can decrypt
what one tenant encrypted.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from typing import Any

from docplatform.infra.tenant_bound import TenantBound

_NONCE = 12  # bytes (NIST SP 800-38D §8.2)


class KmsSecrets(TenantBound[Callable[[], Any]]):
    """``client`` returns a KMS client with the tenant's credentials; it is called only when a secret is encrypted or
    decrypted."""

    def __init__(self, client: Callable[[], Any], key_arn: str, tenant_id: str) -> None:
        super().__init__(client, tenant_id)
        self._key_arn = key_arn
        self._context = {"tenant_id": tenant_id}

    def encrypt(self, secret: str, purpose: str) -> str:
        """The secret as ``<encrypted data key>.<nonce><ciphertext>``, both parts in base64. ``purpose`` is
        authenticated with the secret. One call of KMS."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        made = self._client().generate_data_key(KeyId=self._key_arn, KeySpec="AES_256", EncryptionContext=self._context)
        nonce = os.urandom(_NONCE)
        encrypted = nonce + AESGCM(made["Plaintext"]).encrypt(nonce, secret.encode(), purpose.encode())
        return f"{_text(made['CiphertextBlob'])}.{_text(encrypted)}"

    def decrypt(self, encrypted: str, purpose: str) -> str:
        """The secret. One call of KMS. Raises cryptography's InvalidTag if it was encrypted for another purpose."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        blob, content = (base64.b64decode(part) for part in encrypted.split("."))
        key = self._client().decrypt(KeyId=self._key_arn, CiphertextBlob=blob, EncryptionContext=self._context)
        return AESGCM(key["Plaintext"]).decrypt(content[:_NONCE], content[_NONCE:], purpose.encode()).decode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()
