"""PDF: pages, fields, comments, hyphens, sizes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from docplatform.extraction.model import MEBIBYTE, ExtractionLimits, FileRejected, FileType, RejectionReason
from tests.extraction import samples as files
from tests.extraction.desk import Desk, image, ink

PDF = FileType.PDF


def one_page(
    page: str = "", content: str = "", catalog: str = "", more: dict[int, bytes] | None = None, trailer: str = ""
) -> bytes:
    objects = {
        1: f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode(),
        2: b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        3: f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R {page} "
        "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>".encode(),
        4: files.pdf_stream(content.encode("latin-1")),
        **(more or {}),
    }
    return files.pdf_of(objects, trailer)


def test_pages_are_read_in_order(desk: Desk) -> None:
    assert desk.text(files.pdf(["first", "second", "third"]), PDF).split("\n") == ["first", "second", "third"]


def test_what_was_filled_in_and_what_was_remarked_is_found(desk: Desk) -> None:
    field = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /V (filled in) /Rect [50 50 200 80] >>"
    note = b"<< /Type /Annot /Subtype /Text /Contents (remarked) /Rect [50 90 60 99] >>"
    link = b"<< /Type /Annot /Subtype /Link /Contents (unseen) /Rect [50 90 60 99] >>"
    data = one_page(
        "/Annots [5 0 R 6 0 R 7 0 R]",
        "BT /F1 12 Tf 72 700 Td (printed) Tj ET",
        "/AcroForm << /Fields [5 0 R] >>",
        {5: field, 6: note, 7: link},
    )
    assert desk.text(data, PDF).split("\n") == ["printed", "filled in", "remarked"]


def test_a_scan_has_no_text_and_is_no_failure(desk: Desk) -> None:
    found = desk.read(one_page(content="0 0 100 100 re f"), PDF)
    assert (found.text, found.pages, found.truncated) == ("", 1, False)


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("D:20240305102030+01'00'", datetime(2024, 3, 5, 9, 20, 30, tzinfo=UTC)),
        ("D:20240305102030-0530", datetime(2024, 3, 5, 15, 50, 30, tzinfo=UTC)),
        ("D:2024", datetime(2024, 1, 1, tzinfo=UTC)),
        ("D:20241399", None),
        ("yesterday", None),
        ("D:00010101000000+23'00'", None),
    ],
)
def test_dates_of_creation_are_understood_or_left_out(desk: Desk, written: str, moment: datetime | None) -> None:
    data = one_page(more={5: f"<< /CreationDate ({written}) >>".encode()}, trailer="/Info 5 0 R")
    assert desk.read(data, PDF).created == moment


def test_a_title_is_one_clean_line(desk: Desk) -> None:
    found = desk.read(files.pdf(["x"], title="  Two\\nlines \\000and\\t" + "more " * 500), PDF)
    assert found.title.startswith("Two lines and more more") and len(found.title) <= 500


@pytest.mark.parametrize(
    ("size", "expected"),
    [((595, 842), (1239, 1754)), ((842, 595), (1240, 876)), ((100, 3000), (58, 1754)), ((3000, 10), (1240, 4))],
)
def test_pages_of_any_shape_fit_the_preview(desk: Desk, size: tuple[float, float], expected: tuple[int, int]) -> None:
    seen = image(desk.preview(files.pdf(["x"], size=size), PDF).preview).size
    assert seen == (pytest.approx(expected[0], abs=2), pytest.approx(expected[1], abs=2))


def test_filled_in_fields_show_on_the_preview(desk: Desk) -> None:
    appearance = files.pdf_stream(b"0 0 150 30 re f", "/Type /XObject /Subtype /Form /BBox [0 0 150 30]")
    field = b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (a) /Rect [50 50 200 80] /AP << /N 6 0 R >> >>"
    data = one_page("/Annots [5 0 R]", catalog="/AcroForm << /Fields [5 0 R] >>", more={5: field, 6: appearance})
    assert ink(desk.preview(data, PDF).preview) > 5_000


def test_too_many_pages_are_refused_with_the_number(desk: Desk) -> None:
    data = files.pdf(["x"] * 11)
    with pytest.raises(FileRejected, match="too_complex") as refused:
        desk.read(data, PDF, ExtractionLimits(pages=10))
    assert refused.value.detail == "The file has more than 10 pages. Split it and upload the parts."
    assert desk.refusal(data, limits=ExtractionLimits(pages=10)).problem is RejectionReason.TOO_COMPLEX


def test_a_large_file_is_read_piece_by_piece(desk: Desk) -> None:
    data = one_page(content="BT /F1 12 Tf 72 700 Td (printed) Tj ET", more={5: files.pdf_stream(bytes(17 * MEBIBYTE))})
    assert desk.text(data, PDF) == "printed"
    assert ink(desk.preview(data, PDF).preview) > 100


def test_a_page_that_is_missing_does_not_hide_the_others(desk: Desk) -> None:
    data = files.pdf(["first", "second", "third"]).replace(b"/Kids [5 0 R 7 0 R", b"/Kids [5 0 R 6 0 R")
    text = desk.text(data, PDF)
    assert "first" in text and "third" in text


def test_a_long_text_is_cut_and_says_so(desk: Desk) -> None:
    found = desk.read(files.pdf(["word " * 15] * 50), PDF, ExtractionLimits(text_characters=300))
    assert found.truncated and 200 < len(found.text) <= 300 and found.pages == 50


def test_ligatures_do_not_hide_a_word(desk: Desk) -> None:
    unicode_map = b"1 begincodespacerange <00> <ff> endcodespacerange 1 beginbfchar <01> <fb01> endbfchar"
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /ToUnicode 6 0 R >>"
    data = one_page(
        content="BT /F1 12 Tf 72 700 Td (\x01nance) Tj ET",
        more={5: font, 6: files.pdf_stream(unicode_map)},
    ).replace(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >>", b"5 0 R >>".ljust(60))
    assert desk.text(data, PDF) == "finance"
