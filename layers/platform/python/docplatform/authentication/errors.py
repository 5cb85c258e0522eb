"""Errors of authentication.

Forbidden ← ProofRefused
Unauthenticated ← MfaRequired · MfaEnrolmentRequired
"""

from __future__ import annotations

from docplatform.core.errors import Forbidden, Unauthenticated


class MfaRequired(Unauthenticated):
    """The password was right. ``challenge`` is good for POST /v1/auth/mfa, once."""

    code, title = "mfa_required", "A second factor is needed"


class MfaEnrolmentRequired(Unauthenticated):
    """The password was right. ``challenge`` is good for setting up a second factor, and nothing else."""

    code, title = "mfa_enrolment_required", "Your organisation requires a second factor; set one up"


class ProofRefused(Forbidden):
    """Of somebody who is logged in: the password or the second factor they showed again."""

    code, title = "proof_refused", "Password or code is wrong"
