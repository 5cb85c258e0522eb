"""Zip files with limits: the number of entries, and their unpacked size, as stated and in fact."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import IO, BinaryIO

from docplatform.extraction.model import MEBIBYTE, ExtractionLimits, FileRejected, RejectionReason

ZIP_ERRORS: tuple[type[BaseException], ...] = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    struct.error,
    ValueError,
    OverflowError,
    OSError,
    NotImplementedError,  # a version or a compression method that no office program uses
)

_ENCRYPTED = 0x1  # general purpose bit 0 (APPNOTE.TXT §4.4.4)
_PLAIN_METHODS = frozenset(
    {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
)  # all that Open XML allows (ECMA-376 part 2, annex C.5)
_BOMB_CHECK_FROM = 64 * MEBIBYTE  # below this, no ratio is suspicious


class Zip:
    """A zip file for reading. Names are compared without case (as ECMA-376 part 2 demands for names of parts), and a
    backslash counts as a slash."""

    def __init__(self, file: BinaryIO, limits: ExtractionLimits) -> None:
        """Raises FileRejected (too_complex, encrypted, damaged) and ZIP_ERRORS."""
        file.seek(0)
        self.file = file
        self._zip = zipfile.ZipFile(file)
        if not all(entry.filename for entry in self._zip.infolist()):  # zipfile cuts a name off at a zero byte
            raise zipfile.BadZipFile("an entry has no name")
        self._entries = {_key(entry.filename): entry for entry in self._zip.infolist() if not entry.is_dir()}
        self._limits = limits
        self._refuse_bombs()

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def names(self) -> list[str]:
        """The names of all entries, in lower case and with forward slashes."""
        return list(self._entries)

    def stored_names(self) -> list[tuple[str, str]]:
        """The name of each entry as ``names`` has it, and as the file has it."""
        return [(name, entry.filename) for name, entry in self._entries.items()]

    def open(self, name: str) -> IO[bytes]:
        """Open an entry. It yields no more bytes than the entry states. Raises KeyError if there is no such entry."""
        return self._zip.open(self._entries[_key(name)])

    def read(self, name: str, most: int) -> bytes:
        """The first ``most`` bytes of an entry."""
        with self.open(name) as entry:
            return entry.read(most)

    def check(self) -> None:
        """Unpack every entry. Raises BadZipFile if one has another size or checksum than it states."""
        for entry in self._entries.values():
            with self._zip.open(entry) as content:
                while content.read(MEBIBYTE):
                    pass

    def _refuse_bombs(self) -> None:
        entries = self._zip.infolist()
        unpacked = sum(entry.file_size for entry in entries)
        packed = sum(entry.compress_size for entry in entries)
        if any(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise FileRejected(RejectionReason.ENCRYPTED)
        if len(entries) > self._limits.entries:
            raise FileRejected(RejectionReason.TOO_COMPLEX, cause="entries")
        if unpacked > self._limits.unpacked:
            raise FileRejected(RejectionReason.TOO_COMPLEX, cause="unpacked size")
        if unpacked > _BOMB_CHECK_FROM and unpacked > packed * self._limits.ratio:
            raise FileRejected(RejectionReason.TOO_COMPLEX, cause="compression ratio")
        if any(entry.compress_type not in _PLAIN_METHODS for entry in entries):
            raise FileRejected(RejectionReason.DAMAGED, cause="compression method")


def _key(name: str) -> str:
    return name.replace("\\", "/").lstrip("/").lower()
