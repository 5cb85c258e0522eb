"""Errors of authentication.

Forbidden ← ProofRefused
Unauthenticated ← MfaRequired · MfaEnrolmentRequired
"""

from __future__ import annotations

from docplatform.core.errors import Forbidden, Unauthenticated


class MfaRequired(Unauthenticated):
    """The password was right. ``challenge`` is valid once, for POST /v1/auth/mfa."""

    code, title = "mfa_required", "A second factor is needed"


class MfaEnrolmentRequired(Unauthenticated):
    """The password was right. ``challenge`` is valid for the enrolment of a second factor only."""

    code, title = "mfa_enrolment_required", "Your organisation requires a second factor; set one up"


class ProofRefused(Forbidden):
    """A user who is signed in presented a wrong password, code or challenge."""

    code, title = "proof_refused", "Password or code is wrong"
