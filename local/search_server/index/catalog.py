"""The collections on disk and their indexes: ``<data>/<collection>/<index>/``. A collection exists from its first use on."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from local.search_server import errors
from local.search_server.index.index import Index

_COLLECTION = re.compile(r"[a-z0-9][a-z0-9-]{2,39}")
_FORBIDDEN_CHARACTERS = ' "*\\<|,>/?'
_MAX_NAME_BYTES = 255
_TEMPORARY_PREFIX = "."  # folders that are being created or removed

_log = logging.getLogger(__name__)


class Catalog:
    def __init__(self, data: Path, refresh_seconds: float) -> None:
        """Opens all indexes. Raises BlockingIOError when another server uses the same folder."""
        data.mkdir(parents=True, exist_ok=True)
        self._data, self._refresh_seconds = data, refresh_seconds
        self._lock_file = open(data / ".lock", "w")
        fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._lock, self._closing = threading.Lock(), threading.Event()
        self._indexes: dict[tuple[str, str], Index] = {}
        for collection in (path for path in data.iterdir() if path.is_dir()):
            for folder in collection.iterdir():
                if folder.name.startswith(_TEMPORARY_PREFIX):
                    shutil.rmtree(folder, ignore_errors=True)
                else:
                    self._indexes[collection.name, folder.name] = Index(folder, folder.name)
        self._refresher = threading.Thread(target=self._refresh_periodically, name="refresh", daemon=True)
        self._refresher.start()

    def find(self, collection: str, name: str) -> Index:
        """Returns an index. Raises SearchError (index_not_found_exception)."""
        index = self._indexes.get((collection, name))
        if index is None:
            raise errors.index_not_found(name)
        return index

    def create(self, collection: str, name: str, settings: dict[str, Any], mappings: dict[str, Any]) -> Index:
        _check_names(collection, name)
        with self._lock:
            if existing := self._indexes.get((collection, name)):
                known_as = f"{name}/{existing.uuid}"
                raise errors.SearchError(
                    400,
                    "resource_already_exists_exception",
                    f"index [{known_as}] already exists",
                    index=name,
                    index_uuid=existing.uuid,
                )
            folder = self._data / collection / name
            temporary = folder.with_name(f"{_TEMPORARY_PREFIX}{uuid.uuid4().hex}")
            Index.create(temporary, name, settings, mappings, int(time.time() * 1000))
            os.rename(temporary, folder)
            index = self._indexes[collection, name] = Index(folder, name)
            return index

    def find_or_create(self, collection: str, name: str) -> Index:
        """Returns an index. A missing one is created without a mapping: its fields are inferred from the documents."""
        try:
            return self.find(collection, name)
        except errors.SearchError:
            pass
        try:
            return self.create(collection, name, {}, {})
        except errors.SearchError as error:
            if error.kind == "resource_already_exists_exception":
                return self.find(collection, name)
            raise

    def delete(self, collection: str, name: str) -> None:
        with self._lock:
            index = self.find(collection, name)
            del self._indexes[collection, name]
            folder = self._data / collection / name
            temporary = folder.with_name(f"{_TEMPORARY_PREFIX}{uuid.uuid4().hex}")
            index.close()
            os.rename(folder, temporary)
            shutil.rmtree(temporary, ignore_errors=True)

    def refresh(self) -> None:
        for (collection, name), index in list(self._indexes.items()):
            try:
                index.refresh()
            except BaseException:  # a panic in tantivy is not an Exception, and must not end the thread
                _log.exception("refresh of %s/%s failed", collection, name)

    def close(self) -> None:
        self._closing.set()
        self._refresher.join()
        for index in self._indexes.values():
            index.close()
        self._lock_file.close()

    def _refresh_periodically(self) -> None:
        while not self._closing.wait(self._refresh_seconds):
            self.refresh()


def _check_names(collection: str, name: str) -> None:
    if not _COLLECTION.fullmatch(collection):
        raise errors.NotServed
    reason = ""
    if name != name.lower():
        reason = "must be lowercase"
    elif any(char in name for char in _FORBIDDEN_CHARACTERS):
        reason = 'must not contain the following characters [ , ", *, \\, <, |, ,, >, /, ?]'
    elif ":" in name or "#" in name:
        reason = f"must not contain '{':' if ':' in name else '#'}'"
    elif name[:1] in "_-+":
        reason = "must not start with '_', '-', or '+'"
    elif name in (".", "..") or len(name.encode()) > _MAX_NAME_BYTES or name.startswith("."):
        reason = "must not be '.' or '..', start with a dot, or be longer than 255 bytes"
    if reason:
        raise errors.SearchError(
            400, "invalid_index_name_exception", f"Invalid index name [{name}], {reason}", index=name, index_uuid="_na_"
        )
