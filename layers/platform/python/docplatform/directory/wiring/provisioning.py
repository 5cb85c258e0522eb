"""A tenant's users and groups, for its provisioning system."""

from __future__ import annotations

from docplatform.core.actor import Actor
from docplatform.core.time import now
from docplatform.directory.adapters.provisioning_store import DynamoDirectory
from docplatform.directory.provisioning import DirectoryService
from docplatform.runtime.tenant_access import table


def directory(actor: Actor) -> DynamoDirectory:
    return DynamoDirectory(table(actor.tenant))


def users(actor: Actor) -> DirectoryService:
    return DirectoryService(actor, directory(actor), now)
