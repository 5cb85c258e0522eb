"""Builds the use cases of a provisioning system for one actor."""

from __future__ import annotations

from docplatform.core.actor import Actor
from docplatform.core.time import now
from docplatform.directory.adapters.group_store import DynamoGroups
from docplatform.directory.adapters.provisioning_store import DynamoDirectory
from docplatform.directory.group_provisioning import GroupProvisioning
from docplatform.directory.listing import DirectoryListing
from docplatform.directory.provisioning import DirectoryService
from docplatform.identity.adapters.mail import SesUserMail
from docplatform.infra.credentials import own_client
from docplatform.infra.mail import SesSender
from docplatform.runtime.settings import MailSettings, load
from docplatform.runtime.tenant_access import table
from docplatform.runtime.tenant_resolution import address_of


def users(actor: Actor) -> DirectoryService:
    mail = SesUserMail(SesSender(own_client("sesv2"), load(MailSettings).mail_sender))
    return DirectoryService(actor, _directory(actor), mail, address_of(actor.tenant), now)


def groups(actor: Actor) -> GroupProvisioning:
    return GroupProvisioning(actor, DynamoGroups(table(actor.tenant)), _directory(actor), now)


def listing(actor: Actor) -> DirectoryListing:
    return DirectoryListing(actor, _directory(actor), now)


def _directory(actor: Actor) -> DynamoDirectory:
    return DynamoDirectory(table(actor.tenant))
