"""Who may read what: the one place that every read, listing and search asks.

A member may read what stands under a node that is granted to them. Every tenant grants its root folder to all its members, and
what a member may do there is capped by the tenant role (``Actor.require``).
"""

from __future__ import annotations

from docplatform.domain import ids
from docplatform.domain.identity import Actor, Permission


def readable_nodes(actor: Actor, to: Permission = Permission.READ) -> frozenset[str]:
    """The folders under which ``actor`` may read, or search; a document is readable when one of them is in its chain. Raises Forbidden."""
    actor.require(to)
    return frozenset({ids.ROOT_FOLDER})
