"""A tenant becomes active with its search collection, whatever happens on the way, and loses it when it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from docplatform.control_plane import wiring
from docplatform.control_plane.adapters.collections import ServerlessCollections
from docplatform.core.errors import ChangedMeanwhile
from docplatform.core.tenant import Tenant, TenantStatus
from docplatform.runtime.tenant_access import registry
from tests.support.collections import collections, made
from tests.support.mocked_aws import REGION, Answer, Cloud, function
from tests.support.mocked_region import House, mails, new_house, operator_asks, operator_creates


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wiring, "_pauses", lambda: iter(()))


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collection takes longer to be made than a call may wait."""
    monkeypatch.setitem(made, "status", "CREATING")


def collection_of(answer: Answer) -> Any:
    return collections(REGION).get(f"docplatform-{answer['id']}")


def registered(region: Cloud, tenant_id: str) -> Tenant:
    registry.cache_clear()
    tenant = registry().by_id(tenant_id)
    assert tenant is not None
    return tenant


def settles() -> dict[str, int]:
    counts: dict[str, int] = function("tenants", "settle")._settle("region", "tenants:2026-11-29T12:00")
    return counts


def unsettled() -> list[str]:
    return registry().unsettled_in_region(REGION)


def test_a_tenant_has_a_collection_with_its_tag(region: Cloud) -> None:
    answer = operator_creates(region)
    collection = collection_of(answer)
    assert answer["status"] == "active"
    assert registered(region, answer["id"]).collection == collection.id
    tags = boto3.client("opensearchserverless").list_tags_for_resource(resourceArn=collection.arn)["tags"]
    assert tags == [{"key": "tenant_id", "value": answer["id"]}]
    assert unsettled() == []


def test_every_tenant_has_its_own(region: Cloud) -> None:
    ids = {registered(region, new_house(region).facts["id"]).collection for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.usefixtures("slow")
def test_a_tenant_is_not_there_before_its_collection(region: Cloud) -> None:
    answer = operator_creates(region)
    house = House(region, answer.body)
    assert (answer.status, answer["status"]) == (201, "provisioning")
    assert registered(region, answer["id"]).collection == ""
    assert mails(house.admin_email) == []
    assert house.logs_in()["code"] == "tenant_not_found"
    assert settles() == {"unsettled": 1, "activated": 0, "removed": 0}
    collection_of(answer).status = "ACTIVE"
    assert settles() == {"unsettled": 1, "activated": 1, "removed": 0}
    assert operator_asks(region, "GET", f"/operator/v1/tenants/{answer['id']}")["status"] == "active"
    assert house.moves_in()
    assert (house.actions.count("tenant.created"), house.actions.count("user.invited")) == (1, 1)
    assert settles() == {"unsettled": 0, "activated": 0, "removed": 0}


@pytest.mark.usefixtures("slow")
def test_repeating_the_call_completes_the_tenant_too(region: Cloud) -> None:
    first = operator_creates(region)
    again = operator_creates(region, subdomain=first["subdomain"])
    assert (again["id"], again["status"]) == (first["id"], "provisioning")
    collection_of(first).status = "ACTIVE"
    assert operator_creates(region, subdomain=first["subdomain"])["status"] == "active"
    assert House(region, first.body).moves_in()


def test_a_collection_that_aws_refuses_is_said_and_made_later(region: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise ClientError({"Error": {"Code": "ServiceQuotaExceededException"}}, "CreateCollection")

    client = wiring.own_client("opensearchserverless")
    with monkeypatch.context() as patch:
        patch.setattr(client, "create_collection", lambda **_: refused())
        answer = operator_creates(region, subdomain="one-too-many")
        assert (answer.status, answer["code"]) == (503, "collection_not_made")
        with pytest.raises(Exception, match="registered"):
            settles()
    assert settles()["activated"] == 1
    assert operator_creates(region, subdomain="one-too-many")["status"] == "active"


def test_a_collection_that_failed_is_replaced(region: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(made, "status", "FAILED")
        assert operator_creates(region, subdomain="unlucky")["code"] == "collection_not_made"
    failed = registry().by_subdomain("unlucky")
    assert failed and failed.status is TenantStatus.PROVISIONING
    assert f"docplatform-{failed.id}" not in collections(REGION)
    assert settles()["activated"] == 1
    assert operator_creates(region, subdomain="unlucky")["status"] == "active"


def test_a_tenant_that_fails_holds_up_no_other(region: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(made, "status", "CREATING")
        answers = [operator_creates(region) for _ in range(3)]
    first, *others = sorted(answers, key=lambda each: str(each["id"]))
    collection_of(first).status = "FAILED"
    for each in others:
        collection_of(each).status = "ACTIVE"
    with pytest.raises(Exception, match="failed"):
        settles()
    assert [registered(region, each["id"]).status for each in others] == [TenantStatus.ACTIVE] * 2
    assert unsettled() == [first["id"]]
    settles()
    assert unsettled() == []


def test_two_calls_at_the_same_time_make_one_collection(region: Cloud) -> None:
    both = ServerlessCollections(boto3.client("opensearchserverless"), "docplatform")
    assert both.create("t000000000001") == both.create("t000000000001")
    assert list(collections(REGION)).count("docplatform-t000000000001") == 1


def test_two_changes_of_a_tenant_at_the_same_time_are_one(region: Cloud) -> None:
    house = new_house(region)
    tenant = registered(region, house.facts["id"])
    home = wiring._home_registry()
    closed, suspended = (replace(tenant, status=each) for each in (TenantStatus.CLOSED, TenantStatus.SUSPENDED))
    home.change(tenant, suspended)
    with pytest.raises(ChangedMeanwhile):
        home.change(tenant, closed)
    assert registered(region, tenant.id) == suspended


@pytest.fixture
def ended(region: Cloud) -> Iterator[Tenant]:
    """A tenant that has ended."""
    tenant = registered(region, new_house(region).facts["id"])
    closed = replace(tenant, status=TenantStatus.CLOSED)
    wiring._home_registry().change(tenant, closed)
    registry.cache_clear()
    yield closed


def test_a_tenant_that_has_ended_loses_its_collection(region: Cloud, ended: Tenant) -> None:
    assert collections(REGION)[f"docplatform-{ended.id}"].id == ended.collection
    assert settles() == {"unsettled": 1, "activated": 0, "removed": 0}  # deleting takes a while, and is verified
    assert f"docplatform-{ended.id}" not in collections(REGION)
    assert settles() == {"unsettled": 1, "activated": 0, "removed": 1}
    assert registered(region, ended.id).collection == ""
    assert unsettled() == []
    house = House(region, {"id": ended.id, "subdomain": ended.subdomain})
    assert house.logs_in()["code"] == "tenant_not_found"
