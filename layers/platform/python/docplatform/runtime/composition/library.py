"""Folders and documents for one actor."""

from __future__ import annotations

from docplatform.adapters.dynamo_library import DynamoLibrary
from docplatform.adapters.s3_files import S3Files
from docplatform.domain.identity import Actor
from docplatform.runtime.composition.core import clients, now, table
from docplatform.runtime.settings import StorageSettings, load
from docplatform.services.documents import DocumentService
from docplatform.services.folders import FolderService


def library(actor: Actor) -> DynamoLibrary:
    return DynamoLibrary(table(actor.tenant), actor, now())


def files(actor: Actor) -> S3Files:
    tenant = actor.tenant
    return S3Files(clients(tenant).client("s3"), load(StorageSettings).documents_bucket, tenant.id)


def folders(actor: Actor) -> FolderService:
    return FolderService(actor, library(actor), now)


def documents(actor: Actor) -> DocumentService:
    return DocumentService(actor, library(actor), files(actor), now)
