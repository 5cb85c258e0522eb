"""Real documents, if there are any: in the folder that DOCPLATFORM_CORPUS names, or beside the repository."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from docplatform.extraction import extract_text, inspect_file, render_preview
from docplatform.extraction.model import Family, FileRejected, FileType, RejectionReason
from tests.extraction.desk import SHORT, image

ROOT = Path(__file__).resolve().parents[2]
CORPUS = Path(os.environ.get("DOCPLATFORM_CORPUS", ROOT.parent / "shared" / "corpus"))

DOCUMENTS = (
    sorted(path for path in CORPUS.rglob("*.*") if path.is_file() and path.suffix != ".tsv") if CORPUS.is_dir() else []
)
BY_EXTENSION = {extension: file_type for file_type in FileType for extension in file_type.extensions}
ENCRYPTED = ("rc4-128.pdf", "graph-encrypted.pdf", "user-password.pdf", "protected_passtika.xlsx")

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not DOCUMENTS, reason="no corpus at hand")]


def outcome(path: Path) -> str:
    """The problem with the result for a document, or ''."""
    expected = BY_EXTENSION[path.suffix]
    try:
        found = inspect_file(path, declared_type=expected.media_type, name=path.name, limits=SHORT)
        text = extract_text(path, found.file_type, limits=SHORT)
        preview = render_preview(path, found.file_type, limits=SHORT)
    except FileRejected as refused:
        known = refused.problem is RejectionReason.ENCRYPTED and path.name.endswith(ENCRYPTED)
        return "" if known else f"{refused.problem.code}: {refused.cause}"
    if path.name.endswith(ENCRYPTED):
        return "read without its password"
    if found.file_type is not expected:
        return f"found to be {found.file_type}"
    if image(preview.preview).width > 1240 or max(image(preview.thumbnail).size) > 320:
        return "preview too large"
    return "text in a picture" if expected.family is Family.IMAGE and text.text else ""


def test_every_real_document_is_read_and_every_encrypted_one_is_refused() -> None:
    with ThreadPoolExecutor(2) as readers:
        outcomes = dict(zip(DOCUMENTS, readers.map(outcome, DOCUMENTS), strict=True))
    assert {path.name: wrong for path, wrong in outcomes.items() if wrong} == {}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("scotus-transcript-p1.pdf", ["SUPREME COURT", "Washington"]),
        ("2023-06-20-PV.pdf", ["COMITÉ DE DÉMOLITION"]),
        ("issue-336-example.pdf", ["建设用地"]),
        ("testComment.docx", ["Here is some text.", "Here is a comment"]),
        ("testAltChunkHTML.docx", ["emphasized word"]),
        (
            "testWORD_various.docx",
            ["text box", "This is the header text.", "This is the footer text.", "This is a footnote."],
        ),
        ("testPPT_various2.pptx", ["This is a comment"]),
        ("testPPT_masterText2.pptx", ["Text that I added to the master slide"]),
        ("testEXCEL.strict.xlsx", ["Test spreadsheet"]),
        ("testEXCEL_phonetic.xlsx", ["豊田"]),
    ],
)
def test_known_words_of_known_documents_are_found(name: str, words: list[str]) -> None:
    matching = [path for path in DOCUMENTS if path.name.endswith(name)]
    if not matching:
        pytest.skip("not in this corpus")
    text = extract_text(matching[0], BY_EXTENSION[matching[0].suffix], limits=SHORT).text
    assert [word for word in words if word not in text] == []
