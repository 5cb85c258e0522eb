"""What is left behind by an operation. Every route of a member that can change something declares it, so that a new one
must say whether its caller's authority has to be pinned, and whether a fresh proof is due."""

from __future__ import annotations

from enum import StrEnum


class Consequence(StrEnum):
    """Each one includes the checks of those before it."""

    NONE = "none"
    """A read, whatever its method. The caller's authority is read with it."""

    CONTENT = "content"
    """Adds folders or documents. The authority is read before, and not pinned: many uploads of one user run at the
    same time, and a transaction that checks the user's item collides with the others."""

    LASTING = "lasting"
    """Changes or removes something, or decides who may see or do it. The transaction pins the authority."""

    CRITICAL = "critical"
    """Makes power that outlives the session, or removes what cannot be brought back: keys, credentials, admins,
    accounts. It needs a step-up."""
