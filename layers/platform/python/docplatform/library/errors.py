"""Errors of library.

Conflict ← NameTaken · FolderNotEmpty · RootFolder · NotReady · UploadFinished · TooManyGrants
Invalid ← FolderCycle · TooDeep · InvalidPrincipal
NotFound ← FolderNotFound · DocumentNotFound
"""

from __future__ import annotations

from docplatform.core.errors import Conflict, Invalid, NotFound


class FolderNotFound(NotFound):
    code, title = "folder_not_found", "No such folder"


class DocumentNotFound(NotFound):
    code, title = "document_not_found", "No such document"


class NameTaken(Conflict):
    code, title = "name_taken", "The folder already has something of that name"


class FolderNotEmpty(Conflict):
    code, title = "folder_not_empty", "The folder is not empty"


class RootFolder(Conflict):
    code, title = "root_folder", "The root folder stays as it is"


class NotReady(Conflict):
    code, title = "not_ready", "The document is not ready for this"


class UploadFinished(Conflict):
    code, title = "upload_finished", "The file has already arrived"


class FolderCycle(Invalid):
    code, title = "folder_cycle", "A folder cannot be moved into itself"


class TooDeep(Invalid):
    code, title = "too_deep", "The folders are nested too deeply"


class InvalidPrincipal(Invalid):
    code, title = "invalid_principal", "Nothing can be granted to that"


class TooManyGrants(Conflict):
    code, title = "too_many_grants", "More cannot be granted"
