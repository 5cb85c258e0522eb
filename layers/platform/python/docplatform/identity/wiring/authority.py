"""Wiring of the authority of a request's caller, for the routers of the functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from docplatform.core.actor import Actor, Permission
from docplatform.core.errors import AddressRefused
from docplatform.core.time import now
from docplatform.identity.adapters.authority import StoredAuthority
from docplatform.identity.security_settings import is_within


def authority_of(
    actor: Actor, claims: Mapping[str, Any], needed: Permission | None, *, pinned: bool, address: str
) -> StoredAuthority:
    """``claims``: the context of the authorizer's answer, which is up to half a minute old. ``address``: the IP address
    that the request comes from. Raises AddressRefused."""
    if not is_within(address, (claims.get("address_ranges") or "").split()):
        raise AddressRefused
    return StoredAuthority(actor, needed, claims.get("sessions_since") or "", now(), pinned=pinned, address=address)
