"""Large objects of S3 pass from and to the disk, and are not held in memory.

The emulator joins the body of an upload in memory, reads whole objects for a download or a part of one, joins the parts of an upload once
more, and keeps the bytes of every version until it ends. Here a large body is written to a file as it arrives, and the emulator works on a
mapped file, which is read in pieces. An object takes the file over, and a download is sent in pieces. A body in AWS's own chunks
(``aws-chunked``) is still decoded in memory.
"""

from __future__ import annotations

import contextlib
import contextvars
import hashlib
import inspect
import os
import shutil
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from local.cloud.durability.files import failures, note_failure
from local.cloud.mapped_files import LARGE, PIECE, MappedFile, mapped, pieces, temporary, write
from local.cloud.patches import expect, require

_PART, _PART_ON_DISK = 'combined_parts.append(stored["body"])', "combined_parts.append(_part_on_disk(stored))"
_JOIN, _JOIN_ON_DISK = 'b"".join(combined_parts)', "_joined(combined_parts)"
_upload: contextvars.ContextVar[bool] = contextvars.ContextVar("upload", default=False)
"""Whether the present request stores something in S3."""


def apply() -> None:
    from ministack import app
    from ministack.services import s3

    _digest_in_pieces(s3)
    shutil.rmtree(_folder(), ignore_errors=True)
    _folder().mkdir()
    _mark_uploads(app)
    _receive_into_files(app)
    _send_in_pieces(app)
    read = require(s3, "_read_body")
    require(s3, "_object_disk_path")

    def read_body(bucket: str, key: str, obj: dict[str, Any]) -> Any:
        path = None if obj.get("body") is not None else s3._object_disk_path(bucket, key)
        return mapped(Path(path)) if path and os.path.isfile(path) else read(bucket, key, obj)

    s3._read_body = read_body
    write_small = require(s3, "_atomic_write")

    def atomic_write(path: str, content: Any, *, text: bool = False) -> None:
        if not isinstance(content, MappedFile):
            write_small(path, content, text=text)
            return
        unfinished = Path(f"{path}.tmp")
        unfinished.unlink(missing_ok=True)
        write(unfinished, content)
        unfinished.replace(path)

    s3._atomic_write = atomic_write
    source = inspect.getsource(require(s3, "_complete_multipart_upload"))
    expect(source.count(_PART) == 1 and source.count(_JOIN) == 1, "s3._complete_multipart_upload")
    s3._part_on_disk, s3._joined = _part_on_disk, _joined
    exec(compile(source.replace(_PART, _PART_ON_DISK).replace(_JOIN, _JOIN_ON_DISK), s3.__file__, "exec"), vars(s3))


def _folder() -> Path:
    return Path(os.environ["DOCPLATFORM_STATE"]) / "incoming"


def _new_file() -> Path:
    return _folder() / uuid.uuid4().hex


def _mark_uploads(app: Any) -> None:
    before_body = require(app, "_handle_pre_body_request")

    async def mark(method: str, path: str, headers: Any, query: Any, request_id: str) -> Any:
        _upload.set(method == "PUT" and app.detect_service(method, path, headers, query) == "s3")
        return await before_body(method, path, headers, query, request_id)

    app._handle_pre_body_request = mark


def _receive_into_files(app: Any) -> None:
    receive_all = require(app, "_read_request_body")
    for name in ("pin_signed_body", "_IncompleteRequestBody", "_RequestBodyDisconnected", "detect_service"):
        require(app, name)

    async def receive_body(receive: Any, method: str, headers: dict[str, str]) -> Any:
        size = headers.get("content-length", "").strip()
        if not (_upload.get() and size.isdigit() and int(size) >= LARGE) or _is_chunked(headers):
            return await receive_all(receive, method, headers)
        file = _new_file()
        try:
            failure = await _receive(app, receive, file)
        except BaseException:
            file.unlink(missing_ok=True)
            raise
        if failure:
            file.unlink()
            failures.set([failure])  # the request is refused before it runs
            return b""
        body = temporary(file)
        app.pin_signed_body(body)
        if len(body) != int(size):
            error = app._IncompleteRequestBody("Content-Length does not match request body")
            error.body = body
            raise error
        return body

    app._read_request_body = receive_body


def _is_chunked(headers: dict[str, str]) -> bool:
    return (
        headers.get("x-amz-content-sha256", "").startswith("STREAMING-")
        or "aws-chunked" in headers.get("content-encoding", "")
        or "x-amz-decoded-content-length" in headers
    )


async def _receive(app: Any, receive: Any, file: Path) -> OSError | None:
    """Receives a body to its end. Returns the error of a disk that had no room for it."""
    failure = None
    with file.open("wb", buffering=0) as opened:
        more = True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise app._RequestBodyDisconnected
            more = message.get("more_body", False)
            try:
                if failure is None:
                    opened.write(message.get("body", b""))
            except OSError as error:
                failure = error
    return failure


def _send_in_pieces(app: Any) -> None:
    send_whole = require(app, "_send_response")
    require(app, "_asgi_header_list")

    async def send_response(send: Any, status: int, headers: dict[str, Any], body: Any, *, head: bool = False) -> None:
        if not isinstance(body, (MappedFile, memoryview)):
            await send_whole(send, status, headers, body, head=head)
            return
        if "content-length" not in {name.lower() for name in headers}:
            headers["Content-Length"] = str(len(body))
        await send({"type": "http.response.start", "status": status, "headers": app._asgi_header_list(headers)})
        for piece in () if head else pieces(body):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    app._send_response = send_response


def _digest_in_pieces(s3: Any) -> None:
    """Checksums of a mapped file read it piece by piece."""
    from ministack.core import responses

    hashes = SimpleNamespace(**vars(hashlib))
    for name in ("md5", "sha1", "sha256"):
        setattr(hashes, name, _in_pieces(getattr(hashlib, name)))
    for module in (s3, responses):
        expect(require(module, "hashlib") is hashlib, f"{module.__name__}.hashlib")
        module.hashlib = hashes
    expect(require(s3, "zlib") is zlib, "s3.zlib")
    s3.zlib = SimpleNamespace(**{**vars(zlib), "crc32": _crc32})


def _in_pieces(make: Callable[..., Any]) -> Callable[..., Any]:
    def made(content: Any = b"", **more: Any) -> Any:
        found = make(**more)
        for piece in content.pieces() if isinstance(content, MappedFile) else (content,):
            found.update(piece)
        return found

    return made


def _crc32(content: Any, value: int = 0) -> int:
    for piece in content.pieces() if isinstance(content, MappedFile) else (content,):
        value = zlib.crc32(piece, value)
    return value


class _Part:
    """A part of an upload, by its file."""

    def __init__(self, file: Path, size: int) -> None:
        self.file, self._size = file, size

    def __len__(self) -> int:
        return self._size


def _part_on_disk(part: Any) -> Any:
    file = getattr(part, "file", None)
    return part["body"] if file is None else _Part(file, part["size"])


def _joined(parts: list[Any]) -> Any:
    """The parts of an upload, one after the other. Raises OSError."""
    file = _new_file()
    try:
        with file.open("wb") as whole:
            for part in parts:
                if isinstance(part, _Part):
                    with part.file.open("rb") as opened:
                        shutil.copyfileobj(opened, whole, PIECE)
                else:
                    whole.write(part)
    except OSError as error:
        with contextlib.suppress(OSError):
            file.unlink()
        note_failure(error)
        raise
    return temporary(file)
