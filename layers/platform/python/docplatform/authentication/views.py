"""The answer to a successful sign-in, the same for all methods."""

from __future__ import annotations

from typing import Literal

from docplatform.http.schemas import View


class Tokens(View):
    """``expires_in`` in seconds, of the access token (RFC 6749 §5.1). A refresh token is good for one use."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = 900
    refresh_token: str
