"""Images: turned, transparent, deep, many-paged, too large."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

from docplatform.extraction.model import ExtractionLimits, FileRejected, FileType, RejectionReason
from tests.extraction import samples as files
from tests.extraction.desk import Desk, image


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def half_red() -> Image.Image:
    """Red on the left, blue on the right."""
    picture = Image.new("RGB", (400, 200), "blue")
    picture.paste("red", (0, 0, 200, 200))
    return picture


def shows(seen: Image.Image, at: tuple[float, float], colour: str) -> bool:
    red, _, blue = seen.getpixel((int(seen.width * at[0]), int(seen.height * at[1])))
    return bool(red - blue > 100 if colour == "red" else blue - red > 100)


@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [
        (1, (400, 200), (0.1, 0.5)),
        (3, (400, 200), (0.9, 0.5)),
        (6, (200, 400), (0.5, 0.1)),
        (8, (200, 400), (0.5, 0.9)),
    ],
)
def test_a_photograph_is_shown_upright(
    desk: Desk, orientation: int, size: tuple[int, int], red_at: tuple[float, float]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    seen = image(desk.preview(saved(half_red(), "JPEG", exif=exif, quality=95), FileType.JPEG).preview)
    assert seen.size == size
    assert shows(seen, red_at, "red") and shows(seen, (1 - red_at[0], 1 - red_at[1]), "blue")


def test_transparent_is_shown_on_white(desk: Desk) -> None:
    clear = Image.new("RGBA", (100, 100), (255, 0, 0, 0))
    assert image(desk.preview(saved(clear, "PNG"), FileType.PNG).preview).getpixel((50, 50)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr", "LAB"])
def test_every_kind_of_pixel_can_be_shown(desk: Desk, mode: str) -> None:
    grey = Image.linear_gradient("L").resize((300, 200))
    if mode == "LAB":
        picture = Image.merge("LAB", [grey, grey, grey])
    elif mode in ("I", "I;16", "F"):
        picture = grey.convert("I").point(lambda value: value * 200).convert(mode)
    else:
        picture = grey.convert("RGB").convert(mode)
    file_type = FileType.PNG if mode == "P" else FileType.TIFF
    seen = image(desk.preview(saved(picture, file_type.upper()), file_type).preview)
    assert seen.size == (300, 200)
    darkest, brightest = seen.convert("L").getextrema()
    assert brightest - darkest > 60


def test_pages_of_a_tiff_are_counted_and_the_first_is_shown(desk: Desk) -> None:
    first = half_red()
    data = saved(first, "TIFF", save_all=True, append_images=[Image.new("RGB", (10, 10)), Image.new("RGB", (20, 20))])
    assert desk.inspect(data).pages == 3
    found = desk.preview(data, FileType.TIFF)
    assert found.pages == 3 and shows(image(found.preview), (0.1, 0.5), "red")


def test_compressed_tiffs_of_scanners_are_read(desk: Desk) -> None:
    for compression in ("group4", "tiff_lzw", "tiff_deflate", "jpeg", "packbits"):
        picture = half_red().convert("1") if compression == "group4" else half_red()
        assert image(desk.preview(saved(picture, "TIFF", compression=compression), FileType.TIFF).preview).size == (
            400,
            200,
        )


def test_a_camera_says_when_and_who(desk: Desk) -> None:
    exif = Image.Exif()
    exif[0x010E], exif[0x013B], exif[0x0132] = "The roof", "Ann Example", "2024:03:05 10:20:30"
    found = desk.read(saved(half_red(), "JPEG", exif=exif), FileType.JPEG)
    assert (found.title, found.author, found.text) == ("The roof", "Ann Example", "")
    assert found.created is not None and found.created.isoformat() == "2024-03-05T10:20:30+00:00"


def test_a_large_photograph_is_shown_small(desk: Desk) -> None:
    seen = desk.preview(files.picture(FileType.JPEG, (6000, 4000)), FileType.JPEG)
    assert image(seen.preview).size == (1240, pytest.approx(827, abs=1))
    assert image(seen.thumbnail).size == (320, pytest.approx(213, abs=1))


def test_a_small_picture_is_not_blown_up(desk: Desk) -> None:
    seen = desk.preview(files.picture(FileType.PNG, (20, 10)), FileType.PNG)
    assert image(seen.preview).size == image(seen.thumbnail).size == (20, 10)


def test_too_many_pixels_leave_a_document_without_preview(desk: Desk) -> None:
    data, few = saved(Image.new("RGB", (2_000, 2_000)), "PNG"), ExtractionLimits(pixels=1_000_000)
    assert desk.inspect(data, "image/png", limits=few).file_type is FileType.PNG
    assert desk.read(data, FileType.PNG, few).text == ""
    with pytest.raises(FileRejected, match="too_complex") as refused:
        desk.preview(data, FileType.PNG, few)
    assert refused.value.detail == "The image has too many pixels. Upload it in a smaller resolution."


@pytest.mark.parametrize("kind", [FileType.TIFF, FileType.PNG])
def test_a_plan_in_black_and_white_is_shown_small(desk: Desk, kind: FileType) -> None:
    """A0 at 400 dpi has 248 million pixels."""
    plan = Image.new("1", (13_244, 18_724), 1)
    plan.paste(0, (0, 0, 13_244, 9_362))
    data = saved(plan, kind.upper(), **({"compression": "group4"} if kind is FileType.TIFF else {}))
    assert desk.inspect(data, kind.media_type).file_type is kind
    seen = image(desk.preview(data, kind).preview).convert("L")
    assert seen.width == 1240 and abs(seen.height - 1754) < 3
    assert seen.getpixel((600, 400)) == 0 and seen.getpixel((600, 1300)) == 255


@pytest.mark.parametrize("order", ["<", ">"], ids=["little-endian", "big-endian"])
@pytest.mark.parametrize("form", ["H", "i", "f"])
def test_a_deep_tiff_is_shown_whatever_the_order_of_its_bytes(desk: Desk, order: str, form: str) -> None:
    data = deep_tiff(order, form)
    assert desk.inspect(data, "image/tiff").file_type is FileType.TIFF
    darkest, brightest = image(desk.preview(data, FileType.TIFF).preview).convert("L").getextrema()
    assert brightest - darkest > 60


def test_a_tiff_with_pixels_that_nothing_can_show_is_kept_without_preview(desk: Desk) -> None:
    data = deep_tiff(">", "d")
    assert desk.inspect(data, "image/tiff").file_type is FileType.TIFF
    assert desk.text(data, FileType.TIFF) == ""
    with pytest.raises(FileRejected, match="too_complex"):
        desk.preview(data, FileType.TIFF)


def deep_tiff(order: str, form: str) -> bytes:
    """A gradient of 64 x 32 pixels, uncompressed. ``form``: the letter of a number in ``struct``."""
    step = 100 if form in "Hh" else 1000
    pixels = struct.pack(f"{order}{64 * 32}{form}", *(x * step for _ in range(32) for x in range(64)))
    bits = struct.calcsize(form) * 8
    sample_format = 3 if form in "fd" else 2 if form in "hi" else 1
    entries = [
        *((256, 64), (257, 32), (258, bits), (259, 1), (262, 1), (273, 200), (277, 1), (278, 32)),
        *((279, len(pixels)), (339, sample_format)),
    ]
    directory = struct.pack(f"{order}H", len(entries))
    directory += b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in entries)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return (mark + struct.pack(f"{order}I", 8) + directory + bytes(4)).ljust(200, b"\0") + pixels


def test_a_picture_that_is_cut_off_is_damaged(desk: Desk) -> None:
    for kind in (FileType.PNG, FileType.JPEG, FileType.GIF, FileType.WEBP, FileType.BMP, FileType.TIFF):
        data = files.picture(kind)
        assert desk.problem(data[: len(data) // 2], kind.media_type) is RejectionReason.DAMAGED, kind
