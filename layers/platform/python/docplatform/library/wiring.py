"""Builds the library's use cases for one actor."""

from __future__ import annotations

from docplatform.core.actor import Actor
from docplatform.core.time import now
from docplatform.library.adapters.s3 import S3Files
from docplatform.library.adapters.store import DynamoLibrary
from docplatform.library.documents import UPLOAD_LIFE, DocumentService
from docplatform.library.folders import FolderService
from docplatform.runtime.settings import StorageSettings, load
from docplatform.runtime.tenant_access import clients, table


def library(actor: Actor) -> DynamoLibrary:
    return DynamoLibrary(table(actor.tenant), actor, now())


def files(actor: Actor) -> S3Files:
    tenant = actor.tenant
    return S3Files(
        clients(tenant, valid_for=UPLOAD_LIFE).client("s3"), load(StorageSettings).documents_bucket, tenant.id
    )


def folders(actor: Actor) -> FolderService:
    return FolderService(actor, library(actor), now)


def documents(actor: Actor) -> DocumentService:
    return DocumentService(actor, library(actor), files(actor), now)
