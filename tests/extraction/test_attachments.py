"""Files within files, and what a PDF holds beside the text of its pages."""

from __future__ import annotations

import zlib
from email.message import EmailMessage

import pytest

from docplatform.extraction.model import LONGEST_ATTACHMENTS, MOST_ATTACHMENTS, FileType
from tests.extraction import samples as files
from tests.extraction.desk import Desk

PDF, EMAIL = FileType.PDF, FileType.EMAIL


def with_attachments(attached: dict[str, bytes], *, in_comment: bool = False, body: str = "Cover") -> bytes:
    """A PDF of one page with attached files: of the document, or of a comment on the page."""
    objects: dict[int, bytes] = {
        2: b"<< /Type /Pages /Count 1 /Kids [5 0 R] >>",
        3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        6: files.pdf_stream(f"BT /F1 20 Tf 100 700 Td ({body}) Tj ET".encode()),
    }
    names, annotations = [], []
    for number, (name, content) in enumerate(attached.items()):
        stream, spec, note = (10 + 3 * number + each for each in range(3))
        packed = zlib.compress(content)
        objects[stream] = files.pdf_stream(
            packed, f"/Type /EmbeddedFile /Filter /FlateDecode /Params << /Size {len(content)} >>"
        )
        hexed = "feff" + name.encode("utf-16-be").hex()
        objects[spec] = f"<< /Type /Filespec /F <{hexed}> /UF <{hexed}> /EF << /F {stream} 0 R >> >>".encode()
        objects[note] = (
            f"<< /Type /Annot /Subtype /FileAttachment /FS {spec} 0 R /Contents (see file) /Rect [0 0 9 9] >>".encode()
        )
        names.append(f"<{hexed}> {spec} 0 R")
        annotations.append(f"{note} 0 R")
    tree = "" if in_comment else f"/Names << /EmbeddedFiles << /Names [{' '.join(names)}] >> >>"
    notes = f"/Annots [{' '.join(annotations)}]" if in_comment else ""
    objects[1] = f"<< /Type /Catalog /Pages 2 0 R {tree} /Collection << /View /T >> >>".encode()
    objects[5] = (
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 6 0 R {notes} "
        "/Resources << /Font << /F1 3 0 R >> >> >>"
    ).encode()
    return files.pdf_of(objects)


ATTACHED = {
    "Vertrag ü.docx": files.docx(["periwinkle"]),
    "prices.xlsx": files.xlsx([["marigold"]]),
    "ledger.xls": files.xls([["cornflower"]]),
    "talk.pptx": files.pptx([("larkspur", [])]),
    "inner.pdf": files.pdf(["heliotrope"]),
    "note.txt": "Größe buttercup".encode("cp1252"),
    "invoice.xml": b'<?xml version="1.0"?><Invoice><ID>INV-17</ID></Invoice>',
    "page.html": b"<html><body><p>honeysuckle</p></body></html>",
    "mail.eml": b"From: a@b.example\r\nSubject: dandelion\r\nDate: x\r\n\r\nbody\r\n",
}
WORDS = [
    "periwinkle",
    "marigold",
    "cornflower",
    "larkspur",
    "heliotrope",
    "Größe buttercup",
    "INV-17",
    "honeysuckle",
    "dandelion",
]


@pytest.mark.parametrize("in_comment", [False, True], ids=["of the document", "of a comment"])
def test_files_attached_to_a_pdf_are_named_and_read(desk: Desk, in_comment: bool) -> None:
    found = desk.read(with_attachments(ATTACHED, in_comment=in_comment), PDF)
    lines = found.text.split("\n")
    assert lines[0] == "Cover" and not found.truncated
    assert [name for name in ATTACHED if name not in lines] == []
    assert [word for word in WORDS if word not in found.text] == []
    assert "<p>" not in found.text


def test_files_attached_to_a_message_are_named_and_read(desk: Desk) -> None:
    made = EmailMessage()
    made["Subject"] = "s"
    made.set_content("outer words")
    for name, content in ATTACHED.items():
        if not name.endswith(".eml"):
            made.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    text = desk.text(made.as_bytes(), EMAIL)
    assert [name for name in ATTACHED if not name.endswith(".eml") and name not in text] == []
    assert [word for word in WORDS[:-1] if word not in text] == []


def test_what_cannot_be_read_within_a_pdf_is_named_and_costs_nothing_else(desk: Desk) -> None:
    attached = {
        "locked.pdf": files.encrypted_pdf(),
        "torn.docx": files.docx()[:-200],
        "sealed.xlsx": files.encrypted_office(),
        "photo.jpg": files.picture(FileType.JPEG),
        "program.exe": b"MZ\x90\0\3\0\0\0\4",
        "bundle.zip": files.zipped({"a.txt": "hidden"}),
        "empty.txt": b"",
        "bomb.docx": files.docx(parts={"word/media/image1.bmp": bytes(80_000_000)}),
        "last.txt": b"goldenrod",
    }
    text = desk.text(with_attachments(attached), PDF)
    assert [name for name in attached if name not in text.split("\n")] == []
    assert "goldenrod" in text and "hidden" not in text


@pytest.mark.parametrize("in_comment", [False, True])
def test_the_names_of_attached_files_are_listed(desk: Desk, in_comment: bool) -> None:
    assert desk.read(with_attachments(ATTACHED, in_comment=in_comment), PDF).attachments == tuple(ATTACHED)
    assert desk.read(files.pdf(["none"]), PDF).attachments == ()


def test_the_names_of_a_messages_files_are_listed_and_no_name_of_a_file_within_them(desk: Desk) -> None:
    message = EmailMessage()
    message["Subject"] = "offer"
    message.set_content("see below")
    for name in ("offer.pdf", "terms.txt"):
        content = with_attachments({"inner.txt": b"x"}) if name.endswith("pdf") else b"terms"
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    assert desk.read(message.as_bytes(), EMAIL).attachments == ("offer.pdf", "terms.txt")


def test_so_many_names_are_listed_as_a_list_of_documents_can_bear(desk: Desk) -> None:
    many = desk.read(with_attachments({f"{number}.bin": b"" for number in range(MOST_ATTACHMENTS + 5)}), PDF)
    assert len(many.attachments) == MOST_ATTACHMENTS
    long = desk.read(with_attachments({f"{number}{'x' * 400}": b"" for number in range(20)}), PDF)
    assert 0 < sum(map(len, long.attachments)) <= LONGEST_ATTACHMENTS


def test_files_within_files_within_files_end(desk: Desk) -> None:
    inner = with_attachments({"deepest.txt": b"abyss"}, body="third")
    inner = with_attachments({"inner.pdf": inner}, body="second")
    outer = with_attachments({"outer.pdf": inner}, body="first")
    text = desk.text(outer, PDF)
    assert "first" in text and "second" in text and "third" in text and "abyss" not in text


def form_pdf() -> bytes:
    def widget(kind: str, top: int) -> bytes:
        return f"<< /Type /Annot /Subtype /Widget {kind} /Rect [100 {top - 60} 300 {top}] /P 5 0 R >>".encode()

    return files.pdf_of(
        {
            1: b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [8 0 R 9 0 R 10 0 R] "
            b"/DR << /Font << /F1 3 0 R >> >> /DA (/F1 12 Tf) >> >>",
            2: b"<< /Type /Pages /Count 1 /Kids [5 0 R] >>",
            3: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
            5: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 6 0 R /Annots [8 0 R 9 0 R 10 0 R] "
            b"/Resources << /Font << /F1 3 0 R >> >> >>",
            6: files.pdf_stream(b"BT /F1 20 Tf 100 700 Td (Body) Tj ET"),
            8: widget("/FT /Ch /T (colours) /TU (Pick a colour) /Opt [(red) [(g) (green)]] /V (red)", 600),
            9: widget("/FT /Ch /Ff 131072 /T (sizes) /Opt [(small) (large)] /V (large)", 500),
            10: widget("/FT /Btn /Ff 65536 /T (push) /MK << /CA (Send the order) >>", 400),
        }
    )


def test_choices_captions_and_hints_of_a_form_are_read(desk: Desk) -> None:
    lines = desk.text(form_pdf(), PDF).split("\n")
    assert lines[0] == "Body"
    assert sorted(lines[1:]) == sorted(["red", "green", "Pick a colour", "large", "small", "Send the order"])
