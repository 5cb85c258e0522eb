"""Isolation holds in every layer by itself. Each test removes the tenant from one layer of the product's code, which has the credentials
of a handler that acts for acme. The data of hooli is in the same tables, bucket and index."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
import requests
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from opensearchpy.exceptions import AuthorizationException

from docplatform.core import isolation
from docplatform.core.actor import Actor, Role
from docplatform.core.errors import Unavailable
from docplatform.core.tenant import Plan, Tenant, TenantStatus, tenant_context
from docplatform.identity.adapters.user_store import DynamoPeople
from docplatform.infra.dynamodb.keys import TenantKeys
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.library.adapters.s3 import S3Files
from docplatform.library.adapters.store import DynamoLibrary
from docplatform.library.model import Document, Order
from docplatform.search.adapters.opensearch import INDEX, TenantIndex, connect
from docplatform.search.model import SearchQuery
from docplatform.search.query import SearchService
from local.testing import AwsSession
from tests.e2e.client import ANSWER, Member, TenantSite
from tests.e2e.conftest import US


@dataclass
class Handler:
    """What a function has while it acts for acme, its own tenant."""

    credentials: AwsSession
    bucket: str
    own: TenantSite
    admin: str

    def tenant(self, whose: TenantSite) -> Tenant:
        at = datetime.now(UTC)
        collection = whose.site.cloud.collection(US, whose.id)["id"]
        return Tenant(whose.id, whose.site.subdomain, "", Plan.STANDARD, US, TenantStatus.ACTIVE, collection, at)

    def actor(self, whose: TenantSite) -> Actor:
        return Actor(self.tenant(whose), self.admin, "ses_test", Role.ADMIN, "request")

    def table(self, keys_of: TenantSite) -> TenantTable:
        """Where ``keys_of`` is not acme, the code uses another tenant's keys."""
        table = TenantTable(
            self.credentials.client("dynamodb"),
            tenant_id=self.own.id,
            data_table="docplatform-data",
            audit_table="docplatform-audit",
        )
        table.keys = TenantKeys(keys_of.id)
        return table

    def library(self, keys_of: TenantSite) -> DynamoLibrary:
        return DynamoLibrary(self.table(keys_of), self.actor(keys_of), lambda: datetime.now(UTC))

    def files(self, prefix_of: TenantSite) -> S3Files:
        return S3Files(self.credentials.client("s3"), self.bucket, prefix_of.id)

    def index(self, filter_of: TenantSite, collection_of: TenantSite) -> TenantIndex:
        endpoint = f"{self.own.site.cloud.settings.endpoint}/_aoss/{self.tenant(collection_of).collection}"
        client = connect(endpoint, Credentials(*self.credentials.credentials), US)
        return TenantIndex(client, endpoint, filter_of.id)


@pytest.fixture(scope="module")
def handler(acme: TenantSite) -> Handler:
    cloud = acme.site.cloud
    return Handler(
        credentials=cloud.as_tenant(US, acme.id),
        bucket=cloud.documents_bucket(US),
        own=acme,
        admin=acme.admin.user_id,
    )


@pytest.fixture(autouse=True)
def context(handler: Handler, acme: TenantSite) -> Iterator[None]:
    """The edge has set acme's, unless a test says that it was wrong as well."""
    with tenant_context(handler.tenant(acme)):
        yield


@pytest.fixture(scope="module")
def word() -> str:
    return f"okapi{secrets.token_hex(5)}"


def stores(member: Member, word: str) -> str:
    document_id = member.uploads(f"{word}.txt", f"about the {word}".encode(), "text/plain")
    assert member.waits_for(document_id)["processing"]["state"] == "ready"
    member.finds(word, document_id)
    return document_id


@pytest.fixture(scope="module")
def mine(acme: TenantSite, word: str) -> str:
    return stores(acme.admin, word)


@pytest.fixture(scope="module")
def theirs(hooli: TenantSite, word: str) -> str:
    return stores(hooli.admin, word)


def refused(call: Callable[[], object]) -> None:
    with pytest.raises(ClientError) as error:
        call()
    assert error.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException"), error.value


# -- the database alone: every key that the code makes is hooli's, and the code does not look at it


@pytest.fixture
def unlooked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docplatform.infra.dynamodb.codec.require_own_partition", lambda _: None)


@pytest.mark.usefixtures("unlooked")
def test_the_database_refuses_a_handler_that_forgets_its_tenant(
    handler: Handler, acme: TenantSite, hooli: TenantSite, mine: str, theirs: str
) -> None:
    assert handler.library(acme).document(mine).id == mine
    lost = handler.library(hooli)
    refused(lambda: lost.document(theirs))
    refused(lambda: lost.documents([theirs]))
    refused(lambda: lost.folder("root"))
    refused(lambda: lost.children("root", Order.NAME, descending=False, limit=10, cursor=""))
    refused(lambda: lost.granted(["everyone"]))
    people = DynamoPeople(handler.table(hooli))
    refused(lambda: people.users(limit=10, cursor=""))
    refused(lambda: people.user(hooli.admin.user_id))
    refused(lambda: people.login_of(hooli.admin.email))
    refused(lambda: people.security_settings())


@pytest.mark.usefixtures("unlooked")
def test_the_database_refuses_a_write_that_forgets_its_tenant(handler: Handler, hooli: TenantSite, theirs: str) -> None:
    table = handler.table(hooli)

    def writes() -> None:
        with table.begin() as changes:
            changes.update(LibraryKeys(table.keys.tenant_id).document(theirs), values={"name": "stolen"})

    refused(writes)
    assert hooli.admin.document(theirs)["name"] != "stolen"


def test_the_database_refuses_a_query_without_a_tenant(handler: Handler, acme: TenantSite) -> None:
    for partition in ("children#root", "#children#root", "users", ""):
        with pytest.raises(ClientError):
            handler.table(acme).query(partition, index="gsi1")


# -- the search engine alone: the code asks another tenant's collection
def test_the_collection_refuses_a_handler_that_mistakes_it(
    handler: Handler, acme: TenantSite, hooli: TenantSite, word: str, theirs: str
) -> None:
    for filter_of in (acme, hooli):
        with tenant_context(handler.tenant(filter_of)), pytest.raises(Unavailable) as refusal:
            handler.index(filter_of, hooli).search(SearchQuery(word, None, 50, "", 5))
        assert isinstance(refusal.value.__cause__, AuthorizationException)


# -- the filter alone: another tenant's entries are in acme's own collection
@pytest.fixture(scope="module")
def smuggled(handler: Handler, acme: TenantSite, word: str, mine: str) -> str:
    """An entry of acme's collection that says it is hooli's. Only acme's credentials can put it there."""
    collection = handler.tenant(acme).collection
    client = connect(
        f"{acme.site.cloud.settings.endpoint}/_aoss/{collection}", Credentials(*handler.credentials.credentials), US
    )
    document = f"doc_{'0' * 26}"
    entry = {"tenant_id": "t000000000000", "document_id": document, "text": f"about the {word}"}
    client.index(index=INDEX, id=f"t000000000000.{document}", body=entry)
    return document


def test_the_filter_leaves_out_what_is_not_the_tenants(
    handler: Handler, acme: TenantSite, word: str, mine: str, smuggled: str
) -> None:
    for words in (word, f"{word} OR tenant_id", f'"{word}"', f"about {word}"):
        found = handler.index(acme, acme).search(SearchQuery(words, None, 50, "", 5))
        assert {hit.document_id for hit in found.hits} <= {mine}
    assert len(handler.index(acme, acme).search(SearchQuery(word, None, 50, "", 5)).hits) == 1


# -- the check of hits alone: the query has no filter
def test_what_an_unfiltered_query_finds_is_not_shown(
    handler: Handler, acme: TenantSite, word: str, mine: str, smuggled: str
) -> None:
    filtered = TenantIndex._query

    def unfiltered(index: TenantIndex, question: SearchQuery) -> dict[str, Any]:
        query = filtered(index, question)
        query["bool"]["filter"] = []
        return query

    with patch.object(TenantIndex, "_query", unfiltered):
        index = handler.index(acme, acme)

        def is_dropped() -> bool:
            """The unfiltered query has found it."""
            isolation.begin()
            index.search(SearchQuery(word, None, 50, "", 5))
            return isolation.signals().dropped == [isolation.Source.SEARCH]

        acme.site.cloud.eventually(is_dropped)
        assert {hit.document_id for hit in index.search(SearchQuery(word, None, 50, "", 5)).hits} == {mine}
        service = SearchService(handler.actor(acme), handler.library(acme), index, lambda: datetime.now(UTC))
        shown = service.search(word, limit=50, cursor="")
    assert [hit.document.id for hit in shown.hits] == [mine]


# -- storage alone: the key is hooli's, made by hand
def test_storage_refuses_a_handler_that_forgets_its_tenant(
    handler: Handler, acme: TenantSite, hooli: TenantSite, mine: str, theirs: str
) -> None:
    ours, lost = handler.library(acme).document(mine), handler.files(hooli)
    assert handler.files(acme).text(ours)
    version = hooli.admin.document(theirs)["version"]["id"]
    with tenant_context(handler.tenant(hooli)):
        for apart in (True, False):
            stolen = replace(ours, id=theirs, version=replace(ours.version, id=version, derived_apart=apart))
            refused(lambda stolen=stolen: lost.text(stolen))
        link = lost.write_link(theirs, version, "text.txt", "text/plain")
        assert requests.put(link, b"stolen", headers={"Content-Type": "text/plain"}, timeout=30).status_code == 403
        assert requests.get(lost.read_link(theirs, version, ""), timeout=30).status_code == 403
        refused(lambda: lost.tags(theirs, version, "null"))
        refused(lambda: lost.erase(theirs))
    assert hooli.admin.downloads(theirs)


def test_a_link_reaches_what_it_was_signed_for_and_nothing_else(
    handler: Handler, acme: TenantSite, hooli: TenantSite, mine: str, theirs: str
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=5)
    document: Document = handler.library(acme).document(mine)
    good = handler.files(acme).download_link(document, soon)
    assert requests.get(good.url, timeout=ANSWER).status_code == 200
    version = hooli.admin.document(theirs)["version"]["id"]
    bent = good.url.replace(acme.id, hooli.id).replace(mine, theirs).replace(document.version.id, version)
    assert bent != good.url
    assert requests.get(bent, timeout=ANSWER).status_code == 403
    with tenant_context(handler.tenant(hooli)):
        theirs_by_hand = handler.files(hooli).download_link(document, soon)
    assert requests.get(theirs_by_hand.url, timeout=ANSWER).status_code == 403
    announced = acme.admin.announces(f"{secrets.token_hex(5)}.txt", 4, "text/plain")["upload"]
    elsewhere = announced["url"].replace(acme.id, hooli.id)
    assert requests.put(elsewhere, data=b"evil", headers=announced["headers"], timeout=ANSWER).status_code == 403
