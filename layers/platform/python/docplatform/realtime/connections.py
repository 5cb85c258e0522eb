"""Use cases of live connections: issue tickets, open and close connections, close those whose session has ended."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from docplatform.core.actor import Actor
from docplatform.core.audit import Action, AuditFacts, AuditRecord, record_of
from docplatform.core.errors import AddressRefused, ChangedMeanwhile, raises
from docplatform.core.tenant import TenantStatus
from docplatform.core.token_hash import digest
from docplatform.identity.model import Bearer, Session, User, alive
from docplatform.realtime.errors import InvalidTicket
from docplatform.realtime.model import (
    CONNECT_GRACE,
    MOST_OF_A_USER,
    TICKET_LIFE,
    LiveConnection,
    Ticket,
    is_connection_id,
)

ENDED = '{"type":"session.ended"}'
REPLACED = '{"type":"connection.replaced"}'


class LiveChanges(Protocol):
    """One transaction. An error of a failed condition is raised at the commit."""

    def issue(self, ticket: Ticket) -> None: ...

    def open(self, connection: LiveConnection, user: User) -> None:
        """Raises InvalidTicket if the session has ended or the user was changed after ``user`` was read."""

    def close(self, connection: LiveConnection) -> None:
        """Raises ChangedMeanwhile if the connection was closed before."""

    def record(self, record: AuditRecord) -> None: ...


class LiveStore(Protocol):
    """The live connections of one tenant."""

    def pop_ticket(self, token_hash: str) -> Ticket | None:
        """Returns the ticket and deletes it. Of two calls at the same time, one gets it and the other gets None."""

    def of_session(self, session_id: str) -> tuple[LiveConnection, ...]: ...

    def of_user(self, user_id: str) -> tuple[LiveConnection, ...]: ...

    def begin(self) -> AbstractContextManager[LiveChanges]: ...


class SessionLookup(Protocol):
    def bearer(self, session_id: str, user_id: str) -> Bearer:
        """The session and its user, None for one that does not exist, and the tenant's settings."""


class Gateway(Protocol):
    """The service that holds the WebSockets."""

    def end(self, connection_id: str, message: str) -> bool:
        """Sends the message and closes the connection. Returns False if there is no such connection."""


class LiveTickets:
    def __init__(self, actor: Actor, store: LiveStore, now: Callable[[], datetime]) -> None:
        self._actor, self._store, self._now = actor, store, now

    @raises()
    def issue(self) -> tuple[str, datetime]:
        """A ticket for the actor's session, and the time when the ticket expires."""
        secret, at = secrets.token_urlsafe(32), self._now()
        ticket = Ticket(digest(secret), self._actor.user_id, self._actor.session_id, at + TICKET_LIFE)
        with self._store.begin() as changes:
            changes.issue(ticket)
            changes.record(record_of(self._actor, Action.LIVE_TICKET_ISSUED, ticket.session_id, at))
        return secret, ticket.expires_at


def admit(
    store: LiveStore, sessions: SessionLookup, secret: str, at: datetime, *, address: str
) -> tuple[Session, User]:
    """The session and the user of a ticket. The ticket is used up in any case. ``address``: the IP address that the
    connection comes from. Raises InvalidTicket, AddressRefused."""
    ticket = store.pop_ticket(digest(secret))
    if ticket is None or ticket.expires_at <= at:
        raise InvalidTicket("It is unknown, used or too old. Ask for another.")
    return _live_session(sessions, ticket.session_id, ticket.user_id, at, address)


class LiveConnections:
    """The connections of one actor: the user for whom the authorizer admitted the connection."""

    def __init__(
        self,
        actor: Actor,
        store: LiveStore,
        sessions: SessionLookup,
        gateway: Gateway,
        now: Callable[[], datetime],
        address: str,
    ) -> None:
        """``address``: the IP address that the connection comes from."""
        self._actor, self._store, self._sessions, self._gateway, self._now = actor, store, sessions, gateway, now
        self._address = address

    @raises(InvalidTicket, AddressRefused)
    def open(self, connection_id: str) -> None:
        """Stores the connection. InvalidTicket: the session has ended in the meantime."""
        actor, address = self._actor, self._address
        _, user = _live_session(self._sessions, actor.session_id, actor.user_id, self._now(), address)
        self._close_oldest()
        with self._store.begin() as changes:
            changes.open(self._connection(connection_id), user)
            changes.record(self._record_of(Action.LIVE_CONNECTED))

    def close(self, connection_id: str) -> None:
        """Removes a connection that the client has closed."""
        _close(self._store, self._connection(connection_id), self._record_of(Action.LIVE_ENDED, {"by": "client"}))

    def serves(self, connection_id: str) -> bool:
        """Whether the session is alive, the tenant active and the address allowed. If not, sends ``ENDED`` and closes the
        connection."""
        session, user, settings = self._sessions.bearer(self._actor.session_id, self._actor.user_id)
        is_active = self._actor.tenant.status is TenantStatus.ACTIVE
        if alive(session, user, self._now()) and is_active and settings.allows(self._address):
            return True
        self._gateway.end(connection_id, ENDED)
        _close(self._store, self._connection(connection_id), self._record_of(Action.LIVE_ENDED, {"by": "session"}))
        return False

    def _close_oldest(self) -> None:
        """Closes the user's oldest connections, so that one more fits. Some of these may have ended before: API Gateway
        does not report every disconnect."""
        mine = sorted(self._store.of_user(self._actor.user_id), key=lambda each: each.since)
        for oldest in mine[: max(0, len(mine) + 1 - MOST_OF_A_USER)]:
            self._gateway.end(oldest.id, REPLACED)
            record = record_of(self._actor, Action.LIVE_ENDED, oldest.session_id, self._now(), {"by": "limit"})
            _close(self._store, oldest, record)

    def _connection(self, connection_id: str) -> LiveConnection:
        return LiveConnection(connection_id, self._actor.user_id, self._actor.session_id, self._now())

    def _record_of(self, action: Action, facts: AuditFacts | None = None) -> AuditRecord:
        return record_of(self._actor, action, self._actor.session_id, self._now(), facts)


class NotOpenYet(Exception):
    """The gateway does not have the connection yet. The caller must try again."""


class ConnectionRevocation:
    """Closes connections whose session has ended. Safe to repeat."""

    def __init__(
        self, actor: Actor, store: LiveStore, sessions: SessionLookup, gateway: Gateway, now: Callable[[], datetime]
    ) -> None:
        """``actor``: the platform's own."""
        self._actor, self._store, self._sessions, self._gateway, self._now = actor, store, sessions, gateway, now

    def close_ended_of_session(self, session_id: str, changed_at: datetime) -> None:
        """Closes the session's connections if it has ended. ``changed_at``: when the session was changed, by the database's clock;
        a connection is waited for only CONNECT_GRACE longer. Raises NotOpenYet, after it has closed the others."""
        self._close_ended(self._store.of_session(session_id), changed_at)

    def close_ended_of_user(self, user_id: str, changed_at: datetime) -> None:
        """Closes those connections of the user whose session has ended. ``changed_at`` and NotOpenYet: as above."""
        self._close_ended(self._store.of_user(user_id), changed_at)

    def _close_ended(self, connections: tuple[LiveConnection, ...], changed_at: datetime) -> None:
        waiting = False
        is_alive: dict[tuple[str, str], bool] = {}
        for connection in connections:
            whose = connection.session_id, connection.user_id
            if whose not in is_alive:
                session, user, _ = self._sessions.bearer(*whose)
                is_alive[whose] = alive(session, user, self._now())
            if not is_alive[whose]:
                waiting |= not self._end(connection, changed_at)
        if waiting:
            raise NotOpenYet

    def _end(self, connection: LiveConnection, changed_at: datetime) -> bool:
        """Returns False if the gateway may not have the connection yet. Who has a tenant's credentials can write any ``since``, so the
        time since the change ends the waiting in any case."""
        at = self._now()
        is_new = abs(at - connection.since) < CONNECT_GRACE and at - changed_at < CONNECT_GRACE
        if is_connection_id(connection.id) and not self._gateway.end(connection.id, ENDED) and is_new:
            return False
        record = record_of(self._actor, Action.LIVE_ENDED, connection.session_id, at, {"by": "session"})
        _close(self._store, connection, record)
        return True


def _live_session(
    sessions: SessionLookup, session_id: str, user_id: str, at: datetime, address: str
) -> tuple[Session, User]:
    """The session and its user. Raises InvalidTicket if the session has ended, and AddressRefused."""
    session, user, settings = sessions.bearer(session_id, user_id)
    if session is None or user is None or not alive(session, user, at):
        raise InvalidTicket("Its session has ended. Log in again.")
    if not settings.allows(address):
        raise AddressRefused
    return session, user


def _close(store: LiveStore, connection: LiveConnection, record: AuditRecord) -> None:
    try:
        with store.begin() as changes:
            changes.close(connection)
            changes.record(record)
    except ChangedMeanwhile:
        return  # another call has closed it
