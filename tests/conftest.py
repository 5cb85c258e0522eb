from collections.abc import Iterator

import pytest

from tests.world import Cloud, Person, TenantWorld, cloud


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of several processes (``--dist loadgroup``) one runs all that needs the local cloud, and runs it first; the tests of another
    file share what is made for their file."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group("cloud" if "/e2e/" in str(item.path) else str(item.path)))
    items.sort(key=lambda item: "/e2e/" not in str(item.path))


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
