"""Images, with Pillow. They have no text. For the preview they are reduced, turned upright and made opaque."""

from __future__ import annotations

import io
import re
import struct
import zlib
from datetime import UTC, datetime
from typing import BinaryIO

from PIL import BmpImagePlugin, GifImagePlugin, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin

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
_PLUGINS = (BmpImagePlugin, GifImagePlugin, JpegImagePlugin, PngImagePlugin, TiffImagePlugin, WebPImagePlugin)
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
_WHITE = (255, 255, 255)


def inspect(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties:
    """Inspect an image. It is decoded, so that an incomplete file is rejected here."""
    image = _open(file, limits, file_type)
    shrunk(image, limits.thumbnail)
    return FileProperties(kind=FileType(file_type), pages=_pages(_open(file, limits, file_type), limits))


def text(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> TextResult:
    """The metadata that the camera or the scanner wrote. The text is empty."""
    image = _open(file, limits, file_type)
    exif = image.getexif()
    return TextResult(
        text="",
        pages=_pages(image, limits),
        title=one_line(_written(exif.get(_TITLE))),
        author=one_line(_written(exif.get(_ARTIST))),
        created=_exif_datetime(exif.get_ifd(_EXIF).get(_TAKEN) or exif.get(_CHANGED)),
    )


def first_page(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> Raster:
    """The image for the preview: turned by its EXIF orientation (EXIF 2.32 §4.6.5), and opaque."""
    image = _open(file, limits, file_type)
    turn = _TRANSPOSITIONS.get(image.getexif().get(_ORIENTATION, 1))
    small = opaque(shrunk(image, limits.preview))
    if turn is not None:
        small = small.transpose(turn)
    pages = _pages(_open(file, limits, file_type), limits)
    return Raster(mode=small.mode, size=small.size, data=small.tobytes(), pages=pages)


def decoded(data: bytes, limits: ExtractionLimits) -> Image.Image | None:
    """An image from inside another file, in RGB; None if it cannot be drawn."""
    try:
        image = Image.open(io.BytesIO(data), formats=["PNG", "JPEG"])
        if image.width * image.height > limits.pixels:
            return None
        return opaque(shrunk(image, limits.preview))
    except PARSER_ERRORS:
        return None


def _open(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> Image.Image:
    file.seek(0)
    # TIFF's decoder would duplicate the file's descriptor, which the process's limits forbid: it gets the bytes.
    source = io.BytesIO(file.read()) if file_type == FileType.TIFF else file
    image = Image.open(source, formats=[file_type.upper()])
    if image.width * image.height > limits.pixels:
        raise FileRejected(RejectionReason.TOO_COMPLEX, _TOO_LARGE, cause="pixels")
    return image


def shrunk(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The image, reduced to a square around ``size``, so that it still fits after it is turned. Raises FileRejected if
    the memory does not suffice.

    A large image is converted to another mode after it is reduced, because a conversion makes a copy of it.
    """
    side = max(size)
    try:
        image.draft("RGB", (side, side))
        image.load()
        if image.mode.startswith(("I", "F")):
            image = _levelled(image)
        elif image.mode == "LAB":
            image = image.getchannel("L")  # Pillow has no colours for it without a profile
        elif image.mode == "1":
            image = image.convert("L")
        elif image.mode in ("P", "PA"):
            scale = min(1.0, 4 * side / max(image.size))
            roughly = (max(1, int(image.width * scale)), max(1, int(image.height * scale)))
            image = image.resize(roughly, Image.Resampling.NEAREST).convert("RGBA")
        image.thumbnail((side, side), reducing_gap=2.0)
    except MemoryError as error:
        raise FileRejected(RejectionReason.TOO_COMPLEX, _TOO_LARGE) from error
    return image


def _levelled(image: Image.Image) -> Image.Image:
    """An image with 16 or 32 bits for each pixel, scaled to the 8 bits that can be shown."""
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
