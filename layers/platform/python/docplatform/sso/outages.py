"""Outages of a tenant's identity provider: detecting them, notifying the admins, and passwords for the fallback
users."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from docplatform.core.audit import Action, AuditFacts, AuditRecord, AuditSubject, record_of
from docplatform.core.errors import MailNotSent
from docplatform.core.tenant import Tenant
from docplatform.identity.last_admin import all_users, is_admin
from docplatform.identity.model import User
from docplatform.identity.ports import People
from docplatform.sso.errors import SsoRequired
from docplatform.sso.model import Connection, Health, ProviderBusy, ProviderUnavailable, next_health
from docplatform.sso.ports import OutageMail, Provider, SsoStore

LONGEST_REASON = 200
PROBES = 3  # that must fail before the provider counts as down
PAUSE = 0.2  # seconds between two probes
PLATFORM = "sso"  # the actor in the audit records of checks


class Outages:
    def __init__(
        self,
        tenant: Tenant,
        request_id: str,
        store: SsoStore,
        people: People,
        provider: Callable[[Connection], Provider],
        mail: OutageMail,
        now: Callable[[], datetime],
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """``pause`` waits for some seconds."""
        self._tenant, self._store, self._people, self._provider = tenant, store, people, provider
        self._pause = pause
        self._by, self._mail, self._now = AuditSubject(tenant, PLATFORM, "", request_id), mail, now

    def is_down(self, connection: Connection, health: Health | None) -> bool:
        """Whether the provider is down, by a check within the last minute or by a new one."""
        if health and health.is_fresh(self._now()):
            return health.down
        return self.check(connection, health)

    def check(self, connection: Connection, health: Health | None) -> bool:
        """Probe the provider now and store the result. Returns whether it is down. It is down only if several probes in
        a row fail: what one sign-in has provoked proves nothing."""
        reason = self._probe(connection)
        if reason:
            self._store_outage(health, reason)
            return True
        at = self._now()
        ended = self._audit_record(Action.SSO_OUTAGE_ENDED, at, {}) if health and health.down else None
        self._store.set_health(health, next_health(health, down=False, at=at), ended)
        return False

    def _probe(self, connection: Connection) -> str:
        """Why the provider is down; '' if a probe succeeds."""
        reason = ""
        for probe in range(PROBES):
            if probe:
                self._pause(PAUSE)
            try:
                self._provider(connection).check()
            except ProviderBusy:
                return ""
            except ProviderUnavailable as down:
                reason = str(down)
            else:
                return ""
        return reason

    def _store_outage(self, health: Health | None, reason: str) -> None:
        """Store that the provider is down, and notify the admins by mail, at most once an hour."""
        at = self._now()
        after = next_health(health, down=True, at=at)
        notify = after.should_notify(at)
        if notify:
            after = replace(after, told_at=at)
        news = notify or health is None or not health.down
        record = self._audit_record(Action.SSO_OUTAGE_FOUND, at, {"reason": reason[:LONGEST_REASON]}) if news else None
        if self._store.set_health(health, after, record) and notify:
            self._notify_admins(after.since or at)

    def _notify_admins(self, since: datetime) -> None:
        """Send each admin a mail. One that fails stops neither the sign-in nor the other mails."""
        for admin in filter(is_admin, all_users(self._people)):
            try:
                self._mail.sso_outage(admin.email, organisation=self._tenant.name, since=since)
            except MailNotSent:
                self._store.record(
                    record_of(self._by, Action.SSO_OUTAGE_FOUND, admin.id, self._now(), {"mail": "not sent"})
                )

    def notify_of_conflict(self) -> None:
        """Send each admin a mail that a subject was refused at an account's address."""
        for admin in filter(is_admin, all_users(self._people)):
            with suppress(MailNotSent):
                self._mail.sso_conflict(admin.email, organisation=self._tenant.name)

    def _audit_record(self, action: Action, at: datetime, facts: AuditFacts) -> AuditRecord:
        return record_of(self._by, action, self._tenant.id, at, facts)


class SsoPasswordGate:
    """Decides whether passwords may be used in a tenant with single sign-on."""

    def __init__(
        self, tenant: Tenant, request_id: str, store: SsoStore, outages: Outages, now: Callable[[], datetime]
    ) -> None:
        self._tenant, self._request_id, self._store = tenant, request_id, store
        self._outages, self._now = outages, now
        self._bypassed: Connection | None = None

    def check(self) -> None:
        """Raises SsoRequired if passwords are refused to everybody. While the provider is down they are not: then
        ``admits`` decides for each user."""
        connection, health = self._store.connection()
        if connection is None or not connection.enforced:
            return
        if not self._outages.is_down(connection, health):
            raise _required()
        self._bypassed = connection

    def admits(self, user: User) -> bool:
        """Whether this user may sign in with a right password. A sign-in while the provider is down is recorded in the
        audit trail."""
        if self._bypassed is None:
            return True
        if user.id not in self._bypassed.fallback_users:
            return False
        about = AuditSubject(self._tenant, user.id, "", self._request_id)
        self._store.record(record_of(about, Action.SSO_BYPASSED, user.id, self._now()))
        return True

    def check_first_password(self) -> None:
        """Raises SsoRequired if nobody may set a first password."""
        connection, _ = self._store.connection()
        if connection and connection.enforced:
            raise _required()


def _required() -> SsoRequired:
    return SsoRequired("Your organisation has its own sign-on: open /v1/sso/login.")
