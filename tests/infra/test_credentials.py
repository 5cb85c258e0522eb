"""Credentials of tenants: kept for thousands over shared clients, signed with for each call, and never another tenant's."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse

from docplatform.core.tenant import tenant_context
from docplatform.infra import credentials
from docplatform.infra.credentials import (
    LONGEST_INVOCATION,
    ForeignRegion,
    TenantClients,
    TenantCredentials,
    own_client,
)
from tests.support.tenants import a_tenant

ROLE = "arn:aws:iam::123456789012:role/docplatform-tenant-access-us-east-1"
HOUR = timedelta(hours=1)
A, B = a_tenant(1).id, a_tenant(2).id


class Sts:
    """Issues credentials that name their tenant."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)
        self.asked: list[str] = []

    def now(self) -> datetime:
        return self.at

    def assume_role(self, *, Tags: list[dict[str, str]], DurationSeconds: int, **_: Any) -> dict[str, Any]:
        tenant = Tags[0]["Value"]
        self.asked.append(tenant)
        expires = self.at + timedelta(seconds=DurationSeconds)
        made = {"AccessKeyId": f"AKIA{tenant}", "SecretAccessKey": "s", "SessionToken": f"token-{tenant}"}
        return {"Credentials": {**made, "Expiration": expires}}


@pytest.fixture
def sts() -> Sts:
    return Sts()


@pytest.fixture
def kept(sts: Sts) -> TenantCredentials:
    return TenantCredentials(ROLE, lambda: sts, sts.now)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Requests that were signed and not sent."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAFUNCTION")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    requests: list[Any] = []

    def answer(request: Any, **_: Any) -> AWSResponse:
        requests.append(request)
        return _Answer(request.url, 200, {"content-type": "application/x-amz-json-1.0"}, None)

    caches = (credentials._session, credentials._shared_client)
    for cache in caches:
        cache.cache_clear()
    credentials._session().get_component("event_emitter").register("before-send.*.*", answer)
    yield requests
    for cache in caches:
        cache.cache_clear()


class _Answer(AWSResponse):
    content = b'{"Items": [], "LastEvaluatedKey": {"pk": {"S": "x"}}}'  # type: ignore[assignment]


def signer(request: Any) -> str:
    """Whose access key the request was signed with."""
    found = re.search(r"Credential=(\w+)/", request.headers["Authorization"].decode())
    assert found
    return found[1]


def test_a_call_is_signed_with_the_credentials_of_its_tenant(kept: TenantCredentials, sent: list[Any]) -> None:
    a, b = kept.assume(A).client("dynamodb"), kept.assume(B).client("dynamodb")
    for client in (a, b, a):
        client.get_item(TableName="t", Key={"pk": {"S": "x"}})
    assert [signer(each) for each in sent] == [f"AKIA{A}", f"AKIA{B}", f"AKIA{A}"]
    tokens = [each.headers["X-Amz-Security-Token"].decode() for each in sent]
    assert tokens == [f"token-{A}", f"token-{B}", f"token-{A}"]


def test_pages_are_signed_with_the_credentials_of_the_paginators_tenant(
    kept: TenantCredentials, sent: list[Any]
) -> None:
    pages = kept.assume(A).client("dynamodb").get_paginator("query").paginate(TableName="t", KeyConditionExpression="x")
    first = iter(pages)
    next(first)
    kept.assume(B).client("dynamodb").get_item(TableName="t", Key={"pk": {"S": "x"}})
    next(first)
    assert [signer(each) for each in sent] == [f"AKIA{A}", f"AKIA{B}", f"AKIA{A}"]


def test_a_link_is_signed_with_the_credentials_of_its_tenant(kept: TenantCredentials, sent: list[Any]) -> None:
    for owner in (a_tenant(1), a_tenant(2)):
        tenant = owner.id
        client = kept.assume(tenant).client("s3")
        with tenant_context(owner):
            params = {"Bucket": "b", "Key": f"tenants/{tenant}/k"}
            url = client.generate_presigned_url("get_object", Params=params, ExpiresIn=60)
        assert f"X-Amz-Credential=AKIA{tenant}" in url
        assert f"token-{tenant}" in url
    assert sent == []


@pytest.mark.parametrize("service", ["dynamodb", "s3", "kms"])
def test_a_call_for_no_tenant_is_refused_before_it_is_sent(service: str, sent: list[Any]) -> None:
    client = credentials._shared_client(service)
    operation = {"dynamodb": "list_tables", "s3": "list_buckets", "kms": "list_keys"}[service]
    with pytest.raises(LookupError):
        getattr(client, operation)()
    assert sent == []


def test_threads_that_share_a_client_sign_each_with_their_own_tenants_credentials(
    kept: TenantCredentials, sent: list[Any]
) -> None:
    tenants = [a_tenant(number).id for number in range(1, 9)]
    clients = {tenant: kept.assume(tenant).client("dynamodb") for tenant in tenants}
    barrier = threading.Barrier(len(tenants))

    def calls(tenant: str) -> None:
        barrier.wait()
        for _ in range(25):
            clients[tenant].get_item(TableName="t", Key={"pk": {"S": tenant}})

    threads = [threading.Thread(target=calls, args=(tenant,)) for tenant in tenants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(sent) == 200
    for request in sent:
        assert signer(request) == f"AKIA{_key_of(request)}"


def _key_of(request: Any) -> str:
    found = re.search(r'"S": "(t\d+)"', request.body.decode())
    assert found
    return found[1]


def test_credentials_are_kept_for_thousands_of_tenants(kept: TenantCredentials, sts: Sts) -> None:
    tenants = [a_tenant(number).id for number in range(1, 3_001)]
    for _ in range(2):
        for tenant in tenants:
            kept.assume(tenant)
    assert sts.asked == tenants


def test_the_tenants_that_were_used_least_recently_make_room(sts: Sts) -> None:
    kept = TenantCredentials(ROLE, lambda: sts, sts.now, most=2)
    for tenant in (A, B, A, a_tenant(3).id, A, B):
        kept.assume(tenant)
    assert sts.asked == [A, B, a_tenant(3).id, B]


def test_credentials_are_renewed_while_they_outlast_every_invocation(kept: TenantCredentials, sts: Sts) -> None:
    began = sts.at
    for minute in range(180):
        sts.at = began + timedelta(minutes=minute)
        assert kept.assume(A).expires_at - sts.at >= LONGEST_INVOCATION
    assert 4 <= len(sts.asked) <= 5  # every 45 to 50 minutes


def test_credentials_that_sign_a_link_outlast_it(kept: TenantCredentials, sts: Sts) -> None:
    kept.assume(A)
    sts.at += HOUR - timedelta(minutes=16)
    kept.assume(A, valid_for=timedelta(minutes=15))
    assert len(sts.asked) == 1
    sts.at += timedelta(minutes=2)
    assert kept.assume(A, valid_for=timedelta(minutes=15)).expires_at - sts.at >= timedelta(minutes=15)
    assert len(sts.asked) == 2


def test_tenants_that_began_together_are_not_renewed_together(kept: TenantCredentials, sts: Sts) -> None:
    tenants = [a_tenant(number).id for number in range(1, 101)]
    for tenant in tenants:
        kept.assume(tenant)
    began, renewed = sts.at, []
    for second in range(44 * 60, 51 * 60, 30):
        sts.at = began + timedelta(seconds=second)
        before = len(sts.asked)
        for tenant in tenants:
            kept.assume(tenant)
        renewed.append(len(sts.asked) - before)
    assert sum(renewed) == 100
    assert max(renewed) <= 40, "they would all ask at one moment"


def test_each_answer_of_sts_is_counted(sts: Sts) -> None:
    issued: list[int] = []
    kept = TenantCredentials(ROLE, lambda: sts, sts.now, issued=lambda: issued.append(1))
    for tenant in (A, B, A):
        kept.assume(tenant)
    assert len(issued) == 2


@pytest.mark.parametrize("text", ["", "*", "t00000000000?", "t0000000000011", "../x"])
def test_only_a_tenants_id_becomes_a_session_tag(kept: TenantCredentials, sts: Sts, text: str) -> None:
    with pytest.raises(ValueError, match="tenant"):
        kept.assume(text)
    assert sts.asked == []


def test_clients_of_many_tenants_share_one(kept: TenantCredentials, sent: list[Any]) -> None:
    made: list[TenantClients] = [kept.assume(a_tenant(number).id) for number in range(1, 101)]
    assert len({id(each.client("s3")._client) for each in made}) == 1


@pytest.mark.parametrize(
    ("service", "given"),
    [
        ("s3", {"region": "eu-central-1"}),
        ("dynamodb", {"region": "ap-southeast-1"}),
        ("sts", {"region": "eu-central-1"}),
        ("dynamodb", {"endpoint": "https://dynamodb.ap-southeast-1.amazonaws.com"}),
        ("apigatewaymanagementapi", {"endpoint": "https://abc.execute-api.eu-central-1.amazonaws.com/live"}),
        ("opensearch", {"endpoint": "https://abc.eu-central-1.aoss.amazonaws.com"}),
    ],
)
def test_a_client_of_another_region_is_refused(
    monkeypatch: pytest.MonkeyPatch, service: str, given: dict[str, str]
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("REGISTRY_HOME_REGION", "eu-central-1")
    with pytest.raises(ForeignRegion):
        own_client(service, **given)  # type: ignore[arg-type]


def test_the_registry_is_written_in_its_home_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("REGISTRY_HOME_REGION", "eu-central-1")
    assert own_client("dynamodb", "eu-central-1").meta.region_name == "eu-central-1"
