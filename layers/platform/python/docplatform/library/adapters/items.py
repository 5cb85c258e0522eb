"""Folders, documents and versions as items, and back."""

from __future__ import annotations

from typing import Any

from docplatform.core.actor import Role
from docplatform.core.time import parse_rfc3339, rfc3339
from docplatform.infra.dynamodb.codec import Item
from docplatform.library.errors import DocumentNotFound, FolderNotFound
from docplatform.library.model import Document, Folder, ProcessingError, ProcessingStep, ScanVerdict, State, Version

FOLDER, DOCUMENT = "folder", "document"
GRANT = "grant:"


def folder_item(folder: Folder) -> Item:
    return {
        "kind": FOLDER,
        "id": folder.id,
        "name": folder.name,
        "parent_id": folder.parent_id,
        "chain": list(folder.chain),
        "children": folder.children,
        "created_by": folder.created_by,
        "created_at": rfc3339(folder.created_at),
        "updated_at": rfc3339(folder.updated_at),
        "revision": folder.revision,
        "cuts": folder.cuts,
        **access_of(folder),
    }


def folder_from(item: Item) -> Folder:
    return Folder(
        id=item["id"],
        name=item["name"],
        parent_id=item["parent_id"],
        chain=tuple(item["chain"]),
        children=item["children"],
        created_by=item["created_by"],
        created_at=parse_rfc3339(item["created_at"]),
        updated_at=parse_rfc3339(item["updated_at"]),
        revision=item["revision"],
        grants=grants_from(item),
        inherits=item.get("inherits", True),
        cuts=item.get("cuts", 0),
    )


def access_of(node: Folder | Document) -> Item:
    """An attribute for each grant: one can be set without reading the others."""
    return {"inherits": node.inherits, **{grant_name(each): role.value for each, role in node.grants.items()}}


def grant_name(principal: str) -> str:
    return f"{GRANT}{principal}"


def grants_from(item: Item) -> dict[str, Role]:
    return {name.removeprefix(GRANT): Role(value) for name, value in item.items() if name.startswith(GRANT)}


def version_item(version: Version) -> Item:
    trouble = version.trouble
    return {
        "id": version.id,
        "number": version.number,
        "size": version.size,
        "content_type": version.content_type,
        "created_by": version.created_by,
        "created_at": rfc3339(version.created_at),
        "state": version.state.value,
        "step": version.step.value,
        "trouble": {"code": trouble.code, "title": trouble.title, "detail": trouble.detail} if trouble else None,
        "sha256": version.sha256,
        "storage_version": version.storage_version,
        "file_type": version.file_type,
        "pages": version.pages,
        "scan": version.scan.value,
        "has_text": version.has_text,
        "text_truncated": version.text_truncated,
        "has_preview": version.has_preview,
        "title": version.title,
        "author": version.author,
        "finished_at": rfc3339(version.finished_at) if version.finished_at else None,
    }


def version_from(item: Item) -> Version:
    trouble: dict[str, Any] | None = item["trouble"]
    return Version(
        id=item["id"],
        number=item["number"],
        size=item["size"],
        content_type=item["content_type"],
        created_by=item["created_by"],
        created_at=parse_rfc3339(item["created_at"]),
        state=State(item["state"]),
        step=ProcessingStep(item["step"]),
        trouble=ProcessingError(**trouble) if trouble else None,
        sha256=item["sha256"],
        storage_version=item["storage_version"],
        file_type=item["file_type"],
        pages=item["pages"],
        scan=ScanVerdict(item["scan"]),
        has_text=item["has_text"],
        text_truncated=item["text_truncated"],
        has_preview=item["has_preview"],
        title=item["title"],
        author=item["author"],
        finished_at=parse_rfc3339(item["finished_at"]) if item["finished_at"] else None,
    )


def document_item(document: Document) -> Item:
    return {
        "kind": DOCUMENT,
        "id": document.id,
        "name": document.name,
        "folder_id": document.folder_id,
        "chain": list(document.chain),
        "owner": document.owner,
        "created_at": rfc3339(document.created_at),
        "updated_at": rfc3339(document.updated_at),
        "revision": document.revision,
        **access_of(document),
        "version": version_item(document.version),
    }


def document_from(item: Item) -> Document:
    return Document(
        id=item["id"],
        name=item["name"],
        folder_id=item["folder_id"],
        chain=tuple(item["chain"]),
        owner=item["owner"],
        created_at=parse_rfc3339(item["created_at"]),
        updated_at=parse_rfc3339(item["updated_at"]),
        revision=item["revision"],
        version=version_from(item["version"]),
        grants=grants_from(item),
        inherits=item.get("inherits", True),
    )


def parent_of(node: Folder | Document) -> str:
    return node.parent_id if isinstance(node, Folder) else node.folder_id


def no_folder() -> FolderNotFound:
    return FolderNotFound("Check the folder's id: it is unknown, or not yours.")


def no_document() -> DocumentNotFound:
    return DocumentNotFound("Check the document's id: it is unknown, or not yours.")
