"""Spreadsheets: Open XML, its binary form, OpenDocument, and Excel 97-2003."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

from docplatform.extraction.model import FileType
from tests.extraction.samples.compound import compound
from tests.extraction.samples.facts import AUTHOR, CREATED, TITLE
from tests.extraction.samples.office import OFFICE, TRANSITIONAL, open_xml, relations, zipped

_SHEETS = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

Rows = Iterable[Iterable[str | int | float]]


def xlsx(rows: Rows, *, sheet: str = "Prices", parts: Mapping[str, str | bytes] | None = None) -> bytes:
    written = []
    for number, row in enumerate(rows, 1):
        cells = "".join(
            f'<c r="{chr(65 + column)}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
            if isinstance(value, str)
            else f'<c r="{chr(65 + column)}{number}"><v>{value}</v></c>'
            for column, value in enumerate(row)
        )
        written.append(f'<row r="{number}">{cells}</row>')
    data = "".join(written)
    entries: dict[str, str | bytes] = {
        "xl/workbook.xml": f'<workbook xmlns="{_SHEETS}" xmlns:r="{TRANSITIONAL}">'
        f'<sheets><sheet name="{sheet}" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(("worksheet", "worksheets/sheet1.xml")),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SHEETS}"><sheetData>{data}</sheetData></worksheet>',
        **(parts or {}),
    }
    others = {"xl/worksheets/sheet1.xml": f"{OFFICE}spreadsheetml.worksheet+xml"}
    return zipped(open_xml("xl/workbook.xml", f"{OFFICE}spreadsheetml.sheet.main+xml", entries, others=others))


def xlsb(rows: Rows, *, sheet: str = "Prices", far: Mapping[tuple[int, int], str] | None = None) -> bytes:
    """[MS-XLSB]: the same parts as records of (type, size, content). ``far``: (row, column) → text of further cells,
    in their order."""

    def record(kind: int, content: bytes = b"") -> bytes:
        number = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        size = len(content)
        return number + (bytes([size]) if size < 0x80 else bytes([size & 0x7F | 0x80, size >> 7])) + content

    def wide(text: str) -> bytes:
        return struct.pack("<I", len(text)) + text.encode("utf-16-le")

    workbook = (
        record(0x83) + record(0x8F) + record(0x9C, struct.pack("<II", 0, 1) + wide("rId1") + wide(sheet)) + record(0x90)
    )
    listed = [list(row) for row in rows]
    extent = struct.pack("<IIII", 0, len(listed) - 1, 0, max(len(row) for row in listed) - 1)
    data = record(0x81) + record(0x94, extent) + record(0x91)
    for number, row in enumerate(listed):
        data += record(0x00, struct.pack("<IIHBBI", number, 0, 300, 0, 0, 0))
        for column, value in enumerate(row):
            data += record(0x06, struct.pack("<II", column, 0) + wide(str(value)))
    for (number, column), value in (far or {}).items():
        data += record(0x00, struct.pack("<IIHBBI", number, 0, 300, 0, 0, 0))
        data += record(0x06, struct.pack("<II", column, 0) + wide(value))
    entries: dict[str, str | bytes] = {
        "xl/workbook.bin": workbook + record(0x84),
        "xl/_rels/workbook.bin.rels": relations(("worksheet", "worksheets/sheet1.bin")),
        "xl/worksheets/sheet1.bin": data + record(0x92) + record(0x82),
    }
    return zipped(open_xml("xl/workbook.bin", "application/vnd.ms-excel.sheet.binary.macroEnabled.main", entries))


def ods(rows: Rows, *, sheet: str = "Prices") -> bytes:
    """OpenDocument 1.2."""
    written = "".join(
        "<table:table-row>"
        + "".join(
            f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>' for value in row
        )
        + "</table:table-row>"
        for row in rows
    )
    names = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"'
        for prefix in ("office", "table", "text", "meta")
    )
    return zipped(
        {
            "mimetype": FileType.ODS.media_type,
            "META-INF/manifest.xml": '<m:manifest xmlns:m="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            "meta.xml": f'<office:document-meta {names} xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta>'
            f"<dc:title>{TITLE}</dc:title><meta:initial-creator>{AUTHOR}</meta:initial-creator>"
            f"<meta:creation-date>{CREATED}</meta:creation-date></office:meta></office:document-meta>",
            "content.xml": f"<office:document-content {names}><office:body><office:spreadsheet>"
            f'<table:table table:name="{sheet}">{written}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )


def xls(
    rows: Rows, *, sheet: str = "Prices", locked: bool = False, far: Mapping[tuple[int, int], str] | None = None
) -> bytes:
    """A minimal workbook in [MS-XLS]. ``locked``: it states that it is encrypted, but is not. ``far``: (row, column) → text
    of further cells, in their order."""

    def record(kind: int, content: bytes = b"") -> bytes:
        return struct.pack("<HH", kind, len(content)) + content

    def wide(text: str, size: str) -> bytes:
        return struct.pack(size, len(text)) + b"\1" + text.encode("utf-16-le")

    def begin(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0x0DBB, 0x07CC, 0, 6))

    password = record(0x002F, struct.pack("<HHH", 1, 1, 1) + bytes(48)) if locked else b""
    head, tail = begin(0x0005) + password + record(0x0042, struct.pack("<H", 1200)), record(0x000A)
    bound = record(0x0085, struct.pack("<IBB", 0, 0, 0) + wide(sheet, "<B"))
    bound = record(0x0085, struct.pack("<IBB", len(head + bound + tail), 0, 0) + wide(sheet, "<B"))
    cells = b"".join(
        record(0x0204, struct.pack("<HHH", number, column, 0) + wide(str(value), "<H"))
        for number, row in enumerate(rows)
        for column, value in enumerate(row)
    )
    cells += b"".join(
        record(0x0204, struct.pack("<HHH", row, column, 0) + wide(value, "<H"))
        for (row, column), value in (far or {}).items()
    )
    return compound({"Workbook": head + bound + tail + begin(0x0010) + cells + record(0x000A)})
