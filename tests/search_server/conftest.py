from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opensearchpy import OpenSearch

from local.java import CannotRun
from tests.engines.opensearch.node import opensearch_node
from tests.search_server.engine import Engine, Index, SearchServer

ENGINES = ["local", pytest.param("opensearch", marks=pytest.mark.engines)]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchServer]:
    running = SearchServer(tmp_path_factory.mktemp("search"))
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real OpenSearch."""
    try:
        with opensearch_node(tmp_path_factory.mktemp("opensearch")) as url:
            yield url
    except CannotRun as error:
        pytest.skip(f"no OpenSearch here: {error}")


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """The local server and a real OpenSearch: each test runs on both."""
    if request.param == "local":
        return Engine(request.getfixturevalue("server").client(), real=False)
    return Engine(OpenSearch(request.getfixturevalue("node"), timeout=60), real=True)


@pytest.fixture(scope="module")
def index_of(engine: Engine) -> Iterator[Callable[..., Index]]:
    """Creates indexes, and deletes them after the tests of a module."""
    made: list[Index] = []

    def make(mappings: dict[str, Any], settings: dict[str, Any] | None = None) -> Index:
        made.append(engine.index(mappings, settings))
        return made[-1]

    yield make
    for index in made:
        if engine.client.indices.exists(index=index.name):
            engine.client.indices.delete(index=index.name)


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[Callable[..., SearchServer]]:
    """Starts servers on a folder of this test."""
    started: list[SearchServer] = []

    def start(refresh_seconds: float = 0.05) -> SearchServer:
        started.append(SearchServer(tmp_path / "data", refresh_seconds))
        return started[-1]

    yield start
    for first in started:
        running: SearchServer | None = first
        while running is not None:  # and all its successors
            running.stop()
            running = running.successor
