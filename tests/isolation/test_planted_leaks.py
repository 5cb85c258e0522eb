"""The adversary (tests/isolation/adversary.py) finds nothing in the handlers, and each of five bugs that are planted in
them. The platform detects four of them itself, and answers nothing: the fifth is about names in a log."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from docplatform.core.actor import Role
from docplatform.infra.dynamodb.codec import decode_item
from docplatform.infra.dynamodb.keys import TenantKeys
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.library.adapters import s3
from docplatform.library.adapters.s3 import S3Files
from tests.isolation.adversary import MOVES, OVER_HTTP, Game, Leaked, Step, Told, plays
from tests.support.mocked_aws import Cloud, Person
from tests.support.scale import SCALE, SEED

pytestmark = pytest.mark.slow

HERE = [name for name in MOVES if name not in OVER_HTTP]
QUICK = settings(
    deadline=None,
    database=None,
    max_examples=8 * SCALE,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@dataclass
class InProcess:
    person: Person
    canary: str = field(default_factory=lambda: f"canary{secrets.token_hex(6)}")

    @property
    def tenant_id(self) -> str:
        return self.person.home.tenant.id

    def asks(self, method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> Told:
        answer = self.person.asks(method, path, body, query=query)
        return Told(answer.status, json.dumps(answer.body), answer.headers)

    def stores(self, body: dict[str, Any], content: bytes) -> Told:
        return self.asks("POST", "/v1/documents", body)

    def knocks(self, other: InProcess) -> Told:
        raise NotImplementedError


@pytest.fixture
def game(region: Cloud, monkeypatch: pytest.MonkeyPatch) -> Game:
    monkeypatch.setattr("docplatform.identity.adapters.mail.SesUserMail.invite", lambda *given, **more: None)
    return Game([InProcess(region.tenant(f"tenant{number}").member(Role.ADMIN)) for number in range(8)])


def played(game: Game, capsys: pytest.CaptureFixture[str]) -> None:
    """Raises Leaked."""
    game.opens()

    @seed(SEED)
    @QUICK
    @given(plays(len(game.hands), HERE))
    def round_(steps: list[Step]) -> None:
        for step in steps:
            game.plays(step)
            lines = capsys.readouterr().out
            for hand in game.hands:
                if hand.player.canary in lines:
                    raise Leaked(f"{step}: {hand.player.canary} stands in the log: {lines}")

    round_()


def test_as_they_are_the_handlers_leak_nothing(game: Game, capsys: pytest.CaptureFixture[str]) -> None:
    played(game, capsys)
    assert game.done > 8 * 40
    assert all({"doc", "fld", "grp", "usr", "svc", "key"} <= hand.ids.keys() for hand in game.hands), "it got somewhere"


# -- bugs
def a_list_without_the_tenant(patch: pytest.MonkeyPatch) -> None:
    """A query without the tenant."""

    def query(table: TenantTable, partition: str, *, index: str = "", **more: Any) -> Any:
        if not index:
            return right(table, partition, index=index, **more)
        found: list[Any] = []
        for raw in table._client.scan(TableName=table._data)["Items"]:
            item = decode_item(raw)
            if str(item.get(f"{index}pk", "")).partition("#")[2] == partition.partition("#")[2]:
                found.append(item)
        return found, None

    right = TenantTable.query
    patch.setattr(TenantTable, "query", query)


def a_key_that_follows_the_id(patch: pytest.MonkeyPatch) -> None:
    """A read that finds an item by its id in any tenant's partition."""
    get = TenantTable.get

    def anywhere(table: TenantTable, key: Any) -> Any:
        found = get(table, key)
        if found is not None:
            return found
        for raw in table._client.scan(TableName=table._data)["Items"]:
            item = decode_item(raw)
            if item["sk"] == key.sk and item["pk"].partition("#")[2] == key.pk.partition("#")[2]:
                return item
        return None

    patch.setattr(TenantTable, "get", anywhere)


def a_warm_table_for_everybody(patch: pytest.MonkeyPatch) -> None:
    """A cache that is not keyed by the tenant."""
    made: list[TenantKeys] = []
    begin = TenantTable.__init__

    def kept(table: TenantTable, client: Any, *, tenant_id: str, data_table: str, audit_table: str) -> None:
        begin(table, client, tenant_id=tenant_id, data_table=data_table, audit_table=audit_table)
        made.append(table.keys)
        table.keys = made[0]

    patch.setattr(TenantTable, "__init__", kept)


def a_link_into_anothers_prefix(patch: pytest.MonkeyPatch) -> None:
    """A link with the prefix of the first tenant that requested one."""
    tenants: list[str] = []

    def kept(files: S3Files, document_id: str, version_id: str, part: str) -> str:
        tenants.append(files._tenant_id)
        return f"{s3.document_prefix(tenants[0], document_id)}{version_id}/{part}"

    def kept_apart(files: S3Files, document_id: str, version_id: str, part: str) -> str:
        return kept(files, document_id, version_id, part).replace(s3.UPLOADS, s3.DERIVED, 1)

    patch.setattr(S3Files, "_key", kept)
    patch.setattr(S3Files, "_derived_key", kept_apart)


def a_line_with_a_name(patch: pytest.MonkeyPatch) -> None:
    """A log line that contains a name."""
    record = TenantTable.record

    def talkative(table: TenantTable, transaction: Any, *given: Any, **more: Any) -> None:
        print(json.dumps({"level": "INFO", "event": "change", "writes": transaction._writes}, default=str))
        record(table, transaction, *given, **more)

    patch.setattr(TenantTable, "record", talkative)


BUGS: list[Callable[[pytest.MonkeyPatch], None]] = [
    a_list_without_the_tenant,
    a_key_that_follows_the_id,
    a_warm_table_for_everybody,
    a_link_into_anothers_prefix,
    a_line_with_a_name,
]


@pytest.fixture(params=BUGS, ids=lambda bug: bug.__name__)
def planted(request: pytest.FixtureRequest, game: Game) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        request.param(patch)
        yield


@pytest.fixture
def unguarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform does not look at the tenant of what it reads and answers."""
    for guard in (
        "infra.dynamodb.codec.require_own_partition",
        "infra.guarded_client.require_own_object",
        "library.views.require_own_link",
    ):
        monkeypatch.setattr(f"docplatform.{guard}", lambda *_: None)
    monkeypatch.setattr(TenantTable, "_is_own", lambda *_: True)


def test_a_planted_bug_is_caught(
    unguarded: None, planted: None, game: Game, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Leaked):
        played(game, capsys)


@pytest.mark.parametrize("planted", BUGS[:4], indirect=True, ids=lambda bug: bug.__name__)
def test_the_platform_detects_a_planted_bug_before_it_leaks(
    planted: None, game: Game, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(AssertionError, match='"code": "isolation_fault"') as stopped:
        played(game, capsys)
    assert not isinstance(stopped.value, Leaked)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert any("cross_tenant_detected" in line for line in lines)
    assert any("CrossTenantDetected" in line for line in lines)
