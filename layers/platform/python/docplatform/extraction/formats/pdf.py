"""PDF, with pdfium. A file that opens with an empty password (it is protected against changes only) is accepted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

import pypdfium2
from pypdfium2 import raw

from docplatform.extraction.blocks import Raster
from docplatform.extraction.formats.format import FileProperties, TextCollector, one_line, too_many_pages
from docplatform.extraction.formats.pdf_parts import files
from docplatform.extraction.formats.pdf_parts.annotations import Annotations, captions
from docplatform.extraction.formats.pdf_parts.order import in_reading_order
from docplatform.extraction.model import MEBIBYTE, ExtractionLimits, FileRejected, FileType, RejectionReason, TextResult

PARSER_ERRORS: tuple[type[BaseException], ...] = (pypdfium2.PdfiumError,)

_LOCKED = frozenset({raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY})
_SPLIT_WORD = re.compile("\ufffe\\s*")  # pdfium's mark for a hyphen that splits a word at the end of a line
_DATE = re.compile(r"(?:D:)?(\d{4})(\d\d)?(\d\d)?(\d\d)?(\d\d)?(\d\d)?(?:([+-])(\d\d)'?(\d\d)?)?")
_AT_ONCE = 16 * MEBIBYTE  # smaller files are read at once, which is a little faster


def inspect(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> FileProperties:
    document = _open(file, limits)
    return FileProperties(kind=FileType.PDF, pages=len(document))


def text(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> TextResult:
    """The text of every page in order. After each page's text follow its form fields and its comments; at the end, the names
    and the texts of attached files."""
    document = _open(file, limits)
    pages = len(document)
    collector = TextCollector(limits)
    unread, attached = 0, list[Any]()
    for number in range(pages):
        try:
            page = document[number]
        except pypdfium2.PdfiumError:
            unread += 1
            continue
        complete = all(collector.add(line) for line in _page_text(document, number, page, attached))
        page.close()
        if not complete:
            break
    else:
        all(collector.add(line) for line in files.texts(document, attached, collector.note_attachment))
    if unread == pages:
        raise FileRejected(RejectionReason.DAMAGED, cause="no page can be loaded")
    return TextResult(
        text=collector.text(),
        truncated=collector.truncated,
        pages=pages,
        title=one_line(document.get_metadata_value("Title")),
        author=one_line(document.get_metadata_value("Author")),
        created=_pdf_datetime(document.get_metadata_value("CreationDate")),
        attachments=collector.attachments,
    )


def first_page(file: BinaryIO, limits: ExtractionLimits, file_type: str) -> Raster:
    document = _open(file, limits)
    page = document[0]
    width, height = page.get_size()
    if not (width > 0 and height > 0):
        raise FileRejected(RejectionReason.DAMAGED, cause="page without a size")
    scale = min(limits.preview[0] / width, limits.preview[1] / height)
    bitmap = page.render(scale=scale, force_bitmap_format=raw.FPDFBitmap_BGRx, limit_image_cache=True)
    return Raster(
        mode="RGB", layout="BGRX", size=(bitmap.width, bitmap.height), data=bytes(bitmap.buffer), pages=len(document)
    )


def _open(file: BinaryIO, limits: ExtractionLimits) -> Any:
    file.seek(0)
    beginning = file.read(_AT_ONCE)
    try:
        document = pypdfium2.PdfDocument(beginning if len(beginning) < _AT_ONCE else file)
    except pypdfium2.PdfiumError as error:
        if error.err_code in _LOCKED:
            raise FileRejected(RejectionReason.ENCRYPTED) from error
        raise
    document.init_forms()
    pages = len(document)
    if pages < 1:
        raise FileRejected(RejectionReason.DAMAGED, cause="no pages")
    if pages > limits.pages:
        raise FileRejected(RejectionReason.TOO_COMPLEX, too_many_pages(limits))
    return document


def _page_text(document: Any, number: int, page: Any, attached: list[Any]) -> Iterator[str]:
    """The text of a page, of its fields and of its comments. Files in its comments are added to ``attached``."""
    text_page = page.get_textpage()
    body = in_reading_order(page, text_page, text_page.get_text_range())
    text_page.close()
    known = [_SPLIT_WORD.sub("", body)]
    yield known[0]
    annotations = Annotations(document, page)
    for noted in annotations.texts():
        known.append(noted)
        yield noted
    attached.extend(annotations.attached)
    if annotations.has_buttons:
        lines = [line for text in known for line in text.splitlines()]
        yield from filter(None, captions(document, number, page, lines))


def _pdf_datetime(text: str) -> datetime | None:
    """The time in D:YYYYMMDDHHmmSSOHH'mm, of which only the year is required (ISO 32000-1 §7.9.4). Without a time zone
    it is taken as UTC."""
    match = _DATE.match(text or "")
    if match is None:
        return None
    year, month, day, hour, minute, second, sign, off_hours, off_minutes = match.groups()
    try:
        local = datetime(
            int(year), int(month or 1), int(day or 1), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
        )
        offset = timedelta(hours=int(off_hours or 0), minutes=int(off_minutes or 0))
        return local - offset if sign == "+" else local + offset
    except (ValueError, OverflowError):
        return None
