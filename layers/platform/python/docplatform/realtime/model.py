"""Live connections: what a browser holds open (WebSocket, RFC 6455), for as long as its session lasts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

TICKET_LIFE = timedelta(seconds=60)
CONNECTION_LIFE = timedelta(hours=2)  # docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
CONNECT_GRACE = timedelta(seconds=15)
"""After which the gateway has a connection that was announced, or never will: it waits ten seconds for whoever lets it in."""
MOST_OF_A_USER = 20

_ID = re.compile(r"[A-Za-z0-9_=-]{1,128}")


@dataclass(frozen=True, slots=True)
class Ticket:
    """Opens one connection for a session, once. Only the hash is kept."""

    token_hash: str
    user_id: str
    session_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LiveConnection:
    """``id`` is the gateway's."""

    id: str
    user_id: str
    session_id: str
    since: datetime


def is_connection_id(text: str) -> bool:
    """Whether it can stand in a key."""
    return _ID.fullmatch(text) is not None
