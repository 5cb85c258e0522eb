"""The current tenant: set at the edge, one for each scope, removed at its end, and not visible to other threads."""

from __future__ import annotations

import contextvars
import dataclasses
import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.errors import DomainError, NotFound
from docplatform.core.tenant import (
    Tenant,
    TenantContext,
    TenantContextError,
    current_tenant_id,
    enter_tenant,
    get_current_tenant,
    require_tenant,
    tenant_context,
    tenant_scope,
)
from docplatform.http.router import Router
from docplatform.http.schemas import Schema
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.library.adapters.s3 import S3Files
from docplatform.runtime import tenant_access, triggers
from docplatform.runtime.authorizer import AuthorizerRequest, Unauthorized, authorizer
from docplatform.runtime.batches import process_stream
from docplatform.tenancy.items import tenant_item, to_text
from tests.support.mocked_aws import Cloud, Person, TenantWorld
from tests.support.tenants import a_tenant

ACME, HOOLI = a_tenant(1), a_tenant(2)


@pytest.fixture(autouse=True)
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most requests here have no cloud in which the router could record them."""
    monkeypatch.setattr(tenant_access, "record", lambda *_: None)


def is_unset() -> bool:
    try:
        get_current_tenant()
    except TenantContextError:
        return current_tenant_id() == ""
    return False


# -- the context itself


def test_a_context_has_what_the_registry_knows_and_cannot_be_changed() -> None:
    with tenant_context(ACME) as context:
        assert get_current_tenant() is context
        for field in dataclasses.fields(TenantContext):
            assert getattr(context, field.name) == getattr(ACME, field.name)
        with pytest.raises(dataclasses.FrozenInstanceError):
            context.id = HOOLI.id  # type: ignore[misc]


def test_outside_a_context_there_is_no_tenant() -> None:
    assert is_unset()
    with tenant_scope():
        assert is_unset()


def test_no_tenant_is_entered_where_nothing_would_take_it_away_again() -> None:
    with pytest.raises(TenantContextError):
        enter_tenant(ACME)
    assert is_unset()


def test_a_scope_has_one_tenant() -> None:
    with tenant_scope():
        enter_tenant(ACME)
        enter_tenant(ACME)
        with pytest.raises(TenantContextError):
            enter_tenant(HOOLI)
        assert current_tenant_id() == ACME.id


def test_a_scope_begins_without_the_tenant_around_it_and_gives_it_back() -> None:
    with tenant_context(ACME):
        with tenant_scope():
            assert is_unset()
            enter_tenant(HOOLI)
        assert current_tenant_id() == ACME.id
    assert is_unset()


@pytest.mark.parametrize("scope", [tenant_scope, lambda: tenant_context(ACME)])
def test_an_error_ends_the_context(scope: Callable[[], Any]) -> None:
    with pytest.raises(KeyError), scope():
        enter_tenant(ACME)
        raise KeyError
    assert is_unset()


def test_another_tenant_is_not_taken_for_this_one() -> None:
    with tenant_context(ACME):
        require_tenant(ACME.id)
        with pytest.raises(TenantContextError):
            require_tenant(HOOLI.id)


# -- threads


def test_a_thread_begins_without_a_tenant_unless_it_is_handed_over() -> None:
    with tenant_context(ACME), ThreadPoolExecutor(1) as pool:
        assert pool.submit(is_unset).result()
        assert pool.submit(contextvars.copy_context().run, current_tenant_id).result() == ACME.id
        assert pool.submit(is_unset).result()


def test_two_threads_work_for_two_tenants_at_the_same_time() -> None:
    both_are_in = threading.Barrier(2)

    def work(tenant: Tenant) -> list[str]:
        seen = []
        for _ in range(50):
            with tenant_scope():
                enter_tenant(tenant)
                both_are_in.wait(10)
                seen.append(current_tenant_id())
                both_are_in.wait(10)
        return seen

    with ThreadPoolExecutor(2) as pool:
        ours, theirs = pool.map(work, (ACME, HOOLI))
    assert (set(ours), set(theirs)) == ({ACME.id}, {HOOLI.id})


# -- HTTP


class Seen(Schema):
    tenant: str


class Confirmed:
    """The authority of a caller who is confirmed already."""

    verified, pinned, item_keys = True, False, ()

    def confirm(self, found: object) -> None: ...

    def pins(self) -> dict[Any, Any]:
        return {}


def api_that(act: Callable[[], None]) -> Router:
    api = Router(authorities=lambda *_, **__: Confirmed())

    @api.get("/v1/things", response=Seen, permission=Permission.READ, errors=(NotFound,))
    def things(actor: Actor) -> Seen:
        """The id of the current tenant."""
        act()
        return Seen(tenant=current_tenant_id())

    return api


def asks(api: Router, tenant: Tenant) -> dict[str, Any]:
    claims = {"tenant": to_text(tenant), "user_id": "usr_1", "session_id": "ses_1", "role": "viewer"}
    event = {
        "httpMethod": "GET",
        "path": "/v1/things",
        "headers": {"Host": f"{tenant.subdomain}.us.example"},
        "requestContext": {"requestId": "r", "authorizer": claims},
    }
    return api.handler(event, None)


def fails(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def test_a_warm_function_works_for_one_tenant_after_the_other() -> None:
    api = api_that(lambda: None)
    for tenant in (ACME, HOOLI, ACME):
        assert json.loads(asks(api, tenant)["body"]) == {"tenant": tenant.id}
        assert is_unset()


@pytest.mark.parametrize(("error", "status"), [(DomainError("x"), 500), (ZeroDivisionError(), 500)])
def test_a_request_that_fails_leaves_no_tenant(error: Exception, status: int) -> None:
    assert asks(api_that(fails(error)), ACME)["statusCode"] == status
    assert is_unset()
    assert json.loads(asks(api_that(lambda: None), HOOLI)["body"]) == {"tenant": HOOLI.id}


def test_a_request_that_is_killed_leaves_no_tenant() -> None:
    with pytest.raises(KeyboardInterrupt):
        asks(api_that(fails(KeyboardInterrupt())), ACME)  # type: ignore[arg-type]
    assert is_unset()


def test_a_fault_of_ours_is_a_500_that_is_logged_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    answer = asks(api_that(lambda: require_tenant(HOOLI.id)), ACME)
    assert answer["statusCode"] == 500
    assert HOOLI.id not in str(answer)
    assert "context" not in answer["body"].lower()
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["error"], line["tenant_id"]) == ("ERROR", "TenantContextError", ACME.id)
    assert HOOLI.id not in str(line)


def test_a_refusal_that_cannot_be_recorded_stays_one_and_is_logged(
    region: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tenant_access, "record", lambda *_: require_tenant(HOOLI.id))
    assert asks(api_that(fails(NotFound("x"))), ACME)["statusCode"] == 404
    line = json.loads(capsys.readouterr().out)
    assert (line["level"], line["unrecorded"]) == ("ERROR", "TenantContextError")


def test_files_of_another_tenant_are_not_linked_to(ann: Person, region: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that is kept for the next request has consistent keys and credentials, but they are another tenant's."""
    opened: list[S3Files] = []
    bob = region.tenant("globex").member()
    begin = S3Files.__init__

    def kept(files: S3Files, client: Any, bucket: str, tenant_id: str) -> None:
        opened.append(files)
        begin(files, client, bucket, bob.home.tenant.id)

    monkeypatch.setattr(S3Files, "__init__", kept)
    assert bob.announces("theirs.txt").status == 201
    answer = ann.announces("mine.txt")
    assert (answer.status, answer["code"]) == (500, "internal")
    assert bob.home.tenant.id not in str(answer)
    assert len(opened) == 2


# -- authorizers, events and streams


@pytest.mark.parametrize("error", [Unauthorized(), KeyError("x")])
def test_an_authorizer_leaves_no_tenant(error: Exception) -> None:
    seen: list[str] = []

    @authorizer("test")
    def decide(asked: AuthorizerRequest) -> dict[str, Any]:
        enter_tenant(ACME)
        seen.append(current_tenant_id())
        raise error

    with pytest.raises(type(error)):
        decide({"methodArn": "a"}, None)
    assert seen == [ACME.id]
    assert is_unset()


@pytest.fixture
def registered(region: Cloud) -> list[TenantWorld]:
    homes = [region.tenant(name) for name in ("first", "second")]
    for home in homes:
        item = {"pk": f"tenant#{home.tenant.id}", "sk": "tenant", **tenant_item(home.tenant)}
        region.database.put_item(TableName="registry", Item=encode_item(item))
    return homes


def test_an_event_leaves_no_tenant(registered: list[TenantWorld], capsys: pytest.CaptureFixture[str]) -> None:
    id_ = registered[0].tenant.id

    @triggers.event_handler("test")
    def handler(event: dict[str, Any]) -> None:
        triggers.system_actor(id_, "test", "r")
        assert current_tenant_id() == id_
        raise KeyError

    with pytest.raises(KeyError):
        handler({}, SimpleNamespace(aws_request_id="r"))
    assert is_unset()
    line = json.loads(capsys.readouterr().out)
    assert (line["tenant_id"], line["error"]) == (id_, "KeyError")


def test_each_record_of_a_stream_has_its_own_tenant(
    registered: list[TenantWorld], capsys: pytest.CaptureFixture[str]
) -> None:
    ids = [home.tenant.id for home in registered]
    seen: list[str] = []

    def follow(tenant_id: str, thing: str, event_id: str) -> None:
        assert is_unset()
        actor = triggers.system_actor(tenant_id, "test", event_id)
        assert actor.role is Role.ADMIN
        seen.append(current_tenant_id())
        if thing == "bad":
            raise KeyError

    @triggers.event_handler("test")
    def handler(event: dict[str, Any]) -> Any:
        return process_stream(event, lambda keys: (keys["pk"]["S"], keys["sk"]["S"]), follow)

    order = [(ids[0], "a"), (ids[1], "b"), (ids[0], "c"), (ids[1], "bad"), (ids[0], "d")]
    records = [
        {
            "eventID": str(number),
            "eventSource": "aws:dynamodb",
            "dynamodb": {"Keys": {"pk": {"S": tenant_id}, "sk": {"S": thing}}, "SequenceNumber": str(number)},
        }
        for number, (tenant_id, thing) in enumerate(order)
    ]
    answer = handler({"Records": records}, None)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "3"}]}
    assert seen == [ids[0], ids[1], ids[0], ids[1]]
    assert is_unset()
    assert json.loads(capsys.readouterr().out)["tenant_id"] == ids[1]  # the failed record's
