from collections.abc import Iterator
from pathlib import Path

import pytest

from local.testing import Cloud, running_cloud
from tests.e2e.client import Member, TenantSite, create_tenant

HERE = Path(__file__).parent
US, EU, APAC = "us-east-1", "eu-central-1", "ap-southeast-1"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker("e2e")


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as running:
        yield running


@pytest.fixture(scope="session")
def acme(cloud: Cloud) -> TenantSite:
    return create_tenant(cloud, US, "enterprise")


@pytest.fixture(scope="session")
def globex(cloud: Cloud) -> TenantSite:
    return create_tenant(cloud, EU, "professional")


@pytest.fixture(scope="session")
def initech(cloud: Cloud) -> TenantSite:
    return create_tenant(cloud, APAC, "standard")


@pytest.fixture(scope="session")
def hooli(cloud: Cloud) -> TenantSite:
    """A tenant in acme's region, with the same tables, buckets and collections."""
    return create_tenant(cloud, US, "standard")


@pytest.fixture(scope="session")
def ann(acme: TenantSite) -> Member:
    return acme.invites("editor")


@pytest.fixture(scope="session")
def bob(hooli: TenantSite) -> Member:
    return hooli.invites("editor")
