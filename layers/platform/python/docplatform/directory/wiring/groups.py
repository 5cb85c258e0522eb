"""Builds the use cases of groups for one actor."""

from __future__ import annotations

from docplatform.core.actor import Actor
from docplatform.core.time import now
from docplatform.directory.adapters.group_store import DynamoGroups
from docplatform.directory.groups import GroupService
from docplatform.runtime.tenant_access import table


def groups(actor: Actor) -> GroupService:
    return GroupService(actor, DynamoGroups(table(actor.tenant)), now)
