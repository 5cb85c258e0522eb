"""Hostile files. They are small, but become large or endless when they are unpacked, followed or drawn."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable

from docplatform.extraction.model import MEBIBYTE, FileType
from tests.extraction import samples as files

LAUGHS = (
    '<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)


def zeros(mebibytes: int) -> bytes:
    """Deflated zeros, made quickly by repeating one block that ends at a byte's end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(MEBIBYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = zlib.compressobj(9, zlib.DEFLATED, -15).flush()
    return block * mebibytes + end


def packed(entries: list[tuple[str, bytes, int, int]]) -> bytes:
    """A zip of (name, deflated content, size it claims, checksum it claims)."""
    body, directory = b"", b""
    for name, content, size, checksum in entries:
        encoded = name.encode()
        facts = struct.pack(
            "<HHHHHIIIHH", 20, 0, zipfile.ZIP_DEFLATED, 0, 33, checksum, len(content), size, len(encoded), 0
        )
        directory += b"PK\1\2" + struct.pack("<H", 20) + facts + struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + encoded
        body += b"PK\3\4" + facts + encoded + content
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return body + directory + b"PK\5\6" + end


def deflated(content: bytes) -> tuple[bytes, int, int]:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush(), len(content), zlib.crc32(content)


def _repacked(honest: bytes, name: str, content: bytes, size: int, checksum: int = 0) -> bytes:
    """A normal package with one entry whose stated size and checksum are false."""
    with zipfile.ZipFile(io.BytesIO(honest)) as archive:
        entries = [(entry, *deflated(archive.read(entry))) for entry in archive.namelist() if entry != name]
    return packed([*entries, (name, content, size, checksum)])


def docx_bomb() -> bytes:
    """A package that states its true unpacked size of 2 GB."""
    return _repacked(files.docx(), "word/media/image1.bmp", zeros(2048), 2048 * MEBIBYTE)


def docx_ratio_bomb() -> bytes:
    """A package of 300 KB that unpacks to 300 MB."""
    return _repacked(files.docx(), "word/document.xml", zeros(300), 300 * MEBIBYTE)


def docx_lying_bomb() -> bytes:
    """A package that states 2,000 bytes, but unpacks to 2 GB."""
    return _repacked(files.docx(), "word/document.xml", zeros(2048), 2000)


def xlsx_lying_bomb() -> bytes:
    return _repacked(files.xlsx([["a"]]), "xl/worksheets/sheet1.xml", zeros(2048), 2000)


def xlsx_strings_bomb() -> bytes:
    """60 MB of shared strings; the parser reads each string, even if no cell uses it."""
    content = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    row = b"<si><t>" + b"x" * 50 + b"</t></si>"
    content += row * (60 * MEBIBYTE // len(row)) + b"</sst>"
    parts: dict[str, str | bytes] = {
        "xl/sharedStrings.xml": content,
        "xl/_rels/workbook.xml.rels": files.relations(
            ("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml")
        ),
    }
    return files.xlsx([["a"]], parts=parts)


def xlsx_of_two_far_cells() -> bytes:
    """A sheet with only the first and the last possible cell, with 17 billion cells between them."""
    sheet = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
        "</sheetData></worksheet>"
    )
    return files.xlsx([["a"]], parts={"xl/worksheets/sheet1.xml": sheet})


def docx_of_many_entries() -> bytes:
    return files.docx(parts={f"word/media/{number}": b"" for number in range(20_000)})


def docx_of_one_endless_paragraph() -> bytes:
    return files.docx([], body="<w:p>" + "<w:r><w:t>a</w:t></w:r>" * 800_000 + "</w:p>")


def docx_of_one_endless_word() -> bytes:
    return files.docx(["a" * (60 * MEBIBYTE)])


def docx_with_laughs() -> bytes:
    document = LAUGHS + files.wordml("document", "<w:body><w:p><w:r><w:t>&a9;</w:t></w:r></w:p></w:body>")
    return files.docx(parts={"word/document.xml": document})


def docx_with_laughs_in_types() -> bytes:
    types = LAUGHS + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">&a9;</Types>'
    return files.docx(parts={"word/styles.xml": types}, related=[("styles", "styles.xml")])


def docx_that_reads_a_file() -> bytes:
    document = '<!DOCTYPE d [<!ENTITY secret SYSTEM "file:///etc/passwd">]>' + files.wordml(
        "document", "<w:body><w:p><w:r><w:t>&secret;</w:t></w:r></w:p></w:body>"
    )
    return files.docx(parts={"word/document.xml": document})


def docx_of_great_depth() -> bytes:
    depth = 200_000
    return files.docx([], body="<w:tbl><w:tr><w:tc>" * depth + "<w:p/>" + "</w:tc></w:tr></w:tbl>" * depth)


def docx_of_many_elements() -> bytes:
    """Very many elements next to each other that the parser does not use."""
    return files.docx([], body="<w:x/>" * 6_000_000)


def docx_related_to_itself() -> bytes:
    return files.docx(related=[("header", "document.xml")] * 2_000)


def pptx_of_one_slide_many_times() -> bytes:
    listed = '<p:sldId id="256" r:id="rId1"/>' * 100_000
    main = (
        '<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        f'xmlns:r="{files.TRANSITIONAL}"><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>'
    )
    return files.pptx([("Title", ["line " * 50])], parts={"ppt/presentation.xml": main})


def _page(
    content: str = "", resources: str = "", box: str = "0 0 595 842", extra: dict[int, bytes] | None = None
) -> bytes:
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        3: f"<< /Type /Page /Parent 2 0 R /MediaBox [{box}] /Resources << {resources} >> /Contents 4 0 R >>".encode(),
        4: files.pdf_stream(content.encode()),
        **(extra or {}),
    }
    return files.pdf_of(objects)


def pdf_tree_loop() -> bytes:
    return files.pdf_of(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Count 3 /Kids [2 0 R 2 0 R 2 0 R] /Parent 2 0 R >>",
        }
    )


def pdf_form_loop() -> bytes:
    form = files.pdf_stream(
        b"/F Do /F Do", "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F 5 0 R >> >>"
    )
    return _page("/F Do", "/XObject << /F 5 0 R >>", extra={5: form})


def pdf_form_tower() -> bytes:
    """Thirty forms, each drawing the next one ten times."""
    first, height = 5, 30
    forms = {
        first + n: files.pdf_stream(
            b"/F Do " * 10 if n < height - 1 else b"0 0 9 9 re f",
            f"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /F {first + n + 1} 0 R >> >>",
        )
        for n in range(height)
    }
    return _page("/F Do", f"/XObject << /F {first} 0 R >>", extra=forms)


def pdf_huge_page() -> bytes:
    return _page("0 0 9 9 re f", box="0 0 1000000000 1000000000")


def pdf_thin_page() -> bytes:
    return _page("0 0 9 9 re f", box="0 0 0.001 100000")


def pdf_lying_count() -> bytes:
    return files.pdf_of(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R >>",
            2: b"<< /Type /Pages /Count 2147483647 /Kids [3 0 R] >>",
            3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
        }
    )


def pdf_deep_arrays() -> bytes:
    return _page(extra={5: b"[" * 500_000 + b"]" * 500_000})


def pdf_stream_bomb() -> bytes:
    """A page whose content is 1 GB of spaces."""
    content = zlib.compress(b"")[:2] + zeros(1024)
    return _page(extra={4: files.pdf_stream(content, "/Filter /FlateDecode")})


def pdf_twice_packed_bomb() -> bytes:
    content = zlib.compress(zlib.compress(b"")[:2] + zeros(1024), 9)
    return _page(extra={4: files.pdf_stream(content, "/Filter [/FlateDecode /FlateDecode]")})


def pdf_image_bomb() -> bytes:
    content = zlib.compress(b"")[:2] + zeros(64)
    image = files.pdf_stream(
        content,
        "/Type /XObject /Subtype /Image /Width 60000 /Height 60000 "
        "/ColorSpace /DeviceRGB /BitsPerComponent 16 /Filter /FlateDecode",
    )
    return _page("595 0 0 842 0 0 cm /I Do", "/XObject << /I 5 0 R >>", extra={5: image})


def pdf_endless_paths() -> bytes:
    content = b"0 0 m " + b"9 9 l 300 1 l " * 3_000_000 + b"S"
    return _page(extra={4: files.pdf_stream(zlib.compress(content, 1), "/Filter /FlateDecode")})


def pdf_xref_loop() -> bytes:
    data = files.pdf(["x"])
    start = data.rindex(b"startxref")
    xref = int(data[start:].split()[1])
    return data.replace(b"/Root 1 0 R", f"/Root 1 0 R /Prev {xref}".encode())


def png_bomb() -> bytes:
    return files.png(50_000, 50_000, zlib.compress(b"")[:2] + zeros(2_400))


def png_within_bounds() -> bytes:
    """A large image, just below the limit of pixels."""
    return files.png(11_000, 10_000)


def tiff_loop() -> bytes:
    """A TIFF whose directory names itself as the next directory."""
    entries = [
        (256, 4, 1, 1),
        (257, 4, 1, 1),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 200),
        (278, 4, 1, 1),
        (279, 4, 1, 1),
    ]
    directory = (
        struct.pack("<H", len(entries))
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + struct.pack("<I", 8)
    )
    return (b"II*\0" + struct.pack("<I", 8) + directory).ljust(256, b"\0")


def tiff_of_many_pages() -> bytes:
    pages = 30_000
    data = b"II*\0" + struct.pack("<I", 8)
    entries = [
        (256, 4, 1, 1),
        (257, 4, 1, 1),
        (258, 3, 1, 8),
        (259, 3, 1, 1),
        (262, 3, 1, 1),
        (273, 4, 1, 0),
        (278, 4, 1, 1),
        (279, 4, 1, 1),
    ]
    size = 2 + 12 * len(entries) + 4
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return data + b"".join(body + struct.pack("<I", 8 + size * (number + 1)) for number in range(pages)) + bytes(4)


def gif_bomb() -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", 65535, 65535, 0xF0, 0, 0)
        + bytes(6)
        + b","
        + struct.pack("<HHHHB", 0, 0, 65535, 65535, 0)
        + b"\2\2\4\1\0;"
    )


def csv_of_one_cell() -> bytes:
    return b'a,"' + b"x" * (20 * MEBIBYTE)


def text_of_one_line() -> bytes:
    return b"word " * (6 * MEBIBYTE)


def json_of_great_depth() -> bytes:
    return b"[" * (4 * MEBIBYTE)


def xls_with_a_loop() -> bytes:
    """A workbook with a circular chain of sectors."""
    data = bytearray(files.xls([["a"]]))
    table = (len(data) - 512) // 512 * 512
    data[table : table + 4] = struct.pack("<I", 0)
    return bytes(data)


MAKERS: tuple[tuple[FileType, Callable[[], bytes]], ...] = (
    (FileType.DOCX, docx_bomb),
    (FileType.DOCX, docx_ratio_bomb),
    (FileType.DOCX, docx_lying_bomb),
    (FileType.DOCX, docx_of_many_entries),
    (FileType.DOCX, docx_of_one_endless_paragraph),
    (FileType.DOCX, docx_of_one_endless_word),
    (FileType.DOCX, docx_with_laughs),
    (FileType.DOCX, docx_with_laughs_in_types),
    (FileType.DOCX, docx_that_reads_a_file),
    (FileType.DOCX, docx_of_great_depth),
    (FileType.DOCX, docx_of_many_elements),
    (FileType.DOCX, docx_related_to_itself),
    (FileType.PPTX, pptx_of_one_slide_many_times),
    (FileType.XLSX, xlsx_lying_bomb),
    (FileType.XLSX, xlsx_strings_bomb),
    (FileType.XLSX, xlsx_of_two_far_cells),
    (FileType.XLS, xls_with_a_loop),
    (FileType.PDF, pdf_tree_loop),
    (FileType.PDF, pdf_form_loop),
    (FileType.PDF, pdf_form_tower),
    (FileType.PDF, pdf_huge_page),
    (FileType.PDF, pdf_thin_page),
    (FileType.PDF, pdf_lying_count),
    (FileType.PDF, pdf_deep_arrays),
    (FileType.PDF, pdf_stream_bomb),
    (FileType.PDF, pdf_twice_packed_bomb),
    (FileType.PDF, pdf_image_bomb),
    (FileType.PDF, pdf_endless_paths),
    (FileType.PDF, pdf_xref_loop),
    (FileType.PNG, png_bomb),
    (FileType.PNG, png_within_bounds),
    (FileType.TIFF, tiff_loop),
    (FileType.TIFF, tiff_of_many_pages),
    (FileType.GIF, gif_bomb),
    (FileType.CSV, csv_of_one_cell),
    (FileType.TEXT, text_of_one_line),
    (FileType.JSON, json_of_great_depth),
)
"""Every hostile file, with the type it pretends to be."""
