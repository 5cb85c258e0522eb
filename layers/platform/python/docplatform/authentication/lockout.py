"""Brute-force protection: exponential lock-out per account; failure caps per source address and per tenant."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from docplatform.core.errors import TooManyAttempts
from docplatform.core.tenant import Tenant
from docplatform.identity.attempts import SOURCE_FAILURES, AttemptCount, source_of, tenant_cap, window_of
from docplatform.identity.credential_ports import Attempts, CredentialChanges

_TRIES = 5


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """An attempt that was let through. It counts as failed until ``passed`` or ``release`` is called."""

    account: str
    source: str
    at: datetime
    before: AttemptCount
    after: AttemptCount
    attempts: Attempts

    def failed(self, changes: CredentialChanges) -> None:
        changes.count_failure(self.source, self.at)

    def passed(self, changes: CredentialChanges) -> None:
        """The sign-in succeeded: reset the account's count."""
        changes.reset_attempts(self.account)

    def release(self) -> None:
        """Take the attempt out of the count: the password was right and a second factor is due, so it is neither a
        failure nor a success. If another attempt was counted meanwhile, both stay counted: otherwise a right password
        would erase the wrong codes that are tried at the same time."""
        self.attempts.keep(self.account, replace(self.before, revision=self.after.revision + 1), self.at)


class Lockout:
    def __init__(self, tenant: Tenant, address: str, attempts: Attempts, now: Callable[[], datetime]) -> None:
        """``address``: the IP address that the request comes from."""
        self._tenant, self._source = tenant, source_of(address)
        self._attempts, self._now = attempts, now

    def admit(self, account: str) -> SignInAttempt:
        """Count an attempt and let it through. ``account`` is the e-mail address that was typed, whether a user has it
        or not. Raises TooManyAttempts."""
        at = self._now()
        account = account.strip().lower()
        count, from_source, of_tenant = self._attempts.counts(account, self._source, at)
        if from_source >= SOURCE_FAILURES or of_tenant >= tenant_cap(self._tenant):
            raise TooManyAttempts((window_of(at)[1] - at).total_seconds())
        for _ in range(_TRIES):
            after = count.with_attempt(at)
            faster = self._attempts.keep(account, after, at)
            if faster is None:
                return SignInAttempt(account, self._source, at, count, after, self._attempts)
            count = faster
        raise TooManyAttempts(1)  # no person makes so many attempts at the same moment
