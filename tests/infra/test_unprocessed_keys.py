"""A read whose keys DynamoDB returns unprocessed, because it is busy."""

from __future__ import annotations

import time
from typing import Any

import pytest

from docplatform.core.errors import Unavailable
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.table import TenantTable
from tests.support.mocked_aws import TenantWorld

pytestmark = pytest.mark.usefixtures("in_acme")


class Busy:
    """Answers with at most ``takes`` keys of a call, and returns the others."""

    def __init__(self, takes: list[int]) -> None:
        self.takes, self.asked = takes, list[int]()

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:
        keys = RequestItems["data"]["Keys"]
        self.asked.append(len(keys))
        taken = self.takes.pop(0) if self.takes else 0
        rest = {"data": {**RequestItems["data"], "Keys": keys[taken:]}} if keys[taken:] else {}
        return {"Responses": {"data": keys[:taken]}, "UnprocessedKeys": rest}


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The longest pause that each wait could have been, in seconds."""
    found: list[float] = []
    monkeypatch.setattr("docplatform.infra.dynamodb.table.jitter", lambda most: most)
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def read(home: TenantWorld, client: Busy, count: int) -> int:
    table = TenantTable(client, tenant_id=home.tenant.id, data_table="data", audit_table="audit")
    return len(table.get_many(Key(f"{home.tenant.id}#things", str(number)) for number in range(count)))


def test_what_is_returned_is_read_again_after_a_growing_pause(acme: TenantWorld, pauses: list[float]) -> None:
    busy = Busy([4, 0, 3, 3])
    assert read(acme, busy, 10) == 10
    assert busy.asked == [10, 6, 6, 3]
    assert len(pauses) == 3
    assert all(later == 2 * earlier for earlier, later in zip(pauses, pauses[1:], strict=False))


def test_a_read_that_is_answered_at_once_does_not_wait(acme: TenantWorld, pauses: list[float]) -> None:
    assert read(acme, Busy([100, 50]), 150) == 150
    assert pauses == []


def test_a_database_that_stays_busy_is_an_error_that_says_so(acme: TenantWorld, pauses: list[float]) -> None:
    busy = Busy([])
    with pytest.raises(Unavailable):
        read(acme, busy, 3)
    assert busy.asked == [3] * 7
    assert sum(pauses) < 3
