"""A tenant under load: somebody who works there, over connections that stay open."""

from __future__ import annotations

import json
import math
import queue
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import urllib3

from local import demo_data

_SIGNED_IN = 600.0  # seconds after which a member signs in anew; access tokens are valid for 900
_REMEMBERED = 1_000  # documents of a tenant
_PROCESSING = 300.0  # seconds
_WORDS = (
    "lease",
    "term",
    "notice",
    "agreement",
    "policy",
    "report",
    "revenue",
    "delivery",
    "travel",
    "landlord",
    "rent month",
)


class Refused(Exception):
    """A request failed. The text is an HTTP status, 'timeout' or 'connection'."""


class Connections:
    """Connections that stay open. ``*.localhost`` is loopback, which not every resolver knows."""

    def __init__(self, most: int, timeout: float) -> None:
        limits = urllib3.Timeout(connect=min(timeout, 10.0), read=timeout)
        self._pool = urllib3.PoolManager(num_pools=200, maxsize=most, timeout=limits, retries=False)

    def request(self, method: str, url: str, headers: dict[str, str], body: bytes | None = None) -> bytes:
        """The body of the answer. Raises Refused."""
        host = urlsplit(url).hostname or ""
        if host.endswith(".localhost"):
            headers = {"Host": urlsplit(url).netloc, **headers}
            url = url.replace(host, "127.0.0.1", 1)
        try:
            answer = self._pool.request(method, url, body=body, headers=headers)
        except urllib3.exceptions.NewConnectionError as error:  # in urllib3 a kind of time-out
            raise Refused("connection") from error
        except urllib3.exceptions.TimeoutError as error:
            raise Refused("timeout") from error
        except urllib3.exceptions.HTTPError as error:
            raise Refused("connection") from error
        if answer.status >= 400:
            raise Refused(str(answer.status))
        return answer.data


@dataclass
class Site:
    """A tenant's address, somebody who works there, and documents to work on."""

    connections: Connections
    address: str
    email: str = ""
    password: str = ""
    token: str = ""
    run: str = ""
    """Names what this run makes."""
    signed_in_at: float = -math.inf
    documents: list[str] = field(default_factory=list)
    previews: list[str] = field(default_factory=list)
    own: queue.SimpleQueue[str] = field(default_factory=queue.SimpleQueue)
    """Documents of this run, for changes: taken out while one is changed."""
    folder: str = ""
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(10**9)))

    def ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        return json.loads(self.connections.request(method, self.address + path, headers, content) or b"{}")

    def sign_in(self) -> None:
        if self.password and time.monotonic() - self.signed_in_at > _SIGNED_IN:
            made = self.ask("POST", "/v1/auth/login", {"email": self.email, "password": self.password})
            self.token, self.signed_in_at = made["access_token"], time.monotonic()

    def prepare(self) -> None:
        """Signs in, makes a folder and a document in it, and finds documents to read. Returns once its document has a preview."""
        self.sign_in()
        self.folder = self.ask("POST", "/v1/folders", {"name": f"Load {self.run}"})["id"]
        for child in self._children("root"):
            for each in [child] if child["kind"] == "document" else self._children(child["id"]):
                if each["kind"] == "document" and len(self.documents) < _REMEMBERED:
                    self.documents.append(each["id"])
                    if each["version"]["has_preview"]:
                        self.previews.append(each["id"])
        content = demo_data.pdf(["The lease ends in June.", "Either party may give notice."])
        made = self._send("pdf", demo_data.PDF, content)
        deadline = time.monotonic() + _PROCESSING
        while not self.ask("GET", f"/v1/documents/{made}")["version"]["has_preview"]:
            if time.monotonic() > deadline:
                raise SystemExit(f"{self.address}: a document has no preview after {_PROCESSING:.0f} seconds")
            time.sleep(0.5)
        self.documents.append(made)
        self.previews.append(made)

    def _children(self, folder: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.ask("GET", f"/v1/folders/{folder}/children?limit=100")["items"]
        return found

    # -- operations
    def search(self, chance: random.Random, _: int) -> None:
        self.ask("POST", "/v1/search", {"query": chance.choice(_WORDS)})

    def document(self, chance: random.Random, _: int) -> None:
        self.ask("GET", f"/v1/documents/{chance.choice(self.documents)}")

    def download_link(self, chance: random.Random, _: int) -> None:
        self.ask("GET", f"/v1/documents/{chance.choice(self.documents)}/content")

    def preview(self, chance: random.Random, _: int) -> None:
        link = self.ask("GET", f"/v1/documents/{chance.choice(self.previews)}/preview")
        self.connections.request(link["method"], link["url"], link["headers"])

    def upload(self, chance: random.Random, size: int) -> None:
        content = (" ".join(chance.choices(_WORDS, k=100)) + "\n").encode()
        content = (content * (size // len(content) + 1))[:size]
        self._send("txt", demo_data.TEXT, content)

    def _send(self, ending: str, kind: str, content: bytes) -> str:
        made = self.ask("POST", "/v1/documents", self._new(ending, content_type=kind, size=len(content)))
        link, document = made["upload"], str(made["document"]["id"])
        self.connections.request(link["method"], link["url"], link["headers"], content)
        if self.own.qsize() < _REMEMBERED:
            self.own.put(document)
        return document

    def list(self, chance: random.Random, _: int) -> None:
        self.ask("GET", f"/v1/folders/{chance.choice(('root', self.folder))}/children")

    def rename(self, _: random.Random, __: int) -> None:
        with self._one_of_own() as document:
            self.ask("PATCH", f"/v1/documents/{document}", {"name": self._new("txt")["name"]})

    def grant(self, chance: random.Random, _: int) -> None:
        with self._one_of_own() as document:
            role = chance.choice(("viewer", "editor"))
            self.ask("PUT", f"/v1/access/{document}/grants/everyone", {"role": role})

    def make_folder(self, _: random.Random, __: int) -> None:
        new = self._new("")
        self.ask("POST", "/v1/folders", {"name": new["name"], "parent_id": new["folder_id"]})

    @contextmanager
    def _one_of_own(self) -> Iterator[str]:
        try:
            document = self.own.get(timeout=30)
        except queue.Empty:
            raise Refused("no document to change") from None
        try:
            yield document
        finally:
            self.own.put(document)

    def _new(self, ending: str, **more: object) -> dict[str, object]:
        return {"name": f"{next(self.numbers)}.{ending}".rstrip("."), "folder_id": self.folder, **more}
