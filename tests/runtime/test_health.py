"""The public health route, which answers under any host name."""

from __future__ import annotations

import pytest

import docplatform
from tests.conftest import Environment
from tests.support.mocked_aws import REGION, Answer, Cloud
from tests.support.mocked_region import sample


def asks(region: Cloud, path: str, method: str = "GET", host: str = "acme.us.example") -> Answer:
    event = sample("api-request", HOST=host) | {"httpMethod": method, "path": path, "body": None}
    return region.call("info", event)


@pytest.mark.parametrize("host", ["acme.us.example", "nobody-there.us.example", "127.0.0.1:8101", ""])
def test_a_region_that_reads_its_registry_is_well(region: Cloud, host: str) -> None:
    answer = asks(region, "/v1/health", host=host)
    assert (answer.status, answer.body) == (
        200,
        {"status": "ok", "region": REGION, "version": docplatform.__version__},
    )


def test_a_region_without_its_registry_is_not_well(region: Cloud, environment: Environment) -> None:
    environment.has(REGISTRY_TABLE="not-there")
    answer = asks(region, "/v1/health")
    assert (answer.status, answer["code"]) == (503, "unavailable")
    assert answer.headers["Content-Type"] == "application/problem+json"
    environment.is_mended()
    assert asks(region, "/v1/health").status == 200  # the result is not cached


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("POST", "/v1/health", 405), ("GET", "/v1/health/deep", 404), ("GET", "/v1/openapi.yaml", 404)],
)
def test_there_is_nothing_else(region: Cloud, method: str, path: str, status: int) -> None:
    assert asks(region, path, method).status == status
