"""The vocabulary of the audit trail. A record is stored in the same transaction as the change that it records."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from docplatform.core import ids
from docplatform.core.tenant import Tenant

AuditFacts = dict[str, str | int | bool | list[str]]


class Action(StrEnum):
    TENANT_CREATED = "tenant.created"
    TENANT_READ = "tenant.read"
    USER_INVITED = "user.invited"
    INVITATION_ACCEPTED = "invitation.accepted"
    LOGIN_SUCCEEDED = "login.succeeded"
    LOGIN_FAILED = "login.failed"
    LOGIN_THROTTLED = "login.throttled"
    ACCOUNT_LOCKED = "account.locked"
    PASSWORD_ACCEPTED = "password.accepted"
    PASSWORD_RESET_ASKED = "password.reset-asked"
    PASSWORD_RESET = "password.reset"
    PASSWORD_RESET_REFUSED = "password.reset-refused"
    PASSWORD_CHANGED = "password.changed"
    SECOND_FACTOR_REFUSED = "second-factor.refused"
    MFA_ENROLMENT_STARTED = "mfa.enrolment-started"
    MFA_ENROLLED = "mfa.enrolled"
    MFA_REMOVED = "mfa.removed"
    MFA_RESET = "mfa.reset"
    FACTORS_LISTED = "mfa.listed"
    RECOVERY_CODES_RENEWED = "recovery-codes.renewed"
    PASSKEY_OPTIONS_ISSUED = "passkey-options.issued"
    PASSKEY_ADDED = "passkey.added"
    PASSKEY_REMOVED = "passkey.removed"
    STEPPED_UP = "session.stepped-up"
    STEP_UP_REFUSED = "step-up.refused"
    SECURITY_SETTINGS_CHANGED = "security-settings.changed"
    SECURITY_SETTINGS_READ = "security-settings.read"
    EMAIL_CONFIRMED = "email.confirmed"
    USER_DISABLED = "user.disabled"
    USER_ENABLED = "user.enabled"
    USER_DELETED = "user.deleted"
    ROLE_CHANGED = "role.changed"
    SESSIONS_REVOKED = "sessions.revoked"
    SESSIONS_LISTED = "sessions.listed"
    SESSION_REFRESHED = "session.refreshed"
    SESSION_REVOKED = "session.revoked"
    REFRESH_TOKEN_REUSED = "refresh-token.reused"
    TOKEN_REFUSED = "token.refused"
    SERVICE_ACCOUNT_CREATED = "service-account.created"
    SERVICE_ACCOUNT_RETIRED = "service-account.retired"
    SERVICE_ACCOUNTS_LISTED = "service-accounts.listed"
    SERVICE_ACCOUNT_READ = "service-account.read"
    API_KEY_CREATED = "api-key.created"
    API_KEY_REVOKED = "api-key.revoked"
    API_KEY_REFUSED = "api-key.refused"
    API_KEYS_LISTED = "api-keys.listed"
    LIVE_TICKET_ISSUED = "live-ticket.issued"
    LIVE_TICKET_REFUSED = "live-ticket.refused"
    LIVE_CONNECTED = "live.connected"
    LIVE_ENDED = "live.ended"
    ACCESS_REFUSED = "access.refused"
    ACCESS_DENIED = "access_denied"
    SECURITY_FINDING = "security.finding"
    OPERATION_FAILED = "operation.failed"
    REQUEST_ANSWERED = "request.answered"
    SSO_STARTED = "sso.started"
    SSO_ACCEPTED = "sso.accepted"
    SSO_SUCCEEDED = "sso.succeeded"
    SSO_REFUSED = "sso.refused"
    SSO_BYPASSED = "sso.bypassed"
    SSO_OUTAGE_FOUND = "sso-outage.found"
    SSO_OUTAGE_ENDED = "sso-outage.ended"
    SSO_CONNECTED = "sso.connected"
    SSO_DISCONNECTED = "sso.disconnected"
    SSO_TESTED = "sso.tested"
    SSO_CONNECTION_READ = "sso-connection.read"
    SSO_METADATA_READ = "sso-metadata.read"
    USER_LINKED = "user.linked"
    USER_LINK_MOVED = "user.link-moved"
    SSO_CONFLICTS_LISTED = "sso-conflicts.listed"
    FOLDER_CREATED = "folder.created"
    FOLDER_RENAMED = "folder.renamed"
    FOLDER_MOVED = "folder.moved"
    FOLDER_DELETED = "folder.deleted"
    DOCUMENT_CREATED = "document.created"
    DOCUMENT_RENAMED = "document.renamed"
    DOCUMENT_MOVED = "document.moved"
    DOCUMENT_DELETED = "document.deleted"
    DOCUMENT_ERASED = "document.erased"
    UPLOAD_LINK_ISSUED = "upload-link.issued"
    UPLOAD_RECEIVED = "upload.received"
    UPLOAD_SCANNED = "upload.scanned"
    DOCUMENT_READY = "document.ready"
    DOCUMENT_FAILED = "document.failed"
    DOCUMENT_READ = "document.read"
    CONTENT_DOWNLOADED = "content.downloaded"
    PREVIEW_VIEWED = "preview.viewed"
    FOLDER_READ = "folder.read"
    FOLDER_LISTED = "folder.listed"
    CONTENT_SEARCHED = "content.searched"
    USERS_LISTED = "users.listed"
    USER_READ = "user.read"
    SCIM_DESCRIPTION_READ = "scim-description.read"
    USER_PROVISIONED = "user.provisioned"
    USER_CHANGED = "user.changed"
    GROUP_CREATED = "group.created"
    GROUP_CHANGED = "group.changed"
    GROUP_DELETED = "group.deleted"
    GROUP_READ = "group.read"
    GROUPS_LISTED = "groups.listed"
    MEMBER_ADDED = "group-member.added"
    MEMBER_REMOVED = "group-member.removed"
    ACCESS_GRANTED = "access.granted"
    ACCESS_REVOKED = "access.revoked"
    ACCESS_LISTED = "access.listed"
    ACCESS_EXPLAINED = "access.explained"
    INHERITANCE_CUT = "inheritance.cut"
    INHERITANCE_RESTORED = "inheritance.restored"
    BREAK_GLASS_USED = "break-glass.used"


EXPLAINS_ERROR = frozenset(
    {
        Action.LOGIN_FAILED,
        Action.LOGIN_THROTTLED,
        Action.PASSWORD_ACCEPTED,
        Action.PASSWORD_RESET_REFUSED,
        Action.SECOND_FACTOR_REFUSED,
        Action.STEP_UP_REFUSED,
        Action.REFRESH_TOKEN_REUSED,
        Action.TOKEN_REFUSED,
        Action.API_KEY_REFUSED,
        Action.LIVE_TICKET_REFUSED,
        Action.ACCESS_REFUSED,
        Action.ACCESS_DENIED,
        Action.SSO_ACCEPTED,
        Action.SSO_REFUSED,
        Action.OPERATION_FAILED,
    }
)
"""The actions that record why a request was answered by an error. After an accepted password or single sign-on the error
asks for the second factor."""


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """One entry of the audit trail: who did what to which thing, when, and in which session.

    People appear as opaque ids. The IP address is stored with the session, which can be erased. ``facts`` are small
    and hold no content of documents."""

    id: str
    at: datetime
    tenant_id: str
    actor: str
    session: str
    action: Action
    target: str
    request: str
    facts: AuditFacts = field(default_factory=dict)


class AuditIdentity(Protocol):
    """The identity that a record names: an Actor, or somebody who has not logged in (``AuditSubject``)."""

    @property
    def tenant(self) -> Tenant: ...
    @property
    def user_id(self) -> str: ...
    @property
    def session_id(self) -> str: ...
    @property
    def request_id(self) -> str: ...


def record_of(
    actor: AuditIdentity, action: Action, target: str, at: datetime, facts: AuditFacts | None = None
) -> AuditRecord:
    """The record that ``actor`` did ``action`` to ``target`` (an id) at the time ``at``."""
    return AuditRecord(
        id=ids.ulid(at),
        at=at,
        tenant_id=actor.tenant.id,
        actor=actor.user_id,
        session=actor.session_id,
        action=action,
        target=target,
        request=actor.request_id,
        facts=facts or {},
    )


MembersRecord = Callable[[list[str], list[str]], AuditRecord]
"""Makes the audit record of the members that one transaction adds (first list) and removes (second list)."""


RevocationRecord = Callable[[list[str]], AuditRecord]
"""Makes the audit record of the folders and documents (ids) on which one transaction revokes a principal's grants."""


UNKNOWN_USER = "unknown"


@dataclass(frozen=True, slots=True)
class AuditSubject:
    """Somebody who is not logged in. ``user_id`` is UNKNOWN_USER, or the account that a log-in is about."""

    tenant: Tenant
    user_id: str
    session_id: str
    request_id: str


# -- what a request has recorded

_stored: ContextVar[list[Action] | None] = ContextVar("stored_audit_actions", default=None)


@contextmanager
def audit_scope() -> Iterator[list[Action]]:
    """The scope of one request. The list grows with the action of each record that is stored in it."""
    actions: list[Action] = []
    token = _stored.set(actions)
    try:
        yield actions
    finally:
        _stored.reset(token)


def record_stored(action: Action) -> None:
    """Note that a record is in the audit table: by itself, or with the commit of its change."""
    if (actions := _stored.get()) is not None:
        actions.append(action)
