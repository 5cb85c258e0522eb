"""Every key of the data and audit tables. Read this file and ``docs/access-patterns.md``, and you know the access patterns.

A ``TenantKeys`` belongs to one tenant: each partition key it makes, those of the indexes included, begins with ``<tenant>#``,
which is what the tenant role's ``dynamodb:LeadingKeys`` condition lets through, and nothing else.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import NamedTuple

from docplatform.core import ids, names


class Key(NamedTuple):
    pk: str
    sk: str


class TenantKeys:
    def __init__(self, tenant_id: str) -> None:
        """Raises ValueError for what is not a tenant id: a ``#`` or ``*`` must never get into a key."""
        if not ids.is_tenant(tenant_id):
            raise ValueError("not a tenant id")
        self.tenant_id = tenant_id
        self._prefix = f"{tenant_id}#"

    # -- library
    def document(self, document_id: str) -> Key:
        return Key(f"{self._prefix}doc#{document_id}", "doc")

    def version(self, document_id: str, number: int) -> Key:
        return Key(f"{self._prefix}doc#{document_id}", f"version#{number:06d}")

    def folder(self, folder_id: str) -> Key:
        return Key(f"{self._prefix}folder#{folder_id}", "folder")

    def name(self, folder_id: str, name: str) -> Key:
        """Taken by at most one child of the folder; in order, the folder's children by name."""
        return Key(f"{self._prefix}folder#{folder_id}", f"{self.NAME}{names.folded(name)}")

    NAME = "name#"

    def of_child(self, child_id: str) -> Key:
        """The item of a folder's child, by the kind that its id names."""
        return self.document(child_id) if ids.is_a(ids.DOCUMENT, child_id) else self.folder(child_id)

    def children(self, folder_id: str) -> str:
        """Partition of gsi1 (by time of creation) and gsi2 (by time of change)."""
        return f"{self._prefix}children#{folder_id}"

    def usage(self) -> Key:
        return Key(f"{self._prefix}usage", "usage")

    def idempotency(self, user_id: str, key: str) -> Key:
        return Key(f"{self._prefix}idempotency#{user_id}", hashlib.sha256(key.encode()).hexdigest())

    # -- onboarding
    def tenant(self) -> Key:
        """The tenant's own item: the id of its first admin."""
        return Key(f"{self._prefix}tenant", "tenant")

    # -- people
    def user(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "profile")

    def credential(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "credential")

    def users(self) -> str:
        """Partition of gsi3: the tenant's people by id."""
        return f"{self._prefix}users"

    def email(self, email: str) -> Key:
        """Taken by at most one user. Hashed, so that no address stands in a key (streams and metrics carry keys)."""
        return Key(f"{self._prefix}email#{hashlib.sha256(email.encode()).hexdigest()}", "email")

    def directory(self, user_id: str) -> Key:
        """What a provisioning system keeps of a user."""
        return Key(f"{self._prefix}user#{user_id}", "directory")

    def user_name(self, name: str) -> Key:
        """A provisioning system's name for a user: taken by at most one. Hashed, as addresses are."""
        return Key(f"{self._prefix}user-name#{hashlib.sha256(names.folded(name).encode()).hexdigest()}", "user-name")

    def session(self, session_id: str) -> Key:
        return Key(f"{self._prefix}session#{session_id}", "session")

    LIVE = "live#"

    def live(self, session_id: str, connection_id: str) -> Key:
        """A live connection, beside the session that it stands for: of a session that is gone, a stream tells no user."""
        return Key(self.session(session_id).pk, f"{self.LIVE}{connection_id}")

    def live_of(self, user_id: str, session_id: str, connection_id: str) -> Key:
        """The same, among all of its user."""
        return Key(self.lives_of(user_id), f"{session_id}#{connection_id}")

    def lives_of(self, user_id: str) -> str:
        return f"{self._prefix}live#{user_id}"

    def live_ticket(self, token_hash: str) -> Key:
        return Key(f"{self._prefix}live-ticket#{token_hash}", "live-ticket")

    def sessions_of(self, user_id: str) -> str:
        """Partition of gsi1: a user's sessions by time of creation."""
        return f"{self._prefix}sessions#{user_id}"

    def invitation(self, token_hash: str) -> Key:
        return Key(f"{self._prefix}invitation#{token_hash}", "invitation")

    # -- single sign-on
    def sso_connection(self) -> Key:
        return Key(f"{self._prefix}sso", "connection")

    def sso_health(self) -> Key:
        return Key(f"{self._prefix}sso", "health")

    def sso_attempt(self, state_hash: str) -> Key:
        return Key(f"{self._prefix}sso-attempt#{state_hash}", "attempt")

    def sso_subject(self, issuer: str, subject: str) -> Key:
        """Taken by at most one user. Hashed: a subject may be an e-mail address."""
        return Key(f"{self._prefix}sso-subject#{_hashed(issuer, subject)}", "subject")

    def sso_assertion(self, issuer: str, assertion: str) -> Key:
        return Key(f"{self._prefix}sso-assertion#{_hashed(issuer, assertion)}", "assertion")

    # -- access
    def group(self, group_id: str) -> Key:
        return Key(f"{self._prefix}group#{group_id}", "group")

    def groups(self) -> str:
        """Partition of gsi3: the tenant's groups by id."""
        return f"{self._prefix}groups"

    def group_name(self, name: str) -> Key:
        """Taken by at most one group. Hashed: names stay out of keys."""
        return Key(f"{self._prefix}group-name#{hashlib.sha256(names.folded(name).encode()).hexdigest()}", "group-name")

    def member(self, group_id: str, user_id: str) -> Key:
        return Key(self.members(), f"{group_id}#{user_id}")

    def members(self) -> str:
        """Partition of who is in which group, in order of group and user: neighbours are read together."""
        return f"{self._prefix}members"

    def granted(self, principal: str) -> Key:
        """What is granted to one principal: an attribute for each node."""
        return Key(f"{self._prefix}granted#{principal}", "granted")

    def reindex(self, folder_id: str) -> Key:
        """That the search entries below a folder are to be brought up to date."""
        return Key(f"{self._prefix}reindex#{folder_id}", "reindex")

    # -- credentials
    def factors(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "factors")

    def devices(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "devices")

    def reset(self, user_id: str) -> Key:
        return Key(f"{self._prefix}user#{user_id}", "reset")

    def challenge(self, token_hash: str) -> Key:
        return Key(f"{self._prefix}challenge#{token_hash}", "challenge")

    def security_settings(self) -> Key:
        return Key(f"{self._prefix}security", "settings")

    def tally(self, account: str) -> Key:
        """Of whatever address was typed; hashed, as in ``email``."""
        return Key(f"{self._prefix}attempts#account#{hashlib.sha256(account.encode()).hexdigest()}", "tally")

    def failures_from(self, source: str, window: int) -> Key:
        return Key(f"{self._prefix}attempts#source#{hashlib.sha256(source.encode()).hexdigest()}", f"{window:010d}")

    def failures(self, window: int) -> Key:
        """Of the whole tenant."""
        return Key(f"{self._prefix}attempts#tenant", f"{window:010d}")

    # -- keys of programs
    def service_accounts(self) -> str:
        """Partition of gsi3: the tenant's service accounts by id."""
        return f"{self._prefix}service-accounts"

    def api_key(self, key_id: str) -> Key:
        return Key(f"{self._prefix}api-key#{key_id}", "api-key")

    def api_keys_of(self, user_id: str) -> str:
        """Partition of gsi1: a user's API keys by time of creation."""
        return f"{self._prefix}api-keys#{user_id}"

    # -- audit table
    def audit(self, at: datetime, record_id: str) -> Key:
        """One partition a day: small enough to write to, and the order of the archive."""
        return Key(self.audit_day(at), record_id)

    def audit_day(self, at: datetime) -> str:
        return f"{self._prefix}{at:%Y-%m-%d}"


def _hashed(*parts: str) -> str:
    """Of parts whose lengths are told, so that no two lists of them are the same text."""
    return hashlib.sha256("".join(f"{len(part)}:{part}" for part in parts).encode()).hexdigest()
