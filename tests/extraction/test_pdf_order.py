"""Right-to-left words of a PDF in the order of reading, whichever way the file draws them."""

from __future__ import annotations

import pytest

from docplatform.extraction.model import FileType
from tests.extraction import samples as files
from tests.extraction.desk import Desk

PDF = FileType.PDF

HEBREW = "שלום עולם"
ARABIC = "عقد إيجار"


def drawn(text: str, content: str) -> bytes:
    """A PDF that draws ``text`` with the operators of ``content``, in which {letter} is a letter's code."""
    letters = sorted(set(text))
    codes = {letter: 65 + index for index, letter in enumerate(letters)}
    pairs = "".join(f"<{codes[letter]:02x}> <{ord(letter):04x}>\n" for letter in letters)
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def 1 begincodespacerange <00> <ff> "
        f"endcodespacerange {len(letters)} beginbfchar\n{pairs}endbfchar endcmap end end"
    )
    shown = "".join(
        f"{codes[each]:02x}" if each in codes and not each.isascii() else each for each in content.replace("_", "20")
    )
    return files.pdf_of(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Count 1 /Kids [5 0 R] >>",
            3: b"<< /Type /Font /Subtype /TrueType /BaseFont /Helvetica /ToUnicode 7 0 R /FirstChar 32 /LastChar 99 /Widths ["
            + b"600 " * 68
            + b"] >>",
            5: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 6 0 R /Resources << /Font << /F1 3 0 R >> >> >>",
            6: files.pdf_stream(f"BT /F1 20 Tf {shown} ET".encode()),
            7: files.pdf_stream(cmap.encode()),
        }
    )


def one_by_one(text: str, step: int) -> str:
    return "[" + " ".join(f"<{'_' if letter == ' ' else letter}> {step}" for letter in text) + "] TJ"


def hexed(text: str) -> str:
    return f"<{text.replace(' ', '_')}>"


@pytest.mark.parametrize("words", [HEBREW, ARABIC])
@pytest.mark.parametrize("mark", ["{}", "/ReversedChars BMC {} EMC"], ids=["unmarked", "marked"])
@pytest.mark.parametrize("way", ["as seen", "letter by letter backwards", "word by word", "each word backwards"])
def test_right_to_left_words_are_read_in_the_order_of_reading(desk: Desk, words: str, mark: str, way: str) -> None:
    first, second = words.split()
    content = {
        "as seen": f"100 700 Td {hexed(words[::-1])} Tj",
        "letter by letter backwards": f"400 700 Td {one_by_one(words, 1200)}",
        "word by word": f"300 700 Td {hexed(first[::-1])} Tj -90 0 Td {hexed(second[::-1])} Tj",
        "each word backwards": f"300 700 Td {one_by_one(first, 1200)} -90 0 Td {one_by_one(second, 1200)}",
    }[way]
    assert desk.text(drawn(words, mark.format(content)), PDF).split() == words.split()


def test_numbers_and_latin_words_among_them_keep_their_order(desk: Desk) -> None:
    data = files.pdf(["Total 1234 EUR"])
    assert desk.text(data, PDF) == "Total 1234 EUR"
