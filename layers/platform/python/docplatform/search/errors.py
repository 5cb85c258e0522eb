"""Errors of search.

Invalid ← InvalidQuery
"""

from __future__ import annotations

from docplatform.core.errors import Invalid


class InvalidQuery(Invalid):
    code, title = "invalid_query", "The query cannot be understood"
