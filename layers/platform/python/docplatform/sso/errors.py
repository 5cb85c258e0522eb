"""Errors of single sign-on.

Forbidden ← SsoRequired
NotFound ← SsoNotConnected
Unauthenticated ← SsoRefused
Unavailable ← SsoUnavailable
"""

from __future__ import annotations

from docplatform.core.errors import Forbidden, NotFound, Unauthenticated, Unavailable


class SsoNotConnected(NotFound):
    code, title = "sso_not_connected", "The organisation has no single sign-on"


class SsoRequired(Forbidden):
    code, title = "sso_required", "Log in through your organisation"


class SsoUnavailable(Unavailable):
    code, title = "sso_unavailable", "Your organisation's sign-on does not answer"


class SsoRefused(Unauthenticated):
    """The same answer for every reason. The audit trail has the reason."""

    code, title = "sso_refused", "Single sign-on did not succeed"
