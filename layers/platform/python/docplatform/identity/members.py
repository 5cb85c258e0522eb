"""Members of a tenant: listing and inviting them. Onboarding creates the first one
(``control_plane/onboarding.py``)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.audit import Action, AuditFacts, record_of
from docplatform.core.errors import (
    Conflict,
    IdempotencyKeyReused,
    Invalid,
    InvalidCursor,
    InvalidName,
    MailNotSent,
    QuotaExceeded,
    SessionNeeded,
    raises,
)
from docplatform.core.idempotency import digest as fingerprint
from docplatform.core.idempotency import idempotent
from docplatform.core.token_hash import digest
from docplatform.identity.errors import EmailTaken, UserNotFound
from docplatform.identity.model import Invitation, User, UserStatus, clean_display_name, clean_email
from docplatform.identity.ports import InvitationMail, People

INVITATION_LIFE = timedelta(days=7)


def new_invitation(user_id: str, at: datetime) -> tuple[str, Invitation]:
    """The token for the mail, and the invitation to store."""
    token = secrets.token_urlsafe(32)
    return token, Invitation(digest(token), user_id, at + INVITATION_LIFE)


class MemberService:
    def __init__(
        self, actor: Actor, people: People, mail: InvitationMail, address: str, now: Callable[[], datetime]
    ) -> None:
        """``address`` is the tenant's, for links in mails."""
        self._actor, self._people, self._mail = actor, people, mail
        self._address, self._now = address, now

    @raises(UserNotFound)
    def me(self) -> User:
        return self.read(self._actor.user_id)

    @raises(UserNotFound)
    def read(self, user_id: str) -> User:
        user = self._people.user(user_id)
        if user is None:
            raise UserNotFound("Look at the list of users.")
        return user

    @raises(InvalidCursor)
    def list(self, *, limit: int, cursor: str) -> tuple[tuple[User, ...], str]:
        """Users in order of invitation, and the cursor of the next page ('' after the last one)."""
        found = self._people.users(limit=limit, cursor=cursor)
        self._people.record(record_of(self._actor, Action.USERS_LISTED, "users", self._now(), {"shown": len(found[0])}))
        return found

    @raises(
        Invalid,
        InvalidName,
        EmailTaken,
        QuotaExceeded,
        IdempotencyKeyReused,
        UserNotFound,
        Conflict,
        MailNotSent,
        SessionNeeded,
    )
    def invite(self, email: str, role: Role, name: str = "", *, idempotency_key: str = "") -> User:
        """Invite a user by mail. A repetition with the same idempotency key creates no second user. It sends another
        mail while the invitation is open, because the first mail may have been lost."""
        email, name = clean_email(email), clean_display_name(name) if name else ""
        request = fingerprint(operation="invite-user", email=email, role=role, name=name)
        inviter = self._actor.user_id

        def make() -> User:
            at = self._now()
            user = User(ids.new(ids.USER, at), email, name, role, UserStatus.INVITED, at, invited_by=inviter)
            token, invitation = new_invitation(user.id, at)
            with self._people.begin() as changes:
                if idempotency_key:
                    changes.record_key(inviter, idempotency_key, request, user.id, at)
                changes.add_user(user, most=self._actor.tenant.limits.users)
                changes.invite(invitation)
                facts: AuditFacts = {"role": role.value}
                changes.record(record_of(self._actor, Action.USER_INVITED, user.id, at, facts))
            self._send(user, token)
            return user

        def repeat(user_id: str) -> User:
            user = self.read(user_id)
            if user.status is UserStatus.INVITED:
                return self.invite_again(user_id)
            self._people.record(record_of(self._actor, Action.USER_READ, user_id, self._now()))
            return user

        return idempotent(self._people.idempotency(inviter, self._now()), idempotency_key, request, make, repeat)

    @raises(UserNotFound, Conflict, MailNotSent, SessionNeeded)
    def invite_again(self, user_id: str) -> User:
        """Send another invitation, for one that was lost. Not for a user who has accepted already (Conflict)."""
        user, at = self.read(user_id), self._now()
        if user.status is not UserStatus.INVITED:
            raise Conflict("Only who has not accepted yet can be invited again.")
        if user.role is Role.ADMIN:
            self._actor.require_session()  # as for the first invitation of an admin
        token, invitation = new_invitation(user.id, at)
        with self._people.begin() as changes:
            changes.invite(invitation)
            changes.set_sender(user.id, self._actor.user_id)
            changes.record(record_of(self._actor, Action.USER_INVITED, user.id, at))
        self._send(user, token)
        return user

    def _send(self, user: User, token: str) -> None:
        try:
            self._mail.invite(
                user.email,
                organisation=self._actor.tenant.name,
                address=self._address,
                token=token,
                days=INVITATION_LIFE.days,
            )
        except MailNotSent as error:
            again = f"/v1/users/{user.id}/invitation"
            raise MailNotSent(f"They are invited all the same; POST {again} sends another.", user_id=user.id) from error
