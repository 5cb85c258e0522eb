"""Wiring of the authority of a request's caller, for the routers of the functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docplatform.core.actor import Actor, Permission
from docplatform.core.time import now
from docplatform.identity.adapters.authority import StoredAuthority


def authority_of(
    actor: Actor, claims: Mapping[str, Any], needed: Permission | None, *, pinned: bool
) -> StoredAuthority:
    """``claims``: the context of the authorizer's answer."""
    return StoredAuthority(actor, needed, claims.get("sessions_since") or "", now(), pinned=pinned)
