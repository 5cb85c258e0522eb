from collections.abc import Iterator

import pytest

from docplatform.runtime import settings
from tests.functions.house import House, new_house
from tests.world import Cloud


@pytest.fixture
def house(region: Cloud) -> House:
    return new_house(region)


class Environment:
    """The functions' environment variables, to break something with."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def has(self, **variables: str) -> None:
        for name, value in variables.items():
            self._patch.setenv(name, value)
        settings.load.cache_clear()

    def is_mended(self) -> None:
        self._patch.undo()
        settings.load.cache_clear()


@pytest.fixture
def environment(region: Cloud) -> Iterator[Environment]:
    with pytest.MonkeyPatch.context() as patch:
        made = Environment(patch)
        yield made
        made.is_mended()
