"""Office files that are encrypted with the password that the programs know ([MS-OFFCRYPTO] §2.4.2.3): Excel and PowerPoint
write it to protect a file against changes, and open it without asking.

The worker imports this module only for OLE2 files, because it brings a library of ciphers.
"""

from __future__ import annotations

import io
import struct
import xml.dom.expatbuilder
from types import SimpleNamespace
from typing import Any, BinaryIO
from xml.parsers.expat import ExpatError

from cryptography.hazmat.backends.openssl import backend
from msoffcrypto import exceptions
from msoffcrypto.format import xls97
from msoffcrypto.format.ooxml import OOXMLFile

from docplatform.extraction.formats import format, ole
from docplatform.extraction.model import FileRejected, RejectionReason

_PASSWORDS = ("VelvetSweatshop", "/01Hannes Ruescher/01")
_ERRORS: tuple[type[BaseException], ...] = (
    *(exceptions.FileFormatError, exceptions.ParseError, exceptions.DecryptionError, exceptions.InvalidKeyError),
    *(*ole.OLE_ERRORS, struct.error, AssertionError, UnicodeError, ExpatError),
)

_USED_LATER = (backend, xml.dom.expatbuilder)  # the libraries import them when they meet an encrypted file
# The library decrypts into a temporary file, which the process cannot open.
xls97.tempfile = SimpleNamespace(TemporaryFile=io.BytesIO)


def opened(file: BinaryIO) -> BinaryIO:
    """``file`` if it is not encrypted, otherwise what it is without encryption. Raises FileRejected (encrypted) if none of
    the programs' passwords opens it, and OLE_ERRORS."""
    if not ole.is_encrypted(file):
        return file
    for password in _PASSWORDS:
        plain = io.BytesIO()
        try:
            _decrypt(file, password, plain)
        except _ERRORS:
            continue
        if plain.getbuffer().nbytes:
            plain.seek(0)
            return plain
    raise FileRejected(RejectionReason.ENCRYPTED)


def _decrypt(file: BinaryIO, password: str, plain: BinaryIO) -> None:
    file.seek(0)
    if ole.is_package(file):
        package: Any = OOXMLFile(file)
        package.load_key(password=password, verify_password=True)
        package.decrypt(plain)
        return
    workbook: Any = xls97.Xls97File(file)
    workbook.load_key(password=password)
    workbook.decrypt(plain)


format.decryption = opened
