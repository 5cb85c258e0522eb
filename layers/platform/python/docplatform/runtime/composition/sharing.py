"""Sharing and groups for one actor."""

from __future__ import annotations

from docplatform.adapters.dynamo_groups import DynamoGroups
from docplatform.adapters.dynamo_library import DynamoLibrary
from docplatform.domain.identity import Actor
from docplatform.runtime.composition.core import now, table
from docplatform.services.groups import GroupService
from docplatform.services.sharing import SharingService


def sharing(actor: Actor) -> SharingService:
    return SharingService(actor, DynamoLibrary(table(actor.tenant), actor, now()), now)


def groups(actor: Actor) -> GroupService:
    return GroupService(actor, DynamoGroups(table(actor.tenant)), now)
