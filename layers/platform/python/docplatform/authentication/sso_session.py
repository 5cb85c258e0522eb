"""Sign-in of users whom the organisation's identity provider has authenticated."""

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
        self, changes: UserChanges, login: Login, *, second_factor_done: bool, authenticated_at: datetime | None
    ) -> IssuedTokens | MfaRequired | MfaEnrolmentRequired:
        """Open a session, or return the error that asks for a second factor. ``second_factor_done``: the provider
        checks second factors itself, so the platform asks for none. ``authenticated_at``: when the provider last
        authenticated the user; None if it does not say. The caller holds the user's access in the same
        transaction."""
        due = None if second_factor_done else self._mfa_due(changes, login, Method.FEDERATED)
        if due is None:
            methods = (Method.FEDERATED, Method.SEVERAL) if second_factor_done else (Method.FEDERATED,)
            ago = None if authenticated_at is None else max(self._now() - authenticated_at, timedelta(0))
            return self._open_session(changes, login, Action.SSO_SUCCEEDED, methods, ago=ago)
        changes.record(self._audit_record(login.user.id, "", Action.SSO_ACCEPTED))
        return due

    def notify_of_new_device(self, login: Login) -> None:
        self._notify_of_new_device(login)
