"""Sample files made in code, one of each type that is read, each with a known word in it; and files that must be refused.

``sample(FileType.DOCX)`` is one of them, ``samples()`` all. The makers (``pdf``, ``docx``, ``xlsx`` …) take the words to write.
"""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from docplatform.domain.reading import FileType

WORD = "heliotrope"
"""In every sample that can hold text."""

TITLE, AUTHOR, CREATED = "Supply agreement", "Ann Example", "2024-03-05T10:20:30Z"
"""In every sample whose format can state them."""


@dataclass(frozen=True, slots=True)
class SampleFile:
    """``word`` is empty where the type has no text."""

    name: str
    file_type: FileType
    data: bytes
    word: str = WORD

    @property
    def media_type(self) -> str:
        return self.file_type.media_type


def samples() -> tuple[SampleFile, ...]:
    """One of each type."""
    return tuple(sample(file_type) for file_type in FileType)


def sample(file_type: FileType) -> SampleFile:
    text = f"The {WORD} clause stands here.\n"
    makers = {
        FileType.PDF: lambda: pdf([text.strip()]),
        FileType.DOCX: lambda: docx([text.strip()]),
        FileType.XLSX: lambda: xlsx([["clause", WORD], [1, 2.5]]),
        FileType.XLSB: lambda: xlsb([["clause", WORD]]),
        FileType.XLS: lambda: xls([["clause", WORD]]),
        FileType.ODS: lambda: ods([["clause", WORD]]),
        FileType.PPTX: lambda: pptx([("The clause", [text.strip()])]),
        FileType.TEXT: text.encode,
        FileType.CSV: lambda: f"clause,amount\n{WORD},12\n".encode(),
        FileType.MARKDOWN: lambda: f"# Clause\n\n- {WORD}\n".encode(),
        FileType.JSON: lambda: f'{{"clause": "{WORD}"}}\n'.encode(),
    }
    make = makers.get(file_type, lambda: picture(file_type))
    word = WORD if file_type in makers else ""
    return SampleFile(f"agreement{file_type.extensions[0]}", file_type, make(), word)


# PDF (ISO 32000-1)


def pdf(
    pages: Iterable[str], *, title: str = TITLE, author: str = AUTHOR, size: tuple[float, float] = (595, 842)
) -> bytes:
    """A page for each text (Latin-1, in Helvetica)."""
    contents = [f"BT /F1 24 Tf 72 {size[1] - 100:g} Td ({_escaped(text)}) Tj ET".encode("latin-1") for text in pages]
    first = 5
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        4: f"<< /Title ({title}) /Author ({author}) /CreationDate (D:20240305102030Z) >>".encode("latin-1"),
    }
    for number, content in enumerate(contents):
        page, stream = first + 2 * number, first + 2 * number + 1
        objects[page] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size[0]:g} {size[1]:g}] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {stream} 0 R >>"
        ).encode()
        objects[stream] = pdf_stream(content)
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(contents)))
    objects[2] = f"<< /Type /Pages /Count {len(contents)} /Kids [{kids}] >>".encode()
    return pdf_of(objects, "/Info 4 0 R")


def pdf_of(objects: Mapping[int, bytes], trailer: str = "") -> bytes:
    """A file of these indirect objects; object 1 is the catalog."""
    out = bytearray(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n")
    offsets = {}
    for number in sorted(objects):
        offsets[number] = len(out)
        out += f"{number} 0 obj\n".encode() + objects[number] + b"\nendobj\n"
    start = len(out)
    last = max(objects)
    out += f"xref\n0 {last + 1}\n0000000000 65535 f \n".encode()
    for number in range(1, last + 1):
        out += f"{offsets.get(number, 0):010d} 00000 {'n' if number in offsets else 'f'} \n".encode()
    return bytes(out + f"trailer\n<< /Size {last + 1} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode())


def pdf_stream(content: bytes, entries: str = "") -> bytes:
    return f"<< /Length {len(content)} {entries} >>\nstream\n".encode() + content + b"\nendstream"


def encrypted_pdf(text: str = WORD, *, password: str = "secret") -> bytes:
    """Encrypted with RC4, 40 bits (§7.6.3). An empty ``password`` is what a file has that is protected against changes only."""
    padding = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
    identity, permissions = b"0123456789abcdef", struct.pack("<i", -44)

    def padded(secret: str) -> bytes:
        return (secret.encode() + padding)[:32]

    owner = _rc4(hashlib.md5(padded("owner"), usedforsecurity=False).digest()[:5], padded(password))
    key = hashlib.md5(padded(password) + owner + permissions + identity, usedforsecurity=False).digest()[:5]

    def locked(number: int, content: bytes) -> bytes:
        salted = hashlib.md5(key + struct.pack("<I", number)[:3] + b"\0\0", usedforsecurity=False).digest()
        return _rc4(salted[:10], content)

    content = f"BT /F1 24 Tf 72 700 Td ({_escaped(text)}) Tj ET".encode("latin-1")
    objects = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        2: b"<< /Type /Pages /Count 1 /Kids [5 0 R] >>",
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        4: f"<< /Filter /Standard /V 1 /R 2 /O <{owner.hex()}> /U <{_rc4(key, padding).hex()}> /P -44 >>".encode(),
        5: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> >> /Contents 6 0 R >>",
        6: pdf_stream(locked(6, content)),
    }
    return pdf_of(objects, f"/Encrypt 4 0 R /ID [<{identity.hex()}> <{identity.hex()}>]")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _rc4(key: bytes, data: bytes) -> bytes:
    state = list(range(256))
    j = 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out = bytearray()
    i = j = 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


# Open XML (ECMA-376) and OpenDocument


def zipped(entries: Mapping[str, str | bytes], *, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 3, 5, 10, 20, 30)), content, compression)
    return buffer.getvalue()


TRANSITIONAL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
STRICT = "http://purl.oclc.org/ooxml/officeDocument/relationships"
WORDPROCESSING = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
WORDPROCESSING_STRICT = "http://purl.oclc.org/ooxml/wordprocessingml/main"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_OFFICE = "application/vnd.openxmlformats-officedocument."


def relations(*related: tuple[str, str], base: str = TRANSITIONAL) -> str:
    """A .rels part: (kind, target) each; their ids are rId1, rId2, …"""
    rows = "".join(
        f'<Relationship Id="rId{number}" Type="{kind if ":" in kind else f"{base}/{kind}"}" Target="{target}"/>'
        for number, (kind, target) in enumerate(related, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{rows}</Relationships>'


def open_xml(
    main: str, content_type: str, parts: Mapping[str, str | bytes], *, base: str = TRANSITIONAL
) -> dict[str, str | bytes]:
    """The entries of a package whose main part is ``main``, with title, author and date of creation."""
    core = f"{_PACKAGE}/relationships/metadata/core-properties"
    return {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="html" ContentType="text/html"/><Override PartName="/{main}" ContentType="{content_type}"/></Types>',
        "_rels/.rels": relations(("officeDocument", main), (core, "docProps/core.xml"), base=base),
        "docProps/core.xml": f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">'
        f"<dc:title>{TITLE}</dc:title><dc:creator>{AUTHOR}</dc:creator><dcterms:created>{CREATED}</dcterms:created></cp:coreProperties>",
        **parts,
    }


def docx(
    paragraphs: Iterable[str] = (WORD,),
    *,
    body: str = "",
    parts: Mapping[str, str | bytes] | None = None,
    related: Iterable[tuple[str, str]] = (),
    content_type: str = f"{_OFFICE}wordprocessingml.document.main+xml",
    strict: bool = False,
) -> bytes:
    """``body`` is markup (prefix ``w``) after the paragraphs; ``related`` are the document's relations to further ``parts``."""
    base = STRICT if strict else TRANSITIONAL
    written = "".join(f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" for text in paragraphs)
    entries = {
        "word/document.xml": wordml("document", f"<w:body>{written}{body}</w:body>", strict=strict),
        "word/_rels/document.xml.rels": relations(*related, base=base),
        **(parts or {}),
    }
    return zipped(open_xml("word/document.xml", content_type, entries, base=base))


def wordml(root: str, content: str, *, strict: bool = False) -> str:
    namespace = WORDPROCESSING_STRICT if strict else WORDPROCESSING
    return (
        f'<w:{root} xmlns:w="{namespace}" xmlns:r="{TRANSITIONAL}" xmlns:v="urn:schemas-microsoft-com:vml" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" '
        f'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">{content}</w:{root}>'
    )


def pptx(
    slides: Iterable[tuple[str, Iterable[str]]],
    *,
    parts: Mapping[str, str | bytes] | None = None,
    related: Iterable[tuple[str, str]] = (),
) -> bytes:
    """(title, lines) each; ``related`` are the relations of every slide to further ``parts``."""
    entries: dict[str, str | bytes] = {}
    names = []
    for number, (title, lines) in enumerate(slides, 1):
        names.append(f"slides/slide{number}.xml")
        shapes = slide_shape(title, "title") + "".join(slide_shape(line) for line in lines)
        entries[f"ppt/slides/slide{number}.xml"] = slideml("sld", shapes)
        entries[f"ppt/slides/_rels/slide{number}.xml.rels"] = relations(*related)
    listed = "".join(f'<p:sldId id="{255 + number}" r:id="rId{number}"/>' for number in range(1, len(names) + 1))
    entries["ppt/presentation.xml"] = (
        f'<p:presentation xmlns:p="{_SLIDES}" xmlns:r="{TRANSITIONAL}">'
        f'<p:sldIdLst>{listed}</p:sldIdLst><p:sldSz cx="12192000" cy="6858000"/></p:presentation>'
    )
    entries["ppt/_rels/presentation.xml.rels"] = relations(*(("slide", name) for name in names))
    content_type = f"{_OFFICE}presentationml.presentation.main+xml"
    return zipped(open_xml("ppt/presentation.xml", content_type, {**entries, **(parts or {})}))


_SLIDES = "http://schemas.openxmlformats.org/presentationml/2006/main"


def slideml(root: str, shapes: str) -> str:
    return (
        f'<p:{root} xmlns:p="{_SLIDES}" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main">'
        f"<p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:{root}>"
    )


def slide_shape(text: str, placeholder: str = "") -> str:
    ph = f'<p:ph type="{placeholder}"/>' if placeholder else ""
    return f"<p:sp><p:nvSpPr><p:nvPr>{ph}</p:nvPr></p:nvSpPr><p:txBody><a:p><a:r><a:t>{text}</a:t></a:r></a:p></p:txBody></p:sp>"


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
    entries: dict[str, str | bytes] = {
        "xl/workbook.xml": f'<workbook xmlns="{_SHEETS}" xmlns:r="{TRANSITIONAL}">'
        f'<sheets><sheet name="{sheet}" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": relations(("worksheet", "worksheets/sheet1.xml")),
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_SHEETS}"><sheetData>{"".join(written)}</sheetData></worksheet>',
        **(parts or {}),
    }
    return zipped(open_xml("xl/workbook.xml", f"{_OFFICE}spreadsheetml.sheet.main+xml", entries))


def xlsb(rows: Rows, *, sheet: str = "Prices") -> bytes:
    """[MS-XLSB]: the same parts as records of (type, size, content)."""

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
            "META-INF/manifest.xml": '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            "meta.xml": f'<office:document-meta {names} xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta>'
            f"<dc:title>{TITLE}</dc:title><meta:initial-creator>{AUTHOR}</meta:initial-creator>"
            f"<meta:creation-date>{CREATED}</meta:creation-date></office:meta></office:document-meta>",
            "content.xml": f"<office:document-content {names}><office:body><office:spreadsheet>"
            f'<table:table table:name="{sheet}">{written}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        }
    )


# OLE2 ([MS-CFB]): old Excel, and the wrapping of encrypted Open XML


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file of these streams, each padded to the 4,096 bytes from which it has sectors of its own."""
    sector, end, free = 512, 0xFFFFFFFE, 0xFFFFFFFF
    chains, data, entries = [], b"", []
    for name, content in streams.items():
        padded = content.ljust(max(4096, -(-len(content) // sector) * sector), b"\0")
        entries.append((name, 2, len(chains), len(padded)))
        count = len(padded) // sector
        chains += [*range(len(chains) + 1, len(chains) + count), end]
        data += padded
    directory_start = len(chains)
    nodes = [("Root Entry", 5, end, 0), *entries]
    directory = b""
    for number, (name, kind, start, size) in enumerate(nodes):
        child = 1 if number == 0 and entries else free
        right = number + 1 if 0 < number < len(nodes) - 1 else free
        encoded = name.encode("utf-16-le") + b"\0\0"
        directory += encoded.ljust(64, b"\0") + struct.pack("<HBB3I", len(encoded), kind, 1, free, right, child)
        directory += bytes(36) + struct.pack("<IQ", start, size)
    directory += bytes(-len(directory) % sector)
    count = len(directory) // sector
    chains += [*range(directory_start + 1, directory_start + count), end]
    fats = 1
    while (len(chains) + fats) * 4 > fats * sector:
        fats += 1
    fat_start = len(chains)
    chains += [0xFFFFFFFD] * fats
    table = b"".join(struct.pack("<I", link) for link in chains).ljust(fats * sector, b"\xff")
    header = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(16) + struct.pack("<HHHHH6x", 0x3E, 3, 0xFFFE, 9, 6)
    header += struct.pack("<IIIIIIIIII", 0, fats, directory_start, 0, 4096, end, 0, end, 0, fat_start)
    header += b"".join(struct.pack("<I", fat_start + number) for number in range(1, fats))
    return header.ljust(sector, b"\xff") + data + directory + table


def xls(rows: Rows, *, sheet: str = "Prices", locked: bool = False) -> bytes:
    """[MS-XLS], of the least that a workbook needs. ``locked`` says that it is encrypted, as far as a reader without the key gets."""

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
    return compound({"Workbook": head + bound + tail + begin(0x0010) + cells + record(0x000A)})


def encrypted_office() -> bytes:
    """What a .docx, .xlsx or .pptx with a password looks like from outside ([MS-OFFCRYPTO] §2.3.4)."""
    return compound({"EncryptionInfo": b"\4\0\4\0\x40\0\0\0", "EncryptedPackage": hashlib.sha256(b"").digest() * 200})


def old_word() -> bytes:
    """A Word 97 document, as far as its type can be told."""
    return compound({"WordDocument": b"\xec\xa5\xc1\0", "1Table": b""})


# Images


def picture(file_type: FileType, size: tuple[int, int] = (640, 400), **options: object) -> bytes:
    """A gradient; ``options`` go to Pillow's ``save``."""
    from PIL import Image

    image = Image.linear_gradient("L").resize(size).convert("P" if file_type is FileType.GIF else "RGB")
    buffer = io.BytesIO()
    image.save(buffer, file_type.value.upper(), **options)
    return buffer.getvalue()


def png(width: int, height: int, *, row: bytes | None = None) -> bytes:
    """Greyscale, all black; made without Pillow, so that it can be larger than what is sensible."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(9)
    line = b"\0" + (row or bytes(width))
    packed = (
        b"".join(packer.compress(line * min(256, height - start)) for start in range(0, height, 256)) + packer.flush()
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
