"""Presigned links over HTTP, with the standard library. No credentials, no redirects, no proxies."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

TIMEOUT = 60.0  # seconds for each step of a connection
LARGEST = 1_000_000_000  # bytes; the largest plan has files of 500 MB
_CHUNK = 1 << 20


class LinkFailed(RuntimeError):
    """The object behind a link could not be read or written. The text never has the link, which is a secret."""


class HttpLinks:
    def fetch(self, link: str, path: Path) -> str:
        """Raises FileNotFoundError, LinkFailed."""
        connection = _connection(link)
        try:
            answer = _send(connection, "GET", link, b"", {})
            if answer.status == 404:
                raise FileNotFoundError("the file is not there")
            if answer.status != 200:
                raise LinkFailed(f"reading answered {answer.status}")
            _copy(answer, path)
            return answer.headers.get("x-amz-version-id") or "null"
        finally:
            connection.close()

    def put(self, link: str, content: bytes, content_type: str) -> None:
        """Raises LinkFailed."""
        connection = _connection(link)
        try:
            answer = _send(connection, "PUT", link, content, {"Content-Type": content_type})
            if answer.status != 200:
                raise LinkFailed(f"writing answered {answer.status}")
        finally:
            connection.close()


def _copy(answer: HTTPResponse, path: Path) -> None:
    """Raises LinkFailed for a file that is too large, or ends too early."""
    copied = 0
    with path.open("wb") as file:
        while chunk := answer.read(_CHUNK):
            copied += len(chunk)
            if copied > LARGEST:
                raise LinkFailed("the file is larger than any plan allows")
            file.write(chunk)
    if answer.length:
        raise LinkFailed("the file ended too early")


def _connection(link: str) -> HTTPConnection:
    parts = urlsplit(link)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection  # http: the local cloud
    return kind(parts.hostname or "", parts.port, timeout=TIMEOUT)


def _send(connection: HTTPConnection, method: str, link: str, body: bytes, headers: dict[str, str]) -> HTTPResponse:
    parts = urlsplit(link)
    try:
        connection.request(method, f"{parts.path}?{parts.query}", body=body or None, headers=headers)
        return connection.getresponse()
    except (OSError, HTTPException) as error:
        raise LinkFailed(f"no answer: {type(error).__name__}") from None
