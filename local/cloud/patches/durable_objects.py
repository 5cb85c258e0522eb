"""An object of S3 is on disk when its upload is answered, and whole, or it is the one before.

The emulator writes an object's bytes and then what it knows of them, into two files: a kill in between leaves new bytes under the old
object's name and checksum. And it logs that an object could not be stored, and answers 200. Here the new bytes wait in a file of their own
(``NAME.ID.tmp``), the second file names them (``bytes``), and they are moved into place after it; a start moves those that a kill has left
there. A request whose object could not be stored is refused, and the object before it is what it was.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import uuid
from pathlib import Path
from typing import Any

from local.cloud.durability.files import note_failure
from local.cloud.mapped_files import write
from local.cloud.patches import expect, require

_SIDECAR = ".meta.json"
_FILES = ("_object_disk_path", "_other_key_disk_path", "_remove_key_files", "DATA_DIR")
_HANDLED = (  # what the emulator's own function does, and this one with it
    "_atomic_write(fpath, data)",
    'meta = {**_object_meta_from_record(obj), **_key_history_meta(bucket, key), "key": key}',
    "_remove_key_files(_other_key_disk_path(",
)


def apply() -> None:
    expect("ministack.services.s3" not in sys.modules, "s3 reads its objects when it is imported; finish them first")
    finish(Path(os.environ["S3_DATA_DIR"]))
    from ministack.services import s3

    for name in (
        *_FILES,
        "_object_meta_from_record",
        "_key_history_meta",
        "_atomic_write",
        "_buckets",
        "_object_versions",
    ):
        require(s3, name)
    source = inspect.getsource(require(s3, "_persist_object"))
    expect(all(line in source for line in _HANDLED), "s3._persist_object")
    s3._persist_object = _persist
    for name in ("_persist_delete_marker", "_persist_displaced_version"):
        _refuse_failures(s3, name)


def finish(folder: Path) -> None:
    """Moves the bytes of stored objects into place, and removes those of objects that were never stored."""
    for waiting in folder.rglob("*.tmp"):
        name, _, identity = waiting.name.removesuffix(".tmp").rpartition(".")
        sidecar = waiting.with_name(name + _SIDECAR)
        try:
            noted = json.loads(sidecar.read_bytes()).get("bytes")
        except (OSError, ValueError):
            noted = None
        if name and noted == identity:
            waiting.replace(waiting.with_name(name))
        else:
            waiting.unlink()


def _persist(bucket: str, key: str, obj: Any) -> None:
    from ministack.core.responses import get_account_id
    from ministack.services import s3

    path = s3._object_disk_path(bucket, key)
    if path is None:
        return
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        _store(s3, path, bucket, key, obj)
        home = os.path.join(s3.DATA_DIR, get_account_id(), bucket)
        s3._remove_key_files(s3._other_key_disk_path(home, key, path))
    except OSError as error:
        note_failure(error)
        raise


def _store(s3: Any, path: str, bucket: str, key: str, obj: dict[str, Any]) -> None:
    content, waiting, known = obj.get("body"), "", {}
    if content is not None:
        identity = uuid.uuid4().hex
        waiting, known = f"{path}.{identity}.tmp", {"bytes": identity}
    try:
        if waiting:
            write(Path(waiting), content)
        meta = {**s3._object_meta_from_record(obj), **s3._key_history_meta(bucket, key), "key": key, **known}
        s3._atomic_write(path + _SIDECAR, json.dumps(meta), text=True)
    except OSError:
        if waiting:
            Path(waiting).unlink(missing_ok=True)
        raise
    if waiting:
        os.replace(waiting, path)
    obj["body"] = None  # it is read from the file, and older versions are read from theirs
    for version in s3._object_versions.get((bucket, key)) or ():
        version["data"] = None


def _refuse_failures(s3: Any, name: str) -> None:
    """The emulator logs what it could not write. Here the request learns of it."""
    source = inspect.getsource(require(s3, name))
    swallowed = "    except Exception as e:\n"
    expect(source.count(swallowed) == 1, f"s3.{name}")
    told = "    except OSError as error:\n        _object_not_stored(error)\n        raise\n"
    s3._object_not_stored = note_failure
    exec(compile(source.replace(swallowed, told + swallowed), s3.__file__, "exec"), vars(s3))


class Before:
    """What S3 held under a request's key before it ran."""

    def __init__(self, path: str) -> None:
        from ministack.services import s3

        self._bucket, _, self._key = path.lstrip("/").partition("/")
        self._objects = (s3._buckets.get(self._bucket) or {}).get("objects", {})
        self._object = dict(known) if (known := self._objects.get(self._key)) else None
        versions = s3._object_versions.get((self._bucket, self._key))
        self._versions = None if versions is None else [dict(each) for each in versions]

    def restore(self) -> None:
        from ministack.services import s3

        key = self._bucket, self._key
        self._objects.pop(self._key, None)
        s3._object_versions.pop(key, None)
        if self._object is not None:
            self._objects[self._key] = self._object
        if self._versions is not None:
            s3._object_versions[key] = self._versions
