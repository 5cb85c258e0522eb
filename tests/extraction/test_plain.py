"""Plain text in the encodings that programs write."""

from __future__ import annotations

import codecs

import pytest

from docplatform.extraction.model import ExtractionLimits, FileType
from tests.extraction.desk import Desk, ink

TEXT, CSV = FileType.TEXT, FileType.CSV

GERMAN = "Rechnung für Müller: 1.200,00 €, fällig am 3. März – naïve café."
CZECH = "Smlouva mezi společností a zákazníkem o dodávce zařízení, příloha číslo tři."
RUSSIAN = "Договор между компанией и заказчиком о поставке оборудования."
JAPANESE = "契約書：株式会社サンプルと山田太郎は以下のとおり契約を締結する。"
CHINESE = "合同编号：甲方与乙方经友好协商，达成如下协议。"
TRADITIONAL = "合約書：甲方與乙方經友好協商，達成如下協議。"
KOREAN = "계약서: 갑과 을은 다음과 같이 계약을 체결한다."


@pytest.mark.parametrize(
    ("text", "encoding", "mark"),
    [
        (GERMAN, "utf-8", b""),
        (GERMAN, "utf-8", codecs.BOM_UTF8),
        (GERMAN, "utf-16-le", codecs.BOM_UTF16_LE),
        (GERMAN, "utf-16-be", codecs.BOM_UTF16_BE),
        (GERMAN, "utf-16-le", b""),
        (GERMAN, "utf-16-be", b""),
        (GERMAN, "utf-32-le", codecs.BOM_UTF32_LE),
        (JAPANESE, "utf-16-le", codecs.BOM_UTF16_LE),
        (GERMAN, "cp1252", b""),
        ("café", "cp1252", b""),
        (CZECH, "cp1250", b""),
        (RUSSIAN, "cp1251", b""),
        (RUSSIAN, "koi8-r", b""),
        (JAPANESE, "cp932", b""),
        (JAPANESE, "euc-jp", b""),
        (JAPANESE, "iso2022-jp", b""),
        (CHINESE, "gb18030", b""),
        (TRADITIONAL, "big5", b""),
        (KOREAN, "cp949", b""),
        ("plain words", "ascii", b""),
    ],
)
def test_a_text_is_read_whatever_it_is_written_in(desk: Desk, text: str, encoding: str, mark: bytes) -> None:
    data = mark + text.encode(encoding)
    assert desk.inspect(data, "text/plain").file_type is TEXT
    assert desk.text(data, TEXT) == text


def test_a_character_cut_at_the_end_spoils_nothing(desk: Desk) -> None:
    assert desk.text("Zürich — kept".encode() + "ü".encode()[:1], TEXT).startswith("Z")
    whole = ("ü" * 40_000).encode()
    found = desk.read(whole, TEXT, ExtractionLimits(text_characters=10_001))
    assert found.text == "ü" * 10_001 and found.truncated


def test_lines_end_alike_and_controls_are_gone(desk: Desk) -> None:
    assert desk.text(b"one\r\ntwo\rthree\x1b[0m\n" + b"four " * 500, TEXT).startswith("one\ntwo\nthree[0m\nfour")


def test_a_long_text_is_cut_and_says_so(desk: Desk) -> None:
    found = desk.read(b"word " * 100_000, TEXT, ExtractionLimits(text_characters=1_000))
    assert found.truncated and len(found.text) <= 1_000


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_is_shown_as_one(desk: Desk, delimiter: str) -> None:
    table = "\n".join(
        delimiter.join([f"name {n}", "12.5", "a, b" if delimiter != "," else '"a, b"']) for n in range(30)
    )
    assert desk.text(table.encode(), CSV) == table
    grid, lines = desk.preview(table.encode(), CSV).preview, desk.preview(table.encode(), TEXT).preview
    assert ink(grid) > 0 and grid != lines


def test_a_table_of_nonsense_is_shown_as_lines(desk: Desk) -> None:
    assert ink(desk.preview(b'a,b\n"' + b"never closed, " * 20_000, CSV).preview) > 100


def test_markdown_headings_stand_out(desk: Desk) -> None:
    source = b"# Contract\n\n- one\n- two\n"
    assert ink(desk.preview(source, FileType.MARKDOWN).preview) > ink(desk.preview(source, TEXT).preview)
