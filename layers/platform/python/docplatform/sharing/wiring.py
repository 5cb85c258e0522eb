"""Builds the use cases of sharing for one actor."""

from __future__ import annotations

from docplatform.core.actor import Actor
from docplatform.core.time import now
from docplatform.library.adapters.store import DynamoLibrary
from docplatform.runtime.tenant_access import table
from docplatform.sharing.grants import SharingService


def sharing(actor: Actor) -> SharingService:
    return SharingService(actor, DynamoLibrary(table(actor.tenant), actor, now()), now)
