from collections.abc import Iterator

import pytest

from cdk.contract import copy_contract
from tests.world import Cloud, Person, TenantWorld, cloud


def pytest_configure() -> None:
    copy_contract()


@pytest.fixture(scope="module")
def region() -> Iterator[Cloud]:
    """One for all tests of a module: each makes tenants of its own, and no tenant sees another's."""
    with pytest.MonkeyPatch.context() as environment, cloud(environment) as made:
        yield made


@pytest.fixture
def acme(region: Cloud) -> TenantWorld:
    return region.tenant("acme")


@pytest.fixture
def ann(acme: TenantWorld) -> Person:
    return acme.member()
