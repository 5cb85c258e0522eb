"""The account of the person whom the identity provider has authenticated: found by the subject, by an address that the
provider vouches for, or made at the first sign-in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from docplatform.core import ids
from docplatform.core.actor import Role
from docplatform.core.audit import UNKNOWN_USER
from docplatform.core.errors import Invalid
from docplatform.identity.errors import LastAdmin
from docplatform.identity.factors import Factors
from docplatform.identity.last_admin import all_users, is_admin, other_admin
from docplatform.identity.model import Login, User, UserStatus, clean_display_name, clean_email
from docplatform.identity.ports import People
from docplatform.sso.model import Connection, ExternalIdentity, SubjectLink
from docplatform.sso.ports import SsoStore

_LONGEST_NAME = 200


class SignInRefused(Exception):
    """The person may not sign in. The text names the reason for the audit trail."""

    def __init__(self, reason: str, user_id: str = UNKNOWN_USER) -> None:
        super().__init__(reason)
        self.user_id = user_id


class LinkRefused(SignInRefused):
    """The subject may not be linked to the account ``user_id``, whose address it has."""


@dataclass(frozen=True, slots=True)
class ResolvedUser:
    """The user whom the provider has authenticated. ``login``: the user after this sign-in; ``before``: the stored
    user, None if there is none yet. ``link``: the link of the provider's subject as it is stored. ``remaining_admin``:
    another admin, if this user stops being one; otherwise ''."""

    login: Login
    before: User | None
    link: SubjectLink | None
    remaining_admin: str = ""

    @property
    def is_linked_anew(self) -> bool:
        return self.link is None or self.link.user_id != self.login.user.id


class AccountResolver:
    def __init__(self, store: SsoStore, people: People, now: Callable[[], datetime]) -> None:
        self._store, self._people, self._now = store, people, now

    def resolve(self, connection: Connection, identity: ExternalIdentity) -> ResolvedUser:
        """Raises SignInRefused, LinkRefused."""
        link = self._store.linked(identity)
        known = self._people.login(link.user_id) if link else None
        if known:
            return self._existing(connection, identity, known, link)
        email = _email(identity)
        found = self._people.login_of(email)
        if found:
            _check_link(connection, identity, email, found)
            if not found.user.is_recovered_by_mail(self._now()):
                raise LinkRefused("the address of the account was changed lately", found.user.id)
            return self._existing(connection, identity, found, link)
        if link:
            raise SignInRefused("the linked user is gone", link.user_id)
        role, at = connection.role_of(identity.groups), self._now()
        if role is None:
            raise SignInRefused(_no_role(identity))
        user = User(ids.new(ids.USER, at), email, _name(identity), role, UserStatus.ACTIVE, at)
        settings = self._people.security_settings()
        asks = settings.require_mfa and not connection.mfa
        return ResolvedUser(Login(user, "", Factors(), (), replace(settings, require_mfa=asks)), None, None)

    def _existing(
        self, connection: Connection, identity: ExternalIdentity, login: Login, link: SubjectLink | None
    ) -> ResolvedUser:
        """Raises SignInRefused."""
        user = login.user
        if user.status is UserStatus.DISABLED:
            raise SignInRefused("the user is disabled", user.id)
        if user.status is UserStatus.INVITED and user.invited_by and not is_admin(self._people.user(user.invited_by)):
            raise SignInRefused("who sent the invitation may not invite any more", user.id)
        role = connection.role_at_return(user.role, identity.groups)
        if role is None:
            raise SignInRefused(_no_role(identity), user.id)
        remaining_admin = ""
        if role is not Role.ADMIN:
            try:
                remaining_admin = other_admin(user, all_users(self._people))
            except LastAdmin:  # the last admin stays admin, whatever the provider says
                role = Role.ADMIN
        after = replace(user, role=role, status=UserStatus.ACTIVE, name=user.name or _name(identity))
        return ResolvedUser(replace(login, user=after), user, link, remaining_admin)


def _check_link(connection: Connection, identity: ExternalIdentity, email: str, login: Login) -> None:
    """Check that the subject may be linked to the account of its address. That the account has no other link is checked
    in the transaction. Raises LinkRefused."""
    if not connection.vouches(email, identity.email_verified):
        raise LinkRefused("the address is of an account here, and the provider does not vouch for it", login.user.id)
    if not connection.links_complete and login.devices:
        raise LinkRefused("an earlier version may have linked the account of that address", login.user.id)


def _no_role(identity: ExternalIdentity) -> str:
    if identity.groups is None:
        return "the provider sends no groups; it may leave them out for people in many: send only those with a role"
    return "no group gives a role"


def _email(identity: ExternalIdentity) -> str:
    """Raises SignInRefused."""
    if identity.email_verified is False:
        raise SignInRefused("the provider has not verified the address")
    try:
        return clean_email(identity.email)
    except Invalid:
        raise SignInRefused("the provider gave no address that can be used") from None


def _name(identity: ExternalIdentity) -> str:
    """The user's name; '' if the provider gave none that can be displayed."""
    try:
        return clean_display_name(identity.name[:_LONGEST_NAME])
    except Invalid:
        return ""
