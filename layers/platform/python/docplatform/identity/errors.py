"""Errors of identity.

Conflict ← EmailTaken · LastAdmin · MfaIsRequired · OwnAddressMissing
Invalid ← WeakPassword
NotFound ← UserNotFound · SessionNotFound · FactorNotFound
Unauthenticated ← InvalidInvitation · InvalidRefreshToken · InvalidReset · InvalidChallenge · InvalidCode ·
    InvalidCredentials
"""

from __future__ import annotations

from docplatform.core.errors import Conflict, Invalid, NotFound, Unauthenticated


class WeakPassword(Invalid):
    code, title = "weak_password", "The password is too weak"


class OwnAddressMissing(Conflict):
    code, title = "own_address_missing", "You would lock yourself out"


class UserNotFound(NotFound):
    code, title = "user_not_found", "No such user"


class EmailTaken(Conflict):
    code, title = "email_taken", "Somebody with that e-mail address is already here"


class LastAdmin(Conflict):
    code, title = "last_admin", "Somebody must stay admin"


class SessionNotFound(NotFound):
    code, title = "session_not_found", "No such session"


class FactorNotFound(NotFound):
    code, title = "factor_not_found", "No such second factor"


class InvalidInvitation(Unauthenticated):
    code, title = "invalid_invitation", "The invitation is not valid"


class InvalidRefreshToken(Unauthenticated):
    code, title = "invalid_refresh_token", "The refresh token is not valid"


class InvalidReset(Unauthenticated):
    code, title = "invalid_reset_token", "The link to set a new password is not valid"


class InvalidChallenge(Unauthenticated):
    code, title = "invalid_challenge", "The challenge is unknown, used or too old"


class InvalidCode(Unauthenticated):
    code, title = "invalid_code", "The second factor is not right"


class InvalidCredentials(Unauthenticated):
    code, title = "invalid_credentials", "E-mail or password is wrong"


class MfaIsRequired(Conflict):
    code, title = "mfa_is_required", "The organisation requires a second factor"
