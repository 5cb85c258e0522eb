"""The keys of folders and documents, and of who has access to them."""

from __future__ import annotations

from docplatform.core import ids, names
from docplatform.infra.dynamodb.keys import Key, TenantKeys


class LibraryKeys(TenantKeys):
    NAME = "name#"  # begins the sort key of a child's name

    def document(self, document_id: str) -> Key:
        return Key(f"{self._prefix}doc#{document_id}", "doc")

    def version(self, document_id: str, number: int) -> Key:
        return Key(f"{self._prefix}doc#{document_id}", f"version#{number:06d}")

    def folder(self, folder_id: str) -> Key:
        return Key(f"{self._prefix}folder#{folder_id}", "folder")

    def name(self, folder_id: str, name: str) -> Key:
        """A name, taken by at most one child of the folder. The sort keys list the children in order of name."""
        return Key(f"{self._prefix}folder#{folder_id}", f"{self.NAME}{names.folded(name)}")

    def of_child(self, child_id: str) -> Key:
        """The item of a folder's child, by the kind that its id names."""
        return self.document(child_id) if ids.is_a(ids.DOCUMENT, child_id) else self.folder(child_id)

    def children(self, folder_id: str) -> str:
        """Partition of gsi1 (by time of creation) and gsi2 (by time of change)."""
        return f"{self._prefix}children#{folder_id}"

    def granted(self, principal: str) -> Key:
        """What is granted to one principal: an attribute for each node."""
        return Key(f"{self._prefix}granted#{principal}", "granted")

    def reindex(self, folder_id: str) -> Key:
        """The mark that the search entries below a folder are out of date."""
        return Key(f"{self._prefix}reindex#{folder_id}", "reindex")
