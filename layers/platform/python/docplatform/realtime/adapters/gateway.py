"""API Gateway's side of live connections (docs.aws.amazon.com/apigateway/latest/developerguide/
apigateway-how-to-call-websocket-api-connections.html)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any


class LiveGateway:
    def __init__(self, client: Any) -> None:
        """``client``: of apigatewaymanagementapi, at the API's own endpoint."""
        self._client = client

    def end(self, connection_id: str, message: str) -> bool:
        """Tell the other side, and close. False where there is no such connection."""
        gone = self._client.exceptions.GoneException
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=message.encode())
        except gone:
            return False
        with suppress(gone):  # who was told may be quicker
            self._client.delete_connection(ConnectionId=connection_id)
        return True
