"""One tenant's users, passwords, invitations and sessions in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from docplatform.core import cursors, ids
from docplatform.core.actor import Role
from docplatform.core.errors import ChangedMeanwhile, DomainError, InvalidCursor, QuotaExceeded
from docplatform.core.time import rfc3339
from docplatform.identity.adapters.credential_store import CredentialWrites, factors_of
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.errors import (
    EmailTaken,
    InvalidInvitation,
    InvalidRefreshToken,
    SessionNotFound,
    UserNotFound,
)
from docplatform.identity.factors import Challenge
from docplatform.identity.model import Bearer, Invitation, Login, Reset, Session, User, UserStatus
from docplatform.identity.security_settings import SecuritySettings
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.mapper import from_item, readable, to_item
from docplatform.infra.dynamodb.store import TenantStore
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction
from docplatform.tenancy.adapters.keys import TenancyKeys

_NEWER = ("sessions_since", "keys_since", "kind", "invited_by", "email_changed_at", "session_ends", "key_ends")
ALL_ENDS = {"session_ends": 1, "key_ends": 1}
"""What an end of all sessions and API keys adds to the user's counters. No condition stands before it, so that nobody
can hold it up by logging in again and again."""
_UNKNOWN_ID = "unknown"  # no user's id looks like this


class DynamoPeople(TenantStore):
    def __init__(self, table: TenantTable) -> None:
        super().__init__(table)
        self._identity_keys = IdentityKeys(table.keys.tenant_id)

    # -- users
    def user(self, user_id: str) -> User | None:
        item = self._table.get(self._identity_keys.user(user_id)) if ids.is_a(ids.USER, user_id) else None
        return user_from(item) if item and not item.get("removed") else None

    def user_id_of(self, email: str) -> str:
        """The id of the user with that address; '' if there is none."""
        lock = self._table.get(self._identity_keys.email(email))
        return str(lock["user_id"]) if lock else ""

    def login_of(self, email: str) -> Login | None:
        """The login of the user with that address. Two reads even if there is none, so that the time does not reveal
        who has an account."""
        return self._login(self.user_id_of(email) or _UNKNOWN_ID)

    def login(self, user_id: str) -> Login | None:
        return self._login(user_id) if ids.is_a(ids.USER, user_id) else None

    def _login(self, user_id: str) -> Login | None:
        keys = self._identity_keys
        parts = (keys.user(user_id), keys.credential(user_id), keys.factors(user_id), keys.devices(user_id))
        found = self._table.get_many([*parts, keys.security_settings()])
        profile, credential, factors, devices = (found.get(key, {}) for key in parts)
        if not profile or profile.get("removed"):
            return None
        return Login(
            user=user_from(profile),
            password=credential.get("password", ""),
            factors=factors_of(factors),
            devices=tuple(devices.get("known", ())),
            settings=settings_from(found.get(keys.security_settings())),
        )

    def reset(self, user_id: str) -> Reset | None:
        item = self._table.get(self._identity_keys.reset(user_id)) if ids.is_a(ids.USER, user_id) else None
        return from_item(Reset, item, user_id=user_id) if item else None

    def challenge(self, token_hash: str) -> Challenge | None:
        item = self._table.get(self._identity_keys.challenge(token_hash))
        if not item:
            return None
        return from_item(
            Challenge, item, newer=("first", "session_ends"), token_hash=token_hash, purpose=item["errand"]
        )

    def security_settings(self) -> SecuritySettings:
        return settings_from(self._table.get(self._identity_keys.security_settings()))

    def users(self, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """Users in order of invitation, and the cursor of the next page. Raises InvalidCursor."""
        after = self._position(cursor) if cursor else None
        rows, last = self._table.query(self._identity_keys.users(), index="gsi3", after=after, limit=limit)
        found = self._table.get_many(Key(row["pk"], row["sk"]) for row in rows)
        keys = (Key(row["pk"], row["sk"]) for row in rows)
        users = readable(user_from, (found[key] for key in keys if key in found))
        return tuple(users), cursors.encode({"user": last["gsi3sk"]}) if last else ""

    def _position(self, cursor: str) -> Item:
        user_id = cursors.decode(cursor).get("user", "")
        if not ids.is_a(ids.USER, user_id):
            raise InvalidCursor("Use next_cursor of an earlier page of the same list.")
        return {**self._identity_keys.user(user_id)._asdict(), "gsi3pk": self._identity_keys.users(), "gsi3sk": user_id}

    def invitation(self, token_hash: str) -> Invitation | None:
        item = self._table.get(self._identity_keys.invitation(token_hash))
        return from_item(Invitation, item, token_hash=token_hash) if item else None

    # -- sessions
    def session(self, session_id: str) -> Session | None:
        item = self._table.get(self._identity_keys.session(session_id)) if ids.is_a(ids.SESSION, session_id) else None
        return session_from(item) if item else None

    def bearer(self, session_id: str, user_id: str) -> Bearer:
        """The session and the user that a token names, and the tenant's settings, read in one call."""
        if not (ids.is_a(ids.SESSION, session_id) and ids.is_a(ids.USER, user_id)):
            return Bearer(None, None, SecuritySettings())
        session, user = self._identity_keys.session(session_id), self._identity_keys.user(user_id)
        found = self._table.get_many([session, user, self._identity_keys.security_settings()])
        settings = settings_from(found.get(self._identity_keys.security_settings()))
        return Bearer(
            session_from(found[session]).limited(settings) if session in found else None,
            user_from(found[user]) if user in found else None,
            settings,
        )

    def sessions_of(self, user_id: str, *, limit: int, cursor: str) -> tuple[tuple[Session, ...], str]:
        """Sessions, the newest first, and the cursor of the next page. Raises InvalidCursor."""
        partition, place = self._identity_keys.sessions_of(user_id), ""
        after: Item | None = None
        if cursor:
            place = cursors.decode(cursor).get("session", "")
            session_id = place.rpartition("#")[2]
            if not ids.is_a(ids.SESSION, session_id):
                raise InvalidCursor("Use next_cursor of an earlier page of the same list.")
            after = {**self._identity_keys.session(session_id)._asdict(), "gsi1pk": partition, "gsi1sk": place}
        rows, last = self._table.query(partition, index="gsi1", after=after, limit=limit, descending=True)
        keys = [Key(row["pk"], row["sk"]) for row in rows]
        found = self._table.get_many([*keys, self._identity_keys.security_settings()] if keys else [])
        settings = settings_from(found.get(self._identity_keys.security_settings()))
        stored = readable(session_from, (found[key] for key in keys if key in found))
        return tuple(each.limited(settings) for each in stored), cursors.encode(
            {"session": last["gsi1sk"]}
        ) if last else ""

    def count_api_keys(self, user: User, at: datetime) -> int:
        """Of the newest hundred."""
        rows, _ = self._table.query(self._identity_keys.api_keys_of(user.id), index="gsi1", descending=True)
        found = self._table.get_many(Key(row["pk"], row["sk"]) for row in rows)
        return sum(api_key_lives(item, user, at) for item in found.values())

    @contextmanager
    def begin(self) -> Iterator[DynamoUserChanges]:
        with self._table.begin() as transaction:
            yield DynamoUserChanges(self._table, transaction)


class DynamoUserChanges(CredentialWrites):
    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        super().__init__(table, transaction)
        self._tenancy_keys = TenancyKeys(table.keys.tenant_id)

    def create_first_admin(self, admin: User) -> None:
        """Add the first user, whose id stands in the tenant's own item. Raises ChangedMeanwhile when committed if there
        is one already."""
        done = ChangedMeanwhile("The same tenant is being created by another call; repeat yours.")
        self._writes.put(self._tenancy_keys.tenant(), {"first_admin": admin.id}, error_if_exists=done)
        self._add(admin)

    def add_user(self, user: User, *, most: int) -> None:
        """Raises EmailTaken, QuotaExceeded when committed."""
        self._add(user)
        self._writes.update(
            self._tenancy_keys.usage(),
            add={"users": 1},
            at_most={"users": most - 1},
            error=QuotaExceeded("The plan's number of users is reached; ask for a larger plan."),
            must_exist=False,
        )

    def _add(self, user: User) -> None:
        taken = EmailTaken("Invite somebody else, or look at the list of users.")
        self._writes.put(self._identity_keys.email(user.email), {"user_id": user.id}, error_if_exists=taken)
        listed = {"gsi3pk": self._identity_keys.users(), "gsi3sk": user.id}
        self._writes.put(self._identity_keys.user(user.id), {**user_item(user), **listed}, error_if_exists=taken)

    def invite(self, invitation: Invitation) -> None:
        item = to_item(invitation, without=("token_hash",), expires=int(invitation.expires_at.timestamp()))
        self._writes.put(self._identity_keys.invitation(invitation.token_hash), item)

    def accept(self, invitation: Invitation, user: User, *, name: str, password: str) -> None:
        """Raises InvalidInvitation when committed if it was used meanwhile."""
        used = InvalidInvitation("It has been used. Log in, or ask for another.")
        self._writes.delete(self._identity_keys.invitation(invitation.token_hash), error=used)
        self._writes.put(self._identity_keys.credential(invitation.user_id), {"password": password})
        self._writes.update(
            self._identity_keys.user(invitation.user_id),
            values={"name": name, "status": UserStatus.ACTIVE.value},
            add={"revision": 1},
            equals={"status": UserStatus.INVITED.value, "email": user.email, **ends_of(user)},
            error=used,
        )

    def keep_sender(self, user_id: str) -> None:
        """Require that the sender of an invitation is still an active admin. Raises InvalidInvitation when
        committed."""
        still = {"role": Role.ADMIN.value, "status": UserStatus.ACTIVE.value}
        withdrawn = InvalidInvitation("Who sent it may not invite any more.")
        self._writes.check(self._identity_keys.user(user_id), equals=still, error=withdrawn)

    def set_sender(self, user_id: str, sender_id: str) -> None:
        """Raises UserNotFound when committed."""
        gone = UserNotFound("Look at the list of users.")
        self._writes.update(self._identity_keys.user(user_id), values={"invited_by": sender_id}, error=gone)

    def change_user(self, user: User, *, role: Role, status: UserStatus, sessions_since: datetime | None) -> None:
        """Raises ChangedMeanwhile when committed if the stored role or status differs from that of ``user``."""
        self._writes.update(
            self._identity_keys.user(user.id),
            values={"role": role.value, "status": status.value} | (ended_at(sessions_since) if sessions_since else {}),
            add={"revision": 1} | (ALL_ENDS if sessions_since else {}),
            equals={"role": user.role.value, "status": user.status.value},
            error=ChangedMeanwhile("Somebody else changed the user; look again."),
        )

    def confirm_email(self, user: User) -> None:
        """Raises ChangedMeanwhile when committed if the user has another address by then."""
        self._writes.update(
            self._identity_keys.user(user.id),
            remove=("email_changed_at",),
            equals={"email": user.email},
            error=ChangedMeanwhile("The address was changed again; look at it."),
        )

    def hold_access(self, user: User, error: DomainError) -> None:
        """Raises ``error`` when committed."""
        self._writes.check(self._identity_keys.user(user.id), equals=_access_of(user), error=error)

    def end_sessions(
        self,
        user_id: str,
        at: datetime,
        *,
        api_keys: bool = False,
        as_read: User | None = None,
        error: DomainError | None = None,
    ) -> None:
        """Raises UserNotFound when committed."""
        self._writes.update(
            self._identity_keys.user(user_id),
            values=ended_at(at) if api_keys else {"sessions_since": rfc3339(at)},
            add=ALL_ENDS if api_keys else {"session_ends": 1},
            equals=_access_of(as_read) if as_read else None,
            error=error or UserNotFound("Look at the list of users."),
        )

    def keep_session(self, session_id: str, at: datetime, user: User) -> None:
        """Raises SessionNotFound when committed."""
        self._change_session(session_id, {"kept_at": rfc3339(at), "session_ends": user.session_ends + 1})

    def authenticated(self, session_id: str, at: datetime, amr: tuple[str, ...]) -> None:
        """Raises SessionNotFound when committed."""
        self._change_session(session_id, {"auth_time": rfc3339(at), "amr": list(amr)})

    def authenticated_and_kept(self, session_id: str, at: datetime, amr: tuple[str, ...], user: User) -> None:
        """Raises SessionNotFound when committed."""
        values = {"auth_time": rfc3339(at), "amr": list(amr), "session_ends": user.session_ends + 1}
        self._change_session(session_id, values)

    def _change_session(self, session_id: str, values: Item) -> None:
        ended = SessionNotFound("Log in again.")
        self._writes.update(self._identity_keys.session(session_id), values=values, error=ended)

    def open_session(self, session: Session) -> None:
        listed = {
            "gsi1pk": self._identity_keys.sessions_of(session.user_id),
            "gsi1sk": f"{rfc3339(session.created_at)}#{session.id}",
        }
        self._writes.put(
            self._identity_keys.session(session.id),
            {**_session_item(session), **listed},
            error_if_exists=ChangedMeanwhile("Try again."),
        )

    def renew_session(self, before: Session, after: Session) -> None:
        """Raises InvalidRefreshToken when committed if the secret was exchanged meanwhile."""
        item = _session_item(after)
        self._writes.update(
            self._identity_keys.session(before.id),
            values={name: item[name] for name in ("secret_hash", "used_at", "expires_at", "expires")},
            equals={"secret_hash": before.secret_hash},
            error=InvalidRefreshToken("Log in again."),
        )

    def close_session(self, session_id: str) -> None:
        self._writes.delete(self._identity_keys.session(session_id))


def ended_at(at: datetime) -> Item:
    """Attributes of a user whose sessions and API keys of before end now, and do not come back with the access."""
    return {"sessions_since": rfc3339(at), "keys_since": rfc3339(at)}


def ends_of(user: User) -> Item:
    """The condition that nothing of the user was ended since ``user`` was read. It compares numbers, not times: two
    ends may have the same time, and a request may commit long after the time that it noted."""
    counts = {"session_ends": user.session_ends, "key_ends": user.key_ends}
    return {name: count or [0, None] for name, count in counts.items()}


def _access_of(user: User) -> Item:
    return {"status": UserStatus.ACTIVE.value, **ends_of(user)}


def api_key_lives(item: Item, user: User, at: datetime) -> bool:
    """Whether the API key in this item is valid, for the user who owns it."""
    return (
        not item["revoked_at"]
        and item.get("key_ends", 0) >= user.key_ends
        and (user.keys_since is None or datetime.fromisoformat(item["created_at"]) > user.keys_since)
        and datetime.fromisoformat(item["expires_at"]) > at
    )


def user_item(user: User) -> Item:
    unset = [name for name in ("invited_by", "email_changed_at") if not getattr(user, name)]
    return to_item(user, without=("sessions_since", "keys_since", *ALL_ENDS, *unset))


def user_from(item: Item) -> User:
    return from_item(User, item, newer=_NEWER)


def _session_item(session: Session) -> Item:
    unset = [name for name in ("kept_at", "session_ends") if not getattr(session, name)]
    return to_item(session, without=unset, expires=int(session.expires_at.timestamp()))


def settings_from(item: Item | None) -> SecuritySettings:
    return from_item(SecuritySettings, item or {}, newer=SecuritySettings.__dataclass_fields__)


def session_from(item: Item) -> Session:
    return from_item(Session, item, newer=("amr", "kept_at", "session_ends"))
