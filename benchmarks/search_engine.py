"""The local search server at 10,000 and at 100,000 documents of 10 KB: what a query costs, side by side in one run.

    python benchmarks/search_engine.py [--small 10000] [--large 100000] [--rounds 200]

Printed, per kind of query: median and 95th percentile in milliseconds over HTTP at both sizes, and the ratio of the medians. A
selective query finds as many documents at either size; a broad one finds ten times as many in the larger. Also: documents
indexed per second, the time a restarted server takes to be ready, memory and disk.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WORDS_EACH = 1500  # about 10 KB
NEEDLES, NEEDLE_HITS = 20, 40
KEYWORD, TEXT = {"type": "keyword"}, {"type": "text"}
MAPPING = {
    "mappings": {
        "dynamic": "strict",
        "properties": {
            "tenant_id": KEYWORD,
            "document_id": KEYWORD,
            "chain": KEYWORD,
            "name": TEXT,
            "title": TEXT,
            "text": TEXT,
            "file_type": KEYWORD,
            "created_at": {"type": "date"},
        },
    }
}


class Server:
    """The server as its own process, and one connection to it that stays open."""

    def __init__(self, data: Path) -> None:
        command = [sys.executable, "-m", "local.search_server", "--port", "0", "--data", str(data)]
        started = time.perf_counter()
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        ready = re.search(r":(\d+)\s*$", self._process.stdout.readline())
        assert ready is not None, "the server did not start"
        self.seconds_to_ready = time.perf_counter() - started
        self._connection = http.client.HTTPConnection("127.0.0.1", int(ready[1]))

    def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        content = body if isinstance(body, str) else json.dumps(body) if body is not None else None
        self._connection.request(method, f"/bench{path}", content, {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        read: dict[str, Any] = json.loads(response.read())
        assert response.status < 300, read
        return read

    def memory(self) -> int:
        return resident(self._process.pid)

    def stop(self) -> None:
        self._connection.close()
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()


def resident(process: int) -> int:
    """Memory of a process, in MB."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process}/status").read_text())
    return int(found[1]) // 1024 if found else 0


@contextmanager
def server(data: Path) -> Iterator[Server]:
    running = Server(data)
    try:
        yield running
    finally:
        running.stop()


class Texts:
    """Documents of words whose frequencies fall off as those of a language do."""

    def __init__(self) -> None:
        self._random = random.Random(7)
        letters = "etaoinshrdlucmfwypvbgk"
        self.words = ["".join(self._random.choices(letters, k=self._random.randint(3, 10))) for _ in range(30_000)]
        self._pool = self._random.choices(self.words, [1 / (rank + 1) for rank in range(len(self.words))], k=2_000_000)

    def document(self, number: int, of: int) -> dict[str, Any]:
        at = self._random.randrange(len(self._pool) - WORDS_EACH)
        text = self._pool[at : at + WORDS_EACH]
        if number % (of // NEEDLE_HITS) < NEEDLES:
            text.append(f"needle{number % (of // NEEDLE_HITS)}")
        folder = number % 500
        return {
            "tenant_id": "t000000000001",
            "document_id": f"d{number:09d}",
            "chain": [f"f{folder}", f"f{folder // 20}", "root"],
            "name": f"report {number}",
            "title": " ".join(text[:5]) if number % 3 == 0 else "",
            "text": " ".join(text),
            "file_type": ("pdf", "docx", "xlsx")[number % 3],
            "created_at": f"20{number % 20 + 10}-{number % 12 + 1:02d}-{number % 28 + 1:02d}T08:00:00Z",
        }


def load(running: Server, count: int) -> float:
    """Indexes the documents and waits until they are found; documents per second."""
    texts = Texts()
    running.request("PUT", "/documents", MAPPING)
    started = time.perf_counter()
    for first in range(0, count, 500):
        lines = []
        for number in range(first, min(first + 500, count)):
            entry = texts.document(number, count)
            lines += [json.dumps({"index": {"_index": "documents", "_id": entry["document_id"]}}), json.dumps(entry)]
        assert not running.request("POST", "/_bulk", "\n".join(lines) + "\n")["errors"]
    while running.request("GET", "/documents/_count")["count"] < count:
        time.sleep(0.2)
    return count / (time.perf_counter() - started)


def queries() -> dict[str, list[dict[str, Any]]]:
    """Each kind with several different words, so that nothing is measured from a cache."""
    common = Texts().words

    def platform(words: str, nodes: list[str], **more: Any) -> dict[str, Any]:
        flags = "PHRASE|NOT|WHITESPACE"
        fields = ["name^3", "title^2", "text"]
        words_query = {"query": words, "fields": fields, "default_operator": "and", "flags": flags}
        within = [{"term": {"tenant_id": "t000000000001"}}, {"terms": {"chain": nodes}}]
        return {
            "query": {"bool": {"must": [{"simple_query_string": words_query}], "filter": within}},
            "sort": [{"_score": "desc"}, {"document_id": "asc"}],
            "size": 25,
            "_source": False,
            "track_total_hits": True,
            **more,
        }

    marked = {"highlight": {"fields": {"text": {"fragment_size": 160, "number_of_fragments": 3}}}}
    folders = [f"f{number}" for number in range(300)]
    return {
        "selective": [platform(f"needle{i}", ["root"]) for i in range(NEEDLES)],
        "selective, 300 folders": [platform(f"needle{i}", folders) for i in range(NEEDLES)],
        "selective, highlighted": [platform(f"needle{i}", ["root"], **marked) for i in range(NEEDLES)],
        "selective, by date": [
            platform(f"needle{i}", ["root"], sort=[{"created_at": "desc"}, {"document_id": "asc"}])
            for i in range(NEEDLES)
        ],
        "broad": [platform(common[200 + i], ["root"]) for i in range(NEEDLES)],
        "broad, facets": [
            platform(common[200 + i], ["root"], aggs={"types": {"terms": {"field": "file_type"}}})
            for i in range(NEEDLES)
        ],
    }


def measure(running: Server, rounds: int) -> dict[str, tuple[float, float, int]]:
    """Kind → median and 95th percentile in ms, and hits."""
    figures = {}
    for kind, bodies in queries().items():
        times, hits = [], 0
        for number in range(rounds + 20):
            body = bodies[number % len(bodies)]
            began = time.perf_counter()
            response = running.request("POST", "/documents/_search", body)
            if number >= 20:
                times.append((time.perf_counter() - began) * 1000)
                hits = max(hits, response["hits"]["total"]["value"])
        figures[kind] = (statistics.median(times), statistics.quantiles(times, n=20)[-1], hits)
    return figures


def disk(folder: Path) -> int:
    return (
        sum(os.stat(os.path.join(parent, name)).st_size for parent, _, names in os.walk(folder) for name in names) >> 20
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=200)
    chosen = parser.parse_args()
    sizes = (chosen.small, chosen.large)
    with tempfile.TemporaryDirectory() as folder:
        rates = {}
        for size in sizes:
            with server(Path(folder) / str(size)) as running:
                rates[size] = load(running, size)
        figures, starts, memory = {}, {}, {}
        for size in sizes:
            with server(Path(folder) / str(size)) as running:
                starts[size] = running.seconds_to_ready
                figures[size] = measure(running, chosen.rounds)
                memory[size] = running.memory()
        print(f"{'query':24} {sizes[0]:>10,} {'':>8} {sizes[1]:>12,} {'':>8}   ratio   hits")
        for kind, (median, slow, hits) in figures[sizes[0]].items():
            other, other_slow, other_hits = figures[sizes[1]][kind]
            print(
                f"{kind:24} {median:7.2f} ms {slow:7.2f} {other:9.2f} ms {other_slow:7.2f}   {other / median:5.2f}   {hits} → {other_hits}"
            )
        for size in sizes:
            print(
                f"{size:,} documents: {rates[size]:.0f} indexed per second, ready in {starts[size]:.1f} s,"
                f" {memory[size]} MB of memory, {disk(Path(folder) / str(size))} MB on disk"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
