"""A document longer than what can be highlighted, indexed and found by the product's own code, on both engines."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from docplatform.core.tenant import tenant_context
from docplatform.library.access import IndexedPermissions
from docplatform.search.adapters import opensearch
from docplatform.search.adapters.opensearch import TenantIndex
from docplatform.search.model import SearchQuery
from tests.infra.stored_values import FULL_DOCUMENT
from tests.search_server.engine import Engine, Index
from tests.support.tenants import a_tenant

TENANT = a_tenant(1)
LENGTH = 1_200_000  # characters; OpenSearch analyzes 1,000,000 for highlights


@pytest.fixture
def index(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[TenantIndex]:
    stored = engine.index(opensearch.MAPPING["mappings"], opensearch.MAPPING["settings"])
    monkeypatch.setattr(opensearch, "INDEX", stored.name)
    monkeypatch.setattr(opensearch, "_READY", {"endpoint"})
    with tenant_context(TENANT):
        index = TenantIndex(engine.client, "endpoint", TENANT.id)
        filler = "lorem ipsum dolor sit amet. " * (LENGTH // 28)
        index.put(FULL_DOCUMENT, f"The okapi grazes. {filler} The quagga sleeps.", IndexedPermissions(("n",), ("u",)))
        _wait(stored)
        yield index
    engine.client.indices.delete(index=stored.name)


def _wait(stored: Index) -> None:
    stored._expected[f"{TENANT.id}.{FULL_DOCUMENT.id}"] = 1
    stored.settle()


@pytest.mark.parametrize(
    ("words", "marked"),
    [("okapi", ["\ue000okapi\ue001"]), ("quagga", []), ("okapi quagga", ["\ue000okapi\ue001"])],
    ids=["at the beginning", "behind what is highlighted", "both"],
)
def test_a_long_document_is_found_by_every_word(index: TenantIndex, words: str, marked: list[str]) -> None:
    found = index.search(SearchQuery(words, None, 10, "", 30))
    (hit,) = found.hits
    assert hit.document_id == FULL_DOCUMENT.id
    text = " ".join(hit.fragments.get("text", ()))
    assert [word for word in text.split() if word.startswith("\ue000")] == marked
