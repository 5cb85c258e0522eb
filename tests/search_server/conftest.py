from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from opensearchpy import OpenSearch

from tests.engines.opensearch.node import NoNode, opensearch_node
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
    except NoNode as error:
        pytest.skip(f"no OpenSearch here: {error}")


@pytest.fixture(scope="session", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Our server, and OpenSearch itself: what is told of one holds for the other."""
    if request.param == "local":
        return Engine(request.getfixturevalue("server").client(), real=False)
    return Engine(OpenSearch(request.getfixturevalue("node"), timeout=60), real=True)


@pytest.fixture(scope="module")
def index_of(engine: Engine) -> Iterator[Callable[..., Index]]:
    """Makes indexes that are gone after the stories of a module."""
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
    """Starts servers on a folder of the story's own."""
    started: list[SearchServer] = []

    def start(refresh_seconds: float = 0.05) -> SearchServer:
        started.append(SearchServer(tmp_path / "data", refresh_seconds))
        return started[-1]

    yield start
    for first in started:
        running: SearchServer | None = first
        while running is not None:  # and whatever took its place
            running.stop()
            running = running.successor
