"""A file is opened by links alone: what is fetched, what is written, and what is answered."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from docplatform.extraction.adapters.http_links import HttpLinks, LinkFailed
from docplatform.extraction.model import FileRejected, FileType, Inspection, PreviewResult, RejectionReason, TextResult
from docplatform.extraction.opening import FileOpener
from tests.support.mocked_aws import function
from tests.support.mocked_region import sample

CONTENT = b"the walrus and the carpenter"


@dataclass
class Extractor:
    problem: RejectionReason | None = None

    def inspect(self, path: Path, *, declared_type: str, name: str) -> Inspection:
        self._refuse()
        return Inspection(file_type=FileType.TEXT, media_type="text/plain", size=path.stat().st_size, sha256="")

    def extract(self, path: Path, file_type: FileType) -> TextResult:
        self._refuse()
        return TextResult(text=path.read_text(), title="T" * 500, pages=3)

    def preview(self, path: Path, file_type: FileType) -> PreviewResult:
        self._refuse()
        return PreviewResult(preview=b"large", thumbnail=b"small")

    def _refuse(self) -> None:
        if self.problem:
            raise FileRejected(self.problem, "Because.")


@dataclass
class Memory:
    objects: dict[str, bytes] = field(default_factory=lambda: {"source": CONTENT})

    def fetch(self, link: str, path: Path) -> str:
        if link not in self.objects:
            raise FileNotFoundError(link)
        path.write_bytes(self.objects[link])
        return "v1"

    def put(self, link: str, content: bytes, content_type: str) -> None:
        self.objects[link] = content


INSPECT = {"operation": "inspect", "source": "source", "size": len(CONTENT), "declared_type": "", "name": "walrus.txt"}
EXTRACT = {"operation": "extract", "source": "source", "file_type": "text", "text": "text"}
PREVIEW = {"operation": "preview", "source": "source", "file_type": "text", "preview": "p", "thumbnail": "t"}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Any]:
    links = Memory()

    def open_(request: dict[str, Any], problem: RejectionReason | None = None) -> Any:
        return FileOpener(Extractor(problem), links, tmp_path).open(request), links.objects

    yield open_
    assert list(tmp_path.iterdir()) == [], "no file is left behind"


def test_an_inspection_tells_type_hash_and_version_and_writes_nothing(opened: Any) -> None:
    answer, objects = opened(INSPECT)
    facts = {"sha256": hashlib.sha256(CONTENT).hexdigest(), "file_type": "text", "storage_version": "v1"}
    assert answer == {"missing": False, "rejected": None, **facts}
    assert set(objects) == {"source"}


def test_a_text_and_pictures_are_written_by_their_links_and_nothing_else(opened: Any) -> None:
    answer, objects = opened(EXTRACT)
    assert (answer["has_text"], answer["pages"], len(answer["title"])) == (True, 3, 300)
    opened(PREVIEW)
    assert objects == {"source": CONTENT, "text": CONTENT, "p": b"large", "t": b"small"}


@pytest.mark.parametrize("request_", [EXTRACT, PREVIEW])
def test_a_rejected_file_has_nothing_written(opened: Any, request_: dict[str, Any]) -> None:
    answer, objects = opened(request_, RejectionReason.ENCRYPTED)
    assert answer["rejected"] == {"code": "encrypted", "detail": "Because."}
    assert set(objects) == {"source"}


@pytest.mark.parametrize(
    ("changes", "problem", "code"),
    [({"size": 1}, None, "size_mismatch"), ({}, RejectionReason.DAMAGED, "damaged")],
)
def test_hash_and_version_of_a_rejected_file_are_known_because_it_stays_stored(
    opened: Any, changes: dict[str, Any], problem: RejectionReason | None, code: str
) -> None:
    answer, _ = opened({**INSPECT, **changes}, problem)
    assert answer["rejected"]["code"] == code
    assert (answer["storage_version"], len(answer["sha256"]), answer["file_type"]) == ("v1", 64, "")


def test_a_file_that_is_not_there(opened: Any) -> None:
    answer, _ = opened({**INSPECT, "source": "gone"})
    assert answer["missing"] is True


# -- over HTTP
@dataclass
class Storage:
    url: str
    asked: list[tuple[str, str, str, bytes]] = field(default_factory=list)


@pytest.fixture
def storage() -> Iterator[Storage]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            made.asked.append((self.command, self.path, self.headers.get("Content-Type", ""), body))
            status = int(self.path.partition("status=")[2] or 200)
            self.send_response(status)
            if status == 302:
                self.send_header("Location", f"{made.url}/elsewhere")
            if "version" in self.path:
                self.send_header("x-amz-version-id", "v7")
            promised = len(CONTENT) + (9 if "short" in self.path else 0)
            self.send_header("Content-Length", str(promised))
            self.end_headers()
            self.wfile.write(CONTENT)

        do_GET = do_PUT = answer  # noqa: N815

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made = Storage(f"http://127.0.0.1:{server.server_port}")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield made
    server.shutdown()
    server.server_close()


def test_a_file_is_fetched_with_its_version_and_a_text_is_put_with_its_type(storage: Storage, tmp_path: Path) -> None:
    links, path = HttpLinks(), tmp_path / "file"
    assert links.fetch(f"{storage.url}/a/b?X-Amz-Signature=s&version=1", path) == "v7"
    assert path.read_bytes() == CONTENT
    assert links.fetch(f"{storage.url}/a/b", path) == "null"
    links.put(f"{storage.url}/text?X-Amz-Signature=s", b"text", "text/plain; charset=utf-8")
    assert storage.asked[0][:2] == ("GET", "/a/b?X-Amz-Signature=s&version=1")
    assert storage.asked[-1] == ("PUT", "/text?X-Amz-Signature=s", "text/plain; charset=utf-8", b"text")


@pytest.mark.parametrize("status", [302, 403, 500])
def test_an_answer_that_is_no_file_fails_without_telling_the_link(
    storage: Storage, tmp_path: Path, status: int
) -> None:
    link = f"{storage.url}/secret?status={status}"
    for call in (lambda: HttpLinks().fetch(link, tmp_path / "file"), lambda: HttpLinks().put(link, b"x", "text/plain")):
        with pytest.raises(LinkFailed) as failed:
            call()
        assert str(status) in str(failed.value) and "secret" not in str(failed.value)
    assert {path for _, path, _, _ in storage.asked} == {f"/secret?status={status}"}, "no redirect is followed"


def test_a_missing_file_a_short_one_and_a_server_that_is_not_there(storage: Storage, tmp_path: Path) -> None:
    path = tmp_path / "file"
    with pytest.raises(FileNotFoundError):
        HttpLinks().fetch(f"{storage.url}/x?status=404", path)
    for link in (f"{storage.url}/short", "http://127.0.0.1:1/x"):
        with pytest.raises(LinkFailed):
            HttpLinks().fetch(link, path)


def test_the_function_opens_a_real_file_with_nothing_but_its_link(storage: Storage) -> None:
    answer = function("file_opener").handler(sample("file-opener", LINK=f"{storage.url}/original?version=1"), None)
    assert (answer["rejected"], answer["file_type"], answer["storage_version"]) == (None, "text", "v7")
    assert answer["sha256"] == hashlib.sha256(CONTENT).hexdigest()
    assert [method for method, *_ in storage.asked] == ["GET"]
