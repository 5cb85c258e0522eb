"""Every function with a broken edge, which sets no tenant or another tenant. Then no store makes a call.

First each function is called with the normal edge, to learn which calls it makes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.client import BaseClient
from opensearchpy import Transport

from cdk.specs import discover
from docplatform.authentication.reset_requests import ResetRequest
from docplatform.control_plane import wiring as control_plane
from docplatform.core import ids
from docplatform.core.actor import Role
from docplatform.core.tenant import Tenant, TenantContext, TenantContextError, TenantStatus, get_current_tenant
from docplatform.core.time import now
from docplatform.runtime import settings
from docplatform.runtime.schedules.model import Run, new_run
from docplatform.runtime.schedules.operator import JobService
from docplatform.runtime.schedules.store import RunStore
from docplatform.runtime.spec import Auth, Grant
from docplatform.runtime.tenant_access import registry
from docplatform.tenancy.items import to_text
from docplatform.tenancy.registry import Registry
from tests.e2e.operations import OPERATIONS, Operation
from tests.support.mocked_aws import BUCKET, Cloud, function
from tests.support.mocked_region import House, new_house, sample

FUNCTIONS = discover()
OWN_ROLE = {
    "opensearchserverless": "BatchGetCollection CreateCollection DeleteCollection",
    "lambda": "Invoke",
    "sts": "AssumeRole",
    "kms": "GetPublicKey Sign",
    "sesv2": "SendEmail",
    "sqs": "SendMessage",
    "dynamodb": "",
    "s3": "",
}
DOCUMENT, VERSION = ids.new(ids.DOCUMENT, now()), ids.new(ids.VERSION, now())
USER, SESSION = ids.new(ids.USER, now()), ids.new(ids.SESSION, now())


def _start(service: JobService, name: str) -> Run:
    """Without the call of the tick."""
    return new_run(service._job(name), now(), now())


@pytest.fixture(scope="module")
def environment(region: Cloud) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(JobService, "start", _start)
        patch.setenv("LIVE_ENDPOINT", "https://abcdef1234.execute-api.us-east-1.amazonaws.com/live")
        settings.load.cache_clear()
        yield
    settings.load.cache_clear()


@pytest.fixture(scope="module")
def home(region: Cloud, environment: None) -> House:
    return new_house(region)


@pytest.fixture(scope="module")
def token(home: House) -> str:
    return home.moves_in()["access_token"]


@pytest.fixture(scope="module")
def other(region: Cloud) -> Tenant:
    return region.tenant("other").tenant


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls of stores: all calls except those that the function's own role makes for the whole region."""
    made: list[str] = []
    call, search = BaseClient._make_api_call, Transport.perform_request

    def counted(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        service = client.meta.service_model.service_name
        regional = service == "dynamodb" and parameters.get("TableName") in ("registry", "operations")
        if not regional and operation not in OWN_ROLE.get(service, "").split():
            made.append(f"{service} {operation}")
        return call(client, operation, parameters)

    def searched(transport: Transport, *given: Any, **more: Any) -> Any:
        made.append("search")
        return search(transport, *given, **more)

    monkeypatch.setattr(BaseClient, "_make_api_call", counted)
    monkeypatch.setattr(Transport, "perform_request", searched)
    return made


@pytest.fixture(params=["no tenant", "another tenant"])
def broken(request: pytest.FixtureRequest, other: Tenant) -> Callable[[pytest.MonkeyPatch], None]:
    """Breaks the edge: every function that sets the current tenant sets this value instead."""
    from docplatform.core import tenant as module

    held = module._Scope.EMPTY if request.param == "no tenant" else TenantContext.of(other)
    return lambda patch: patch.setattr(TenantContext, "of", staticmethod(lambda _: held))


@dataclass
class Outcome:
    asked: list[str]
    refused: bool  # with an unexpected error


def outcome(start: Callable[[], dict[str, Any]], asked: list[str]) -> Outcome:
    asked.clear()
    refused = False
    try:
        answer = start()
        refused = answer.get("statusCode") == 500 or bool(answer.get("batchItemFailures"))
    except TenantContextError:
        refused = True
    except Exception:
        pass  # it may fail for another reason: there is no such document, no search engine
    with pytest.raises(TenantContextError):  # in any case, no tenant stays set
        get_current_tenant()
    return Outcome(list(asked), refused)


# -- routes


def event_of(operation: Operation, home: House) -> dict[str, Any]:
    """The event of a request by an admin who may do everything."""
    tenant = registry().by_id(home.facts["id"])
    assert tenant is not None
    event = sample("operator-request") if "operator" in operation.schemes else sample("api-request", HOST=home.host)
    places = {
        "document_id": DOCUMENT,
        "folder_id": "root",
        "node_id": "root",
        "principal": "everyone",
        "user_id": USER,
        "session_id": SESSION,
        "tenant_id": tenant.id,
        "group_id": ids.new(ids.GROUP, now()),
        "key_id": ids.new(ids.API_KEY, now()),
        "name": "watch",
    }
    path = operation.at(**{name: places.get(name, USER) for name in operation.parameters})
    event |= {"httpMethod": operation.method, "path": path, "queryStringParameters": None}
    event["headers"] = {**event["headers"], "Content-Type": operation.media_type or "application/json"}
    body = operation.body
    event["body"] = urlencode(body) if "form" in operation.media_type else json.dumps(body) if body else None
    if "operator" not in operation.schemes:
        claims = {"user_id": USER, "session_id": SESSION, "role": Role.ADMIN.value}
        event["requestContext"]["authorizer"] = {"tenant": to_text(tenant), **claims}
    return event


def function_of(path: str) -> tuple[str, str]:
    """Package and module of the function that serves a path."""
    mounted = {mount.path: each for each in FUNCTIONS for mount in each.spec.mounts}
    longest = max((each for each in mounted if f"{path}/".startswith(f"{each}/")), key=len)
    return mounted[longest].folder.name, mounted[longest].spec.handler.partition(".")[0]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_no_operation_asks_a_store_without_its_tenants_context(
    operation: Operation, home: House, asked: list[str], broken: Callable[[pytest.MonkeyPatch], None]
) -> None:
    handler = function(*function_of(operation.path)).handler
    event = event_of(operation, home)
    with pytest.MonkeyPatch.context() as patch:
        broken(patch)
        without = outcome(lambda: handler(event, None), asked)
    whole = outcome(lambda: handler(event, None), asked)
    assert without.asked == []
    if whole.asked != ["dynamodb PutItem"] or without.refused:  # the record of a refusal, which stays one without it
        assert without.refused == bool(whole.asked), whole
    assert not whole.refused or "search" in whole.asked, "the operation is tried with something that it does not take"


# -- events


def events(home: House, token: str) -> dict[str, dict[str, Any]]:
    """For each function without routes: its events."""
    tenant_id = home.facts["id"]
    authorizer = sample("authorizer", HOST=home.host)
    authorizer["headers"]["Authorization"] = f"Bearer {token}"
    admission = sample("live-authorizer", HOST=f"{home.subdomain}.live.us.example", TICKET="t", CONNECTION="c=")
    sockets = sample("live-event", EVENT="CONNECT", CONNECTION="c=")
    claims = {"tenant_id": tenant_id, "user_id": USER, "session_id": SESSION, "role": "viewer"}
    sockets["requestContext"]["authorizer"] = claims
    step_input = {"tenant_id": tenant_id, "document_id": DOCUMENT, "version_id": VERSION, "execution": "e", "facts": {}}
    session = sample("table-stream", TENANT=tenant_id, DOCUMENT=SESSION)
    session["Records"][0]["dynamodb"]["Keys"] = {"pk": {"S": f"{tenant_id}#session#{SESSION}"}, "sk": {"S": "session"}}
    at = now()
    run = Run("missed-uploads", due=at, begun_at=at, late_at=at)
    due = RunStore(home.cloud.database, "operations").begin(run).due.isoformat()
    for job in ("tenants", "erasures"):
        RunStore(home.cloud.database, "operations").begin(replace(run, job=job))
    steps = ("verify", "extract", "preview", "index", "finish", "fail")
    resets = sample("reset-queue", TENANT=tenant_id)
    resets["Records"][0]["body"] = ResetRequest(tenant_id, home.admin_email, at, "r").message()
    scanned = sample("scan-result", TENANT=tenant_id)
    scanned["detail"]["s3ObjectDetails"]["bucketName"] = BUCKET
    return {
        "authorizer": authorizer,
        "break-glass-watch": sample("cloud-trail", TENANT=tenant_id),
        "ingestion-dispatch": scanned,
        "password-resets": resets,
        "live-admission": admission,
        "live-sockets": sockets,
        "live-ends": session,
        "ingestion-recover": sample("job-queue", JOB="missed-uploads", DUE=due, PART=tenant_id),
        "index-verify": sample("job-queue", JOB="erasures", DUE=due, PART=tenant_id),
        "tenants-settle": sample("job-queue", JOB="tenants", DUE=due, PART="region"),
        "index-sync": sample("table-stream", TENANT=tenant_id, DOCUMENT=DOCUMENT),
        **{f"processing-{step}": step_input for step in steps},
    }


def is_set_up_again(home: House) -> None:
    """Its collection is there, and the registry does not know it yet."""
    tenant = registry().by_id(home.facts["id"])
    assert tenant
    begun = replace(tenant, status=TenantStatus.PROVISIONING, collection="")
    Registry(home.cloud.database, "registry").change(tenant, begun)
    registry.cache_clear()
    control_plane._home_registry.cache_clear()


TRIGGERED = [each for each in FUNCTIONS if not each.spec.mounts and Grant.TENANT_ACCESS in each.spec.grants]


@pytest.mark.parametrize("deployed", TRIGGERED, ids=lambda each: each.spec.name)
def test_no_event_has_a_store_asked_without_its_tenants_context(
    deployed: Any, home: House, token: str, asked: list[str], broken: Callable[[pytest.MonkeyPatch], None]
) -> None:
    event = events(home, token)[deployed.spec.name]
    if deployed.spec.name == "tenants-settle":
        is_set_up_again(home)
    handler = function(deployed.folder.name, deployed.spec.handler.partition(".")[0]).handler
    with pytest.MonkeyPatch.context() as patch:
        broken(patch)
        without = outcome(lambda: handler(event, None), asked)
    whole = outcome(lambda: handler(event, None), asked)
    assert without == Outcome([], refused=True)
    assert whole.asked


def test_every_other_function_cannot_reach_a_tenants_data() -> None:
    """It may not assume the tenant role, or it has routes, which are all tried above."""
    tried = {each.spec.name for each in TRIGGERED}
    tried |= {function_of(each.path)[0] for each in OPERATIONS}
    rest = [each.spec for each in FUNCTIONS if each.spec.name not in tried and each.folder.name not in tried]
    assert [spec.name for spec in rest if Grant.TENANT_ACCESS in spec.grants] == []
    assert Auth.TENANT in {mount.auth for each in FUNCTIONS for mount in each.spec.mounts}
