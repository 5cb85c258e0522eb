"""PDF (ISO 32000-1)."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping

from tests.extraction.samples.facts import AUTHOR, TITLE, WORD


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
    """Encrypted with RC4, 40 bits (§7.6.3). Against changes only, a file is encrypted with an empty ``password``."""
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
        5: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 6 0 R "
        b"/Resources << /Font << /F1 3 0 R >> >> >>",
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
