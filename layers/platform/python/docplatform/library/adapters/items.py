"""Conversion of folders, documents and versions to DynamoDB items and back."""

from __future__ import annotations

from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.mapper import from_item, to_item
from docplatform.library.errors import DocumentNotFound, FolderNotFound
from docplatform.library.model import Document, Folder, Version

FOLDER, DOCUMENT = "folder", "document"
GRANT = "grant:"

_LATER = {FOLDER: ("grants", "access_revision", "levels"), DOCUMENT: ("grants", "access_revision")}
"""Fields that a new item does not have: the first change of access, and the first folder below, add them."""


def node_item(node: Folder | Document) -> Item:
    """The item of a folder or document. Each grant is an attribute, so one can be set without reading the others."""
    kind = FOLDER if isinstance(node, Folder) else DOCUMENT
    grants = {grant_name(each): role.value for each, role in node.grants.items()}
    return to_item(node, without=_LATER[kind], kind=kind, **grants)


def folder_from(item: Item) -> Folder:
    return from_item(Folder, item, newer=("inherits", "cuts", "access_revision", "levels"), grants=_grants(item))


def document_from(item: Item) -> Document:
    version = from_item(Version, item["version"], newer=("derived_apart", "attachments"))
    return from_item(Document, item, newer=("inherits", "access_revision"), grants=_grants(item), version=version)


def grant_name(principal: str) -> str:
    return f"{GRANT}{principal}"


def _grants(item: Item) -> dict[str, str]:
    return {name.removeprefix(GRANT): role for name, role in item.items() if name.startswith(GRANT)}


def parent_of(node: Folder | Document) -> str:
    return node.parent_id if isinstance(node, Folder) else node.folder_id


def no_folder() -> FolderNotFound:
    return FolderNotFound("Check the folder's id: it is unknown, or not yours.")


def no_document() -> DocumentNotFound:
    return DocumentNotFound("Check the document's id: it is unknown, or not yours.")
