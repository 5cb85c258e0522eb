"""A tenant's single sign-on in DynamoDB: the connection, sign-ins under way, and the users whom the provider's subjects
are linked to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from docplatform.core.audit import AuditRecord
from docplatform.core.errors import AlreadyDone, ChangedMeanwhile
from docplatform.core.time import rfc3339
from docplatform.identity.adapters.user_store import ALL_ENDS, DynamoUserChanges, ended_at, ends_of
from docplatform.identity.model import User
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.mapper import from_item, to_item
from docplatform.infra.dynamodb.store import TenantStore
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction
from docplatform.sso.adapters.keys import SsoKeys, subject_hash
from docplatform.sso.errors import SsoAccountLinked, SsoRefused
from docplatform.sso.model import Connection, ExternalIdentity, Health, LinkConflict, SsoAttempt, SubjectLink
from docplatform.sso.ports import MovedLink

_CONFLICT_KEPT, _CONFLICT_QUIET = 30 * 86_400, 3_600  # seconds; the admins have at most one mail in the quiet time
_MOST_CONFLICTS = 100


class DynamoSso(TenantStore):
    def __init__(self, table: TenantTable) -> None:
        super().__init__(table)
        self._sso_keys = SsoKeys(table.keys.tenant_id)

    def connection(self) -> tuple[Connection | None, Health | None]:
        connection, health = self._sso_keys.connection(), self._sso_keys.health()
        unlisted = self._sso_keys.unlisted_links()
        found = self._table.get_many([connection, health, unlisted])
        stored = found.get(connection)
        if stored and unlisted in found:
            stored["links_complete"] = False
        return (
            from_item(Connection, stored, newer=("authoritative_domains", "links_complete")) if stored else None,
            from_item(Health, found[health]) if health in found else None,
        )

    def pop_attempt(self, state_hash: str) -> SsoAttempt | None:
        item = self._table.pop(self._sso_keys.attempt(state_hash))
        return from_item(SsoAttempt, item, reauthenticate=item["anew"]) if item else None

    def linked(self, identity: ExternalIdentity) -> SubjectLink | None:
        item = self._table.get(self._sso_keys.subject(identity.issuer, identity.subject))
        return SubjectLink(item["user_id"], bool(item.get("mutual"))) if item else None

    def link_to_move(self, issuer: str, user_id: str, subject: str) -> MovedLink:
        account, wanted = self._sso_keys.account(user_id, issuer), self._sso_keys.subject(issuer, subject)
        found = self._table.get_many([account, wanted])
        old = str(found.get(account, {}).get("subject", ""))
        before = self._table.get(self._sso_keys.subject_of_hash(old)) if old else None
        taken_by = str(found.get(wanted, {}).get("user_id", ""))
        return MovedLink(old, tuple((before or {}).get("groups", ())), taken_by)

    def report_conflict(self, identity: ExternalIdentity, conflict: LinkConflict, record: AuditRecord) -> bool:
        at, item = int(conflict.at.timestamp()), to_item(conflict)
        for tells in (True, False):
            try:
                with self._table.begin() as writes:
                    key = self._sso_keys.conflict(conflict.user_id, identity.issuer, identity.subject)
                    writes.put(key, {**item, "expires": at + _CONFLICT_KEPT})
                    self._table.record(writes, record)
                    if tells:
                        writes.update(
                            self._sso_keys.conflict_mail(),
                            values={"until": at + _CONFLICT_QUIET},
                            at_most={"until": at},
                            must_exist=False,
                            error=AlreadyDone("The admins have been told."),
                        )
                return tells
            except AlreadyDone:
                continue
        return False

    def conflicts(self) -> tuple[LinkConflict, ...]:
        rows, _ = self._table.query(self._sso_keys.conflicts(), limit=_MOST_CONFLICTS)
        return tuple(sorted((from_item(LinkConflict, row) for row in rows), key=_time_of, reverse=True))

    def set_health(self, before: Health | None, after: Health, record: AuditRecord | None) -> bool:
        """Store the provider's state. Returns False if somebody else has changed it first."""
        key, faster = self._sso_keys.health(), ChangedMeanwhile("Somebody else has looked.")
        try:
            with self._table.begin() as writes:
                if before is None:
                    writes.put(key, to_item(after), error_if_exists=faster)
                else:
                    seen = {"checked_at": rfc3339(before.checked_at)}
                    writes.update(key, values=to_item(after), equals=seen, error=faster)
                if record:
                    self._table.record(writes, record)
        except ChangedMeanwhile:
            return False
        return True

    @contextmanager
    def begin(self) -> Iterator[DynamoSsoChanges]:
        with self._table.begin() as transaction:
            yield DynamoSsoChanges(self._table, transaction)


class DynamoSsoChanges(DynamoUserChanges):
    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        super().__init__(table, transaction)
        self._sso_keys = SsoKeys(table.keys.tenant_id)

    def connect(self, connection: Connection, *, before: int) -> None:
        """Raises ChangedMeanwhile when committed. Also deletes the stored health, which belonged to the earlier
        connection."""
        key, changed = self._sso_keys.connection(), ChangedMeanwhile("Read the connection and try again.")
        if before:
            self._writes.update(key, values=to_item(connection), equals={"revision": before}, error=changed)
        else:
            self._writes.put(key, to_item(connection), error_if_exists=changed)
        self._writes.delete(self._sso_keys.health())

    def disconnect(self, connection: Connection) -> None:
        if not connection.links_complete:  # the next connection must know it
            self._writes.put(self._sso_keys.unlisted_links(), {})
        self._writes.delete(self._sso_keys.connection())
        self._writes.delete(self._sso_keys.health())

    def begin_attempt(self, attempt: SsoAttempt) -> None:
        self._writes.put(
            self._sso_keys.attempt(attempt.state_hash),
            _attempt_item(attempt),
            error_if_exists=ChangedMeanwhile("Try again."),
        )

    def use_assertion(self, identity: ExternalIdentity) -> None:
        """Raises SsoRefused when committed if the assertion was used before."""
        if identity.assertion and identity.expires_at:
            self._writes.put(
                self._sso_keys.assertion(identity.issuer, identity.assertion),
                {"expires": int(identity.expires_at.timestamp()) + 1},
                error_if_exists=SsoRefused("It has been used."),
            )

    def link(self, identity: ExternalIdentity, user_id: str, *, before: SubjectLink | None, at: datetime) -> None:
        """Raises ChangedMeanwhile, SsoAccountLinked when committed."""
        forward = self._sso_keys.subject(identity.issuer, identity.subject)
        account = self._sso_keys.account(user_id, identity.issuer)
        changed, other = ChangedMeanwhile("Try again."), SsoAccountLinked("It has another subject.")
        name = subject_hash(identity.issuer, identity.subject)
        if before and before.user_id == user_id and before.mutual:
            self._writes.check(account, equals={"subject": name}, error=other)
            return
        if before is None:
            self._writes.put(forward, {"user_id": user_id, "mutual": True}, error_if_exists=changed)
        else:
            values = {"user_id": user_id, "mutual": True} | ({} if before.user_id == user_id else {"groups": []})
            self._writes.update(forward, values=values, equals={"user_id": before.user_id}, error=changed)
        self._writes.put(account, {"subject": name, "linked_at": rfc3339(at)}, error_if_exists=other)

    def move_link(self, issuer: str, user_id: str, subject: str, moved: MovedLink, at: datetime) -> None:
        """Raises ChangedMeanwhile when committed."""
        forward, account = self._sso_keys.subject(issuer, subject), self._sso_keys.account(user_id, issuer)
        changed = ChangedMeanwhile("Read the conflicts and try again.")
        item = {"user_id": user_id, "mutual": True, "groups": list(moved.groups)}
        link = {"subject": subject_hash(issuer, subject), "linked_at": rfc3339(at)}
        if moved.taken_by:
            self._writes.replace(forward, item, equals={"user_id": moved.taken_by}, error=changed)
        else:
            self._writes.put(forward, item, error_if_exists=changed)
        if moved.old_subject:
            self._writes.replace(account, link, equals={"subject": moved.old_subject}, error=changed)
            if moved.old_subject != link["subject"]:
                self._writes.delete(self._sso_keys.subject_of_hash(moved.old_subject))
        else:
            self._writes.put(account, link, error_if_exists=changed)
        self._writes.delete(self._sso_keys.conflict(user_id, issuer, subject))

    def hold_connection(self, connection: Connection) -> None:
        changed = ChangedMeanwhile("The connection was changed; look at it and try again.")
        self._writes.check(self._sso_keys.connection(), equals={"revision": connection.revision}, error=changed)

    def hand_over(self, user: User, at: datetime) -> None:
        seen = {"email": user.email, "role": user.role.value, "status": user.status.value, "removed": None}
        changed = ChangedMeanwhile("The account was changed; look at it and try again.")
        self._writes.update(
            self._identity_keys.user(user.id), values=ended_at(at), add=ALL_ENDS, equals=seen, error=changed
        )

    def update_from_provider(self, before: User, after: User) -> None:
        """Raises ChangedMeanwhile when committed."""
        self._writes.update(
            self._identity_keys.user(before.id),
            values={
                "role": after.role.value,
                "status": after.status.value,
                "name": after.name,
            },
            add={"revision": 1},
            equals={"role": before.role.value, "status": before.status.value, **ends_of(before)},
            error=ChangedMeanwhile("Try again."),
        )


def _time_of(conflict: LinkConflict) -> datetime:
    return conflict.at


def _attempt_item(attempt: SsoAttempt) -> Item:
    expires = int(attempt.expires_at.timestamp())
    return to_item(attempt, without=("reauthenticate",), anew=attempt.reauthenticate, expires=expires)
