"""PDFs that name a font of East Asia and do not embed it: the preview shows glyphs."""

from __future__ import annotations

import pytest

from docplatform.extraction.model import FileType
from tests.extraction import samples as files
from tests.extraction.desk import Desk, ink

PDF = FileType.PDF

CASES = [
    ("STSong-Light", "GB1", "UniGB-UCS2-H", "租赁合同由双方签订"),
    ("MSung-Light", "CNS1", "UniCNS-UCS2-H", "租賃合約由雙方簽訂"),
    ("HeiseiMin-W3", "Japan1", "UniJIS-UCS2-H", "賃貸契約書を締結する"),
    ("HYSMyeongJo-Medium", "Korea1", "UniKS-UCS2-H", "임대차계약서를체결한다"),
]


def drawn(font: str, ordering: str, encoding: str, text: str) -> bytes:
    """A page with ``text`` in a font that is named only (ISO 32000-1 §9.7.5.2)."""
    descendant = (
        f"<< /Type /Font /Subtype /CIDFontType0 /BaseFont /{font} /DW 1000 /CIDSystemInfo "
        f"<< /Registry (Adobe) /Ordering ({ordering}) /Supplement 2 >> /FontDescriptor 8 0 R >>"
    )
    descriptor = (
        f"<< /Type /FontDescriptor /FontName /{font} /Flags 4 /FontBBox [0 -200 1000 900] /ItalicAngle 0 /Ascent 800 "
        "/Descent -200 /CapHeight 700 /StemV 80 >>"
    )
    return files.pdf_of(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Count 1 /Kids [5 0 R] >>",
            3: f"<< /Type /Font /Subtype /Type0 /BaseFont /{font} /Encoding /{encoding} /DescendantFonts [7 0 R] >>".encode(),
            5: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 200] /Contents 6 0 R /Resources << /Font << /F1 3 0 R >> >> >>",
            6: files.pdf_stream(f"BT /F1 40 Tf 20 100 Td <{text.encode('utf-16-be').hex()}> Tj ET".encode()),
            7: descendant.encode(),
            8: descriptor.encode(),
        }
    )


@pytest.mark.parametrize(("font", "ordering", "encoding", "text"), CASES, ids=[case[1] for case in CASES])
def test_a_font_that_is_not_embedded_is_shown_with_glyphs(
    desk: Desk, font: str, ordering: str, encoding: str, text: str
) -> None:
    data = drawn(font, ordering, encoding, text)
    few = drawn(font, ordering, encoding, text[:2])
    assert desk.text(data, PDF) == text
    seen = ink(desk.preview(data, PDF).preview)
    assert seen > 2 * ink(desk.preview(few, PDF).preview) > 1_000


def test_a_latin_font_that_is_not_embedded_is_shown_as_before(desk: Desk) -> None:
    assert ink(desk.preview(files.pdf(["Helvetica is not embedded"]), PDF).preview) > 1_000
