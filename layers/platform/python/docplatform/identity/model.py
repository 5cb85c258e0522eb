"""People, their roles, and for whom a request acts."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from docplatform.core.actor import Role
from docplatform.core.errors import Invalid, InvalidName
from docplatform.identity.errors import WeakPassword
from docplatform.identity.factors import STEP_UP_LIFE, Factors

SESSION_IDLE = timedelta(days=14)  # without a refresh
SESSION_LIFE = timedelta(days=30)  # since its person was last authenticated (NIST SP 800-63B, section 4.1.3)


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
    """Sessions that began before that are ended, unless their person was authenticated again since."""


@dataclass(frozen=True, slots=True)
class Session:
    """``secret_hash`` is of the refresh secret in force, ``family_hash`` of the part that all of this session's secrets share: who shows
    that with another secret holds one that was exchanged before, and has stolen it or is robbed. ``address`` and ``agent`` are of the
    log-in; ``auth_time`` and ``amr`` say when and how its person last proved to be who they are (OpenID Connect Core §2). None: their
    identity provider does not say when."""

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

    def fresh(self, at: datetime) -> bool:
        """Whether its person was authenticated a moment ago, as what cannot be undone demands."""
        return self.auth_time is not None and at - self.auth_time <= STEP_UP_LIFE

    @property
    def last_authenticated_at(self) -> datetime:
        """A log-in counts from when it is: its person may have been known to their identity provider for long."""
        return max(self.created_at, self.auth_time or self.created_at)

    def renewed(self, secret_hash: str, at: datetime) -> Session:
        """With another refresh secret. Use alone does not keep it alive for ever."""
        expires_at = min(at + SESSION_IDLE, self.last_authenticated_at + SESSION_LIFE)
        return replace(self, secret_hash=secret_hash, used_at=at, expires_at=expires_at)


def alive(session: Session | None, user: User | None, at: datetime) -> bool:
    """Whether this session still stands for this user."""
    return (
        session is not None
        and user is not None
        and session.user_id == user.id
        and session.expires_at > at
        and user.status is UserStatus.ACTIVE
        and (user.sessions_since is None or session.last_authenticated_at >= user.sessions_since)
    )


@dataclass(frozen=True, slots=True)
class Reset:
    """A password's: good once, until ``expires_at``. Only the hash of its token is kept, and a user has one at most."""

    user_id: str
    token_hash: str
    asked_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """Only the hash of its token is kept. It is worth one password, once, until ``expires_at``."""

    token_hash: str
    user_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Login:
    """A user and what proves that somebody is them. ``password`` is its hash, '' before there is one; ``devices`` are digests of those
    that were used before; ``require_mfa`` is the tenant's wish."""

    user: User
    password: str
    factors: Factors
    devices: tuple[str, ...]
    require_mfa: bool


_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"  # RFC 5322 §3.2.3
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"  # RFC 1035 §2.3.1
_EMAIL = re.compile(rf"(?=.{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[a-z][a-z0-9-]{{0,61}}[a-z0-9]")
_LONGEST_EMAIL = 254  # RFC 5321 §4.5.3.1.3, without the angle brackets

SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 256
_SHORTEST_MATCH = 4  # characters; a shorter name before the @ stands in any sentence
_SHORTEST_REST = 8  # characters of a password that are not from the address


def clean_email(email: str) -> str:
    """The address as it is compared: lower case. ASCII only, because SES delivers to no other; a domain of another script goes in its
    ``xn--`` form (docs.aws.amazon.com/ses/latest/APIReference-V2/API_Destination.html). Raises Invalid."""
    email = email.strip()
    if len(email) > _LONGEST_EMAIL or not email.isascii() or not _EMAIL.fullmatch(email.lower()):
        raise Invalid("That is not an e-mail address we can send to.")
    return email.lower()


def clean_display_name(name: str) -> str:
    """A person's or an organisation's name in Unicode NFC: one line that is more than blanks, for it stands in mails and their
    subjects. Raises InvalidName."""
    name = unicodedata.normalize("NFC", name).strip()
    if not name or any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        raise InvalidName("Give a name of one line that is more than blanks.")
    return name


def _without(text: str, email: str) -> str:
    """What is left of it but the address, its two parts and the first word of its domain."""
    name, _, domain = email.partition("@")
    for known in (email, name, domain, domain.partition(".")[0]):
        if len(known) >= _SHORTEST_MATCH:
            text = text.replace(known, "")
    return text


def check_password(password: str, *, email: str) -> None:
    """Length over composition (NIST SP 800-63B §5.1.1.2). Raises WeakPassword."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise WeakPassword(f"Use {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; a sentence is easy to remember.")
    name = email.split("@")[0]
    from_address = len(name) >= _SHORTEST_MATCH and name in password.lower()
    rest = _without(password.lower(), email)
    if len(set(password)) < 5 or (from_address and len(password) < 16) or len(rest) < _SHORTEST_REST:
        raise WeakPassword(
            "Use something that is harder to guess: not one character again and again, not your address."
        )
