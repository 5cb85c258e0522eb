"""Errors of realtime.

Unauthenticated ← InvalidTicket
"""

from __future__ import annotations

from docplatform.core.errors import Unauthenticated


class InvalidTicket(Unauthenticated):
    code, title = "invalid_ticket", "The ticket opens nothing"
