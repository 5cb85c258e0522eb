"""HTTP representations of folders."""

from typing import Annotated, Literal

from pydantic import Field

from docplatform.http.schemas import Listing, Page, Schema, TextOrNull, Timestamp, View
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


class FolderView(View):
    """``children`` counts what is in the folder; null where some of it does not inherit access, for not everybody may know of that.
    ``inherits``: whether what is granted above holds here."""

    kind: Literal["folder"] = "folder"
    id: str
    name: str
    parent_id: TextOrNull
    children: int | None = Field(validation_alias="known_children")
    inherits: bool
    created_by: str
    created_at: Timestamp
    updated_at: Timestamp
    revision: int


class PathEntry(View):
    id: str
    name: str


class FolderWithPath(FolderView):
    """``path``: the folders above, the root first."""

    path: list[PathEntry]

    @staticmethod
    def at(folder: Folder, above: tuple[Folder, ...]) -> "FolderWithPath":
        path = [PathEntry.model_validate(each) for each in above]
        return FolderWithPath(**dict(FolderView.model_validate(folder)), path=path)


class FolderPage(Page[Annotated[FolderView | DocumentView, Field(discriminator="kind")]]):
    @staticmethod
    def showing(page: Children) -> "FolderPage":
        items = (
            (DocumentView if isinstance(each, Document) else FolderView).model_validate(each) for each in page.items
        )
        return FolderPage.of(items, page.next_cursor)
