"""Brute-force protection: exponential lock-out per account; failure caps per source address and per tenant.

Strangers' failures keep only strangers out. A known device, a session and a passkey (whose signature nobody guesses) are
outside the tenant's cap; a known device and a session are counted by themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from docplatform.core.errors import TooManyAttempts
from docplatform.core.tenant import Tenant
from docplatform.identity.attempts import SOURCE_FAILURES, AttemptCount, Counts, source_of, tenant_cap, window_of
from docplatform.identity.credential_ports import Attempts, CredentialChanges
from docplatform.identity.devices import DeviceClaim

_TRIES = 5


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """An attempt that was let through. It counts as failed until ``passed`` or ``release`` is called. ``counter``: the
    account, device or session whose count has it; '' for none."""

    counter: str
    source: str
    at: datetime
    before: AttemptCount
    after: AttemptCount
    attempts: Attempts

    def failed(self, changes: CredentialChanges) -> None:
        changes.count_failure(self.source, self.at)

    def passed(self, changes: CredentialChanges) -> None:
        """The sign-in succeeded: reset the count."""
        if self.counter:
            changes.reset_attempts(self.counter)

    def release(self) -> None:
        """Take the attempt out of the count: the password was right and a second factor is due, so it is neither a
        failure nor a success. If another attempt was counted meanwhile, both stay counted: otherwise a right password
        would erase the wrong codes that are tried at the same time."""
        if self.counter:
            self.attempts.keep(self.counter, replace(self.before, revision=self.after.revision + 1), self.at)


class Lockout:
    def __init__(self, tenant: Tenant, address: str, attempts: Attempts, now: Callable[[], datetime]) -> None:
        """``address``: the IP address that the request comes from."""
        self._tenant, self._source = tenant, source_of(address)
        self._attempts, self._now = attempts, now

    def admit(self, account: str, *, device: DeviceClaim | None = None, proven: bool = False) -> SignInAttempt:
        """Count an attempt and let it through. ``account`` is the e-mail address that was typed, whether a user has it
        or not. ``device``: a known device has its own count, and no caps. ``proven``: the password was right a moment
        ago, so the tenant's cap does not apply. Raises TooManyAttempts."""
        at = self._now()
        account = account.strip().lower()
        counts = self._attempts.counts(account, self._source, at, device)
        if device and counts.device is not None:
            return self._count(device.counter, counts.device, at)
        self._check_source(counts, at)
        if not proven and counts.of_tenant >= tenant_cap(self._tenant):
            raise self._refused(at)
        return self._count(account, counts.account, at)

    def admit_session(self, session_id: str) -> SignInAttempt:
        """As ``admit``, for a user who is signed in: counted for the session, without caps."""
        at, counter = self._now(), f"session:{session_id}"
        return self._count(counter, self._attempts.counts(counter, self._source, at).account, at)

    def admit_passkey(self) -> SignInAttempt:
        """Let an attempt with a passkey through, unless its source has too many failures. Raises TooManyAttempts."""
        at, count = self._now(), AttemptCount()
        self._check_source(self._attempts.counts("", self._source, at), at)
        return SignInAttempt("", self._source, at, count, count, self._attempts)

    def _check_source(self, counts: Counts, at: datetime) -> None:
        if counts.from_source >= SOURCE_FAILURES:
            raise self._refused(at)

    def _refused(self, at: datetime) -> TooManyAttempts:
        return TooManyAttempts((window_of(at)[1] - at).total_seconds())

    def _count(self, counter: str, count: AttemptCount, at: datetime) -> SignInAttempt:
        """Raises TooManyAttempts."""
        for _ in range(_TRIES):
            after = count.with_attempt(at)
            faster = self._attempts.keep(counter, after, at)
            if faster is None:
                return SignInAttempt(counter, self._source, at, count, after, self._attempts)
            count = faster
        raise TooManyAttempts(1)  # no person makes so many attempts at the same moment
