"""Keys of users, their credentials and their sessions."""

from __future__ import annotations

from docplatform.infra.dynamodb.keys import Key, TenantKeys, hashed


class IdentityKeys(TenantKeys):
    # -- users
    def user(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "profile")

    def users(self) -> str:
        """Partition of gsi3: the tenant's users by id."""
        return f"{self._prefix}users"

    def email(self, email: str) -> Key:
        """An e-mail address, which at most one user has. Hashed, so that no key contains an address."""
        return Key(f"{self._prefix}email#{hashed(email)}", "email")

    def invitation(self, token_hash: str) -> Key:
        return Key(f"{self._prefix}invitation#{token_hash}", "invitation")

    def group(self, group_id: str) -> Key:
        """A group that users are members of. ``directory`` writes it; a grant to a group checks that it exists."""
        return Key(f"{self._prefix}group#{group_id}", "group")

    # -- credentials
    def credential(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "credential")

    def factors(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "factors")

    def passkey(self, credential_id: str) -> Key:
        """The item that reserves an authenticator's id for one user."""
        return Key(f"{self._prefix}passkey#{hashed(credential_id)}", "passkey")

    def devices(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "devices")

    def device(self, user_id: str, token_hash: str) -> Key:
        """A known device. ``devices`` is the item of user agents, for the notice of a new one."""
        return Key(f"{self._prefix}user#{user_id}", f"device#{token_hash}")

    def reset(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "reset")

    def challenge(self, token_hash: str) -> Key:
        return Key(f"{self._prefix}challenge#{token_hash}", "challenge")

    def security_settings(self) -> Key:
        return Key(f"{self._prefix}security", "settings")

    # -- sessions
    def session(self, session_id: str) -> Key:
        return Key(f"{self._prefix}session#{session_id}", "session")

    def sessions_of(self, user_id: str) -> str:
        """Partition of gsi1: a user's sessions by time of creation."""
        return f"{self._prefix}sessions#{user_id}"

    # -- API keys
    def api_key(self, key_id: str) -> Key:
        """An API key, which stands for its owner as a session does. ``api_keys`` writes it."""
        return Key(f"{self._prefix}api-key#{key_id}", "api-key")

    def api_keys_of(self, user_id: str) -> str:
        """Partition of gsi1: a user's API keys by time of creation."""
        return f"{self._prefix}api-keys#{user_id}"

    # -- failed attempts
    def attempt_count(self, account: str) -> Key:
        """The failed attempts at one account, which is the address that was typed, whether a user has it or not.
        Hashed, as in ``email``."""
        return Key(f"{self._prefix}attempts#account#{hashed(account)}", "tally")

    def source_failures(self, source: str, window: int) -> Key:
        """The failures from one source address, hashed, in one window of time."""
        return Key(f"{self._prefix}attempts#source#{hashed(source)}", f"{window:010d}")

    def requests(self, operation: str, of: str, window: int) -> Key:
        """The requests for an operation that needs no log-in, by whom or for what (hashed), in one window of time."""
        return Key(f"{self._prefix}requests#{operation}#{hashed(of)}", f"{window:010d}")

    def tenant_failures(self, window: int) -> Key:
        """The failures of the whole tenant in one window of time."""
        return Key(f"{self._prefix}attempts#tenant", f"{window:010d}")
