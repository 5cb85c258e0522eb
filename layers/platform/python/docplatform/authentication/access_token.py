"""Claims and lifetime of an access token, and the error for a refused one."""

from __future__ import annotations

from dataclasses import dataclass

from docplatform.identity.security_settings import TOKEN_LIFE


@dataclass(frozen=True, slots=True)
class Claims:
    tenant_id: str
    user_id: str
    session_id: str


class TokenRefused(Exception):
    """An access token is refused. ``expired``: it was valid before; otherwise it is malformed, forged or of another
    issuer."""

    def __init__(self, reason: str, *, expired: bool = False) -> None:
        super().__init__(reason)
        self.expired = expired


LIFE = TOKEN_LIFE
