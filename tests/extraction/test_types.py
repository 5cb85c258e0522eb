"""The declared type of a file against its real type."""

from __future__ import annotations

import pytest

from docplatform.extraction.model import FileType, RejectionReason
from tests.extraction import samples as files
from tests.extraction.desk import Desk

DOCX, XLSX = FileType.DOCX, FileType.XLSX


def data(file_type: FileType) -> bytes:
    return files.sample(file_type).content


def test_an_empty_file_is_refused(desk: Desk) -> None:
    refused = desk.refusal(b"", "application/pdf")
    assert refused.problem is RejectionReason.EMPTY_FILE
    assert refused.detail == "Check the file on your computer and upload it again."


def test_a_text_of_blanks_is_empty_too(desk: Desk) -> None:
    assert desk.problem(b" \r\n\t\n", "text/plain") is RejectionReason.EMPTY_FILE


def test_a_file_of_unknown_type_takes_the_one_it_has(desk: Desk) -> None:
    for declared in ("", "application/octet-stream", "Application/Octet-Stream; x=y"):
        assert desk.inspect(data(DOCX), declared).file_type is DOCX


@pytest.mark.parametrize(
    ("real", "declared"),
    [
        (FileType.PDF, DOCX.media_type),
        (DOCX, "application/pdf"),
        (DOCX, XLSX.media_type),
        (XLSX, "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
        (FileType.PNG, "image/jpeg"),
        (FileType.JPEG, "application/pdf"),
        (FileType.TEXT, "image/png"),
        (FileType.TEXT, "application/pdf"),
        (FileType.PDF, "text/plain"),
        (FileType.PDF, "video/mp4"),
        (FileType.XLS, XLSX.media_type),
        (FileType.TEXT, "text/html"),
    ],
)
def test_a_file_that_pretends_is_refused(desk: Desk, real: FileType, declared: str) -> None:
    refused = desk.refusal(data(real), declared)
    assert refused.problem is RejectionReason.TYPE_MISMATCH
    assert real.label in refused.detail


@pytest.mark.parametrize(
    ("real", "declared"),
    [
        (FileType.JPEG, "image/jpg"),
        (FileType.JPEG, "IMAGE/JPEG"),
        (FileType.BMP, "image/x-ms-bmp"),
        (FileType.CSV, "text/plain; charset=utf-8"),
        (FileType.CSV, "application/vnd.ms-excel"),
        (FileType.TEXT, "text/csv"),
        (FileType.JSON, "text/plain"),
        (FileType.TEXT, "text/x-log"),
        (DOCX, "application/msword"),
        (XLSX, "application/vnd.ms-excel"),
        (FileType.PPTX, "application/vnd.ms-powerpoint"),
    ],
)
def test_other_names_of_a_type_are_accepted(desk: Desk, real: FileType, declared: str) -> None:
    sample = files.sample(real)
    assert desk.inspect(sample.content, declared, sample.name).file_type.family is real.family


@pytest.mark.parametrize(
    ("name", "declared", "expected"),
    [
        ("notes.md", "application/octet-stream", FileType.MARKDOWN),
        ("prices.CSV", "text/plain", FileType.CSV),
        ("prices.tsv", "", FileType.CSV),
        ("prices.txt", "text/csv", FileType.CSV),
        ("readme", "text/plain", FileType.TEXT),
        ("data.json", "application/json; charset=utf-8", FileType.JSON),
    ],
)
def test_texts_are_told_apart_by_declaration_and_name(desk: Desk, name: str, declared: str, expected: FileType) -> None:
    assert desk.inspect(b"a,b\nc,d\n", declared, name).file_type is expected


@pytest.mark.parametrize(
    ("content", "declared", "advice"),
    [
        (files.old_word(), "application/msword", "Save it as a Word document (.docx)"),
        (rb"{\rtf1 hello}", "application/rtf", "Save it as a Word document (.docx)"),
        (files.zipped({"a.txt": "a"}), "application/zip", "Unpack it"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "image/heic", "Save it as JPEG"),
        (files.compound({"PowerPoint Document": b""}), "application/vnd.ms-powerpoint", "(.pptx)"),
        (files.compound({"Something else": b""}), "", "Save it as PDF"),
        (files.zipped({"mimetype": "application/vnd.oasis.opendocument.text"}), "", "(.docx)"),
        (b"MZ\x90\0\3\0\0\0\4", "application/x-msdownload", "Upload documents"),
        (bytes(range(256)) * 4, "application/x-unheard-of", "Save it as PDF"),
    ],
)
def test_types_that_are_not_read_are_named_with_a_way_out(
    desk: Desk, content: bytes, declared: str, advice: str
) -> None:
    refused = desk.refusal(content, declared)
    assert refused.problem is RejectionReason.UNSUPPORTED_TYPE
    assert advice in refused.detail


def test_a_program_that_is_called_a_document_is_a_mismatch(desk: Desk) -> None:
    assert desk.problem(b"MZ\x90\0\3\0\0\0\4", "application/pdf") is RejectionReason.TYPE_MISMATCH
    assert desk.problem(b"\x7fELF\2\1\1\0" + bytes(64), DOCX.media_type) is RejectionReason.TYPE_MISMATCH
    assert desk.problem(bytes(range(256)) * 4, "application/pdf") is RejectionReason.TYPE_MISMATCH


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (files.encrypted_pdf(), "application/pdf"),
        (files.encrypted_office(), DOCX.media_type),
        (files.encrypted_office(), ""),
        (files.xls([["a"]], locked=True), "application/vnd.ms-excel"),
    ],
    ids=["pdf", "docx", "undeclared", "xls"],
)
def test_a_file_with_a_password_is_refused_with_advice(desk: Desk, content: bytes, declared: str) -> None:
    refused = desk.refusal(content, declared)
    assert refused.problem is RejectionReason.ENCRYPTED
    assert refused.detail == "Remove the password and upload it again."


def test_a_spreadsheet_encrypted_entry_by_entry_is_refused(desk: Desk) -> None:
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        '<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry>'
        "</manifest:manifest>"
    )
    locked = files.zipped({"mimetype": FileType.ODS.media_type, "META-INF/manifest.xml": manifest, "content.xml": b"?"})
    assert desk.problem(locked) is RejectionReason.ENCRYPTED


def test_a_pdf_protected_only_against_changes_is_read(desk: Desk) -> None:
    protected = files.encrypted_pdf("heliotrope", password="")
    assert desk.inspect(protected, "application/pdf").file_type is FileType.PDF
    assert desk.text(protected, FileType.PDF) == "heliotrope"


def test_a_damaged_file_of_each_container_says_so(desk: Desk) -> None:
    pdf, docx, png = data(FileType.PDF), data(DOCX), data(FileType.PNG)
    assert desk.problem(b"%PDF-1.7\nnothing follows", "application/pdf") is RejectionReason.DAMAGED
    assert desk.problem(docx[: len(docx) // 2], DOCX.media_type) is RejectionReason.DAMAGED
    assert desk.problem(png[: len(png) // 2], "image/png") is RejectionReason.DAMAGED
    assert desk.inspect(pdf + b"\n\n\n", "application/pdf").pages == 1


def test_a_zip_with_one_wrong_byte_is_damaged(desk: Desk) -> None:
    docx = bytearray(data(DOCX))
    spot = docx.index(b"word/document.xml") + 40
    docx[spot] ^= 0xFF
    assert desk.problem(bytes(docx), DOCX.media_type) is RejectionReason.DAMAGED


@pytest.mark.parametrize("refused", files.REFUSED, ids=lambda refused: refused.name)
def test_what_is_to_be_refused_is_refused_for_its_reason(desk: Desk, refused: files.RefusedSample) -> None:
    found = desk.refusal(refused.content, refused.media_type, refused.name)
    assert found.problem.code == refused.problem
    assert found.detail


@pytest.mark.parametrize(
    ("real", "declared"),
    [
        (XLSX, "application/vnd.ms-excel.sheet.macroEnabled.12"),
        (FileType.XLSB, "application/vnd.ms-excel.sheet.binary.macroEnabled.12"),
        (DOCX, "application/vnd.ms-word.document.macroEnabled.12"),
        (FileType.PPTX, "application/vnd.ms-powerpoint.presentation.macroEnabled.12"),
        (FileType.PDF, "Application/PDF; version=1.7"),
        (FileType.TEXT, "text/plain;charset=utf-8"),
        (FileType.HTML, "TEXT/HTML; charset=UTF-8"),
        (FileType.EMAIL, "message/RFC822"),
    ],
)
def test_case_and_parameters_of_a_media_type_do_not_matter(desk: Desk, real: FileType, declared: str) -> None:
    assert desk.inspect(data(real), declared, files.sample(real).name).file_type is real
