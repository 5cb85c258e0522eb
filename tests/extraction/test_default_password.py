"""Files that Excel and PowerPoint open without asking, although they are encrypted."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import zipfile

import olefile
import pytest
from msoffcrypto.format.ooxml import OOXMLFile

from docplatform.extraction.model import FileType, RejectionReason
from tests.extraction import samples as files
from tests.extraction.desk import Desk, ink
from tests.extraction.samples.portable import _rc4

EXCEL, POWERPOINT = "VelvetSweatshop", "/01Hannes Ruescher/01"


def encrypted(data: bytes, password: str) -> bytes:
    """Agile encryption ([MS-OFFCRYPTO] §2.3.4.10). A file of less than 4,096 bytes would be filled up with zeros."""
    with zipfile.ZipFile(whole := io.BytesIO(data), "a") as archive:
        archive.writestr("docProps/filling.bin", random.Random(1).randbytes(6_000))
    buffer = io.BytesIO()
    OOXMLFile(io.BytesIO(whole.getvalue())).encrypt(password, buffer)
    return buffer.getvalue()


def encrypted_xls(word: str, password: str) -> bytes:
    """RC4 encryption of a workbook stream ([MS-OFFCRYPTO] §2.3.6, [MS-XLS] §2.2.10)."""
    # The stream is filled up with zeros: records of four bytes, if the length is right.
    data = files.xls([[word, "x" * (1 + len(word) % 2)]], locked=True)
    container = olefile.OleFileIO(io.BytesIO(data))
    stream = bytearray(container.openstream("Workbook").read())
    salt, verifier = b"salt and pepper!", b"verify me, verify"[:16]

    def key(block: int) -> bytes:
        digest = hashlib.md5(password.encode("utf-16-le"), usedforsecurity=False).digest()[:5]
        digest = hashlib.md5((digest + salt) * 16, usedforsecurity=False).digest()[:5]
        return hashlib.md5(digest + struct.pack("<I", block), usedforsecurity=False).digest()

    checked = _rc4(key(0), verifier + hashlib.md5(verifier, usedforsecurity=False).digest())
    at, plain = 0, set[int]()
    while at + 4 <= len(stream):
        record, size = struct.unpack_from("<HH", stream, at)
        plain.update(range(at, at + 4))
        if record == 0x002F:
            assert size == 54
            struct.pack_into("<HHH16s32s", stream, at + 4, 1, 1, 1, salt, checked)
        if record in (0x0809, 0x002F) or not record:
            plain.update(range(at, at + 4 + size))
        if record == 0x0085:
            plain.update(range(at + 4, at + 8))
        at += 4 + size
    locked = b"".join(
        _rc4(key(number), bytes(stream[number * 1024 : (number + 1) * 1024]))
        for number in range(-(-len(stream) // 1024))
    )
    mixed = bytes(stream[index] if index in plain else locked[index] for index in range(len(stream)))
    copy = io.BytesIO(data)
    olefile.OleFileIO(copy, write_mode=True).write_stream("Workbook", mixed)
    return copy.getvalue()


CASES = [
    (FileType.XLSX, encrypted(files.xlsx([["marigold"]]), EXCEL)),
    (FileType.XLSB, encrypted(files.xlsb([["marigold"]]), EXCEL)),
    (FileType.XLS, encrypted_xls("marigold", EXCEL)),
    (FileType.PPTX, encrypted(files.pptx([("marigold", [])]), POWERPOINT)),
]


@pytest.mark.parametrize(("file_type", "data"), CASES, ids=[case[0].value for case in CASES])
def test_a_file_that_its_program_opens_without_asking_is_read(desk: Desk, file_type: FileType, data: bytes) -> None:
    assert b"marigold" not in data
    assert desk.inspect(data, file_type.media_type, f"x{file_type.extensions[0]}").file_type is file_type
    assert "marigold" in desk.text(data, file_type)
    assert ink(desk.preview(data, file_type).preview) > 100


@pytest.mark.parametrize(
    "data",
    [encrypted(files.xlsx([["x"]]), "secret"), encrypted(files.docx(["x"]), "secret"), encrypted_xls("x", "secret")]
    + [files.encrypted_office(), files.xls([["x"]], locked=True), CASES[0][1][:-2_000]],
    ids=["xlsx", "docx", "xls", "no package", "no key", "cut off"],
)
def test_a_file_with_a_password_of_its_own_is_refused(desk: Desk, data: bytes) -> None:
    assert desk.problem(data) in (RejectionReason.ENCRYPTED, RejectionReason.DAMAGED)


def test_an_encrypted_file_that_is_something_else_than_declared_is_a_mismatch(desk: Desk) -> None:
    assert desk.problem(CASES[0][1], FileType.DOCX.media_type) is RejectionReason.TYPE_MISMATCH
