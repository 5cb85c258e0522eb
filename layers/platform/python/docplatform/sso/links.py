"""Links of accounts with subjects of the provider: what an admin sees and decides."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from docplatform.core.actor import Actor
from docplatform.core.audit import Action, record_of
from docplatform.core.errors import ChangedMeanwhile, raises
from docplatform.identity.errors import UserNotFound
from docplatform.identity.model import UserKind
from docplatform.identity.ports import People
from docplatform.sso.errors import SsoNotConnected, SsoSubjectTaken
from docplatform.sso.model import AccountLink, LinkConflict
from docplatform.sso.ports import SsoStore


class AccountLinks:
    def __init__(self, actor: Actor, store: SsoStore, people: People, now: Callable[[], datetime]) -> None:
        self._actor, self._store, self._people, self._now = actor, store, people, now

    def conflicts(self) -> tuple[LinkConflict, ...]:
        """People who were refused because of a link, the newest first."""
        found = self._store.conflicts()
        tenant, at = self._actor.tenant.id, self._now()
        self._store.record(record_of(self._actor, Action.SSO_CONFLICTS_LISTED, tenant, at, {"count": len(found)}))
        return found

    @raises(SsoNotConnected, UserNotFound, SsoSubjectTaken, ChangedMeanwhile)
    def move(self, user_id: str, subject: str) -> AccountLink:
        """Link a person's account to this subject of the connection's provider, in place of any other one. All sessions
        and API keys of the account end: another person may have made them. Nothing is moved if the connection or the
        account has changed meanwhile."""
        connection, _ = self._store.connection()
        if connection is None:
            raise SsoNotConnected("PUT /v1/sso-connection makes one.")
        user = self._people.user(user_id)
        if user is None or user.kind is not UserKind.PERSON:
            raise UserNotFound("Look at the list of users.")
        moved, at = self._store.link_to_move(connection.issuer, user_id, subject), self._now()
        if moved.taken_by not in ("", user_id) and self._people.user(moved.taken_by):
            raise SsoSubjectTaken("Link that account to another subject first, or delete it.", user=moved.taken_by)
        with self._store.begin() as changes:
            changes.hold_connection(connection)
            changes.move_link(connection.issuer, user_id, subject, moved, at)
            changes.hand_over(user, at)
            changes.record(record_of(self._actor, Action.USER_LINK_MOVED, user_id, at))
        return AccountLink(user_id, at)
