"""Realistic documents of a company, made in code: contracts, policies and reports, as PDF, Word, Excel and text."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape

PDF, TEXT = "application/pdf", "text/plain"
_OFFICE = "application/vnd.openxmlformats-officedocument."
DOCX, XLSX = f"{_OFFICE}wordprocessingml.document", f"{_OFFICE}spreadsheetml.sheet"


def library(company: str) -> dict[str, dict[str, tuple[str, bytes]]]:
    """Folder → file name → media type and content."""
    lease = [
        f"Lease agreement between {company} and Harbour Estates",
        "1. The landlord lets the premises at 12 Quay Street for a term of five years.",
        "2. The rent is 8,400 per month, payable in advance.",
        "3. Either party may give notice of termination six months before the end of the term.",
    ]
    supply = [
        f"Supply agreement between {company} and Vandelay Industries",
        "The supplier delivers within thirty days of the order. Late delivery costs one per cent a week.",
        "The agreement may be terminated for good cause without notice.",
    ]
    travel = (
        "Travel policy\n\nEmployees book the cheapest reasonable fare. Trips over 2,000 need the approval of the\n"
        "department head. Receipts are handed in within four weeks.\n"
    )
    figures = [["Quarter", "Revenue", "Costs"], ["Q1", "410", "380"], ["Q2", "455", "391"], ["Q3", "502", "420"]]
    return {
        "Contracts": {"Lease Quay Street.pdf": (PDF, pdf(lease)), "Supply Vandelay.docx": (DOCX, docx(supply))},
        "Policies": {"Travel policy.txt": (TEXT, travel.encode())},
        "Reports": {"Revenue by quarter.xlsx": (XLSX, xlsx(figures))},
    }


def pdf(lines: list[str]) -> bytes:
    """One page of text in Helvetica (ISO 32000-1)."""
    shown = "".join(f"({line.replace(chr(92), '').replace('(', '').replace(')', '')}) Tj 0 -22 Td " for line in lines)
    content = f"BT /F1 12 Tf 50 780 Td {shown}ET".encode("latin-1", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"xref\n0 6\n0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + table + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(out)


def docx(paragraphs: list[str]) -> bytes:
    body = "".join(f"<w:p><w:r><w:t>{escape(text)}</w:t></w:r></w:p>" for text in paragraphs)
    main = f'<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>{body}</w:body></w:document>'
    return _office_package("word/document.xml", main, f"{_OFFICE}wordprocessingml.document.main+xml")


def xlsx(rows: list[list[str]]) -> bytes:
    cells = "".join(
        "<row>" + "".join(f'<c t="inlineStr"><is><t>{escape(cell)}</t></is></c>' for cell in row) + "</row>"
        for row in rows
    )
    spreadsheet = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    sheets = '<sheets><sheet name="Figures" sheetId="1" r:id="rId1"/></sheets>'
    book = f'<workbook xmlns="{spreadsheet}" xmlns:r="{relations}">{sheets}</workbook>'
    extra = {
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{spreadsheet}"><sheetData>{cells}</sheetData></worksheet>',
        "xl/_rels/workbook.xml.rels": _relations("rId1", f"{relations}/worksheet", "worksheets/sheet1.xml"),
    }
    return _office_package("xl/workbook.xml", book, f"{_OFFICE}spreadsheetml.sheet.main+xml", extra)


def _relations(identity: str, kind: str, target: str) -> str:
    namespace = "http://schemas.openxmlformats.org/package/2006/relationships"
    return f'<Relationships xmlns="{namespace}"><Relationship Id="{identity}" Type="{kind}" Target="{target}"/></Relationships>'


def _office_package(main: str, content: str, kind: str, extra: dict[str, str] | None = None) -> bytes:
    """An Open Packaging container (ECMA-376 part 2)."""
    types = (
        '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/{main}" ContentType="{kind}"/></Types>'
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    parts = {
        "[Content_Types].xml": types,
        "_rels/.rels": _relations("rId1", office, main),
        main: content,
        **(extra or {}),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, f'<?xml version="1.0" encoding="UTF-8"?>{text}')
    return out.getvalue()
