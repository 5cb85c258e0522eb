"""Every operation, called by an actor who has lost the authority that the authorizer's cached answer still states.

The loss comes either before the request, or in the middle of it, just before the first transaction commits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from cdk.specs import discover
from docplatform.core import ids
from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.audit import Action
from docplatform.core.time import rfc3339
from docplatform.http.consequence import Consequence
from docplatform.http.openapi import operations
from docplatform.http.router import Router
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.infra.dynamodb.keys import Key
from docplatform.runtime.tenant_access import clients
from docplatform.tenancy.items import to_text
from local.settings import ROOT
from tests.e2e.operations import OPERATIONS, SCIM_USER, Operation
from tests.support.mocked_aws import REGION, Cloud, Person, TenantWorld, function

FUNCTIONS = discover()
ROUTES = {f"{route.method} {route.path}": route for _, _, route in operations(ROOT / "functions")}
OF_ACTORS = [each for each in OPERATIONS if each.schemes & {"token", "key"}]
OF_SESSIONS = [each for each in OF_ACTORS if "token" in each.schemes]
OF_KEYS = [each for each in OF_ACTORS if "key" in each.schemes]
WRITES = ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems")
LATER = rfc3339(datetime.now(UTC) + timedelta(days=1))

BODIES: dict[str, object] = {  # that are accepted, so that the operation gets as far as its transaction
    "POST /v1/documents": {"name": "b.txt", "folder_id": "root", "size": 1, "content_type": "text/plain"},
    "POST /v1/users": {"email": "new@acme.example", "role": "admin"},
    "POST /v1/api-keys": {"name": "Mine", "scopes": ["read"], "expires_at": LATER},
    "POST /v1/service-accounts": {"name": "Import", "role": "admin"},
    "PATCH /v1/users/{user_id}": {"role": "admin"},
    "PUT /v1/access/{node_id}/grants/{principal}": {"role": "editor"},
    "PUT /v1/access/{node_id}/inheritance": {"inherits": False},
    "POST /v1/groups": {"name": "Legal"},
    "POST /scim/v2/Groups": {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Sales"},
    "POST /scim/v2/Users": {"schemas": [SCIM_USER], "userName": "new", "roles": [{"value": "admin"}]},
}
PINNED = {  # operations that a test with such bodies sees commit; the rest needs more than a body, for example a code
    "POST /v1/users",
    "PATCH /v1/users/{user_id}",
    "DELETE /v1/users/{user_id}",
    "DELETE /v1/users/{user_id}/sessions",
    "PUT /v1/security-settings",
    "POST /v1/api-keys",
    "DELETE /v1/api-keys/{key_id}",
    "POST /v1/service-accounts",
    "DELETE /v1/service-accounts/{account_id}",
    "POST /v1/live/tickets",
    "PUT /v1/access/{node_id}/grants/{principal}",
    "PUT /v1/access/{node_id}/inheritance",
    "PATCH /v1/folders/{folder_id}",
    "DELETE /v1/folders/{folder_id}",
    "POST /v1/groups",
    "PATCH /v1/groups/{group_id}",
    "DELETE /v1/groups/{group_id}",
    "POST /scim/v2/Users",
    "PUT /scim/v2/Users/{user_id}",
    "PATCH /scim/v2/Users/{user_id}",
    "DELETE /scim/v2/Users/{user_id}",
    "POST /scim/v2/Groups",
    "PUT /scim/v2/Groups/{group_id}",
    "POST /v1/me/mfa/totp",
}


def function_of(path: str) -> tuple[str, str]:
    """Package and module of the function that serves a path."""
    mounted = {mount.path: each for each in FUNCTIONS for mount in each.spec.mounts}
    longest = max((each for each in mounted if f"{path}/".startswith(f"{each}/")), key=len)
    return mounted[longest].folder.name, mounted[longest].spec.handler.partition(".")[0]


@dataclass
class Stage:
    """A tenant with something that each operation can be called for."""

    home: TenantWorld
    places: dict[str, str]
    key_id: str = ""

    def puts(self, key: Key, **attributes: object) -> None:
        self.home.cloud.database.put_item(TableName="data", Item=encode_item({**key._asdict(), **attributes}))

    def sets(self, key: Key, **attributes: object) -> None:
        self.home.cloud.database.update_item(
            TableName="data",
            Key=encode_item(key._asdict()),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames={f"#{name}": name for name in attributes},
            ExpressionAttributeValues=encode_item({f":{name}": value for name, value in attributes.items()}),
        )

    def removes(self, key: Key) -> None:
        self.home.cloud.database.delete_item(TableName="data", Key=encode_item(key._asdict()))

    @property
    def keys(self) -> IdentityKeys:
        return IdentityKeys(self.home.tenant.id)

    def adds_key(self, owner: Person) -> str:
        """An API key with every scope."""
        key_id, at = ids.new(ids.API_KEY, datetime.now(UTC)), rfc3339(datetime.now(UTC))
        scopes = sorted(Permission)
        facts = {"id": key_id, "owner_id": owner.id, "name": "k", "scopes": scopes, "secret_hash": "x"}
        more = {"created_by": owner.id, "created_at": at, "expires_at": LATER, "used_at": "", "revoked_at": ""}
        self.puts(self.keys.api_key(key_id), **facts, **more)
        return key_id

    def asks(self, operation: Operation, actor: Person, key_id: str = "") -> Any:
        """Calls the function with the authorizer's answer from before."""
        claims = {"tenant": to_text(self.home.tenant), "user_id": actor.id, "role": actor.role.value}
        claims |= {"session_id": key_id or actor.session_id}
        claims |= {"scopes": " ".join(sorted(Permission))} if key_id else {"sessions_since": ""}
        body = BODIES.get(str(operation), operation.body)
        event = {
            "httpMethod": operation.method,
            "path": operation.at(**{name: self.places[name] for name in operation.parameters}),
            "headers": {
                "Host": f"{self.home.tenant.subdomain}.us.example",
                "Content-Type": operation.media_type or "application/json",
            },
            "queryStringParameters": {"q": "x"} if operation.path == "/v1/search" and not operation.body else None,
            "body": json.dumps(body) if body is not None else None,
            "requestContext": {"requestId": "r", "identity": {"sourceIp": "192.0.2.1"}, "authorizer": claims},
        }
        return function(*function_of(operation.path)).handler(event, None)

    def written(self, act: Callable[[], Any]) -> tuple[Any, list[str]]:
        """The answer, and what was written meanwhile: tables with actions. What a refusal leaves behind is left out."""
        last: list[dict[str, Any]] = []
        done: list[str] = []

        def begun(params: dict[str, Any], **_: Any) -> None:
            last[:] = [params]

        def ended(http_response: Any, model: Any, **_: Any) -> None:
            if http_response.status_code == 200 and model.name in WRITES and not _is_refusal(last[0]):
                done.append(f"{model.name} {last[0]}")

        events = clients(self.home.tenant).client("dynamodb").meta.events
        events.register("before-parameter-build.dynamodb", begun, unique_id="begun")
        events.register("after-call.dynamodb", ended, unique_id="ended")
        try:
            return act(), done
        finally:
            events.unregister("before-parameter-build.dynamodb", unique_id="begun")
            events.unregister("after-call.dynamodb", unique_id="ended")


def _is_refusal(call: dict[str, Any]) -> bool:
    """The audit record of a refusal, or the count of a failed attempt, which is written before the attempt is tried."""
    item = call.get("Item", {})
    return item.get("action") == {"S": Action.ACCESS_REFUSED.value} or "#attempts#" in item.get("pk", {}).get("S", "")


@pytest.fixture(scope="module")
def stage(region: Cloud) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LIVE_ENDPOINT", "https://abcdef1234.execute-api.us-east-1.amazonaws.com/live")
        yield new_stage(region.tenant("acme"))


def new_stage(home: TenantWorld) -> Stage:
    admin, member = home.member(Role.ADMIN), home.member()
    folder = str(admin.creates_folder("Contracts")["id"])
    document = str(admin.announces("a.txt")["document"]["id"])
    service = admin.asks("POST", "/v1/service-accounts", {"name": "Import", "role": "editor"})
    stage = Stage(home, {})
    stage.places = {
        "document_id": document,
        "folder_id": folder,
        "node_id": folder,
        "principal": "everyone",
        "user_id": member.id,
        "session_id": member.session_id,
        "group_id": home.group("Board", member),
        "account_id": str(service["id"]),
        "key_id": stage.adds_key(member),
        "passkey_id": "pk",
        "name": "User",
        "urn": SCIM_USER,
    }
    return stage


Loss = Callable[[Stage, Person, str], None]


def demoted(stage: Stage, actor: Person, _key: str) -> None:
    stage.sets(stage.keys.user(actor.id), role="viewer")


def disabled(stage: Stage, actor: Person, _key: str) -> None:
    stage.sets(stage.keys.user(actor.id), status="disabled")


def deleted(stage: Stage, actor: Person, _key: str) -> None:
    gone = {"id": actor.id, "email": "", "name": "", "role": "viewer", "status": "disabled", "removed": True}
    stage.puts(stage.keys.user(actor.id), **gone, created_at=rfc3339(datetime.now(UTC)))


def signed_out(stage: Stage, actor: Person, _key: str) -> None:
    stage.removes(stage.keys.session(actor.session_id))


def signed_out_everywhere(stage: Stage, actor: Person, _key: str) -> None:
    stage.sets(stage.keys.user(actor.id), sessions_since=rfc3339(datetime.now(UTC) + timedelta(minutes=1)))


def key_revoked(stage: Stage, _actor: Person, key: str) -> None:
    stage.sets(stage.keys.api_key(key), revoked_at=rfc3339(datetime.now(UTC)))


ALWAYS = (demoted, disabled, deleted)
OF_SESSION, OF_KEY = (*ALWAYS, signed_out, signed_out_everywhere), (*ALWAYS, key_revoked)


def sent() -> int:
    return len(ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages)


@pytest.mark.parametrize("loss", OF_SESSION, ids=lambda each: each.__name__)
@pytest.mark.parametrize("operation", OF_SESSIONS, ids=str)
def test_a_session_does_nothing_once_its_authority_is_gone(stage: Stage, operation: Operation, loss: Loss) -> None:
    actor = stage.home.member(Role.ADMIN)
    loss(stage, actor, "")
    mails = sent()
    answer, written = stage.written(lambda: stage.asks(operation, actor))
    assert (answer["statusCode"] in (401, 403), written, sent()) == (True, [], mails), answer


@pytest.mark.parametrize("loss", OF_KEY, ids=lambda each: each.__name__)
@pytest.mark.parametrize("operation", OF_KEYS, ids=str)
def test_an_api_key_does_nothing_once_its_authority_is_gone(stage: Stage, operation: Operation, loss: Loss) -> None:
    owner = stage.home.member(Role.ADMIN)
    key = stage.adds_key(owner)
    loss(stage, owner, key)
    mails = sent()
    answer, written = stage.written(lambda: stage.asks(operation, owner, key))
    assert (answer["statusCode"] in (401, 403), written, sent()) == (True, [], mails), answer


# -- in the middle of a request


LASTING = [each for each in OF_SESSIONS if ROUTES[str(each)].consequence in ("lasting", "critical")]


@pytest.mark.parametrize("loss", OF_SESSION, ids=lambda each: each.__name__)
@pytest.mark.parametrize("operation", LASTING, ids=str)
def test_what_lasts_is_decided_by_the_authority_at_its_commit(region: Cloud, operation: Operation, loss: Loss) -> None:
    stage = new_stage(region.tenant("middle"))
    if str(operation) == "POST /v1/users/{user_id}/invitation":
        stage.sets(stage.keys.user(stage.places["user_id"]), status="invited")
    if str(operation) == "POST /v1/users/{user_id}/email/confirm":
        stage.sets(stage.keys.user(stage.places["user_id"]), email_changed_at=rfc3339(datetime.now(UTC)))
    actor = stage.home.member(Role.ADMIN)
    mails, began = sent(), []

    def middle(model: Any, **_: Any) -> None:
        if model.name == "TransactWriteItems" and not began:
            began.append(True)
            loss(stage, actor, "")

    events = clients(stage.home.tenant).client("dynamodb").meta.events
    events.register("before-call.dynamodb", middle, unique_id="middle")
    try:
        answer, written = stage.written(lambda: stage.asks(operation, actor))
    finally:
        events.unregister("before-call.dynamodb", unique_id="middle")
    if began:
        assert (answer["statusCode"] in (401, 403), written, sent()) == (True, [], mails), answer
    else:
        assert str(operation) not in PINNED, answer


def test_a_session_that_is_authenticated_again_goes_on(stage: Stage) -> None:
    """A change of the own password ends older sessions, and renews this one: what the authorizer cached is outdated,
    and the authority is not."""
    actor = stage.home.member(Role.ADMIN)
    since = rfc3339(datetime.now(UTC) - timedelta(minutes=1))
    stage.sets(stage.keys.user(actor.id), sessions_since=since)
    tickets = next(each for each in OF_SESSIONS if str(each) == "POST /v1/live/tickets")
    calls = stage.home.calls(lambda: stage.asks(tickets, actor))
    assert calls == ["TransactWriteItems", "BatchGetItem", "TransactWriteItems"]


def test_a_promotion_waits_for_the_authorizer_and_loses_nothing(stage: Stage) -> None:
    viewer = stage.home.member(Role.VIEWER)
    stage.sets(stage.keys.user(viewer.id), role="admin")
    me = next(each for each in OF_SESSIONS if str(each) == "GET /v1/me")
    tickets = next(each for each in OF_SESSIONS if str(each) == "POST /v1/live/tickets")
    assert stage.asks(me, viewer)["statusCode"] == 200
    assert stage.asks(tickets, viewer)["statusCode"] == 201


@pytest.mark.parametrize("operation", OF_ACTORS, ids=str)
def test_the_same_operation_is_open_to_who_has_the_authority(stage: Stage, operation: Operation) -> None:
    """Otherwise the refusals above would show nothing. It comes last, because it changes the tenant."""
    answer = stage.asks(operation, stage.home.member(Role.ADMIN))
    assert answer["statusCode"] != 401 and answer["statusCode"] != 403 or "proof_refused" in answer["body"], answer


# -- declarations


def test_a_route_that_can_change_something_says_what_it_leaves_behind() -> None:
    router = Router()
    with pytest.raises(TypeError, match="consequence"):

        @router.post("/v1/things")
        def make(actor: Actor) -> None: ...


def test_a_router_with_actors_has_their_authorities(acme: TenantWorld) -> None:
    """Otherwise it would answer by the authorizer's cached word."""
    router = Router()

    @router.get("/v1/things")
    def read(actor: Actor) -> None: ...

    claims = {"tenant": to_text(acme.tenant), "user_id": "usr", "session_id": "ses", "role": "admin"}
    event = {
        "httpMethod": "GET",
        "path": "/v1/things",
        "headers": {"Host": f"{acme.tenant.subdomain}.us.example"},
        "requestContext": {"requestId": "r", "authorizer": claims},
    }
    assert router.handler(event, None)["statusCode"] == 500


def test_only_additions_of_content_are_not_pinned() -> None:
    unpinned = {name for name, route in ROUTES.items() if route.consequence is Consequence.CONTENT}
    assert unpinned == {"POST /v1/folders", "POST /v1/documents", "POST /v1/documents/{document_id}/upload"}
