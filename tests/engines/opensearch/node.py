"""Starts a real OpenSearch node for the tests, where Java and Maven are installed.

``DOCPLATFORM_OPENSEARCH_URL`` names one that runs already: it must be empty and for tests only.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local import opensearch
from local.java import free_port


@contextmanager
def opensearch_node(folder: Path) -> Iterator[str]:
    """The node's URL. Raises CannotRun."""
    if url := os.environ.get("DOCPLATFORM_OPENSEARCH_URL"):
        yield url
        return
    port = free_port()
    server = opensearch.start(folder, port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
