"""Sign-in through the tenant's identity provider."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NoReturn

from docplatform.authentication.errors import MfaEnrolmentRequired, MfaRequired
from docplatform.authentication.sign_in import IssuedTokens, RequestOrigin
from docplatform.authentication.sso_account import AccountResolver, LinkRefused, ResolvedUser, SignInRefused
from docplatform.authentication.sso_session import SsoSignIn
from docplatform.core.audit import UNKNOWN_USER, Action, AuditFacts, AuditSubject, record_of
from docplatform.core.errors import AddressRefused, ChangedMeanwhile, QuotaExceeded, TooManyAttempts, raises
from docplatform.core.token_hash import digest
from docplatform.identity.errors import EmailTaken, LastAdmin
from docplatform.identity.request_limits import LimitedOperation, RequestLimits
from docplatform.sso.errors import SsoAccountLinked, SsoNotConnected, SsoRefused, SsoUnavailable
from docplatform.sso.group_sync import GroupSync
from docplatform.sso.model import (
    ATTEMPT_LIFE,
    DRIFT,
    Connection,
    ExternalIdentity,
    Kind,
    LinkConflict,
    ProviderRefused,
    ProviderUnavailable,
    SsoAttempt,
)
from docplatform.sso.outages import LONGEST_REASON, Outages
from docplatform.sso.ports import Provider, SsoChanges, SsoStore


@dataclass(frozen=True, slots=True)
class Start:
    """The address that the browser is sent to, and the secret that the browser keeps for this ``state`` until it comes
    back."""

    address: str
    state: str
    browser: str
    kind: Kind


class SsoService:
    def __init__(
        self,
        origin: RequestOrigin,
        store: SsoStore,
        sign_in: SsoSignIn,
        provider: Callable[[Connection], Provider],
        outages: Outages,
        groups: GroupSync,
        accounts: AccountResolver,
        now: Callable[[], datetime],
        limits: RequestLimits,
    ) -> None:
        self._limits = limits
        self._origin, self._store, self._sign_in, self._accounts = origin, store, sign_in, accounts
        self._provider, self._outages, self._groups, self._now = provider, outages, groups, now

    @raises(SsoNotConnected, SsoUnavailable, TooManyAttempts)
    def begin(self, *, reauthenticate: bool = False) -> Start:
        """Start a sign-in. ``reauthenticate``: the provider must authenticate the user again, even if the user has a
        session there."""
        connection, health = self._store.connection()
        if connection is None:
            raise SsoNotConnected("Log in with e-mail and password.")
        try:
            self._limits.admit(LimitedOperation.SSO_LOGIN)
        except TooManyAttempts:
            self._record_refusal("too many log-ins were begun", UNKNOWN_USER)
            raise
        state, browser = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        try:
            authorization = self._provider(connection).authorization_request(state, reauthenticate=reauthenticate)
        except ProviderUnavailable as down:
            self._outages.is_down(connection, health)
            raise _unavailable() from down
        if health and health.down:
            self._outages.is_down(connection, health)
        at = self._now()
        attempt = SsoAttempt(
            state_hash=digest(state),
            browser_hash=digest(browser),
            revision=connection.revision,
            request=authorization.request,
            verifier=authorization.verifier,
            provider=authorization.provider,
            expires_at=at + ATTEMPT_LIFE,
            reauthenticate=reauthenticate,
        )
        with self._store.begin() as changes:
            changes.begin_attempt(attempt)
            facts: AuditFacts = {"kind": connection.kind.value, "anew": reauthenticate}
            changes.record(record_of(self._subject(), Action.SSO_STARTED, UNKNOWN_USER, at, facts))
        return Start(authorization.address, state, browser, connection.kind)

    @raises(SsoRefused, SsoUnavailable, QuotaExceeded, MfaRequired, MfaEnrolmentRequired, AddressRefused)
    def finish(self, kind: Kind, state: str, browser: str, reply: Mapping[str, str]) -> IssuedTokens:
        """Sign in the user whom the provider's reply identifies; create the user at the first sign-in. Every wrong
        reply gets the same answer. If the platform must ask for a second factor, the error carries the challenge for
        it."""
        attempt = self._store.pop_attempt(digest(state))
        if attempt is None or attempt.expires_at <= self._now():
            self._refuse("no log-in of that state is under way")
        connection, health = self._store.connection()
        if connection is None or connection.kind is not kind or connection.revision != attempt.revision:
            self._refuse("the connection is another one now")
        if not hmac.compare_digest(attempt.browser_hash, digest(browser)):
            self._refuse("the log-in was begun in another browser")
        try:
            identity = self._provider(connection).handle_callback(attempt, reply, self._now())
        except ProviderRefused as refused:
            self._refuse(str(refused))
        except ProviderUnavailable as down:  # also an answer that this person has provoked: the probe decides
            self._outages.is_down(connection, health)
            raise _unavailable() from down
        if identity.authenticated_at and identity.authenticated_at > self._now() + DRIFT:
            self._refuse("the provider names a time of authentication that is to come")
        if not attempt.is_answered_by(identity):
            self._refuse("the provider has not asked again who it is")
        resolved = self._resolve(connection, identity)
        try:
            return self._open_session(connection, identity, resolved)
        except (EmailTaken, ChangedMeanwhile, LastAdmin):  # a parallel sign-in changed the user; its result is read now
            again = self._resolve(connection, identity)
            if resolved.before and resolved.before.session_ends != again.login.user.session_ends:
                self._refuse("all sessions of the user were ended meanwhile", again.login.user.id)
            return self._open_session(connection, identity, again)

    def _resolve(self, connection: Connection, identity: ExternalIdentity) -> ResolvedUser:
        try:
            return self._accounts.resolve(connection, identity)
        except LinkRefused as refused:
            self._refuse_link(identity, str(refused), refused.user_id)
        except SignInRefused as refused:
            self._refuse(str(refused), refused.user_id)

    def _open_session(self, connection: Connection, identity: ExternalIdentity, resolved: ResolvedUser) -> IssuedTokens:
        try:
            with self._store.begin() as changes:
                changes.use_assertion(identity)
                self._store_user(changes, resolved, identity)
                issued = self._sign_in.open_session(
                    changes,
                    resolved.login,
                    second_factor_done=connection.mfa,
                    authenticated_at=identity.authenticated_at,
                )
        except SsoRefused:
            self._refuse("the assertion has been used", resolved.login.user.id)
        except SsoAccountLinked:
            self._refuse_link(identity, "the account is linked to another subject", resolved.login.user.id)
        except QuotaExceeded:
            self._record_refusal("the plan's users are used up", UNKNOWN_USER)
            raise
        if connection.follow_groups:
            self._groups.sync(self._subject(resolved.login.user.id), identity)
        if not isinstance(issued, IssuedTokens):
            raise issued
        self._sign_in.notify_of_new_device(resolved.login)
        return issued

    def _store_user(self, changes: SsoChanges, resolved: ResolvedUser, identity: ExternalIdentity) -> None:
        """Store the user, or require that the access is as it was read: each way holds it for the session."""
        user, before, at = resolved.login.user, resolved.before, self._now()
        own = self._subject(user.id)
        if before is None:
            changes.add_user(user, most=self._origin.tenant.limits.users)
            changes.record(record_of(own, Action.USER_PROVISIONED, user.id, at, {"role": user.role.value}))
        elif user != before:
            changes.update_from_provider(before, user)
            if resolved.remaining_admin:
                changes.keep_admin(resolved.remaining_admin)
            if user.role is not before.role:
                facts: AuditFacts = {"from": before.role.value, "to": user.role.value}
                changes.record(record_of(own, Action.ROLE_CHANGED, user.id, at, facts))
        else:
            changes.hold_access(user, ChangedMeanwhile("Try again."))
        changes.link(identity, user.id, before=resolved.link, at=at)
        if resolved.is_linked_anew:
            changes.record(record_of(own, Action.USER_LINKED, user.id, at))

    def _refuse(self, reason: str, target: str = UNKNOWN_USER) -> NoReturn:
        self._record_refusal(reason, target)
        raise SsoRefused(
            "Begin again; if it fails again, an admin of your organisation finds the reason in the audit trail."
        )

    def _refuse_link(self, identity: ExternalIdentity, reason: str, user_id: str) -> NoReturn:
        """Refuse a subject that has the address of an account which is not its own, and tell the admins."""
        at = self._now()
        record = record_of(self._subject(), Action.SSO_REFUSED, user_id, at, {"reason": reason})
        conflict = LinkConflict(user_id, identity.subject, identity.email, reason, at)
        if self._store.report_conflict(identity, conflict, record):
            self._outages.notify_of_conflict()
        raise SsoRefused(
            "Your address belongs to an account that is not linked to you at your organisation's provider. Your admins "
            "have been told; they can link it."
        )

    def _record_refusal(self, reason: str, target: str) -> None:
        facts: AuditFacts = {"reason": reason[:LONGEST_REASON]}
        self._store.record(record_of(self._subject(), Action.SSO_REFUSED, target, self._now(), facts))

    def _subject(self, user_id: str = UNKNOWN_USER) -> AuditSubject:
        return AuditSubject(self._origin.tenant, user_id, "", self._origin.request_id)


def _unavailable() -> SsoUnavailable:
    return SsoUnavailable(
        "Try again in a few minutes. Accounts that were prepared for this can log in with their password."
    )
