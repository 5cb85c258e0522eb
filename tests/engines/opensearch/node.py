"""Starts a real OpenSearch node for the tests, where Java and Maven are installed.

``DOCPLATFORM_OPENSEARCH_URL`` names one that runs already: it must be empty and for tests only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.java import JavaServer, free_port

SOURCE = Path(__file__).with_name("SearchNode.java")


@contextmanager
def opensearch_node(folder: Path) -> Iterator[str]:
    """The node's URL. Raises CannotRun."""
    if url := os.environ.get("DOCPLATFORM_OPENSEARCH_URL"):
        yield url
        return
    port = free_port()
    heap = ("-Xms512m", "-Xmx512m")
    server = JavaServer(SOURCE, [str(folder / "node"), str(port)], folder / "node.log", *heap)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
