"""Service accounts: users that are programs. They have a role and API keys, and cannot sign in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from docplatform.api_keys.errors import ServiceAccountNotFound
from docplatform.api_keys.ports import ApiKeys
from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import IdempotencyKeyReused, InvalidCursor, InvalidName, raised_by, raises
from docplatform.core.idempotency import digest as fingerprint
from docplatform.core.idempotency import idempotent
from docplatform.identity.model import User, UserKind, UserStatus, clean_display_name


class ServiceAccounts:
    def __init__(self, actor: Actor, api_keys: ApiKeys, now: Callable[[], datetime]) -> None:
        self._actor, self._api_keys, self._now = actor, api_keys, now

    @raises(InvalidName, IdempotencyKeyReused, ServiceAccountNotFound)
    def create(self, name: str, role: Role, *, idempotency_key: str = "") -> User:
        """Create a service account, which takes no seat of the plan."""
        name = clean_display_name(name)
        request = fingerprint(operation="create-service-account", name=name, role=role)

        def make() -> User:
            at = self._now()
            account = User(ids.new(ids.USER, at), "", name, role, UserStatus.ACTIVE, at, UserKind.SERVICE)
            with self._api_keys.begin() as changes:
                if idempotency_key:
                    changes.record_key(self._actor.user_id, idempotency_key, request, account.id, at)
                changes.add_service_account(account)
                facts: AuditFacts = {"role": role.value}
                changes.record(record_of(self._actor, Action.SERVICE_ACCOUNT_CREATED, account.id, at, facts))
            return account

        def repeat(user_id: str) -> User:
            account = self.read(user_id)
            self._api_keys.record(record_of(self._actor, Action.SERVICE_ACCOUNT_READ, account.id, self._now()))
            return account

        memory = self._api_keys.idempotency(self._actor.user_id, self._now())
        return idempotent(memory, idempotency_key, request, make, repeat)

    @raises(ServiceAccountNotFound)
    def read(self, user_id: str) -> User:
        """A service account. A person is not found here (ServiceAccountNotFound)."""
        account = self._api_keys.owner(user_id)
        if account is None or account.kind is not UserKind.SERVICE:
            raise ServiceAccountNotFound("Look at the list of service accounts.")
        return account

    @raises(InvalidCursor)
    def list(self, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """Service accounts in order of creation, and the cursor of the next page."""
        found = self._api_keys.service_accounts(limit=limit, cursor=cursor)
        facts: AuditFacts = {"shown": len(found[0])}
        self._api_keys.record(
            record_of(self._actor, Action.SERVICE_ACCOUNTS_LISTED, "service-accounts", self._now(), facts)
        )
        return found

    @raises(*raised_by(read))
    def retire(self, user_id: str) -> None:
        """Retire a service account. Its keys stop working within a minute and for ever. What it has made stays, under
        its name."""
        account = self.read(user_id)
        if account.status is UserStatus.DISABLED:
            return
        with self._api_keys.begin() as changes:
            changes.retire_service_account(account, self._now())
            changes.record(record_of(self._actor, Action.SERVICE_ACCOUNT_RETIRED, account.id, self._now()))
