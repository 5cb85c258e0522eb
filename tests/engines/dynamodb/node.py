"""Starts Amazon's DynamoDB Local for the tests, where Java and Maven are installed. What it does differently from moto and from AWS
stands in ``tests/infra/test_database_contract.py``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.java import JavaServer, free_port

SOURCE = Path(__file__).with_name("DatabaseNode.java")


@contextmanager
def dynamodb_node(folder: Path) -> Iterator[str]:
    """The node's URL. Raises CannotRun."""
    port = free_port()
    server = JavaServer(SOURCE, [str(port)], folder / "node.log", "-Xmx256m")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.stop()
