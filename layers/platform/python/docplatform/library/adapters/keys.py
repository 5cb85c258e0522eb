"""Keys of the library's items: folders, documents, names, grants and reindexing marks."""

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
        """The item that reserves a name for one child of a folder. The sort keys list the children by name."""
        return Key(f"{self._prefix}folder#{folder_id}", f"{self.NAME}{names.unique_form(name)}")

    def former_name(self, folder_id: str, name: str) -> Key:
        """The same item as earlier versions made it: it differs for a name with invisible characters."""
        return Key(f"{self._prefix}folder#{folder_id}", f"{self.NAME}{names.former_unique_form(name)}")

    def of_child(self, child_id: str) -> Key:
        """The item of a folder or document. The id's prefix tells which of the two it is."""
        return self.document(child_id) if ids.is_a(ids.DOCUMENT, child_id) else self.folder(child_id)

    def children(self, folder_id: str) -> str:
        """The partition of a folder's children in gsi1 (by time of creation) and gsi2 (by time of change)."""
        return f"{self._prefix}children#{folder_id}"

    def awaited_uploads(self) -> str:
        """Partition of gsi3: documents whose file has not arrived, by the time at which somebody looks for it."""
        return f"{self._prefix}awaited-uploads"

    def erasure(self, document_id: str) -> Key:
        """The mark that a deleted document's files and search entry are to be erased, or that this is not yet checked."""
        return Key(self.erasures(), document_id)

    def erasures(self) -> str:
        """Partition of the tenant's erasures, in order of the documents' ids."""
        return f"{self._prefix}erasures"

    def granted(self, principal: str) -> Key:
        """The item with all grants to one principal: one attribute per node."""
        return Key(f"{self._prefix}granted#{principal}", "granted")

    def reindex(self, folder_id: str) -> Key:
        """The mark that the search entries below a folder are out of date."""
        return Key(f"{self._prefix}reindex#{folder_id}", "reindex")
