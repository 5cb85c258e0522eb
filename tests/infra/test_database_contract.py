"""What the adapters rely on in DynamoDB, tried on moto and on Amazon's DynamoDB Local.

The last part has the differences, and in each of them DynamoDB Local answers as AWS does. Others cannot be tried here:

- It has no IAM, no tags and no point-in-time restore. ``tests/e2e`` tries permissions in the local cloud.
- Of concurrent deletes of one item without a condition, several return the item. So ``pop`` has a condition.
- Items of an index that have equal sort keys come in any order, as on AWS; moto sorts them.
- The texts of most refusals differ. Their codes are the same.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from docplatform.core.audit import Action, AuditRecord
from docplatform.core.errors import AlreadyDone, ChangedMeanwhile, DomainError, NotFound, QuotaExceeded
from docplatform.identity.adapters.attempt_store import DynamoAttempts
from docplatform.identity.attempts import AttemptCount
from docplatform.infra.dynamodb.codec import Item, encode_item
from docplatform.infra.dynamodb.idempotency import KEPT, DynamoIdempotency
from docplatform.infra.dynamodb.keys import Key
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.runtime.tenant_access import table as table_of
from docplatform.tenancy.errors import SubdomainTaken
from docplatform.tenancy.registry import Registry
from tests.identity.harness import at_once
from tests.support.databases import DYNAMODB_LOCAL, on_every_database
from tests.support.mocked_aws import Cloud, TenantWorld
from tests.support.tenants import a_tenant

pytestmark = [on_every_database, pytest.mark.usefixtures("in_acme")]

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
REFUSED, OTHER = ChangedMeanwhile("refused"), NotFound("other")


@pytest.fixture
def table(acme: TenantWorld) -> TenantTable:
    return table_of(acme.tenant)


@pytest.fixture
def key(acme: TenantWorld) -> Callable[[str], Key]:
    return lambda name: Key(f"{acme.tenant.id}#things", name)


@pytest.fixture
def is_dynamodb_local(request: pytest.FixtureRequest) -> bool:
    return bool(request.node.callspec.params["region"] == DYNAMODB_LOCAL)


def put(table: TenantTable, key: Key, **attributes: Any) -> None:
    with table.begin() as writes:
        writes.put(key, attributes)


def attributes(table: TenantTable, key: Key) -> Item | None:
    item = table.get(key)
    return item and {name: value for name, value in item.items() if name not in ("pk", "sk")}


def test_stores_and_tests_speak_with_the_engine_that_the_test_names(
    region: Cloud, table: TenantTable, is_dynamodb_local: bool
) -> None:
    for client in (region.database, table._client):
        assert client.meta.endpoint_url.startswith("http://127.0.0.1:") is is_dynamodb_local


# -- transactions


CONDITIONS: list[tuple[dict[str, Any], bool]] = [
    ({}, True),
    ({"equals": {"state": "new"}}, True),
    ({"equals": {"state": "old"}}, False),
    ({"equals": {"count": 3}}, True),
    ({"equals": {"count": "3"}}, False),
    ({"equals": {"state": "new", "count": 4}}, False),
    ({"equals": {"state": ["old", "new"]}}, True),
    ({"equals": {"state": ["old", "older"]}}, False),
    ({"equals": {"removed": None}}, True),
    ({"equals": {"state": None}}, False),
    ({"equals": {"removed": [True, None]}}, True),
    ({"equals": {"hidden": [True, None]}}, False),
    ({"equals": {"version.state": "ready"}}, True),
    ({"equals": {"version.state": "failed"}}, False),
    ({"equals": {"version.nothing": None}}, True),
    ({"at_most": {"count": 3}}, True),
    ({"at_most": {"count": 2}}, False),
    ({"at_most": {"nothing": 0}}, True),
]
STORED = {"state": "new", "count": 3, "hidden": False, "version": {"state": "ready"}}


@pytest.mark.parametrize(("condition", "holds"), CONDITIONS)
def test_an_update_is_made_if_its_condition_holds_and_only_then(
    table: TenantTable, key: Callable[[str], Key], condition: dict[str, Any], holds: bool
) -> None:
    put(table, key("a"), **STORED)
    assert done(table, lambda writes: writes.update(key("a"), values={"x": 1}, error=REFUSED, **condition)) is holds
    assert attributes(table, key("a")) == (STORED | {"x": 1} if holds else STORED)


def done(table: TenantTable, write: Callable[[Any], None]) -> bool:
    try:
        with table.begin() as writes:
            write(writes)
    except ChangedMeanwhile as error:
        assert error is REFUSED
        return False
    return True


@pytest.mark.parametrize("there", [True, False])
def test_an_update_wants_an_item_unless_it_says_otherwise(
    table: TenantTable, key: Callable[[str], Key], there: bool
) -> None:
    if there:
        put(table, key("a"), count=1)
    assert done(table, lambda writes: writes.update(key("a"), add={"count": 1}, error=REFUSED)) is there
    assert done(table, lambda writes: writes.update(key("a"), add={"count": 1}, error=REFUSED, must_exist=False))
    assert attributes(table, key("a")) == {"count": 3 if there else 1}


def test_an_update_sets_counts_and_removes_attributes_with_reserved_names(
    table: TenantTable, key: Callable[[str], Key]
) -> None:
    put(table, key("a"), name="old", users=2, status="new", version={"state": "new", "number": 1})
    with table.begin() as writes:
        writes.update(key("a"), values={"name": "n", "version.state": "s"}, add={"users": -1}, remove=("status", "no"))
    assert attributes(table, key("a")) == {"name": "n", "users": 1, "version": {"state": "s", "number": 1}}


@pytest.mark.parametrize(
    ("write", "wants"),
    [
        (lambda writes, key: writes.put(key, {"new": True}, error_if_exists=REFUSED), "nothing"),
        (lambda writes, key: writes.replace(key, {"new": True}, equals={"state": "new"}, error=REFUSED), "the item"),
        (lambda writes, key: writes.replace(key, {"new": True}, equals={"state": "old"}, error=REFUSED), "another"),
        (lambda writes, key: writes.delete(key, error=REFUSED), "the item"),
        (lambda writes, key: writes.delete(key, equals={"state": "old"}, error=REFUSED), "another"),
        (lambda writes, key: writes.check(key, error=REFUSED), "the item"),
        (lambda writes, key: writes.check(key, equals={"state": "old"}, error=REFUSED), "another"),
    ],
)
def test_the_other_writes_have_conditions_too(
    table: TenantTable, key: Callable[[str], Key], write: Callable[[Any, Key], None], wants: str
) -> None:
    assert done(table, lambda writes: write(writes, key("a"))) is (wants == "nothing")
    put(table, key("a"), state="new")
    assert done(table, lambda writes: write(writes, key("a"))) is (wants == "the item")


def test_a_delete_without_a_condition_needs_no_item(table: TenantTable, key: Callable[[str], Key]) -> None:
    with table.begin() as writes:
        writes.delete(key("nothing"))


def test_a_refused_transaction_writes_nothing_in_any_table(
    table: TenantTable, key: Callable[[str], Key], acme: TenantWorld
) -> None:
    put(table, key("taken"))
    with pytest.raises(ChangedMeanwhile):
        with table.begin() as writes:
            writes.put(key("before"), {})
            table.record(writes, a_record(acme, "r1"))
            writes.put(key("taken"), {}, error_if_exists=REFUSED)
            writes.put(key("after"), {})
    assert table.get_many([key("before"), key("after")]) == {}
    assert acme.audit == []


@pytest.mark.parametrize(("first", "second"), [(REFUSED, OTHER), (OTHER, REFUSED)])
def test_the_reasons_come_in_the_order_of_the_writes(
    table: TenantTable, key: Callable[[str], Key], first: DomainError, second: DomainError
) -> None:
    with pytest.raises(type(first)) as refused:
        with table.begin() as writes:
            writes.put(key("good"), {})
            writes.check(key("missing"), error=first)
            writes.check(key("missing-too"), error=second)
    assert refused.value is first


def test_a_condition_without_an_error_of_its_own_is_a_fault(table: TenantTable, key: Callable[[str], Key]) -> None:
    with pytest.raises(ClientError) as fault:
        with table.begin() as writes:
            writes.update(key("missing"), values={"x": 1})
    assert fault.value.response["Error"]["Code"] == "TransactionCanceledException"


def test_a_transaction_has_a_hundred_writes_at_most(table: TenantTable, key: Callable[[str], Key]) -> None:
    with table.begin() as writes:
        for number in range(100):
            writes.put(key(f"{number}"), {})
    with pytest.raises(ClientError, match="100") as fault:
        with table.begin() as writes:
            for number in range(101):
                writes.put(key(f"more-{number}"), {})
    assert fault.value.response["Error"]["Code"] == "ValidationException"


def test_one_item_is_written_once_in_a_transaction(table: TenantTable, key: Callable[[str], Key]) -> None:
    with pytest.raises(ClientError, match="multiple operations on one item"):
        with table.begin() as writes:
            writes.put(key("a"), {})
            writes.delete(key("a"))


def test_a_counter_that_many_change_at_once_counts_each_and_ends_at_its_limit(
    table: TenantTable, key: Callable[[str], Key]
) -> None:
    full = QuotaExceeded("full")

    def add(_: int) -> bool:
        try:
            with table.begin() as writes:
                writes.update(key("n"), add={"count": 1}, at_most={"count": 11}, error=full, must_exist=False)
        except QuotaExceeded:
            return False
        return True

    with at_once(4) as pool:
        added = list(pool.map(add, range(16)))
    assert added.count(True) == 12
    assert attributes(table, key("n")) == {"count": 12}


# -- single items


def test_an_item_comes_back_as_it_was_put(table: TenantTable, key: Callable[[str], Key]) -> None:
    item = {
        "text": "ü😀 \x00",
        "empty": "",
        "n": -(10**37),
        "yes": True,
        "none": None,
        "many": [1, "a", []],
        "map": {"a": {}},
    }
    put(table, key("ü#😀"), **item)
    assert attributes(table, key("ü#😀")) == item


def test_a_revision_is_replaced_once(table: TenantTable, key: Callable[[str], Key]) -> None:
    assert table.put_if_revision(key("a"), {"revision": 1, "by": "ann"}, revision=0) is None
    assert table.put_if_revision(key("a"), {"revision": 1, "by": "bo"}, revision=0) == {
        **key("a")._asdict(),
        "revision": 1,
        "by": "ann",
    }
    assert table.put_if_revision(key("a"), {"revision": 2, "by": "bo"}, revision=1) is None
    assert table.put_if_revision(key("a"), {"revision": 2, "by": "cy"}, revision=1)["by"] == "bo"
    with at_once(4) as pool:
        stored = list(
            pool.map(lambda by: table.put_if_revision(key("a"), {"revision": 3, "by": by}, revision=2), "wxyz")
        )
    assert stored.count(None) == 1
    winner = table.get(key("a"))
    assert [each for each in stored if each is not None] == [winner] * 3


def test_an_item_is_popped_once(table: TenantTable, key: Callable[[str], Key]) -> None:
    put(table, key("ticket"), user="ann")
    ticket = {**key("ticket")._asdict(), "user": "ann"}
    with at_once(4) as pool:
        popped = list(pool.map(lambda _: table.pop(key("ticket")), range(4)))
    assert [each for each in popped if each is not None] == [ticket]


def test_a_failed_attempt_is_counted_on_the_count_that_was_read(table: TenantTable) -> None:
    attempts = DynamoAttempts(table)
    first = AttemptCount(recent=(AT,), revision=1)
    assert attempts.counts("ann@acme.example", "192.0.2.1", AT).account == AttemptCount()
    assert attempts.keep("ann@acme.example", first, AT) is None
    assert attempts.keep("ann@acme.example", AttemptCount(recent=(AT, AT), revision=1), AT) == first
    assert attempts.counts("ann@acme.example", "192.0.2.1", AT).account == first


# -- idempotency and audit


def test_an_idempotency_key_is_taken_for_a_day_and_by_one_user(table: TenantTable, key: Callable[[str], Key]) -> None:
    def uses(at: datetime, user: str = "usr_ann", result: str = "r1") -> None:
        with table.begin() as writes:
            writes.put(key(result), {})
            DynamoIdempotency(table, user, at).record_key(writes, "k", "digest", result)

    assert DynamoIdempotency(table, "usr_ann", AT).lookup("k") is None
    uses(AT)
    assert DynamoIdempotency(table, "usr_ann", AT).lookup("k") == ("digest", "r1")
    assert DynamoIdempotency(table, "usr_bo", AT).lookup("k") is None
    with pytest.raises(AlreadyDone):
        uses(AT + KEPT - timedelta(seconds=1), result="r2")
    assert table.get(key("r2")) is None
    uses(AT, "usr_bo", result="r3")
    assert DynamoIdempotency(table, "usr_ann", AT + KEPT).lookup("k") is None
    uses(AT + KEPT, result="r4")
    assert DynamoIdempotency(table, "usr_ann", AT + KEPT).lookup("k") == ("digest", "r4")


def test_an_audit_record_is_stored_with_its_change_and_never_replaced(
    table: TenantTable, key: Callable[[str], Key], acme: TenantWorld
) -> None:
    with table.begin() as writes:
        writes.put(key("a"), {})
        table.record(writes, a_record(acme, "r1"))
    table.record_standalone(a_record(acme, "r2", Action.DOCUMENT_CREATED))
    for record_id in ("r1", "r2"):
        with pytest.raises(ClientError) as refused:
            table.record_standalone(a_record(acme, record_id, Action.DOCUMENT_DELETED))
        assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    with pytest.raises(ChangedMeanwhile):
        with table.begin() as writes:
            table.record(writes, a_record(acme, "r1", Action.DOCUMENT_DELETED), error_if_exists=REFUSED)
    assert acme.actions == [Action.DOCUMENT_READ, Action.DOCUMENT_CREATED]


def a_record(acme: TenantWorld, record_id: str, action: Action = Action.DOCUMENT_READ) -> AuditRecord:
    return AuditRecord(record_id, AT, acme.tenant.id, "usr_1", "ses_1", action, "doc_1", "request-1")


# -- many items


def test_more_keys_than_one_call_takes_are_read_once_each(table: TenantTable, key: Callable[[str], Key]) -> None:
    for start in (0, 100):
        with table.begin() as writes:
            for number in range(start, start + 60):
                writes.put(key(f"{number:03}"), {})
    wanted = [key(f"{number:03}") for number in range(200)]
    assert set(table.get_many([*wanted, *wanted])) == {*wanted[:60], *wanted[100:160]}
    assert table.get_many([]) == {}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ["a#1", "a#2", "a#3", "b#1", "b#2"]),
        ({"descending": True}, ["b#2", "b#1", "a#3", "a#2", "a#1"]),
        ({"prefix": "a#"}, ["a#1", "a#2", "a#3"]),
        ({"prefix": "b", "descending": True}, ["b#2", "b#1"]),
        ({"prefix": "c"}, []),
        ({"upto": "a#3"}, ["a#1", "a#2", "a#3"]),
        ({"index": "gsi1"}, ["b#2", "b#1", "a#3", "a#2", "a#1"]),
        ({"index": "gsi1", "descending": True}, ["a#1", "a#2", "a#3", "b#1", "b#2"]),
        ({"index": "gsi1", "upto": "7"}, ["b#2", "b#1", "a#3"]),
    ],
)
@pytest.mark.parametrize("limit", [2, 100])
def test_a_partition_is_listed_in_pages(
    table: TenantTable, key: Callable[[str], Key], asked: dict[str, Any], expected: list[str], limit: int
) -> None:
    partition = f"{key('').pk}#listed"
    with table.begin() as writes:
        for place, name in enumerate(["a#1", "a#2", "a#3", "b#1", "b#2"]):
            writes.put(key(name), {"gsi1pk": partition, "gsi1sk": str(9 - place), "x": 1})
        writes.put(key("unlisted")._replace(pk=f"{key('').pk}-other"), {})
    found: list[Item] = []
    after = None
    for _ in range(4):
        page, after = table.query(partition if "index" in asked else key("").pk, after=after, limit=limit, **asked)
        assert len(page) <= limit
        found += page
        if after is None:
            break
    assert after is None
    assert [item["sk"] for item in found] == expected
    assert all(("x" in item) is ("index" not in asked) for item in found)  # an index has keys only


def test_a_subdomain_and_an_id_are_registered_once(region: Cloud) -> None:
    registry = Registry(region.database, "registry")
    registry.add(a_tenant(1))
    for again in (a_tenant(1, subdomain="new"), a_tenant(2, subdomain="s1")):
        with pytest.raises(SubdomainTaken):
            registry.add(again)
    fresh = Registry(region.database, "registry")
    assert (fresh.by_subdomain("s1"), fresh.by_id("t000000000001")) == (a_tenant(1), a_tenant(1))
    assert (fresh.by_subdomain("new"), fresh.by_id("t000000000002")) == (None, None)


# -- where the engines differ


def test_a_page_that_ends_with_the_last_item_names_a_next_page_as_on_aws_and_on_moto_none(
    table: TenantTable, key: Callable[[str], Key], is_dynamodb_local: bool
) -> None:
    put(table, key("a"))
    _, after = table.query(key("").pk, limit=1)
    assert after == (key("a")._asdict() if is_dynamodb_local else None)


REQUESTS_THAT_MOTO_ACCEPTS: dict[str, tuple[str, dict[str, Any]]] = {
    "The provided starting key": (
        "query",
        {
            "KeyConditionExpression": "pk = :p AND begins_with(sk, :b)",
            "ExpressionAttributeValues": encode_item({":p": "p", ":b": "b"}),
            "ExclusiveStartKey": encode_item({"pk": "p", "sk": "a"}),
        },
    ),
    "unused in expressions": (
        "query",
        {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": encode_item({":p": "p", ":q": "q"})},
    ),
    "only contain one condition per key": (
        "query",
        {
            "KeyConditionExpression": "pk = :p AND sk > :a AND sk < :b",
            "ExpressionAttributeValues": encode_item({":p": "p", ":a": "a", ":b": "b"}),
        },
    ),
    "non-primary key attributes": (
        "query",
        {
            "KeyConditionExpression": "pk = :p",
            "FilterExpression": "sk = :a",
            "ExpressionAttributeValues": encode_item({":p": "p", ":a": "a"}),
        },
    ),
    "Type mismatch for Index Key": (
        "put_item",
        {"Item": encode_item({"pk": "p", "sk": "s", "gsi1pk": "p", "gsi1sk": 1})},
    ),
    "38 digits": ("put_item", {"Item": encode_item({"pk": "p", "sk": "s", "n": int("1" * 39)})}),
}


@pytest.mark.parametrize("reason", REQUESTS_THAT_MOTO_ACCEPTS)
def test_a_request_that_aws_refuses_is_refused_by_dynamodb_local_and_not_by_moto(
    region: Cloud, is_dynamodb_local: bool, reason: str
) -> None:
    operation, request = REQUESTS_THAT_MOTO_ACCEPTS[reason]
    call = getattr(region.database, operation)
    if not is_dynamodb_local:
        assert call(TableName="data", **request)["ResponseMetadata"]["HTTPStatusCode"] == 200
        return
    with pytest.raises(ClientError, match=reason) as refused:
        call(TableName="data", **request)
    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_number_is_never_at_most_a_text_and_moto_breaks_when_it_is_asked(
    region: Cloud, is_dynamodb_local: bool
) -> None:
    region.database.put_item(TableName="data", Item=encode_item({"pk": "p", "sk": "mixed", "n": 1}))
    error: type[Exception] = region.database.exceptions.ConditionalCheckFailedException
    with pytest.raises(error if is_dynamodb_local else TypeError):
        region.database.delete_item(
            TableName="data",
            Key=encode_item({"pk": "p", "sk": "mixed"}),
            ConditionExpression="n <= :text",
            ExpressionAttributeValues=encode_item({":text": "2"}),
        )
