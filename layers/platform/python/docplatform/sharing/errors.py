"""Errors of sharing.

NotFound ← GrantNotFound
"""

from __future__ import annotations

from docplatform.core.errors import NotFound


class GrantNotFound(NotFound):
    code, title = "grant_not_found", "No such grant"
