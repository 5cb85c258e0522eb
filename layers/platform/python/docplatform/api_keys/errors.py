"""Errors of API keys.

Invalid ← InvalidExpiry · ScopeNotHeld
NotFound ← ServiceAccountNotFound · ApiKeyNotFound
"""

from __future__ import annotations

from docplatform.core.errors import Invalid, NotFound


class InvalidExpiry(Invalid):
    code, title = "invalid_expiry", "The time of expiry cannot be used"


class ScopeNotHeld(Invalid):
    code, title = "scope_not_held", "The key's owner does not have that permission"


class ServiceAccountNotFound(NotFound):
    code, title = "service_account_not_found", "No such service account"


class ApiKeyNotFound(NotFound):
    code, title = "api_key_not_found", "No such API key"
