"""Folders as they travel over HTTP."""

from typing import Annotated, Literal

from pydantic import Field

from docplatform.http.schemas import Listing, Page, Schema, Timestamp
from docplatform.library.model import Document, Folder, Order
from docplatform.library.model import Page as Children
from docplatform.library.views import DocumentView

Name = Annotated[str, Field(min_length=1, max_length=255, examples=["Contracts"])]


class NewFolder(Schema):
    name: Name
    parent_id: str = "root"


class FolderChange(Schema):
    """What is left out stays as it is."""

    name: Name | None = None
    parent_id: str | None = None


class FolderListing(Listing):
    """How to list a folder. ``sort``: a leading hyphen reverses the order."""

    sort: Literal["name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"] = "name"

    @property
    def order(self) -> Order:
        return Order(self.sort.removeprefix("-"))

    @property
    def descending(self) -> bool:
        return self.sort.startswith("-")


class FolderView(Schema):
    """``children`` counts what is in the folder; null where some of it does not inherit access, for not everybody may know of that.
    ``inherits``: whether what is granted above holds here."""

    kind: Literal["folder"] = "folder"
    id: str
    name: str
    parent_id: str | None
    children: int | None
    inherits: bool
    created_by: str
    created_at: Timestamp
    updated_at: Timestamp
    revision: int

    @staticmethod
    def of(folder: Folder) -> "FolderView":
        return FolderView(
            id=folder.id,
            name=folder.name,
            parent_id=folder.parent_id or None,
            children=None if folder.cuts else folder.children,
            inherits=folder.inherits,
            created_by=folder.created_by,
            created_at=folder.created_at,
            updated_at=folder.updated_at,
            revision=folder.revision,
        )


class PathEntry(Schema):
    id: str
    name: str


class FolderWithPath(FolderView):
    """``path``: the folders above, the root first."""

    path: list[PathEntry]

    @staticmethod
    def at(folder: Folder, above: tuple[Folder, ...]) -> "FolderWithPath":
        path = [PathEntry(id=each.id, name=each.name) for each in above]
        return FolderWithPath(**dict(FolderView.of(folder)), path=path)


class FolderPage(Page[Annotated[FolderView | DocumentView, Field(discriminator="kind")]]):
    @staticmethod
    def showing(page: Children) -> "FolderPage":
        items = (DocumentView.of(each) if isinstance(each, Document) else FolderView.of(each) for each in page.items)
        return FolderPage.of(items, page.next)
