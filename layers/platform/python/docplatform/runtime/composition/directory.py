"""A tenant's users and groups, for its provisioning system."""

from __future__ import annotations

from docplatform.adapters.dynamo_directory import DynamoDirectory
from docplatform.domain.identity import Actor
from docplatform.runtime.composition.core import now, table
from docplatform.services.directory import DirectoryService


def directory(actor: Actor) -> DynamoDirectory:
    return DynamoDirectory(table(actor.tenant))


def users(actor: Actor) -> DirectoryService:
    return DirectoryService(actor, directory(actor), now)
