"""The way in of those for whom their organisation's identity provider vouches."""

from __future__ import annotations

from docplatform.domain.audit import Action
from docplatform.domain.errors import MfaEnrolmentRequired, MfaRequired
from docplatform.domain.factors import Method
from docplatform.domain.identity import Login
from docplatform.services.door import Door, Entry
from docplatform.services.identity_ports import PeopleWork


class SsoDoor(Door):
    def enter(self, work: PeopleWork, login: Login, *, enough: bool) -> Entry | MfaRequired | MfaEnrolmentRequired:
        """``enough``: the provider sees to second factors itself; otherwise ours may have to follow."""
        due = None if enough else self._due(work, login, Method.FEDERATED)
        if due is None:
            methods = (Method.FEDERATED, Method.SEVERAL) if enough else (Method.FEDERATED,)
            return self._enter(work, login, Action.SSO_SUCCEEDED, methods)
        work.record(self._about(login.user.id, "", Action.SSO_ACCEPTED))
        return due

    def tell_of_device(self, login: Login) -> None:
        self._tell_of_device(login)
