"""The search engines that tests run on, and one index of an engine."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from opensearchpy import OpenSearch
from opensearchpy.exceptions import NotFoundError, RequestError, TransportError

ROOT = Path(__file__).resolve().parents[2]
VISIBILITY_TIMEOUT = 90  # seconds, on a slow machine, until a write must be visible

Document = dict[str, Any]


class SearchServer:
    """The local search server in its own process."""

    def __init__(self, data: Path, refresh_seconds: float = 0.05, port: int = 0) -> None:
        self.data, self.refresh_seconds = data, refresh_seconds
        self.successor: SearchServer | None = None
        command = [sys.executable, "-m", "local.search_server", "--port", str(port), "--data", str(data)]
        self._process = subprocess.Popen(
            [*command, "--refresh-seconds", str(refresh_seconds)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None and self._process.stderr is not None
        line = self._process.stdout.readline()
        ready = re.fullmatch(r"search server ready on http://127\.0\.0\.1:(\d+)\n", line)
        assert ready, line + self._process.stderr.read()
        self.port = int(ready[1])

    def client(self, collection: str = "tests") -> OpenSearch:
        host = {"host": "127.0.0.1", "port": self.port, "url_prefix": collection}
        return OpenSearch(hosts=[host], timeout=30, max_retries=0)

    def crash(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._end()

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._end()

    def restarted(self) -> SearchServer:
        self.successor = SearchServer(self.data, self.refresh_seconds)
        return self.successor

    def _end(self) -> int:
        self._process.communicate()
        return self._process.returncode


@dataclass
class Engine:
    client: OpenSearch
    real: bool
    """True for a real OpenSearch, which refreshes on demand."""

    def index(self, mappings: dict[str, Any], settings: dict[str, Any] | None = None) -> Index:
        one_shard = {"number_of_shards": 1, "number_of_replicas": 0, **(settings or {})}
        name = f"test-{uuid.uuid4().hex[:12]}"
        self.client.indices.create(index=name, body={"settings": one_shard, "mappings": mappings})
        return Index(self, name)


@dataclass
class Index:
    engine: Engine
    name: str
    _expected: dict[str, int] = field(default_factory=dict)  # id → version that must become visible; 0: deleted

    @property
    def client(self) -> OpenSearch:
        return self.engine.client

    def put(self, document_id: str, document: Document) -> dict[str, Any]:
        return self._seen(self.client.index(index=self.name, id=document_id, body=document))

    def create(self, document_id: str, document: Document) -> dict[str, Any]:
        return self._seen(self.client.create(index=self.name, id=document_id, body=document))

    def update(self, document_id: str, **body: Any) -> dict[str, Any]:
        return self._seen(self.client.update(index=self.name, id=document_id, body=body))

    def remove(self, document_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.delete(index=self.name, id=document_id)
        self._expected[document_id] = 0
        return answer

    def bulk(self, *lines: dict[str, Any]) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.bulk(index=self.name, body=list(lines))
        for item in answer["items"]:
            ((action, outcome),) = item.items()
            if "error" not in outcome:
                self._expected[outcome["_id"]] = 0 if action == "delete" else outcome["_version"]
        return answer

    def fill(self, documents: dict[str, Document]) -> Index:
        """Writes all documents and waits until they are visible."""
        listed = list(documents.items())
        for first in range(0, len(listed), 500):
            lines = [line for key, value in listed[first : first + 500] for line in ({"index": {"_id": key}}, value)]
            answer = self.bulk(*lines)
            assert not answer["errors"], answer
        self.settle()
        return self

    def settle(self) -> None:
        """Waits until searches see every write so far."""
        if self.engine.real:
            self.client.indices.refresh(index=self.name)
            return
        for document_id, version in self._expected.items():
            wait_until(partial(self._is_visible, document_id, version))
        self._expected.clear()

    def search(self, **body: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.search(index=self.name, body=body)
        return answer

    def finds(self, query: dict[str, Any]) -> set[str]:
        hits = self.search(query=query, size=1000, _source=False)["hits"]["hits"]
        return {hit["_id"] for hit in hits}

    def ranks(self, query: dict[str, Any], **more: Any) -> list[str]:
        return [hit["_id"] for hit in self.search(query=query, **{"size": 100, **more})["hits"]["hits"]]

    def scores(self, query: dict[str, Any]) -> dict[str, float]:
        return {hit["_id"]: hit["_score"] for hit in self.search(query=query, size=1000)["hits"]["hits"]}

    def refuses(self, **body: Any) -> str:
        """Returns the reason why a search is refused."""
        try:
            self.search(**body)
        except RequestError as error:
            return reason(error)
        raise AssertionError(f"not refused: {body}")

    def _seen(self, answer: dict[str, Any]) -> dict[str, Any]:
        self._expected[answer["_id"]] = answer["_version"]
        return answer

    def _is_visible(self, document_id: str, version: int) -> bool:
        try:
            seen = int(self.client.get(index=self.name, id=document_id)["_version"])
        except NotFoundError:
            return version == 0
        return seen >= version > 0


def reason(error: TransportError) -> str:
    info: Any = error.info
    return str(info["error"]["root_cause"][0]["reason"])


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + VISIBILITY_TIMEOUT
    while not condition():
        assert time.monotonic() < deadline, "not true in time"
        time.sleep(0.02)
