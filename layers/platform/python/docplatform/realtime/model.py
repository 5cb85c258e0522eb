"""Live connections: WebSockets (RFC 6455) of browsers, which end with their session."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

TICKET_LIFE = timedelta(seconds=60)
CONNECTION_LIFE = timedelta(hours=2)  # docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
CONNECT_GRACE = timedelta(seconds=15)
"""The gateway answers $connect after at most ten seconds. After this time it has the connection, or never will."""
MOST_OF_A_USER = 20

_ID = re.compile(r"[A-Za-z0-9_=-]{1,128}")


@dataclass(frozen=True, slots=True)
class Ticket:
    """The right to open one connection for a session. Only the ticket's hash is stored."""

    token_hash: str
    user_id: str
    session_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LiveConnection:
    """An open connection. ``id`` is the gateway's connection id."""

    id: str
    user_id: str
    session_id: str
    since: datetime


def is_connection_id(text: str) -> bool:
    """Whether the text has the form of a connection id. Such an id is safe in an item's key."""
    return _ID.fullmatch(text) is not None
