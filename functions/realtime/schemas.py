"""Schemas of live connections."""

from docplatform.http.schemas import Schema, Timestamp


class LiveTicket(Schema):
    """``url`` opens one connection (WebSocket, RFC 6455), once, until ``expires_at``."""

    url: str
    expires_at: Timestamp
