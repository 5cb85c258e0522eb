"""Images, with Pillow. They have no text. For the preview they are reduced, turned upright and made opaque."""

from __future__ import annotations

import contextlib
import io
import math
import re
import struct
import zlib
from datetime import UTC, datetime
from typing import IO, BinaryIO

from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from docplatform.extraction.blocks import Raster
from docplatform.extraction.formats.format import FileProperties, one_line, too_many_pages
from docplatform.extraction.model import ExtractionLimits, FileRejected, FileType, RejectionReason, TextResult

PARSER_ERRORS: tuple[type[BaseException], ...] = (
    OSError,
    SyntaxError,  # Pillow's error for a broken header
    ValueError,
    EOFError,
    KeyError,
    IndexError,
    TypeError,
    OverflowError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
)

# The plugins of the supported formats. Pillow would import them later, when the parser process cannot import any more.
# A JPEG with several pictures, as phones write it, is an MPO (CIPA DC-007).
_PLUGINS = (
    *(BmpImagePlugin, GifImagePlugin, JpegImagePlugin, MpoImagePlugin),
    *(PngImagePlugin, TiffImagePlugin, WebPImagePlugin),
)
Image.preinit()
# ExtractionLimits.pixels is checked instead; Pillow's own limit would only warn.
Image.MAX_IMAGE_PIXELS = None

_ORIENTATION, _TITLE, _ARTIST, _CHANGED = 0x0112, 0x010E, 0x013B, 0x0132  # TIFF tags, as EXIF uses them
_EXIF, _TAKEN = 0x8769, 0x9003
_TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_DATE = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")
_TOO_LARGE = "The image has too many pixels. Upload it in a smaller resolution."
_UNKNOWN_PIXELS = "The image has an unusual kind of pixels. Save it as PNG or JPEG."
_WHITE = (255, 255, 255)
_ONE_BYTE = ("1", "L", "P")  # modes with a byte for each pixel; the others have up to four
_SMALL_PIXELS = 2.5
# The most pixels that a byte can stand for: deflate makes at most 1,032 bytes of one, and PNG has at least one bit for a
# pixel; an LZW code of 12 bits stands for at most 4,096 pixels.
_MOST_PIXELS = {"PNG": 8 * 1_032, "GIF": 4_096 * 8 // 12}


def inspect(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties:
    """Inspect an image. It is decoded, so that an incomplete file is rejected here. An image that is too large to be
    decoded is accepted: it has no preview, but it can be stored and found by its name."""
    pages = None
    with contextlib.suppress(_CannotBeDecoded):
        pages = _pages(_open(file, file_type), limits)
        shrunk(_open(file, file_type), limits.thumbnail, limits)
    return FileProperties(kind=FileType(file_type), pages=pages)


def text(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> TextResult:
    """The metadata that the camera or the scanner wrote. The text is empty."""
    try:
        image = _open(file, file_type)
    except _CannotBeDecoded:
        return TextResult(text="")
    exif = _exif(image)
    return TextResult(
        text="",
        pages=_pages(image, limits),
        title=one_line(_written(exif.get(_TITLE))),
        author=one_line(_written(exif.get(_ARTIST))),
        created=_exif_datetime(exif.get_ifd(_EXIF).get(_TAKEN) or exif.get(_CHANGED)),
    )


def first_page(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> Raster:
    """The image for the preview: turned by its EXIF orientation (EXIF 2.32 §4.6.5), and opaque."""
    image = _open(file, file_type)
    turn = _TRANSPOSITIONS.get(_exif(image).get(_ORIENTATION, 1))
    small = opaque(shrunk(image, limits.preview, limits))
    if turn is not None:
        small = small.transpose(turn)
    pages = _pages(_open(file, file_type), limits)
    return Raster(mode=small.mode, size=small.size, data=small.tobytes(), pages=pages)


def decoded(data: bytes, limits: ExtractionLimits) -> Image.Image | None:
    """An image from inside another file, in RGB; None if it cannot be drawn."""
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG"])
        return opaque(shrunk(image, limits.preview, limits))
    except _UNDRAWABLE:
        return None


class _CannotBeDecoded(FileRejected):
    """The image is not damaged, but it has too many pixels, or pixels of an unknown kind."""

    def __init__(self, cause: str, advice: str = _TOO_LARGE) -> None:
        super().__init__(RejectionReason.TOO_COMPLEX, advice, cause)


_UNDRAWABLE: tuple[type[BaseException], ...] = (*PARSER_ERRORS, _CannotBeDecoded)


def _open(file: BinaryIO, file_type: str) -> Image.Image:
    file.seek(0)
    # TIFF's decoder would duplicate the file's descriptor, which the process's limits forbid: it gets the bytes.
    source = io.BytesIO(file.read()) if file_type == FileType.TIFF else file
    try:
        image = Image.open(source, formats=[file_type.upper()])
    except UnidentifiedImageError:
        if file_type == FileType.TIFF:
            _refuse_unknown_pixels(source)
        raise
    if image.width * image.height > _size(file) * _MOST_PIXELS.get(image.format or "", math.inf):
        raise FileRejected(RejectionReason.DAMAGED, cause="fewer bytes than its pixels need")
    return image


def _refuse_unknown_pixels(source: IO[bytes]) -> None:
    """Raises FileRejected (too_complex) for a TIFF that is not damaged, but whose kind of pixels Pillow cannot decode."""
    source.seek(0)
    try:
        TiffImagePlugin.TiffImageFile(source)
    except SyntaxError as error:
        if str(error) in ("unknown pixel mode", "unknown data organization"):
            raise _CannotBeDecoded("kind of pixels", _UNKNOWN_PIXELS) from error


def _exif(image: Image.Image) -> Image.Exif:
    """The EXIF data in the head of an image. Pillow would decode a whole PNG to look for them behind its pixels."""
    if image.format == "PNG" and not image.info.keys() & {"exif", "Raw profile type exif"}:
        return Image.Exif()
    return image.getexif()


def _size(file: BinaryIO) -> int:
    here = file.tell()
    size = file.seek(0, io.SEEK_END)
    file.seek(here)
    return size


def shrunk(image: Image.Image, size: tuple[int, int], limits: ExtractionLimits) -> Image.Image:
    """The image, reduced to a square around ``size``, so that it still fits after it is turned. Raises FileRejected
    (too_complex) if it has too many pixels or the memory does not suffice.

    A large image is converted to another mode after it is reduced, because a conversion makes a copy of it.
    """
    side = max(size)
    try:
        image.draft("RGB", (side, side))  # a JPEG is decoded at an eighth, a quarter or half of its size
        if image.width * image.height > limits.pixels * (_SMALL_PIXELS if image.mode in _ONE_BYTE else 1):
            raise _CannotBeDecoded("pixels")
        image.load()
        if image.mode.startswith(("I", "F")):
            image = _levelled(image)
        elif image.mode == "LAB":
            image = image.getchannel("L")  # Pillow has no colours for it without a profile
        elif image.mode == "1":
            image = _grey(image, side)
        elif image.mode in ("P", "PA"):
            scale = min(1.0, 4 * side / max(image.size))
            roughly = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
            image = image.resize(roughly, Image.Resampling.NEAREST).convert("RGBA")
        image.thumbnail((side, side), reducing_gap=2.0)
    except MemoryError as error:
        raise _CannotBeDecoded("memory") from error
    return image


def _grey(image: Image.Image, side: int) -> Image.Image:
    """A black and white image in grey, roughly reduced to ``side``. It is converted in strips: a whole plan in A0 would
    need twice the memory."""
    factor = max(1, min(image.size) // (2 * side))
    strip = factor * max(1, 1024 // factor)
    small = Image.new("L", (-(-image.width // factor), -(-image.height // factor)))
    for top in range(0, image.height, strip):
        band = image.crop((0, top, image.width, min(top + strip, image.height))).convert("L")
        small.paste(band.reduce(factor) if factor > 1 else band, (0, top // factor))
    return small


def _levelled(image: Image.Image) -> Image.Image:
    """An image with 16 or 32 bits for each pixel, scaled to the 8 bits that can be shown."""
    if image.mode not in ("I", "F", "I;16"):
        image = image.convert("I")  # Pillow computes with its own order of bytes only
    extrema = image.getextrema()
    low, high = float(extrema[0]), float(extrema[1])  # type: ignore[arg-type]  # one band has one pair
    span = high - low
    wide = image.convert("F") if image.mode != "F" else image
    scaled = wide.point(
        lambda value: value * (255.0 / span if span > 0 else 1.0) - (low * 255.0 / span if span > 0 else 0.0)
    )
    return scaled.convert("L")


def opaque(image: Image.Image) -> Image.Image:
    """The image in RGB. Transparent parts become white."""
    if image.mode in ("RGBA", "LA", "La", "RGBa") or "transparency" in image.info:
        layer = image.convert("RGBA")
        page = Image.new("RGB", layer.size, _WHITE)
        page.paste(layer, mask=layer.getchannel("A"))
        return page
    return image.convert("RGB")


def _pages(image: Image.Image, limits: ExtractionLimits) -> int:
    """The number of pages. Only TIFF has several; an animation counts as one. The pages are counted one by one, up to
    the limit, because a TIFF's list of pages can be endless."""
    if image.format != "TIFF":
        return 1
    pages = 1
    try:
        while True:
            image.seek(pages)
            pages += 1
            if pages > limits.pages:
                raise FileRejected(RejectionReason.TOO_COMPLEX, too_many_pages(limits))
    except EOFError:
        return pages


def _written(value: object) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    return value if isinstance(value, str) else ""


def _exif_datetime(value: object) -> datetime | None:
    """The time in "YYYY:MM:DD HH:MM:SS" (EXIF 2.32 §4.6.5). It has no time zone and is taken as UTC."""
    match = _DATE.match(_written(value))
    try:
        return datetime(*(int(part) for part in match.groups()), tzinfo=UTC) if match else None  # type: ignore[misc, arg-type]
    except ValueError:
        return None
