"""The answer to a successful sign-in, the same for all methods."""

from __future__ import annotations

from typing import Literal

from docplatform.authentication.sign_in import IssuedTokens
from docplatform.core.tenant import Tenant
from docplatform.http.cookies import cookie, set_cookie
from docplatform.http.request import Request
from docplatform.http.schemas import Response, View
from docplatform.identity.devices import DEVICE_LIFE, DeviceClaim, claim_of

_DEVICE_COOKIE = "docplatform-device"


class Tokens(View):
    """``expires_in`` in seconds, of the access token (RFC 6749 §5.1). A refresh token is good for one use."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int = 900
    refresh_token: str


def device_of(tenant: Tenant, request: Request) -> DeviceClaim | None:
    """The known device that the request's cookie claims to come from."""
    return claim_of(cookie(tenant, request, _DEVICE_COOKIE))


def tokens_of(tenant: Tenant, issued: IssuedTokens, body: Tokens | None = None) -> Response:
    """The response to a sign-in, with the cookie by which the device is known the next time."""
    kept = set_cookie(tenant, _DEVICE_COOKIE, issued.device, DEVICE_LIFE)
    return Response(body or Tokens.model_validate(issued), {"Set-Cookie": kept})
