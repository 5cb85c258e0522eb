"""A file of each type passes all steps: its type is recognised, its word is found, its first page is drawn."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest

from docplatform.extraction.model import Family, FileType
from tests.extraction import samples as files
from tests.extraction.desk import Desk, image, ink

EVERY = pytest.mark.parametrize("sample", files.SAMPLES, ids=lambda sample: sample.file_type.value)


@EVERY
def test_a_file_is_recognised_by_its_content(desk: Desk, sample: files.Sample) -> None:
    found = desk.inspect(sample.content, sample.media_type, sample.name)
    assert (found.file_type, found.media_type) == (sample.file_type, sample.media_type)
    assert (found.size, found.sha256) == (len(sample.content), hashlib.sha256(sample.content).hexdigest())
    assert not found.has_macros


@EVERY
def test_the_word_in_a_file_is_found(desk: Desk, sample: files.Sample) -> None:
    found = desk.read(sample.content, sample.file_type)
    assert not found.truncated
    assert sample.word in found.text
    assert bool(found.text) == bool(sample.word)


@EVERY
def test_the_first_page_of_a_file_can_be_seen(desk: Desk, sample: files.Sample) -> None:
    found = desk.preview(sample.content, sample.file_type)
    preview, thumbnail = image(found.preview), image(found.thumbnail)
    assert preview.width <= 1240 and preview.height <= 1754
    assert max(thumbnail.size) == 320
    assert thumbnail.width / thumbnail.height == pytest.approx(preview.width / preview.height, rel=0.02)
    assert ink(found.preview) > 100
    if sample.file_type.family in (Family.WORD, Family.SPREADSHEET, Family.TEXT, Family.PDF):
        assert preview.width == 1240


@pytest.mark.parametrize(
    "file_type", [FileType.PDF, FileType.DOCX, FileType.XLSX, FileType.XLSB, FileType.ODS, FileType.PPTX]
)
def test_a_file_says_who_wrote_it(desk: Desk, file_type: FileType) -> None:
    found = desk.read(files.sample(file_type).content, file_type)
    assert (found.title, found.author) == (files.TITLE, files.AUTHOR)
    assert found.created == datetime(2024, 3, 5, 10, 20, 30, tzinfo=UTC)


def test_pages_slides_and_sheets_are_counted(desk: Desk) -> None:
    three = files.pdf(["one", "two", "three"])
    assert desk.inspect(three).pages == desk.read(three, FileType.PDF).pages == 3
    deck = files.pptx([("One", []), ("Two", [])])
    assert (
        desk.inspect(deck).pages == desk.read(deck, FileType.PPTX).pages == desk.preview(deck, FileType.PPTX).pages == 2
    )
    assert desk.inspect(files.xlsx([[1]])).pages == 1
    assert desk.inspect(files.docx()).pages is None


def test_macros_are_noticed_and_the_exact_type_is_told(desk: Desk) -> None:
    data = files.docx(
        [files.WORD],
        parts={"word/vbaProject.bin": b"macro"},
        content_type="application/vnd.ms-word.document.macroEnabled.main+xml",
    )
    found = desk.inspect(data, "application/vnd.ms-word.document.macroEnabled.12", "contract.docm")
    assert found.has_macros
    assert (found.file_type, found.media_type) == (FileType.DOCX, "application/vnd.ms-word.document.macroenabled.12")
    assert desk.text(data, found.file_type) == files.WORD
