"""The keys of live connections and of the tickets for them."""

from __future__ import annotations

from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.keys import Key, TenantKeys


class RealtimeKeys(TenantKeys):
    LIVE = "live#"  # begins the sort key of a connection beside its session

    def live(self, session_id: str, connection_id: str) -> Key:
        """A live connection, beside the session that it stands for: of a session that is gone, a stream tells no user."""
        return Key(IdentityKeys(self.tenant_id).session(session_id).pk, f"{self.LIVE}{connection_id}")

    def live_of(self, user_id: str, session_id: str, connection_id: str) -> Key:
        """The same, among all of its user."""
        return Key(self.lives_of(user_id), f"{session_id}#{connection_id}")

    def lives_of(self, user_id: str) -> str:
        return f"{self._prefix}live#{user_id}"

    def live_ticket(self, token_hash: str) -> Key:
        return Key(f"{self._prefix}live-ticket#{token_hash}", "live-ticket")
