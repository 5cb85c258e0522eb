"""A real OpenSearch node on loopback, for tests and for ``./dp up --opensearch``. Needs Java 17 or later, and Maven once."""

from __future__ import annotations

from pathlib import Path

from local import java

SOURCE = Path(__file__).with_name("SearchNode.java")
_HEAP = ("-Xms512m", "-Xmx512m")

NOT_STARTED = 3
"""The exit code of ``python -m local.opensearch`` when the node does not start."""


def check() -> None:
    """Gets what a node needs. Raises CannotRun."""
    java.check(SOURCE)


def start(folder: Path, port: int, *, kept_open: tuple[int, ...] = ()) -> java.JavaServer:
    """Starts a node that keeps its indexes in ``folder``, and returns once it answers. Raises CannotRun.

    ``kept_open``: file descriptors that the node holds as long as it lives.
    """
    arguments = [str(folder / "node"), str(port)]
    return java.JavaServer(SOURCE, arguments, folder / "node.log", *_HEAP, kept_open=kept_open)
