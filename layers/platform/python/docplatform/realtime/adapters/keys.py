"""Keys of the items of live connections and their tickets."""

from __future__ import annotations

from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.keys import Key, TenantKeys


class RealtimeKeys(TenantKeys):
    CONNECTION = "live#"  # begins the sort key of a connection beside its session

    def connection(self, session_id: str, connection_id: str) -> Key:
        """A connection in the partition of its session: the stream event of a deleted session has only the session's
        id."""
        return Key(IdentityKeys(self.tenant_id).session(session_id).pk, f"{self.CONNECTION}{connection_id}")

    def user_connection(self, user_id: str, session_id: str, connection_id: str) -> Key:
        """The same connection in the partition of its user's connections."""
        return Key(self.connections_of(user_id), f"{session_id}#{connection_id}")

    def connections_of(self, user_id: str) -> str:
        """The partition of a user's connections, in order of session."""
        return f"{self._prefix}live#{user_id}"

    def ticket(self, token_hash: str) -> Key:
        return Key(f"{self._prefix}live-ticket#{token_hash}", "live-ticket")
