"""The way in of those for whom their organisation's identity provider vouches."""

from __future__ import annotations

from datetime import datetime, timedelta

from docplatform.authentication.errors import MfaEnrolmentRequired, MfaRequired
from docplatform.authentication.sign_in import IssuedTokens, SignIn
from docplatform.core.audit import Action
from docplatform.identity.factors import Method
from docplatform.identity.model import Login
from docplatform.identity.ports import UserChanges


class SsoSignIn(SignIn):
    def open_session(
        self, changes: UserChanges, login: Login, *, enough: bool, proved_at: datetime | None
    ) -> IssuedTokens | MfaRequired | MfaEnrolmentRequired:
        """``enough``: the provider sees to second factors itself; otherwise ours may have to follow. ``proved_at``: when it last saw for
        itself who it is, None where it does not say."""
        due = None if enough else self._mfa_due(changes, login, Method.FEDERATED)
        if due is None:
            methods = (Method.FEDERATED, Method.SEVERAL) if enough else (Method.FEDERATED,)
            ago = None if proved_at is None else max(self._now() - proved_at, timedelta(0))
            return self._open_session(changes, login, Action.SSO_SUCCEEDED, methods, ago=ago)
        changes.record(self._audit_record(login.user.id, "", Action.SSO_ACCEPTED))
        return due

    def notify_of_new_device(self, login: Login) -> None:
        self._notify_of_new_device(login)
