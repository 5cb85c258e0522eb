"""The exact format of the platform's access tokens. The platform reads no other tokens, so it refuses all that its own
tokens never contain: another header, another encoding of the same bytes, a claim twice (RFC 8725 §3.1, §3.10,
§3.11)."""

from __future__ import annotations

import base64
import json
import re
from datetime import datetime
from typing import Any

from docplatform.authentication.access_token import LIFE, Claims, TokenRefused

LEEWAY = 60  # seconds that the issuer's clock may be ahead of the reader's
LONGEST = 2_048  # characters; the platform's tokens have about 700

_FORM = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)")


def header(key_id: str) -> dict[str, str]:
    return {"alg": "RS256", "typ": "JWT", "kid": key_id}


def text(content: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def segment(value: dict[str, Any]) -> str:
    return text(json.dumps(value, separators=(",", ":")).encode())


def key_id_of(token: str) -> str:
    """The ``kid`` of a token that has this format. Raises TokenRefused."""
    found = _FORM.fullmatch(token) if len(token) <= LONGEST else None
    if found is None or not all(_is_canonical(each) for each in found.groups()):
        raise TokenRefused("not a token")
    head = _object(_bytes(found[1]), "header")
    key_id = head.get("kid")
    if not isinstance(key_id, str) or head != header(key_id):
        raise TokenRefused("not our header")
    return key_id


def claims(payload: bytes, *, issuer: str, now: datetime) -> Claims:
    """The claims in a payload whose signature was verified. Raises TokenRefused."""
    body = _object(payload, "payload")
    if body.get("iss") != issuer:
        raise TokenRefused("another issuer")
    names = [body.get(name) for name in ("tid", "sub", "sid")]
    if body.get("aud") != body.get("tid") or not all(isinstance(name, str) and name for name in names):
        raise TokenRefused("claims disagree")
    issued, ends, begins = _seconds(body, "iat"), _seconds(body, "exp"), _seconds(body, "nbf", or_as="iat")
    at = now.timestamp()
    if not 0 < ends - issued <= LIFE.total_seconds():
        raise TokenRefused("not a life that we give")
    if max(issued, begins) > at + LEEWAY:
        raise TokenRefused("of a time to come")
    if ends <= at:  # RFC 7519 §4.1.4: at this time or later the token must not be accepted
        raise TokenRefused("expired", expired=True)
    return Claims(*[str(name) for name in names])


def _seconds(body: dict[str, Any], name: str, *, or_as: str = "") -> int:
    value = body.get(name, body.get(or_as))
    if type(value) is not int:  # bool is a subclass of int
        raise TokenRefused(f"{name} is no time")
    return value


def _is_canonical(encoded: str) -> bool:
    """Whether the text is the one encoding that is accepted: unused bits of its last character are zero."""
    return len(encoded) % 4 != 1 and text(_bytes(encoded)) == encoded


def _bytes(encoded: str) -> bytes:
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))


def _object(content: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(content.decode(), object_pairs_hook=_without_duplicates, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise TokenRefused(f"its {what} is not JSON of ours") from error
    if not isinstance(value, dict):
        raise TokenRefused(f"its {what} is no object")
    return value


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) != len(pairs):
        raise ValueError("a name twice")
    return found


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")  # RFC 8259 §6
