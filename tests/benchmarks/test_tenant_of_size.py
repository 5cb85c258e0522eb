"""Clones of a document belong to another tenant, whole and by themselves."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest

from benchmarks.tenant_of_size import Cloner, Home, SampleDocument
from docplatform.core import ids
from docplatform.core.tenant import Plan
from docplatform.core.time import rfc3339
from docplatform.infra.dynamodb.codec import decode_item, encode_item
from docplatform.library.access import IndexedPermissions
from docplatform.library.adapters.items import document_from
from docplatform.search.adapters.opensearch import _metadata
from tests.support.mocked_aws import Cloud, Person, TenantWorld

pytestmark = pytest.mark.slow

COUNT = 120
NEWEST = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def source(ann: Person) -> Home:
    return Home(ann.home.tenant.id, ann.creates_folder("Sample")["id"], ann.id)


@pytest.fixture
def samples(ann: Person, source: Home) -> list[SampleDocument]:
    return [_sample(ann, source, f"sample {number:04d}.txt") for number in range(2)]


def _sample(ann: Person, source: Home, name: str) -> SampleDocument:
    document_id = ann.announces(name, inside=source.folder_id)["document"]["id"]

    def stored(table: str) -> list[dict[str, object]]:
        own = [each for each in ann.home.cloud.items(table) if document_id in json.dumps(encode_item(each))]
        assert own
        return own

    data, audit = stored("data"), stored("audit")
    document = document_from(next(each for each in data if each["sk"] == "doc"))
    entry = _metadata(
        source.tenant_id, document, IndexedPermissions((document_id, source.folder_id), (source.user_id,))
    )
    return SampleDocument([encode_item(each) for each in data], [encode_item(each) for each in audit], entry)


@pytest.fixture
def reader(region: Cloud) -> Person:
    return TenantWorld.member(region.tenant("globex", Plan.ENTERPRISE))


@pytest.fixture
def target(reader: Person) -> Home:
    return Home(reader.home.tenant.id, reader.creates_folder("Library")["id"], reader.id)


@pytest.fixture
def clones(samples: list[SampleDocument], source: Home, target: Home) -> list[SampleDocument]:
    cloner = Cloner(samples, source, target, newest=NEWEST)
    return [cloner.clone(number) for number in range(COUNT)]


def _bytes(of: list[SampleDocument]) -> bytes:
    return json.dumps([[each.data, each.audit, each.entry] for each in of]).encode()


def test_no_id_of_the_sample_is_left(samples: list[SampleDocument], source: Home, clones: list[SampleDocument]) -> None:
    tokens = set(re.findall(rb"[a-z]{3}_[0-9a-z]{26}", _bytes(samples)))
    kinds = {token[:3] for token in tokens}
    assert kinds >= {b"doc", b"ver", b"fld", b"usr"}
    cloned = _bytes(clones)
    left = [token for token in (*tokens, source.tenant_id.encode(), b"sample") if token in cloned]
    assert left == []


def test_every_key_begins_with_the_new_tenant_and_is_made_once(target: Home, clones: list[SampleDocument]) -> None:
    partitions, keys = set(), []
    for clone in clones:
        for item in (*clone.data, *clone.audit):
            partitions |= {value["S"] for name, value in item.items() if re.fullmatch(r"(gsi\d)?pk", name)}
            keys.append((item["pk"]["S"], item["sk"]["S"]))
    assert {each.partition("#")[0] for each in partitions} == {target.tenant_id}
    assert len(set(keys)) == len(keys) == COUNT * (3 + 1)


def test_the_parts_of_a_clone_name_the_same_document(target: Home, clones: list[SampleDocument]) -> None:
    versions = set()
    for number, clone in enumerate(clones):
        by_kind = {item["sk"]["S"].partition("#")[0]: decode_item(item) for item in clone.data}
        document, version, name = by_kind["doc"], by_kind["version"], by_kind["name"]
        assert {document["id"], name["child"], clone.entry["document_id"], clone.entry["nodes"][0]} == {document["id"]}
        assert document["version"]["id"] == version["id"] == clone.entry["version_id"]
        assert document["name"] == name["sk"].removeprefix("name#") == f"report {number:07d}.txt"
        assert document["folder_id"] == target.folder_id
        assert [decode_item(record)["target"] for record in clone.audit] == [document["id"]]
        versions.add(version["id"])
    assert len(versions) == COUNT


def test_each_clone_is_a_minute_older(clones: list[SampleDocument]) -> None:
    made = [clone.entry["created_at"] for clone in clones[::2]]  # of one of the two samples
    assert made == [rfc3339(datetime.fromisoformat(made[0]) - timedelta(minutes=2 * each)) for each in range(len(made))]
    for clone in clones:
        (record,) = clone.audit
        assert record["pk"]["S"].split("#")[1] == record["at"]["S"][:10]


def test_the_new_tenant_reads_and_lists_what_was_cloned(
    region: Cloud, reader: Person, target: Home, clones: list[SampleDocument]
) -> None:
    for clone in clones:
        for item in clone.data:
            region.database.put_item(TableName="data", Item=item)
    assert reader.names_in(target.folder_id) == [f"report {number:07d}.txt" for number in range(COUNT)]
    newest = reader.lists(target.folder_id, sort="-created_at", limit="3")["items"]
    assert {each["name"] for each in newest} == {f"report {number:07d}.txt" for number in range(3)}
    document = clones[7].entry["document_id"]
    assert ids.is_a(ids.DOCUMENT, document)
    assert reader.asks("GET", f"/v1/documents/{document}")["name"] == "report 0000007.txt"
