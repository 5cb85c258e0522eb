"""The function that opens files gets links to one object, and what it answers is not believed."""

from __future__ import annotations

import io
import json
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from docplatform.core.actor import system
from docplatform.extraction.model import FileRejected, FileType, RejectionReason
from docplatform.extraction.sandbox import ParserFault
from docplatform.library.model import Document
from docplatform.library.wiring import files, library
from docplatform.processing.adapters.file_opener import LambdaFileOpener, OpenerFailed
from tests.support.mocked_aws import Person, TenantWorld

pytestmark = pytest.mark.usefixtures("in_acme")

INSPECTED = {"missing": False, "rejected": None, "sha256": "a" * 64, "storage_version": "v1", "file_type": "pdf"}
EXTRACTED = {
    **INSPECTED,
    "has_text": True,
    "text_truncated": False,
    "pages": 2,
    "title": "T",
    "author": "",
    "attachments": ["a.txt"],
}


class Lambda:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answer: Any = INSPECTED
        self.failed = False

    def invoke(self, *, FunctionName: str, Payload: str) -> dict[str, Any]:
        assert FunctionName == "docplatform-file-opener"
        self.asked.append(json.loads(Payload))
        text = self.answer if isinstance(self.answer, bytes) else json.dumps(self.answer).encode()
        return {"Payload": io.BytesIO(text)} | ({"FunctionError": "Unhandled"} if self.failed else {})


@pytest.fixture
def function() -> Lambda:
    return Lambda()


@pytest.fixture
def document(ann: Person, acme: TenantWorld) -> Document:
    made = ann.announces("walrus.txt", size=9)["document"]
    return library(system(acme.tenant, "test", "r")).document(made["id"])


@pytest.fixture
def opener(function: Lambda, acme: TenantWorld) -> LambdaFileOpener:
    return LambdaFileOpener(function, "docplatform-file-opener", files(system(acme.tenant, "test", "r")))


def named(link: str) -> str:
    """The object behind a link."""
    return unquote(urlsplit(link).path)


def test_each_operation_gets_links_to_one_document_and_no_more(
    opener: LambdaFileOpener, function: Lambda, document: Document, acme: TenantWorld
) -> None:
    opener.inspect(document)
    function.answer = EXTRACTED
    opener.extract(document)
    opener.preview(document)
    place = f"/tenants/{acme.tenant.id}/documents/{document.id}/{document.version.id}"
    links = [
        {name: named(value) for name, value in each.items() if str(value).startswith("http")} for each in function.asked
    ]
    derived = place.replace("/tenants/", "/derived/")
    for each in links:
        assert all((place if name == "source" else derived) in path for name, path in each.items())
    assert [{name: path.rpartition("/")[2] for name, path in each.items()} for each in links] == [
        {"source": "original"},
        {"source": "original", "text": "text.txt"},
        {"source": "original", "preview": "preview.webp", "thumbnail": "thumbnail.webp"},
    ]
    assert all(
        "X-Amz-Expires=300" in value for each in function.asked for value in each.values() if "://" in str(value)
    )


def test_what_was_found_is_told(opener: LambdaFileOpener, function: Lambda, document: Document) -> None:
    assert opener.inspect(document).file_type is FileType.PDF
    function.answer = EXTRACTED
    assert opener.extract(document).pages == 2


def test_a_rejection_keeps_hash_and_version_and_ends_the_other_steps(
    opener: LambdaFileOpener, function: Lambda, document: Document
) -> None:
    function.answer = {**INSPECTED, "file_type": "", "rejected": {"code": "encrypted", "detail": "Because."}}
    found = opener.inspect(document)
    assert found.rejected and found.rejected.problem is RejectionReason.ENCRYPTED
    assert (found.sha256, found.storage_version, found.file_type) == ("a" * 64, "v1", None)
    for call in (opener.extract, opener.preview):
        with pytest.raises(FileRejected, match="Because"):
            call(document)


def test_a_missing_file(opener: LambdaFileOpener, function: Lambda, document: Document) -> None:
    function.answer = {"missing": True, "rejected": None}
    with pytest.raises(FileNotFoundError):
        opener.inspect(document)


@pytest.mark.parametrize(
    "answer",
    [
        b"not JSON",
        [],
        {},
        {**INSPECTED, "sha256": "A" * 64},
        {**INSPECTED, "sha256": 5},
        {**INSPECTED, "storage_version": ""},
        {**INSPECTED, "storage_version": "v\n1"},
        {**INSPECTED, "storage_version": "v" * 1_025},
        {**INSPECTED, "file_type": "exe"},
        {**INSPECTED, "file_type": ["pdf"]},
        {**INSPECTED, "rejected": "encrypted"},
        {**INSPECTED, "rejected": {"code": "own_code", "detail": "x"}},
        {**INSPECTED, "rejected": {"code": "encrypted", "detail": "x" * 2_001}},
    ],
)
def test_an_answer_of_another_form_is_an_error_of_the_platform(
    opener: LambdaFileOpener, function: Lambda, document: Document, answer: Any
) -> None:
    function.answer = answer
    with pytest.raises(OpenerFailed):
        opener.inspect(document)


@pytest.mark.parametrize(
    "changes",
    [{"pages": -1}, {"pages": True}, {"pages": 10**9}, {"title": 5}, {"author": "x" * 2_001}]
    + [{"attachments": bad} for bad in (None, "a.txt", [5], ["x" * 2_001], ["x"] * 51)],
)
def test_facts_of_a_text_of_another_form_are_an_error_too(
    opener: LambdaFileOpener, function: Lambda, document: Document, changes: dict[str, Any]
) -> None:
    function.answer = {**EXTRACTED, **changes}
    with pytest.raises(OpenerFailed):
        opener.extract(document)


def test_a_function_that_fails_is_no_fault_of_the_file(
    opener: LambdaFileOpener, function: Lambda, document: Document
) -> None:
    function.failed, function.answer = True, {"errorType": "FileRejected", "errorMessage": "encrypted: x"}
    with pytest.raises(OpenerFailed):
        opener.inspect(document)


def test_a_fault_of_a_parser_is_told_as_one(opener: LambdaFileOpener, function: Lambda, document: Document) -> None:
    """The step for pictures goes on without them."""
    function.failed, function.answer = True, {"errorType": "ParserFault", "errorMessage": "KeyError at 5"}
    with pytest.raises(ParserFault):
        opener.preview(document)
