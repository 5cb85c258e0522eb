"""First pages as images. Pixels stay as they are; texts, slides and tables are drawn in a simple layout."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image, ImageDraw

from docplatform.extraction.blocks import Block, FirstPage, Flow, Grid, Kind, Raster, Slide
from docplatform.extraction.formats import images
from docplatform.extraction.model import ExtractionLimits, PreviewResult
from docplatform.extraction.rendering.fonts import BODY, CELL, HEADINGS, SLIDE_BODY, SLIDE_TITLE, TABLE_TITLE, Font

_PAPER, _INK, _FAINT, _LINE, _BAND = "#ffffff", "#1f2328", "#59636e", "#d1d9e0", "#f6f8fa"
_MARGIN = 100


def render(page: FirstPage, limits: ExtractionLimits) -> PreviewResult:
    """The preview and the thumbnail of ``page``, in WebP."""
    if isinstance(page, Raster):
        image = Image.frombytes(page.mode, page.size, page.data, "raw", page.layout or page.mode)
    elif isinstance(page, Grid):
        image = _grid(page, limits)
    else:
        image = _picture(page, limits) or (_slide(page, limits) if isinstance(page, Slide) else _flow(page, limits))
    image.thumbnail(limits.preview, reducing_gap=2.0)
    preview = _webp(image)
    image.thumbnail(limits.thumbnail, reducing_gap=3.0)
    return PreviewResult(preview=preview, thumbnail=_webp(image), pages=page.pages)


def _webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80, method=2)  # higher methods take twice the time for 3 % of the size
    return buffer.getvalue()


def _picture(page: Flow | Slide, limits: ExtractionLimits) -> Image.Image | None:
    return images.decoded(page.picture, limits) if page.picture else None


class _Canvas:
    """An image to draw on from top to bottom. ``y``: the position of the next line in pixels."""

    def __init__(self, size: tuple[int, int], margin: int) -> None:
        self.image = Image.new("RGB", size, _PAPER)
        self.draw = ImageDraw.Draw(self.image)
        self.left, self.right, self.bottom = margin, size[0] - margin, size[1] - margin
        self.y = margin

    @property
    def full(self) -> bool:
        return self.y >= self.bottom

    def write(self, text: str, font: Font, *, indent: int = 0, fill: str = _INK, after: int = 0) -> None:
        for line in font.wrapped(text, self.right - self.left - indent):
            if self.y + font.line > self.bottom:
                self.y = self.bottom
                return
            font.draw(self.draw, (self.left + indent, self.y), line, fill)
            self.y += font.line
        self.y += after


def _flow(page: Flow, limits: ExtractionLimits) -> Image.Image:
    canvas = _Canvas(limits.preview, _MARGIN)
    in_table = False
    for block in page.blocks:
        if canvas.full:
            break
        if in_table and block.kind is not Kind.ROW:
            canvas.y += 14
        in_table = block.kind is Kind.ROW
        if block.kind is Kind.HEADING:
            canvas.y += 14
            canvas.write(block.text, HEADINGS[min(block.level, len(HEADINGS)) - 1], after=8)
        elif block.kind is Kind.ROW:
            _row(canvas, block)
        elif block.kind is Kind.ITEM:
            _item(canvas, block, BODY)
        else:
            canvas.write(block.text, BODY, after=10)
    return canvas.image


def _item(canvas: _Canvas, block: Block, font: Font) -> None:
    if canvas.y + font.line <= canvas.bottom:
        middle, radius = canvas.y + font.line // 2, max(3, font.line // 9)
        canvas.draw.ellipse(
            (canvas.left + 8, middle - radius, canvas.left + 8 + 2 * radius, middle + radius), fill=_FAINT
        )
    canvas.write(block.text, font, indent=36, after=6)


def _row(canvas: _Canvas, block: Block) -> None:
    """Draw a row of a table in a text. Its cells have the same width, and the height of the highest cell, which has at
    most four lines."""
    cells = block.cells[:8]
    width = (canvas.right - canvas.left) // max(1, len(cells))
    wrapped = [list(_first(CELL.wrapped(cell, width - 16), 4)) for cell in cells]
    height = max(1, *(len(lines) for lines in wrapped), 1) * CELL.line + 12
    if canvas.y + height > canvas.bottom:
        canvas.y = canvas.bottom
        return
    for column, lines in enumerate(wrapped):
        left = canvas.left + column * width
        canvas.draw.rectangle((left, canvas.y, left + width, canvas.y + height), outline=_LINE)
        for number, line in enumerate(lines):
            CELL.draw(canvas.draw, (left + 8, canvas.y + 6 + number * CELL.line), line, _INK)
    canvas.y += height


def _slide(page: Slide, limits: ExtractionLimits) -> Image.Image:
    width, height = limits.preview
    size = (width, int(width / page.aspect)) if width / page.aspect <= height else (int(height * page.aspect), height)
    canvas = _Canvas(size, max(24, size[0] // 16))
    titles = [block for block in page.blocks if block.kind is Kind.HEADING]
    for block in (*titles, *(block for block in page.blocks if block.kind is not Kind.HEADING)):
        if canvas.full:
            break
        if block.kind is Kind.HEADING:
            canvas.write(block.text, SLIDE_TITLE, after=24)
        elif block.kind is Kind.ROW:
            _row(canvas, block)
        elif block.kind is Kind.ITEM:
            _item(canvas, block, SLIDE_BODY)
        else:
            canvas.write(block.text, SLIDE_BODY, after=10)
    canvas.draw.rectangle((0, 0, size[0] - 1, size[1] - 1), outline=_LINE)
    return canvas.image


def _grid(page: Grid, limits: ExtractionLimits) -> Image.Image:
    canvas = _Canvas(limits.preview, 40)
    if page.title:
        canvas.write(page.title, TABLE_TITLE, after=12)
    rows = (
        [[str(number), *row] for number, row in enumerate(page.rows, 1)]
        if page.with_coordinates
        else [list(row) for row in page.rows]
    )
    columns = max((len(row) for row in rows), default=0)
    if page.with_coordinates and columns:
        rows.insert(0, ["", *(chr(ord("A") + column) for column in range(columns - 1))])
    widths = _fitted([_width(rows, column) for column in range(columns)], canvas.right - canvas.left)
    height = CELL.line + 10
    for number, row in enumerate(rows):
        if canvas.y + height > canvas.bottom:
            break
        left = canvas.left
        for column, width in enumerate(widths):
            head = number == 0 or (page.with_coordinates and column == 0)
            box = (left, canvas.y, left + width, canvas.y + height)
            canvas.draw.rectangle(box, fill=_BAND if head else _PAPER, outline=_LINE)
            cell = " ".join(row[column].split()) if column < len(row) else ""
            for line in _first(CELL.wrapped(cell, width - 14), 1):
                CELL.draw(
                    canvas.draw, (left + 7, canvas.y + 5), line, _FAINT if head and page.with_coordinates else _INK
                )
            left += width
        canvas.y += height
    return canvas.image


def _width(rows: list[list[str]], column: int) -> int:
    """The width of a column in pixels: that of its longest cell, between 48 and 380."""
    longest = max((int(CELL.width(row[column][:60])) for row in rows if column < len(row)), default=0)
    return min(max(longest + 16, 48), 380)


def _fitted(widths: list[int], available: int) -> list[int]:
    """The widths of the columns that fit into ``available`` pixels. The last one may be reduced."""
    fitted: list[int] = []
    for width in widths:
        if available < 48:
            break
        fitted.append(min(width, available))
        available -= fitted[-1]
    return fitted


def _first(lines: Iterator[str], most: int) -> Iterator[str]:
    for _, line in zip(range(most), lines, strict=False):
        yield line
