"""The region's secret for cursors of pages, from an HMAC key of KMS. It is read once in a process's life."""

from __future__ import annotations

from functools import cache

from docplatform.infra.credentials import own_client
from docplatform.runtime.settings import CursorSettings, load

_MESSAGE = b"docplatform cursors 1"


@cache
def cursor_secret() -> bytes:
    """32 bytes, the same in every function of the region. One call of KMS; the key never leaves it
    (docs.aws.amazon.com/kms/latest/APIReference/API_GenerateMac.html)."""
    key = load(CursorSettings).cursor_key_arn
    answer = own_client("kms").generate_mac(KeyId=key, Message=_MESSAGE, MacAlgorithm="HMAC_SHA_256")
    return bytes(answer["Mac"])
