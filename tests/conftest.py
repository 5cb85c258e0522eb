from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest

from cdk.contract import copy_contract
from docplatform.core.tenant import tenant_context, tenant_scope
from docplatform.runtime import settings
from local.java import CannotRun
from tests.engines.dynamodb.node import dynamodb_node
from tests.support import declared_errors
from tests.support.databases import DYNAMODB_LOCAL, ENGINES, MOTO
from tests.support.mocked_aws import Cloud, Person, TenantWorld, cloud
from tests.support.mocked_region import House, new_house
from tests.support.scale import SCALE

if TYPE_CHECKING:
    from tests.identity.harness import Company


def pytest_configure() -> None:
    copy_contract()
    untimed = [hypothesis.HealthCheck.too_slow]  # no test depends on how fast the machine is
    hypothesis.settings.register_profile(
        "docplatform", max_examples=100 * SCALE, deadline=None, suppress_health_check=untimed
    )
    hypothesis.settings.load_profile("docplatform")


@pytest.fixture(scope="session")
def undeclared_errors() -> Iterator[list[str]]:
    """What ``errors_are_declared`` has still to report."""
    with pytest.MonkeyPatch.context() as patch:
        yield declared_errors.watch(patch)


@pytest.fixture(autouse=True)
def errors_are_declared(undeclared_errors: list[str]) -> Iterator[None]:
    """No use case and no route raises what it does not declare."""
    yield
    found, undeclared_errors[:] = sorted(set(undeclared_errors)), []
    assert not found, "declare it with @raises at the use case, and name the use case at the route"


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Runs the tests of ``on_every_database`` on each."""
    if metafunc.definition.get_closest_marker("every_database") and "region" in metafunc.fixturenames:
        metafunc.parametrize("region", ENGINES, indirect=True, scope="module")


@pytest.fixture(scope="session")
def dynamodb_local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a DynamoDB Local, one for all tests."""
    try:
        with dynamodb_node(tmp_path_factory.mktemp("dynamodb")) as url:
            yield url
    except CannotRun as error:
        pytest.skip(f"no DynamoDB Local here: {error}")


@pytest.fixture(scope="module")
def region(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    """One for all tests of a module: each makes tenants of its own, and no tenant sees another's."""
    engine = getattr(request, "param", MOTO)
    database = request.getfixturevalue("dynamodb_local") if engine == DYNAMODB_LOCAL else ""
    with pytest.MonkeyPatch.context() as environment, cloud(environment, database) as made:
        yield made


@pytest.fixture
def acme(region: Cloud) -> TenantWorld:
    return region.tenant("acme")


@pytest.fixture
def in_acme(acme: TenantWorld) -> Iterator[None]:
    """For tests that open stores themselves, where no edge has set the tenant."""
    with tenant_context(acme.tenant):
        yield


@pytest.fixture
def company(region: Cloud) -> Iterator[Company]:
    """A tenant's people, whose services and stores are opened in the test itself."""
    from tests.identity.harness import Company

    with tenant_scope():
        yield Company()


@pytest.fixture
def ann(acme: TenantWorld) -> Person:
    return acme.member()


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
