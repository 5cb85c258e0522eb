from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import hypothesis
import pytest

from cdk.contract import copy_contract
from docplatform.core.tenant import tenant_context, tenant_scope
from docplatform.runtime import settings
from tests.support import declared_errors
from tests.support.mocked_aws import Cloud, Person, TenantWorld, cloud
from tests.support.mocked_region import House, new_house
from tests.support.scale import SCALE

if TYPE_CHECKING:
    from tests.identity.harness import Company


def pytest_configure() -> None:
    copy_contract()
    if SCALE > 1:
        hypothesis.settings.register_profile("long", max_examples=100 * SCALE, deadline=None)
        hypothesis.settings.load_profile("long")


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


@pytest.fixture(scope="module")
def region() -> Iterator[Cloud]:
    """One for all tests of a module: each makes tenants of its own, and no tenant sees another's."""
    with pytest.MonkeyPatch.context() as environment, cloud(environment) as made:
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
