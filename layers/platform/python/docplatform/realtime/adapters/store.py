"""Live connections of one tenant in DynamoDB. Each is stored twice: by its session and by its user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from docplatform.core.errors import ChangedMeanwhile
from docplatform.core.time import rfc3339
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.adapters.user_store import ends_of
from docplatform.identity.model import User
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.mapper import from_item, to_item
from docplatform.infra.dynamodb.store import TenantChanges, TenantStore
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction
from docplatform.realtime.adapters.keys import RealtimeKeys
from docplatform.realtime.errors import InvalidTicket
from docplatform.realtime.model import CONNECTION_LIFE, LiveConnection, Ticket


class DynamoLive(TenantStore):
    def __init__(self, table: TenantTable) -> None:
        super().__init__(table)
        self._item_keys = RealtimeKeys(table.keys.tenant_id)
        self._identity_keys = IdentityKeys(table.keys.tenant_id)

    def pop_ticket(self, token_hash: str) -> Ticket | None:
        item = self._table.pop(self._item_keys.ticket(token_hash))
        return from_item(Ticket, item, token_hash=token_hash) if item else None

    def of_session(self, session_id: str) -> tuple[LiveConnection, ...]:
        rows, _ = self._table.query(self._identity_keys.session(session_id).pk, prefix=self._item_keys.CONNECTION)
        return tuple(from_item(LiveConnection, row) for row in rows)

    def of_user(self, user_id: str) -> tuple[LiveConnection, ...]:
        rows, _ = self._table.query(self._item_keys.connections_of(user_id))
        return tuple(from_item(LiveConnection, row) for row in rows)

    @contextmanager
    def begin(self) -> Iterator[DynamoLiveChanges]:
        with self._table.begin() as transaction:
            yield DynamoLiveChanges(self._table, transaction)


class DynamoLiveChanges(TenantChanges):
    def __init__(self, table: TenantTable, transaction: Transaction) -> None:
        super().__init__(table, transaction)
        self._item_keys = RealtimeKeys(table.keys.tenant_id)
        self._identity_keys = IdentityKeys(table.keys.tenant_id)

    def issue(self, ticket: Ticket) -> None:
        item = to_item(ticket, without=("token_hash",), expires=int(ticket.expires_at.timestamp()))
        self._writes.put(self._item_keys.ticket(ticket.token_hash), item)

    def open(self, connection: LiveConnection, user: User) -> None:
        """Adds the connection. The commit raises InvalidTicket if the session has ended or the user was changed after
        ``user`` was read.

        Everything that ends a session changes one of these two items. If it comes first, the commit fails. If it comes
        later, the stream event finds the connection and closes it."""
        ended = InvalidTicket("Its session has ended. Log in again.")
        since = rfc3339(user.sessions_since) if user.sessions_since else None
        as_read = {"status": user.status.value, "sessions_since": since, **ends_of(user)}
        self._writes.check(self._identity_keys.session(connection.session_id), error=ended)
        self._writes.check(self._identity_keys.user(user.id), equals=as_read, error=ended)
        for key in self._both(connection):
            self._writes.put(key, _item(connection))

    def close(self, connection: LiveConnection) -> None:
        """Removes the connection. The commit raises ChangedMeanwhile if it was closed before."""
        gone = ChangedMeanwhile("It was closed before.")
        for key in self._both(connection):
            self._writes.delete(key, error=gone)

    def _both(self, connection: LiveConnection) -> tuple[Key, Key]:
        id_, user_id, session_id = connection.id, connection.user_id, connection.session_id
        return self._item_keys.connection(session_id, id_), self._item_keys.user_connection(user_id, session_id, id_)


def _item(connection: LiveConnection) -> Item:
    return to_item(connection, expires=int((connection.since + CONNECTION_LIFE).timestamp()))
