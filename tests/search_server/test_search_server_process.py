"""The server process: durable data, concurrent clients, HTTP."""

import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests
from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConflictError, ConnectionError, TransportError

from tests.search_server.engine import ROOT, SearchServer, wait_until

pytestmark = pytest.mark.slow

MAPPING = {"mappings": {"properties": {"text": {"type": "text"}, "number": {"type": "long"}}}}


def counts(client: OpenSearch, number: int) -> Callable[[], bool]:
    return lambda: client.count(index="library")["count"] == number


def test_every_confirmed_write_survives_a_crash(fresh_server: Callable[..., SearchServer]) -> None:
    """The process is killed three times during writes; every confirmed write is there afterwards."""
    running = fresh_server()
    running.client().indices.create(index="library", body=MAPPING)
    answered: list[int] = []
    for _ in range(3):
        running = _write_until_killed(running, answered)
    client = running.client()
    wait_until(lambda: client.count(index="library")["count"] >= len(answered))
    kept = {int(hit["_id"]) for hit in client.search(index="library", body={"size": 10_000})["hits"]["hits"]}
    assert set(answered) <= kept
    assert len(kept - set(answered)) <= 3, "at most the write that was under way at each crash"


def _write_until_killed(running: SearchServer, answered: list[int]) -> SearchServer:
    client = running.client()
    first = (max(answered) if answered else 0) + 2
    threading.Timer(0.5, running.crash).start()
    for number in range(first, first + 100_000):
        try:
            client.index(index="library", id=str(number), body={"text": f"lease {number}", "number": number})
        except (ConnectionError, TransportError):
            break
        answered.append(number)
    time.sleep(0.3)
    return running.restarted()


def test_a_crash_right_after_the_response_loses_nothing(fresh_server: Callable[..., SearchServer]) -> None:
    running = fresh_server(refresh_seconds=60)
    client = running.client()
    client.indices.create(index="library", body=MAPPING)
    client.index(index="library", id="1", body={"text": "lease", "number": 1})
    client.index(index="library", id="2", body={"text": "office"})
    client.update(index="library", id="1", body={"doc": {"number": 2}})
    client.delete(index="library", id="2")
    client.indices.put_mapping(index="library", body={"properties": {"kind": {"type": "keyword"}}})
    running.crash()
    again = running.restarted()
    client = again.client()
    try:
        assert client.count(index="library")["count"] == 1
        found = client.search(index="library", body={"query": {"match": {"text": "lease"}}})["hits"]["hits"]
        assert [(hit["_id"], hit["_source"]) for hit in found] == [("1", {"text": "lease", "number": 2})]
        assert client.get(index="library", id="1")["_version"] == 2
        assert "kind" in client.indices.get_mapping(index="library")["library"]["mappings"]["properties"]
    finally:
        assert again.stop() == 0


def test_a_restarted_server_has_the_same_data(fresh_server: Callable[..., SearchServer]) -> None:
    running = fresh_server()
    client = running.client()
    client.indices.create(index="library", body=MAPPING)
    client.indices.create(index="gone")
    client.indices.delete(index="gone")
    client.bulk(index="library", body=_numbered(50))
    wait_until(counts(client, 50))
    before = client.search(index="library", body={"query": {"match": {"text": "lease"}}, "size": 50})["hits"]
    assert running.stop() == 0
    again = running.restarted()
    try:
        after = again.client().search(index="library", body={"query": {"match": {"text": "lease"}}, "size": 50})["hits"]
        assert after == before
        assert not again.client().indices.exists(index="gone")
    finally:
        again.stop()


@pytest.mark.parametrize("damage", ["removed", "torn"])
def test_a_damaged_text_index_is_rebuilt(fresh_server: Callable[..., SearchServer], damage: str) -> None:
    running = fresh_server()
    client = running.client()
    client.indices.create(index="library", body=MAPPING)
    client.bulk(index="library", body=_numbered(30))
    wait_until(counts(client, 30))
    running.stop()
    (folder,) = (running.data / "tests" / "library").glob("text-*")
    for path in folder.iterdir():
        if damage == "removed":
            path.unlink()
        elif path.suffix != ".lock":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    again = running.restarted()
    try:
        assert again.client().count(index="library", body={"query": {"match": {"text": "lease"}}})["count"] == 30
    finally:
        again.stop()


def test_old_versions_are_removed(fresh_server: Callable[..., SearchServer]) -> None:
    running = fresh_server()
    client = running.client()
    client.indices.create(index="library", body=MAPPING)
    for number in range(60):
        client.index(index="library", id="1", body={"text": "x" * 1000, "number": number})
        time.sleep(0.01)
    wait_until(lambda: client.count(index="library", body={"query": {"term": {"number": 59}}})["count"] == 1)
    client.index(index="library", id="1", body={"number": 60})
    wait_until(lambda: client.count(index="library", body={"query": {"term": {"number": 60}}})["count"] == 1)
    running.stop()
    with sqlite3.connect(running.data / "tests" / "library" / "documents.db") as database:
        assert database.execute("SELECT count(*) FROM writes").fetchone()[0] <= 2
        assert database.execute("SELECT count(*) FROM sources").fetchone()[0] <= 2


def test_a_second_server_on_the_same_folder_is_refused(fresh_server: Callable[..., SearchServer]) -> None:
    running = fresh_server()
    command = [sys.executable, "-m", "local.search_server", "--port", "0", "--data", str(running.data)]
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30)
    assert second.returncode == 1 and "another search server" in second.stderr


def test_many_clients_write_and_search_at_once(fresh_server: Callable[..., SearchServer]) -> None:
    running = fresh_server()
    client = running.client()
    client.indices.create(index="library", body=MAPPING)
    client.index(index="library", id="shared", body={})

    def write_and_search(worker: int) -> list[str]:
        own, failures = running.client(), []
        for number in range(40):
            document_id = f"{worker}-{number}"
            own.index(index="library", id=document_id, body={"text": f"lease of worker{worker}", "number": number})
            own.update(index="library", id="shared", body={"doc": {f"w{worker}": number}})
            if number % 3 == 0:
                own.delete(index="library", id=document_id)
            hits = own.search(index="library", body={"query": {"match": {"text": f"worker{worker}"}}, "size": 100})[
                "hits"
            ]
            failures += [hit["_id"] for hit in hits["hits"] if hit["_source"]["text"] != f"lease of worker{worker}"]
        return failures

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(write_and_search, range(8))) == [[]] * 8
    wait_until(
        lambda: client.get(index="library", id="shared")["_version"] == 1 + 8 * 40
    )  # visible, and so is every earlier write
    wait_until(counts(client, 8 * 26 + 1))
    shared = client.get(index="library", id="shared")
    assert shared["_source"] == {f"w{worker}": 39 for worker in range(8)}, "no update was lost"


def test_only_one_of_many_concurrent_creates_succeeds(fresh_server: Callable[..., SearchServer]) -> None:
    running = fresh_server()

    def create(worker: int) -> bool:
        try:
            running.client().create(index="library", id="1", body={"number": worker})
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(16))) == 1


def test_an_index_can_be_deleted_during_searches(fresh_server: Callable[..., SearchServer]) -> None:
    running = fresh_server()
    client = running.client()
    seen: set[Any] = set()
    going = threading.Event()

    def search() -> None:
        own = running.client()
        while not going.is_set():
            try:
                seen.add(len(own.search(index="library", body={"size": 100})["hits"]["hits"]))
            except TransportError as error:
                seen.add(error.error)

    searchers = [threading.Thread(target=search) for _ in range(4)]
    client.indices.create(index="library", body=MAPPING)
    for thread in searchers:
        thread.start()
    for _ in range(5):
        client.bulk(index="library", body=_numbered(20))
        time.sleep(0.1)
        client.indices.delete(index="library")
        client.indices.create(index="library", body=MAPPING)
    going.set()
    for thread in searchers:
        thread.join()
    assert seen <= {0, 20, "index_not_found_exception"}


def _numbered(count: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for number in range(count):
        lines += [
            {"index": {"_id": str(number)}},
            {"text": f"lease number {number} " + "word " * (number % 7), "number": number},
        ]
    return lines


# -- HTTP


@pytest.fixture
def url(server: SearchServer) -> str:
    return f"http://127.0.0.1:{server.port}"


def test_nothing_is_served_outside_an_index(url: str) -> None:
    for path in ("", "/", "/collection1", "/collection1/"):
        answer = requests.get(url + path, timeout=10)
        assert (answer.status_code, answer.content) == (404, b"")


def test_a_connection_stays_open(server: SearchServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        stream = connection.makefile("rb")
        for _ in range(3):
            connection.sendall(b"GET /kept/library HTTP/1.1\r\nHost: x\r\n\r\n")
            assert stream.readline() == b"HTTP/1.1 404 Not Found\r\n"
            length = 0
            while line := stream.readline().strip():
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            assert json.loads(stream.read(length))["status"] == 404


def test_a_body_of_more_than_ten_megabytes_is_refused(url: str) -> None:
    most = 10 * 1024 * 1024
    fits = json.dumps({"text": "x" * (most - 100)})
    assert requests.put(f"{url}/large/library/_doc/1", fits, timeout=60).status_code == 201
    refused = requests.put(f"{url}/large/library/_doc/1", b"x" * (most + 1), timeout=60)
    assert refused.status_code == 413


@pytest.mark.parametrize(
    ("header", "body"),
    [({"Content-Encoding": "gzip"}, b"packed"), ({}, (part for part in (b'{"kind":', b' "memo"}')))],  # sent in chunks
)
def test_compressed_and_chunked_bodies_are_refused(url: str, header: dict[str, str], body: Any) -> None:
    answer = requests.put(f"{url}/forms/library/_doc/1", body, headers=header, timeout=10)
    assert answer.status_code == 400
    assert "is not offered by the local search server" in answer.json()["error"]["reason"]
    assert requests.get(f"{url}/forms/library", timeout=10).status_code == 404


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b"xx", b'"x"', b"{", b'{"a": NaN}', b'{"a": "\\ud800"}', b"\xff\xfe", b"[" * 100_000]
)
def test_an_invalid_body_is_refused(url: str, body: bytes) -> None:
    answer = requests.put(f"{url}/broken/library/_doc/1", body, timeout=10)
    assert answer.status_code == 400 and answer.json()["error"]["type"]
    search = requests.post(f"{url}/broken/library/_search", body or b"[]", timeout=10)
    assert search.status_code in (400, 404)


def test_a_wrong_method_is_refused(url: str) -> None:
    requests.put(f"{url}/methods/library", timeout=10)
    for method, path in (("PATCH", "_doc/1"), ("PUT", "_search"), ("DELETE", "_mapping")):
        assert requests.request(method, f"{url}/methods/library/{path}", json={}, timeout=10).status_code == 405


def test_the_response_to_head_has_no_body(url: str) -> None:
    requests.put(f"{url}/heads/library", timeout=10)
    answer = requests.head(f"{url}/heads/library", timeout=10)
    assert answer.status_code == 200 and int(answer.headers["Content-Length"]) > 0 and answer.content == b""
    assert requests.head(f"{url}/heads/nowhere", timeout=10).status_code == 404


def test_ids_and_values_can_be_any_text(server: SearchServer) -> None:
    client = server.client("texts")
    for document_id in ("a b", "a/b", "ä?&=#", "日本", "%41", "x" * 512):
        client.index(index="library", id=document_id, body={"text": document_id})
        wait_until(lambda wanted=document_id: client.exists(index="library", id=wanted))  # type: ignore[misc]
        assert client.get(index="library", id=document_id)["_source"] == {"text": document_id}
        found = client.search(index="library", body={"query": {"ids": {"values": [document_id]}}})["hits"]["hits"]
        assert [hit["_id"] for hit in found] == [document_id]
    with pytest.raises(TransportError) as refused:
        client.index(index="library", id="x" * 513, body={})
    assert "is too long" in str(refused.value)


def test_a_server_with_many_documents_starts_quickly(fresh_server: Callable[..., SearchServer], tmp_path: Path) -> None:
    running = fresh_server()
    client = running.client()
    client.indices.create(index="library", body=MAPPING)
    for first in range(0, 5000, 1000):
        lines: list[dict[str, Any]] = []
        for number in range(first, first + 1000):
            lines += [{"index": {"_id": str(number)}}, {"text": f"lease {number} " * 30, "number": number}]
        client.bulk(index="library", body=lines)
    wait_until(counts(client, 5000))
    running.stop()
    began = time.monotonic()
    again = running.restarted()
    try:
        assert again.client().count(index="library")["count"] == 5000
        assert time.monotonic() - began < 10
    finally:
        again.stop()
