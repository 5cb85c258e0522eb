"""An upload in parts survives a stop and a kill: its parts are on disk as soon as they are answered, and not in memory.

The emulator holds parts in memory until the upload is completed, and forgets uploads when it ends. Here an upload is a folder,
``uploads/ACCOUNT/UPLOAD``, with the file ``upload`` and two files for each part: ``NUMBER-ID.part`` has the bytes, and ``NUMBER.json``
says what the emulator notes of it, and which file has its bytes. A part is there when its second file is. The folder goes when the
upload was aborted, or when the completed object is on disk.
"""

from __future__ import annotations

import contextvars
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Any

from local.cloud.durability.files import note_failure, write_whole
from local.cloud.durability.journal import StateUnreadable
from local.cloud.mapped_files import mapped, write
from local.cloud.patches import expect, require

_completing: contextvars.ContextVar[list[Path] | None] = contextvars.ContextVar("completing", default=None)
"""Folders to remove at the end of the request; None where no upload is being completed."""


class _Part(dict[str, Any]):
    """What the emulator notes of a part. Its bytes are read when they are asked for."""

    def __init__(self, folder: Path, noted: dict[str, Any]) -> None:
        super().__init__(noted)
        self._folder = folder

    @property
    def file(self) -> Path:
        return Path(self._folder / self["file"])

    def __getitem__(self, name: str) -> Any:
        return mapped(self.file) if name == "body" else super().__getitem__(name)


class _Parts(dict[int, Any]):
    """Part number → part."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __setitem__(self, number: int, part: dict[str, Any]) -> None:
        old, file = self.get(number), f"{number}-{uuid.uuid4().hex}.part"
        noted = {**{name: value for name, value in part.items() if name != "body"}, "file": file}
        try:
            write(self._folder / file, part["body"])
            write_whole(self._folder / f"{number}.json", json.dumps(noted).encode())
        except OSError as error:
            (self._folder / file).unlink(missing_ok=True)
            note_failure(error)
            raise
        super().__setitem__(number, _Part(self._folder, noted))
        if old is not None:
            (self._folder / old["file"]).unlink(missing_ok=True)

    def read(self) -> None:
        """Reads the parts that are on disk, and removes what a kill has left unfinished."""
        for file in self._folder.glob("[0-9]*.json"):
            super().__setitem__(int(file.stem), _Part(self._folder, _stored(file)))
        known = {part["file"] for part in self.values()}
        for file in self._folder.iterdir():
            if file.name not in known and file.name != "upload" and file.suffix != ".json":
                file.unlink()


def apply() -> None:
    from ministack.core.responses import AccountScopedDict, get_account_id
    from ministack.services import s3

    expect(type(require(s3, "_multipart_uploads")) is AccountScopedDict, "s3._multipart_uploads")
    home = Path(os.environ["DOCPLATFORM_STATE"]) / "uploads"

    class Uploads(AccountScopedDict):  # type: ignore[misc]
        def __setitem__(self, identity: str, upload: dict[str, Any]) -> None:
            folder = home / get_account_id() / identity
            folder.mkdir(parents=True, exist_ok=True)
            write_whole(folder / "upload", json.dumps({**upload, "parts": {}}).encode())
            super().__setitem__(identity, {**upload, "parts": _Parts(folder)})

        def __delitem__(self, identity: str) -> None:
            super().__delitem__(identity)
            folder, later = home / get_account_id() / identity, _completing.get()
            if later is None:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                later.append(folder)

    uploads = Uploads()
    for folder in home.glob("*/*"):
        if not (folder / "upload").exists():  # its creation was never answered
            shutil.rmtree(folder, ignore_errors=True)
            continue
        parts = _Parts(folder)
        parts.read()
        uploads._data[(folder.parent.name, folder.name)] = {**_stored(folder / "upload"), "parts": parts}
    s3._multipart_uploads = uploads
    _remove_when_completed(s3)


def _stored(file: Path) -> dict[str, Any]:
    """Raises StateUnreadable."""
    try:
        noted: dict[str, Any] = json.loads(file.read_text())
    except ValueError as error:
        raise StateUnreadable(file, f"it is no JSON ({error})") from error
    return noted


def _remove_when_completed(s3: Any) -> None:
    """The emulator forgets the upload before it stores the object; a kill in between would lose both."""
    complete = require(s3, "_complete_multipart_upload")

    def completed(*arguments: Any, **more: Any) -> Any:
        folders: list[Path] = []
        token = _completing.set(folders)
        try:
            answer = complete(*arguments, **more)
        finally:
            _completing.reset(token)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return answer

    s3._complete_multipart_upload = completed
