"""Errors of single sign-on.

Conflict ← SsoSubjectTaken · SsoAccountLinked
Forbidden ← SsoRequired
NotFound ← SsoNotConnected
Unauthenticated ← SsoRefused
Unavailable ← SsoUnavailable
"""

from __future__ import annotations

from docplatform.core.errors import Conflict, Forbidden, NotFound, Unauthenticated, Unavailable


class SsoNotConnected(NotFound):
    code, title = "sso_not_connected", "The organisation has no single sign-on"


class SsoRequired(Forbidden):
    code, title = "sso_required", "Log in through your organisation"


class SsoUnavailable(Unavailable):
    code, title = "sso_unavailable", "Your organisation's sign-on does not answer"


class SsoRefused(Unauthenticated):
    """The same answer for every reason. The audit trail has the reason."""

    code, title = "sso_refused", "Single sign-on did not succeed"


class SsoSubjectTaken(Conflict):
    code, title = "sso_subject_taken", "The subject is linked to another account"


class SsoAccountLinked(Conflict):
    """The account is linked to another subject of the issuer. A sign-in answers ``sso_refused`` instead."""

    code, title = "sso_account_linked", "The account is linked to another subject"
