"""A tenant with very many documents, made fast in a local cloud.

A few documents of a sample tenant are uploaded and processed for real. Their items, audit records and index entries are then cloned for
another tenant: with ids, names, times and texts of their own, in that tenant's folder, and written directly to DynamoDB and to the search
collection. The clones have no files in S3, so they can be read, listed, searched, renamed and shared, and not downloaded.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.credentials import Credentials

from benchmarks.search_engine import Texts
from docplatform.core import ids
from docplatform.core.audit import Action
from docplatform.core.time import rfc3339
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.infra.dynamodb.keys import Key, TenantKeys
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.search.adapters.opensearch import INDEX, connect
from docplatform.tenancy.adapters.keys import TenancyKeys
from local import demo_data
from local.testing import Cloud
from tests.e2e.client import Member, TenantSite

REGION = "us-east-1"
DATA, AUDIT = "docplatform-data", "docplatform-audit"
_NAME = "sample {:04d}"
_IDS = r"\b(?:doc|fld|ver|usr|grp|ses|pky|key)_[0-9a-hjkmnp-tv-z]{26}\b"
_UUIDS = r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"  # of requests, and of S3's versions
_NAMES, _TIMES = r"\bsample \d{4}\b", r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"
_CLONED_RECORDS = (Action.DOCUMENT_CREATED.value, Action.DOCUMENT_READY.value)
_BATCH = 25  # items: DynamoDB's limit for BatchWriteItem
_BLOCK = 500  # documents of one request to the search collection


@dataclass(frozen=True)
class SampleDocument:
    """Everything that is stored of a processed document: items of the data table, audit records, and its index entry."""

    data: list[dict[str, Any]]
    audit: list[dict[str, Any]]
    entry: dict[str, Any]


@dataclass(frozen=True)
class Home:
    """The place of documents: a tenant, a folder in it, and the user who owns them."""

    tenant_id: str
    folder_id: str
    user_id: str


class Cloner:
    """Makes documents of one tenant from the sample's. Each id of the sample becomes another one: the document's and the version's for each
    clone, any other (such as a session's) once for the tenant."""

    def __init__(self, samples: list[SampleDocument], source: Home, target: Home, *, newest: datetime) -> None:
        """``newest``: the time of the first clone; each of the others is a minute older than the one before."""
        token = re.compile(f"({_IDS}|{_UUIDS}|{_NAMES}|{_TIMES}|{re.escape(source.tenant_id)})")
        self._templates = [token.split(json.dumps([each.data, each.audit, each.entry])) for each in samples]
        self._target, self._newest = target, newest
        self._for_the_tenant = {
            source.tenant_id: target.tenant_id,
            source.folder_id: target.folder_id,
            source.user_id: target.user_id,
        }
        self._sample_made_at = min(_time(_created_at(each)) for each in samples)

    def clone(self, number: int) -> SampleDocument:
        parts = list(self._templates[number % len(self._templates)])
        moved = self._newest - timedelta(minutes=number) - self._sample_made_at
        own: dict[str, str] = {}
        for place in range(1, len(parts), 2):
            token = parts[place]
            if token not in own:
                own[token] = self._other(token, number, moved)
            parts[place] = own[token]
        data, audit, entry = json.loads("".join(parts))
        return SampleDocument(data, [self._keyed(record) for record in audit], entry)

    def _other(self, token: str, number: int, moved: timedelta) -> str:
        if token.endswith("Z"):
            return rfc3339(_time(token) + moved)
        if token.startswith("sample "):
            return f"report {number:07d}"
        if "_" not in token and token not in self._for_the_tenant:
            return str(uuid.uuid4())
        kind = token.partition("_")[0]
        if kind in (ids.DOCUMENT, ids.VERSION):
            return ids.new(kind, self._newest - timedelta(minutes=number))
        return self._for_the_tenant.setdefault(token, ids.new(kind, self._newest))

    def _keyed(self, record: dict[str, Any]) -> dict[str, Any]:
        at = _time(record["at"]["S"])
        return {**record, **encode_item(TenantKeys(self._target.tenant_id).audit(at, ids.ulid(at))._asdict())}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _created_at(sample: SampleDocument) -> str:
    return str(sample.entry["created_at"])


# -- the sample
def make_sample(cloud: Cloud, tenant: TenantSite, member: Member) -> tuple[list[SampleDocument], Home]:
    """Uploads a few documents over HTTP, waits until they are ready, and reads what is stored of them."""
    folder = member.creates_folder("Sample")
    made = [member.uploads(name, content, kind, folder) for name, kind, content in _files()]
    for document_id in made:
        state = member.waits_for(document_id)["processing"]["state"]
        assert state == "ready", f"a document of the sample is {state}"
        cloud.eventually(lambda of=document_id: _is_recorded_ready(cloud, tenant.id, of))  # type: ignore[misc]
    search = Search(cloud, tenant.id)
    samples = [_read(cloud, tenant.id, search, document_id) for document_id in made]
    return samples, Home(tenant.id, folder, member.user_id)


def _files() -> Iterator[tuple[str, str, bytes]]:
    lines = ["The lease ends in June.", "Either party may give notice six months before the end of the term."]
    makers = (
        ("pdf", demo_data.PDF, lambda: demo_data.pdf(lines)),
        ("docx", demo_data.DOCX, lambda: demo_data.docx(lines)),
        ("xlsx", demo_data.XLSX, lambda: demo_data.xlsx([["Quarter", "Revenue"], ["Q1", "410"], ["Q2", "455"]])),
        ("txt", demo_data.TEXT, lambda: "\n".join(lines).encode()),
    )
    for number, (ending, kind, content) in enumerate(makers):
        yield f"{_NAME.format(number)}.{ending}", kind, content()


def _is_recorded_ready(cloud: Cloud, tenant_id: str, document_id: str) -> bool:
    return Action.DOCUMENT_READY.value in cloud.audit_actions(REGION, tenant_id, document_id)


def _read(cloud: Cloud, tenant_id: str, search: Search, document_id: str) -> SampleDocument:
    keys = LibraryKeys(tenant_id)
    document = keys.document(document_id)
    data = _partition(cloud, DATA, document.pk)
    item = next(each for each in data if each["sk"]["S"] == document.sk)
    name = keys.name(item["folder_id"]["S"], item["name"]["S"])
    data.append(cloud.root("dynamodb", REGION).get_item(TableName=DATA, Key=encode_item(name._asdict()))["Item"])
    days = {each["created_at"]["S"] for each in data if "created_at" in each}
    records = [
        record for day in days for record in _partition(cloud, AUDIT, TenantKeys(tenant_id).audit_day(_time(day)))
    ]
    audit = [
        next(each for each in records if (each["target"]["S"], each["action"]["S"]) == (document_id, action))
        for action in _CLONED_RECORDS
    ]
    return SampleDocument(data, audit, search.entry(document_id))


def _partition(cloud: Cloud, table: str, partition: str) -> list[dict[str, Any]]:
    pages = cloud.root("dynamodb", REGION).get_paginator("query")
    found = pages.paginate(
        TableName=table,
        KeyConditionExpression="pk = :partition",
        ExpressionAttributeValues={":partition": {"S": partition}},
    )
    return [item for page in found for item in page["Items"]]


class Search:
    """The search collection, with the credentials of a tenant."""

    def __init__(self, cloud: Cloud, tenant_id: str) -> None:
        endpoints = json.loads(function_environment(cloud, "search")["SEARCH_ENDPOINTS"])
        session = cloud.as_tenant(REGION, tenant_id, function="search")
        self._client = connect(next(iter(endpoints.values())), Credentials(*session.credentials), REGION)

    def entry(self, document_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(index=INDEX, id=document_id)["_source"]
        return found

    def write(self, entries: list[dict[str, Any]]) -> None:
        lines = []
        for entry in entries:
            lines += [{"index": {"_index": INDEX, "_id": entry["document_id"]}}, entry]
        answer = self._client.bulk(body=lines, request_timeout=120)
        assert not answer["errors"], answer["items"][0]


def function_environment(cloud: Cloud, function: str) -> dict[str, str]:
    """The environment variables of a deployed function."""
    found = cloud.root("lambda", REGION).get_function_configuration(FunctionName=f"docplatform-{function}")
    variables: dict[str, str] = found["Environment"]["Variables"]
    return variables


# -- the clones
@contextmanager
def stream_paused(cloud: Cloud) -> Iterator[None]:
    """Takes the data table's readers away, and gives them back at the end of the stream. They would read, for hours, what is complete."""
    client = cloud.root("lambda", REGION)
    readers = [
        each
        for page in client.get_paginator("list_event_source_mappings").paginate()
        for each in page["EventSourceMappings"]
        if f":table/{DATA}/stream/" in each["EventSourceArn"]
    ]
    assert readers, "nothing reads the data table's stream"
    for reader in readers:
        client.delete_event_source_mapping(UUID=reader["UUID"])
    try:
        yield
    finally:
        kept = (
            "EventSourceArn", "BatchSize", "ParallelizationFactor", "BisectBatchOnFunctionError", "MaximumRetryAttempts",
            "MaximumRecordAgeInSeconds", "FunctionResponseTypes", "DestinationConfig", "FilterCriteria",
        )  # fmt: skip
        for reader in readers:
            again = {name: reader[name] for name in kept if name in reader}
            client.create_event_source_mapping(FunctionName=reader["FunctionArn"], StartingPosition="LATEST", **again)


def fill(cloud: Cloud, samples: list[SampleDocument], source: Home, target: Home, count: int) -> list[str]:
    """Gives the target's folder ``count`` clones. Returns their ids. Their texts hold ``needle0`` to ``needle19`` in 40 documents each."""
    cloner = Cloner(samples, source, target, newest=datetime.now(UTC))
    texts, search = Texts(), Search(cloud, target.tenant_id)
    database, made, size = cloud.root("dynamodb", REGION), [], 0
    with ThreadPoolExecutor(2) as pool:  # one block is written while the next is made
        writing: list[Any] = []
        for first in range(0, count, _BLOCK):
            numbers = range(first, min(first + _BLOCK, count))
            clones = [cloner.clone(number) for number in numbers]
            entries = [
                {**clone.entry, "text": texts.document(number, count)["text"]}
                for number, clone in zip(numbers, clones, strict=True)
            ]
            for each in writing:
                each.result()
            writing = [pool.submit(_store, database, clones), pool.submit(search.write, entries)]
            made += [entry["document_id"] for entry in entries]
            size += sum(entry["size"] for entry in entries)
        for each in writing:
            each.result()
    _add(database, LibraryKeys(target.tenant_id).folder(target.folder_id), children=count)
    _add(database, TenancyKeys(target.tenant_id).usage(), documents=count, bytes=size)
    return made


def _store(database: Any, clones: list[SampleDocument]) -> None:
    for table, items in (
        (DATA, [item for clone in clones for item in clone.data]),
        (AUDIT, [item for clone in clones for item in clone.audit]),
    ):
        for start in range(0, len(items), _BATCH):
            pending = {table: [{"PutRequest": {"Item": item}} for item in items[start : start + _BATCH]]}
            while pending:
                pending = database.batch_write_item(RequestItems=pending)["UnprocessedItems"]


def _add(database: Any, key: Key, **counts: int) -> None:
    database.update_item(
        TableName=DATA,
        Key=encode_item(key._asdict()),
        UpdateExpression="ADD " + ", ".join(f"#{name} :{name}" for name in counts),
        ConditionExpression="attribute_exists(pk)",
        ExpressionAttributeNames={f"#{name}": name for name in counts},
        ExpressionAttributeValues={f":{name}": {"N": str(value)} for name, value in counts.items()},
    )
