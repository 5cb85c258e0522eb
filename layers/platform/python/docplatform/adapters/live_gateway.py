"""API Gateway's side of live connections (docs.aws.amazon.com/apigateway/latest/developerguide/
apigateway-how-to-call-websocket-api-connections.html)."""

from __future__ import annotations

from typing import Any


class LiveGateway:
    def __init__(self, client: Any) -> None:
        """``client``: of apigatewaymanagementapi, at the API's own endpoint."""
        self._client = client

    def end(self, connection_id: str, message: str) -> bool:
        """Tell the other side, and close. False where there is no such connection."""
        try:
            self._client.post_to_connection(ConnectionId=connection_id, Data=message.encode())
            self._client.delete_connection(ConnectionId=connection_id)
        except self._client.exceptions.GoneException:
            return False
        return True
