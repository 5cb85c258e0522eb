"""Users, sessions, invitations and password resets; the rules for e-mail addresses, names and passwords."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from docplatform.core import names
from docplatform.core.actor import Role
from docplatform.core.errors import Invalid, InvalidName
from docplatform.identity.errors import WeakPassword
from docplatform.identity.factors import STEP_UP_LIFE, Factors
from docplatform.identity.security_settings import SecuritySettings

RECOVERY_WAIT = timedelta(hours=24)
"""How long no password reset goes to an address that was changed, so that the owner of the old one can object."""


class UserKind(StrEnum):
    """A service account has neither mail nor password, takes no seat, and comes with API keys only."""

    PERSON = "person"
    SERVICE = "service"


class UserStatus(StrEnum):
    INVITED = "invited"
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class User:
    id: str
    email: str
    name: str
    role: Role
    status: UserStatus
    created_at: datetime
    kind: UserKind = UserKind.PERSON
    sessions_since: datetime | None = None
    """Sessions that began before this time are ended, unless their user was authenticated again since."""
    keys_since: datetime | None = None
    """API keys that were made up to this time are ended."""
    session_ends: int = 0
    """How often all sessions were ended. A session has the number of its beginning, so that it ends whatever the clocks
    of two requests say. Older items have none (0)."""
    key_ends: int = 0
    """How often all API keys were ended; as ``session_ends``."""
    invited_by: str = ""
    """The sender of the newest invitation: a user, or '' for the operator. Nobody accepts an invitation whose sender
    could not send it any more."""
    email_changed_at: datetime | None = None
    """When the address was changed, until an admin has confirmed the new one."""

    def is_recovered_by_mail(self, at: datetime) -> bool:
        """Whether the address may give access to the account: it has stood for a day, or an admin has confirmed it."""
        return self.email_changed_at is None or at - self.email_changed_at >= RECOVERY_WAIT


@dataclass(frozen=True, slots=True)
class Session:
    """A user's session.

    ``secret_hash``: hash of the refresh secret that is valid now. ``family_hash``: hash of the part that all refresh
    secrets of this session share. A secret of the same family with another hash was exchanged before: either its sender
    stole it, or a thief has used it first.

    ``address``, ``agent``: IP address and user agent of the sign-in. ``auth_time``, ``amr``: when and how the user was
    last authenticated (OpenID Connect Core §2); ``auth_time`` is None if the identity provider does not say when.
    """

    id: str
    user_id: str
    secret_hash: str
    family_hash: str
    created_at: datetime
    used_at: datetime
    expires_at: datetime
    address: str
    agent: str
    auth_time: datetime | None
    amr: tuple[str, ...] = ()
    kept_at: datetime | None = None
    """When its user ended all sessions but this one. It proves nothing about who the user is."""
    session_ends: int = 0
    """That of its user when it began, or when it was kept."""

    def fresh(self, at: datetime) -> bool:
        """Whether the user was authenticated recently enough for an action that cannot be undone."""
        return self.auth_time is not None and at - self.auth_time <= STEP_UP_LIFE

    @property
    def last_authenticated_at(self) -> datetime:
        """The start of the session or the last authentication, whichever is later. A session counts from its start even
        if the identity provider authenticated the user long before."""
        return max(self.created_at, self.auth_time or self.created_at)

    @property
    def stands_since(self) -> datetime:
        """Ends of all sessions up to this time do not concern the session."""
        return max(self.last_authenticated_at, self.kept_at or self.created_at)

    def renewed(self, secret_hash: str, at: datetime, settings: SecuritySettings) -> Session:
        """The session with another refresh secret. Each use extends it by the idle time, but not beyond its life after
        the last authentication."""
        expires_at = settings.end_of_session(at, self.last_authenticated_at)
        return replace(self, secret_hash=secret_hash, used_at=at, expires_at=expires_at)

    def limited(self, settings: SecuritySettings) -> Session:
        """The session with the end that the tenant's present settings give it, if that is earlier."""
        end = settings.end_of_session(self.used_at, self.last_authenticated_at)
        return replace(self, expires_at=min(self.expires_at, end))


def alive(session: Session | None, user: User | None, at: datetime) -> bool:
    """Whether the session is valid at this time, for this user."""
    return (
        session is not None
        and user is not None
        and session.user_id == user.id
        and session.expires_at > at
        and user.status is UserStatus.ACTIVE
        and session.session_ends >= user.session_ends
        and (user.sessions_since is None or session.stands_since >= user.sessions_since)
    )


@dataclass(frozen=True, slots=True)
class Reset:
    """A password reset, valid once, until ``expires_at``. Only the hash of its token is stored. A user has at most
    one."""

    user_id: str
    token_hash: str
    asked_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation to set the first password, valid once, until ``expires_at``. Only the hash of its token is
    stored."""

    token_hash: str
    user_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Login:
    """A user and the stored credentials. ``password``: its hash, '' if there is none; ``devices``: digests of the user
    agents that were used before; ``settings``: the tenant's."""

    user: User
    password: str
    factors: Factors
    devices: tuple[str, ...]
    settings: SecuritySettings

    @property
    def require_mfa(self) -> bool:
        return self.settings.require_mfa


class Bearer(NamedTuple):
    """What decides about a token: its session with the end that the tenant's settings give it, its user, and these
    settings. None for what does not exist."""

    session: Session | None
    user: User | None
    settings: SecuritySettings


_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"  # RFC 5322 §3.2.3
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1035 §2.3.1
_EMAIL = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]")
_LONGEST_EMAIL = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
_SHORTEST_MATCH = 4  # characters; a shorter part of an address occurs in many sentences
_SHORTEST_REST = 8  # characters of a password that are not from the address


def clean_email(email: str) -> str:
    """The address in lower case, as it is stored and compared. ASCII only, because SES delivers to no other address; a
    domain of another script must be in its ``xn--`` form
    (docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html). Raises Invalid."""
    email = email.strip()
    if len(email) > _LONGEST_EMAIL or not email.isascii() or not _EMAIL.fullmatch(email.lower()):
        raise Invalid("That is not an e-mail address we can send to.")
    return email.lower()


def clean_display_name(name: str) -> str:
    """The name of a person, a group or an organisation in Unicode NFC. It must be one line that is not blank, because it
    stands in mails and their subjects, and have no character that cannot be seen. Raises InvalidName."""
    name = unicodedata.normalize("NFC", name).strip()
    if not names.without_invisible(name) or not names.is_one_line(name):
        raise InvalidName("Give a name of one line that is more than blanks.")
    names.check_visible(name)
    return name


def _without(text: str, email: str) -> str:
    """``text`` without the address, its two parts and the first label of its domain."""
    name, _, domain = email.partition("@")
    for known in (email, name, domain, domain.partition(".")[0]):
        if len(known) >= _SHORTEST_MATCH:
            text = text.replace(known, "")
    return text


def check_password(password: str, *, email: str) -> None:
    """Check that a password is long enough and hard to guess. Length matters, the mix of characters does not (NIST SP
    800-63B §5.1.1.2). Raises WeakPassword."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise WeakPassword(f"Use {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; a sentence is easy to remember.")
    name = email.split("@")[0]
    from_address = len(name) >= _SHORTEST_MATCH and name in password.lower()
    rest = _without(password.lower(), email)
    if len(set(password)) < 5 or (from_address and len(password) < 16) or len(rest) < _SHORTEST_REST:
        raise WeakPassword(
            "Use something that is harder to guess: not one character again and again, not your address."
        )
