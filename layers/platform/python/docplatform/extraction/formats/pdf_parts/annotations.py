"""Comments, form fields and attached files of a page (ISO 32000-1 §12.5.6 and §12.7.4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from pypdfium2 import raw

from docplatform.extraction.formats.pdf_parts.strings import utf16

_MOST = 2_000  # the annotations of a page that are read
_MOST_OPTIONS = 500  # the choices of a field that are read
_FIELDS_WITH_VALUE = frozenset({raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX})
_FIELDS_WITH_OPTIONS = frozenset({raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX})
_WITHOUT_TEXT = frozenset({raw.FPDF_ANNOT_LINK, raw.FPDF_ANNOT_POPUP, raw.FPDF_ANNOT_WIDGET})


class Annotations:
    """The texts of a page's annotations. ``attached``: the files in them, which live as long as the document.
    ``has_buttons``: whether the page has a push button, whose caption only its appearance shows."""

    def __init__(self, document: Any, page: Any) -> None:
        self.attached: list[Any] = []
        self.has_buttons = False
        self._form, self._page = document.formenv, page

    def texts(self) -> Iterator[str]:
        for number in range(min(raw.FPDFPage_GetAnnotCount(self._page), _MOST)):
            annotation = raw.FPDFPage_GetAnnot(self._page, number)
            if annotation:
                yield from filter(None, self._texts_of(annotation))
                raw.FPDFPage_CloseAnnot(annotation)

    def _texts_of(self, annotation: Any) -> Iterator[str]:
        kind = raw.FPDFAnnot_GetSubtype(annotation)
        if kind == raw.FPDF_ANNOT_WIDGET and self._form:
            yield from self._field(annotation)
        if kind == raw.FPDF_ANNOT_FILEATTACHMENT and (file := raw.FPDFAnnot_GetFileAttachment(annotation)):
            self.attached.append(file)
        if kind not in _WITHOUT_TEXT:
            yield utf16(lambda buffer, size: raw.FPDFAnnot_GetStringValue(annotation, b"Contents", buffer, size))

    def _field(self, annotation: Any) -> Iterator[str]:
        form, kind = self._form, raw.FPDFAnnot_GetFormFieldType(self._form, annotation)
        value = ""
        if kind in _FIELDS_WITH_VALUE:
            value = utf16(lambda buffer, size: raw.FPDFAnnot_GetFormFieldValue(form, annotation, buffer, size))
            yield value
        if kind in _FIELDS_WITH_OPTIONS:
            for index in range(min(raw.FPDFAnnot_GetOptionCount(form, annotation), _MOST_OPTIONS)):
                option = utf16(
                    lambda buffer, size, index=index: raw.FPDFAnnot_GetOptionLabel(
                        form, annotation, index, buffer, size
                    )
                )
                if option != value:
                    yield option
        if kind == raw.FPDF_FORMFIELD_PUSHBUTTON:
            self.has_buttons = True
        yield utf16(lambda buffer, size: raw.FPDFAnnot_GetFormFieldAlternateName(form, annotation, buffer, size))


def captions(document: Any, number: int, page: Any, known: Iterable[str]) -> Iterator[str]:
    """What a page's appearance says beside the lines ``known``. The page is changed in memory, so nothing else may be read
    from it afterwards."""
    if raw.FPDFPage_Flatten(page, raw.FLAT_NORMALDISPLAY) != raw.FLATTEN_SUCCESS:
        return
    flat = document[number]
    text_page = flat.get_textpage()
    lines = sorted({line.strip() for line in known if line.strip()}, key=len, reverse=True)[:_MOST]
    said = re.compile("|".join(rf"(?<!\w){re.escape(line)}(?!\w)" for line in lines) or "(?!)")
    for line in text_page.get_text_range().splitlines():  # pdfium may write several fields in one line
        yield " ".join(said.sub(" ", line).split())
    text_page.close()
    flat.close()
