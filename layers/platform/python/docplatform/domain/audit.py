"""The vocabulary of the audit trail. A record goes into the same transaction as the change that it records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from docplatform.domain import ids
from docplatform.domain.tenants import Tenant

Facts = dict[str, str | int | bool | list[str]]


class Action(StrEnum):
    TENANT_CREATED = "tenant.created"
    USER_INVITED = "user.invited"
    INVITATION_ACCEPTED = "invitation.accepted"
    LOGIN_SUCCEEDED = "login.succeeded"
    LOGIN_FAILED = "login.failed"
    SESSION_REFRESHED = "session.refreshed"
    SESSION_REVOKED = "session.revoked"
    REFRESH_TOKEN_REUSED = "refresh-token.reused"
    TOKEN_REFUSED = "token.refused"
    ACCESS_REFUSED = "access.refused"
    SSO_STARTED = "sso.started"
    SSO_SUCCEEDED = "sso.succeeded"
    SSO_REFUSED = "sso.refused"
    SSO_BYPASSED = "sso.bypassed"
    SSO_OUTAGE_FOUND = "sso-outage.found"
    SSO_OUTAGE_ENDED = "sso-outage.ended"
    SSO_CONNECTED = "sso.connected"
    SSO_DISCONNECTED = "sso.disconnected"
    SSO_TESTED = "sso.tested"
    USER_PROVISIONED = "user.provisioned"
    USER_LINKED = "user.linked"
    ROLE_CHANGED = "user.role-changed"
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
    DOCUMENT_READY = "document.ready"
    DOCUMENT_FAILED = "document.failed"
    DOCUMENT_READ = "document.read"
    CONTENT_DOWNLOADED = "content.downloaded"
    PREVIEW_VIEWED = "preview.viewed"
    FOLDER_LISTED = "folder.listed"
    CONTENT_SEARCHED = "content.searched"
    USERS_LISTED = "users.listed"


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """Who did what to which thing, when, in which session. People are opaque ids; where a session came from stands on
    the session, which can be erased. ``facts`` are small and hold no content."""

    id: str
    at: datetime
    tenant_id: str
    actor: str
    session: str
    action: Action
    target: str
    request: str
    facts: Facts = field(default_factory=dict)


class Doer(Protocol):
    """Whoever a record is about: an Actor, or a visitor who is not one yet."""

    @property
    def tenant(self) -> Tenant: ...
    @property
    def user_id(self) -> str: ...
    @property
    def session_id(self) -> str: ...
    @property
    def request_id(self) -> str: ...


def record_of(actor: Doer, action: Action, target: str, at: datetime, facts: Facts | None = None) -> AuditRecord:
    """What ``actor`` did to ``target`` (an id) at that moment."""
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
