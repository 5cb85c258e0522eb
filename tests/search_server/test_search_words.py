"""What is typed is found: whole names first, names and texts by their parts, in every normal form and script. By the product's own code, on
both engines."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from docplatform.core.tenant import tenant_context
from docplatform.library.access import IndexedPermissions
from docplatform.search.adapters import opensearch
from docplatform.search.adapters.index_mapping import MAPPING
from docplatform.search.adapters.opensearch import TenantIndex
from docplatform.search.model import MARK_OFF, MARK_ON, SearchQuery, check_words
from tests.infra.stored_values import FULL_DOCUMENT
from tests.search_server.engine import Engine
from tests.support.tenants import a_tenant

TENANT = a_tenant(1)
ANYBODY = IndexedPermissions(("n",), ("u",))

DOCUMENTS = {  # name → text
    "lease.pdf": "one",
    "Umbau.Halle… v1.2.3.txt": "two",
    "Q3_report-final.pdf": "three",
    "-draft \"quoted\" (1) & more.docx": "four",
    "किराया अनुबंध.pdf": "यह किराये का अनुबंध है",  # noqa: RUF001
    "สัญญาเช่า.pdf": "ข้อตกลง",
    "address.txt": "Ask max.muster@firma.example about the Q3_summary_final on www.intranet.example",
    "letter.txt": "Brief an Frau Schro\u0308der in Du\u0308sseldorf, Re\u0301sume\u0301",
    "full.txt": "ＡＢＣ株式会社 請求書番号１２３４５ ﾌﾟﾛｼﾞｪｸﾄ",
    "narrow.txt": "Le montant\u202f: 1\u202f234\u202f€ ; l\u2019avenant\u00a0; co\u00adop\u00aderation",
    "persian.txt": "من می\u200cخواهم",
    "لـــوحة.txt": "كتـــاب",
    "lease lease lease pdf pdf pdf.txt": "lease pdf " * 50,
    "ﬁnance ½.txt": "x",
    "İstanbul.txt": "y",
}  # fmt: skip


@pytest.fixture(scope="module")
def index(engine: Engine) -> Iterator[TenantIndex]:
    stored = engine.index(MAPPING["mappings"], MAPPING["settings"])
    with pytest.MonkeyPatch.context() as patch, tenant_context(TENANT):
        patch.setattr(opensearch, "INDEX", stored.name)
        patch.setattr(opensearch, "_READY", {"endpoint"})
        index = TenantIndex(engine.client, "endpoint", TENANT.id)
        for number, (name, text) in enumerate(DOCUMENTS.items()):
            document = replace(FULL_DOCUMENT, id=f"doc_{number:026d}", name=name)
            document = replace(document, version=replace(document.version, title=f"Tïtle {number}", author="Zoë A. Ōe"))
            index.put(document, text, ANYBODY)
            stored._expected[f"{TENANT.id}.{document.id}"] = 1
        stored.settle()
        yield index
    engine.client.indices.delete(index=stored.name)


@pytest.fixture
def finds(index: TenantIndex) -> Callable[[str], list[str]]:
    def finds(words: str) -> list[str]:
        with tenant_context(TENANT):
            found = index.search(SearchQuery(check_words(words), None, 50, "", 30))
        names = list(DOCUMENTS)
        return [names[int(hit.document_id[4:])] for hit in found.hits]

    return finds


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_name_that_a_list_shows_is_found_first(finds: Callable[[str], list[str]], name: str) -> None:
    for typed in (name, name.upper(), unicodedata.normalize("NFD", name), f"  {name} "):
        if typed.casefold() == name.casefold() or typed.strip() == name or unicodedata.normalize("NFC", typed) == name:
            assert finds(typed)[0] == name, typed


PARTS = [
    ("Umbau", "Umbau.Halle… v1.2.3.txt"),
    ("halle", "Umbau.Halle… v1.2.3.txt"),
    ("v1.2.3", "Umbau.Halle… v1.2.3.txt"),
    ("umbau.halle txt", "Umbau.Halle… v1.2.3.txt"),
    ("report", "Q3_report-final.pdf"),
    ("Q3_report", "Q3_report-final.pdf"),
    ("report final", "Q3_report-final.pdf"),
    ("किराया", "किराया अनुबंध.pdf"),
    ("अनुबंध", "किराया अनुबंध.pdf"),
    ("किराये", "किराया अनुबंध.pdf"),
    ("max.muster@firma.example", "address.txt"),
    ("MAX.MUSTER", "address.txt"),
    ("max", "address.txt"),
    ("muster", "address.txt"),
    ("firma", "address.txt"),
    ("firma.example", "address.txt"),
    ("@firma.example", "address.txt"),
    ("q3_summary_final", "address.txt"),
    ("summary", "address.txt"),
    ("summary_final", "address.txt"),
    ("intranet", "address.txt"),
    ("www.intranet.example", "address.txt"),
    ("Schröder", "letter.txt"),
    ("Schro\u0308der", "letter.txt"),
    ("résumé", "letter.txt"),
    ("ABC", "full.txt"),
    ("ａｂｃ", "full.txt"),
    ("12345", "full.txt"),
    ("１２３４５", "full.txt"),
    ("プロジェクト", "full.txt"),
    ("ﾌﾟﾛｼﾞｪｸﾄ", "full.txt"),
    ("montant", "narrow.txt"),
    ('"montant : 1 234 €"', "narrow.txt"),
    ('"montant\u202f: 1\u202f234"', "narrow.txt"),
    ("avenant", "narrow.txt"),
    ("l'avenant", "narrow.txt"),
    ("l\u2019avenant", "narrow.txt"),
    ("cooperation", "narrow.txt"),
    ("می\u200cخواهم", "persian.txt"),
    ("میخواهم", "persian.txt"),
    ("لوحة", "لـــوحة.txt"),
    ("كتاب", "لـــوحة.txt"),
    ("finance", "ﬁnance ½.txt"),
]


@pytest.mark.parametrize(("words", "name"), PARTS)
def test_a_name_or_text_is_found_by_its_parts(finds: Callable[[str], list[str]], words: str, name: str) -> None:
    assert name in finds(words)


@pytest.mark.parametrize(
    "words", ["muster.max", "example.firma", "final_summary", "maxmuster", "1.2.4", "-lease.pdf halle one"]
)
def test_parts_in_another_order_are_another_word(finds: Callable[[str], list[str]], words: str) -> None:
    assert finds(words) == []


def test_a_word_that_is_left_out_may_have_parts(finds: Callable[[str], list[str]]) -> None:
    assert "address.txt" in finds("final")
    assert "address.txt" not in finds("final -max.muster@firma.example")
    assert "address.txt" not in finds("final -muster")


def test_titles_and_authors_have_the_same_normal_form(finds: Callable[[str], list[str]]) -> None:
    assert "Umbau.Halle… v1.2.3.txt" in finds("ti\u0308tle １")
    assert len(finds("zoe\u0308 ōe")) == len(DOCUMENTS)


def test_what_was_found_is_marked_in_the_text_as_it_is_written(index: TenantIndex) -> None:
    with tenant_context(TENANT):
        (hit,) = index.search(SearchQuery(check_words("muster"), None, 10, "", 30)).hits
    (fragment,) = hit.fragments["text"]
    assert f"max.{MARK_ON}muster{MARK_OFF}@firma.example" in fragment
