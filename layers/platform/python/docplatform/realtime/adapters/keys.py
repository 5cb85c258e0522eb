"""The keys of live connections and of the tickets for them."""

from __future__ import annotations

from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.keys import Key, TenantKeys


class RealtimeKeys(TenantKeys):
    CONNECTION = "live#"  # begins the sort key of a connection beside its session

    def connection(self, session_id: str, connection_id: str) -> Key:
        """A connection, stored beside its session: when a session is gone, the stream tells its id and no user."""
        return Key(IdentityKeys(self.tenant_id).session(session_id).pk, f"{self.CONNECTION}{connection_id}")

    def user_connection(self, user_id: str, session_id: str, connection_id: str) -> Key:
        """The same connection, among all of its user's."""
        return Key(self.connections_of(user_id), f"{session_id}#{connection_id}")

    def connections_of(self, user_id: str) -> str:
        """Partition of a user's connections, in the order of their sessions."""
        return f"{self._prefix}live#{user_id}"

    def ticket(self, token_hash: str) -> Key:
        return Key(f"{self._prefix}live-ticket#{token_hash}", "live-ticket")
