"""Live connections as they travel over HTTP."""

from docplatform.http.schemas import Moment, Wire


class LiveTicket(Wire):
    """``url`` opens one connection (WebSocket, RFC 6455), once, until ``expires_at``."""

    url: str
    expires_at: Moment
