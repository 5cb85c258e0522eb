"""OLE2 compound files ([MS-CFB]): Office 97-2003 files, and the containers of encrypted newer Office files."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping


def compound(streams: Mapping[str, bytes]) -> bytes:
    """A compound file of these streams, each padded to 4,096 bytes, the size from which a stream has its own
    sectors."""
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


def encrypted_office() -> bytes:
    """The outer form of a .docx, .xlsx or .pptx with a password ([MS-OFFCRYPTO] §2.3.4)."""
    return compound({"EncryptionInfo": b"\4\0\4\0\x40\0\0\0", "EncryptedPackage": hashlib.sha256(b"").digest() * 200})


def old_word() -> bytes:
    """A Word 97 document, only complete enough to show its type."""
    return compound({"WordDocument": b"\xec\xa5\xc1\0", "1Table": b""})
