"""Sends to and closes the WebSockets of API Gateway (docs.aws.amazon.com/apigateway/latest/developerguide/
apigateway-how-to-call-websocket-api-connections.html)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any


class LiveGateway:
    def __init__(self, client: Any) -> None:
        """``client``: a boto3 client of apigatewaymanagementapi for the API's own endpoint."""
        self._client = client

    def end(self, connection_id: str, message: str) -> bool:
        """Sends the message and closes the connection. Returns False if there is no such connection."""
        gone = self._client.exceptions.GoneException
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=message.encode())
        except gone:
            return False
        with suppress(gone):  # the client may close it first
            self._client.delete_connection(ConnectionId=connection_id)
        return True
