"""Files made in code: a sample of each supported type, with a known word in it; and files that must be rejected.

``SAMPLES`` and ``REFUSED`` are complete files. The makers (``pdf``, ``docx``, ``xlsx`` …) take what to write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from docplatform.extraction.model import FileType, RejectionReason
from tests.extraction.samples.compound import compound, encrypted_office, old_word
from tests.extraction.samples.facts import AUTHOR, CREATED, TITLE, WORD
from tests.extraction.samples.office import (
    TRANSITIONAL,
    docx,
    open_xml,
    pptx,
    relations,
    slide_shape,
    slideml,
    wordml,
    zipped,
)
from tests.extraction.samples.pictures import multi_picture, picture, png
from tests.extraction.samples.portable import encrypted_pdf, pdf, pdf_of, pdf_stream
from tests.extraction.samples.sheets import ods, xls, xlsb, xlsx

__all__ = [
    "AUTHOR",
    "CREATED",
    "REFUSED",
    "SAMPLES",
    "TITLE",
    "TRANSITIONAL",
    "WORD",
    "RefusedSample",
    "Sample",
    "compound",
    "docx",
    "encrypted_office",
    "encrypted_pdf",
    "multi_picture",
    "ods",
    "old_word",
    "open_xml",
    "pdf",
    "pdf_of",
    "pdf_stream",
    "picture",
    "png",
    "pptx",
    "relations",
    "sample",
    "slide_shape",
    "slideml",
    "wordml",
    "xls",
    "xlsb",
    "xlsx",
    "zipped",
]


@dataclass(frozen=True, slots=True)
class Sample:
    """``word`` is in the text and nowhere else; it is empty if the type has no text."""

    name: str
    file_type: FileType
    content: bytes
    word: str = ""

    @property
    def media_type(self) -> str:
        return self.file_type.media_type


@dataclass(frozen=True, slots=True)
class RefusedSample:
    """``media_type``: the declared type. ``problem``: the code of the rejection."""

    name: str
    media_type: str
    content: bytes
    problem: str


def _sentence(word: str) -> str:
    return f"The {word} clause stands here."


_TEXTS: dict[FileType, tuple[str, str, Callable[[str], bytes]]] = {
    FileType.PDF: ("agreement.pdf", "heliotrope", lambda word: pdf([_sentence(word)])),
    FileType.DOCX: ("contract.docx", "periwinkle", lambda word: docx([_sentence(word)])),
    FileType.XLSX: ("prices.xlsx", "marigold", lambda word: xlsx([["clause", word], [1, 2.5]])),
    FileType.XLSB: ("budget.xlsb", "snapdragon", lambda word: xlsb([["clause", word]])),
    FileType.XLS: ("ledger.xls", "cornflower", lambda word: xls([["clause", word]])),
    FileType.ODS: ("inventory.ods", "bluebell", lambda word: ods([["clause", word]])),
    FileType.PPTX: ("roadmap.pptx", "larkspur", lambda word: pptx([("The clause", [_sentence(word)])])),
    FileType.SVG: (
        "plan.svg",
        "amaryllis",
        lambda word: f'<svg xmlns="http://www.w3.org/2000/svg"><text>{_sentence(word)}</text></svg>\n'.encode(),
    ),
    FileType.EMAIL: (
        "offer.eml",
        "dandelion",
        lambda word: (
            "From: a@firma.example\r\nSubject: Clause\r\nDate: Tue, 05 Mar 2024 10:20:30 +0000\r\n"
            f"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n{_sentence(word)}\r\n"
        ).encode(),
    ),
    FileType.HTML: (
        "page.html",
        "honeysuckle",
        lambda word: f"<!DOCTYPE html><html><body><h1>Clause</h1><p>{_sentence(word)}</p></body></html>\n".encode(),
    ),
    FileType.TEXT: ("minutes.txt", "buttercup", lambda word: f"{_sentence(word)}\n".encode()),
    FileType.CSV: ("orders.csv", "primrose", lambda word: f"clause,amount\n{word},12\n".encode()),
    FileType.MARKDOWN: ("manual.md", "oleander", lambda word: f"# Clause\n\n- {word}\n".encode()),
    FileType.JSON: ("export.json", "gardenia", lambda word: f'{{"clause": "{word}"}}\n'.encode()),
}
_PICTURES = {
    FileType.PNG: "magnolia.png",
    FileType.JPEG: "hyacinth.jpg",
    FileType.TIFF: "foxglove.tif",
    FileType.GIF: "lavender.gif",
    FileType.WEBP: "camellia.webp",
    FileType.BMP: "wisteria.bmp",
}

SAMPLES = (
    *(Sample(name, file_type, make(word), word) for file_type, (name, word, make) in _TEXTS.items()),
    *(Sample(name, file_type, picture(file_type)) for file_type, name in _PICTURES.items()),
)
"""One of each type."""


def sample(file_type: FileType) -> Sample:
    return next(each for each in SAMPLES if each.file_type is file_type)


REFUSED = (
    RefusedSample("locked.pdf", "application/pdf", encrypted_pdf(), RejectionReason.ENCRYPTED.code),
    RefusedSample("sealed.docx", FileType.DOCX.media_type, encrypted_office(), RejectionReason.ENCRYPTED.code),
    RefusedSample("disguised.pdf", "application/pdf", docx(), RejectionReason.TYPE_MISMATCH.code),
    RefusedSample("masked.jpg", "image/jpeg", pdf(["x"]), RejectionReason.TYPE_MISMATCH.code),
    RefusedSample("ancient.doc", "application/msword", old_word(), RejectionReason.UNSUPPORTED_TYPE.code),
    RefusedSample("bundle.zip", "application/zip", zipped({"a.txt": "a"}), RejectionReason.UNSUPPORTED_TYPE.code),
    RefusedSample("torn.docx", FileType.DOCX.media_type, docx()[:-200], RejectionReason.DAMAGED.code),
    RefusedSample("broken.pdf", "application/pdf", b"%PDF-1.7\nnothing follows\n", RejectionReason.DAMAGED.code),
    RefusedSample(
        "exploding.docx",
        FileType.DOCX.media_type,
        docx(parts={"word/media/image1.bmp": bytes(80_000_000)}),
        RejectionReason.TOO_COMPLEX.code,
    ),
)
"""One or two of each problem that lies in a file (an empty one is refused before it is sent)."""
