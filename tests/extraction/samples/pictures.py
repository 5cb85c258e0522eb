"""Images."""

from __future__ import annotations

import io
import struct
import zlib

from docplatform.extraction.model import FileType


def picture(file_type: FileType, size: tuple[int, int] = (640, 400), **options: object) -> bytes:
    """A gradient; ``options`` go to Pillow's ``save``."""
    from PIL import Image

    image = Image.linear_gradient("L").resize(size).convert("P" if file_type is FileType.GIF else "RGB")
    buffer = io.BytesIO()
    image.save(buffer, file_type.value.upper(), **options)
    return buffer.getvalue()


def multi_picture() -> bytes:
    """A JPEG with a second picture (CIPA DC-007), as phones write it."""
    from PIL import Image

    first, second = (Image.linear_gradient("L").resize((320, 200)).convert("RGB") for _ in range(2))
    buffer = io.BytesIO()
    first.save(buffer, "MPO", save_all=True, append_images=[second])
    return buffer.getvalue()


def png(width: int, height: int, data: bytes | None = None) -> bytes:
    """Greyscale, black; ``data``: deflated rows to use instead of the correct ones."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    rows = zlib.compress(bytes((width + 1) * height)) if data is None else data
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
