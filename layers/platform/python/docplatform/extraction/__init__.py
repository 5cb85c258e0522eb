"""Untrusted files: their real type, their text and an image of their first page. Every parser runs in a sandbox: a
process of its own with few permissions and little time.

extractor.py               inspect_file, extract_text, render_preview: the only entry points; it imports no parser
sandbox.py                 starts a parser process, limits it, and checks its answer
worker.py                  the parser process; resource_limits.py takes its permissions away
file_signatures.py         the type of a file by its first bytes; formats/containers.py for zip and OLE2
formats/                   one engine for each family of file types; format.py describes their interface:
                           pdf.py images.py word.py presentation.py spreadsheet.py html.py mail.py text.py
                           and the code that engines share: zip_archive.py office_package.py xml_events.py
                           office_text.py embedded.py ole.py encodings.py attachments.py default_password.py
                           workbooks/ pdf_parts/
blocks.py                  the text and the first page of a file, as the engines return them
rendering/                 first pages as images: page.py, with the fonts of fonts.py; pdf_fonts.py for pdfium
file_types.py              the supported types; model.py limits, results and errors
wiring.py                  the extractor that the processing steps use
"""

from __future__ import annotations

from docplatform.extraction.extractor import extract_text, inspect_file, render_preview
from docplatform.extraction.model import FileRejected
from docplatform.extraction.sandbox import ParserFault, ReaderUnavailable

__all__ = ["FileRejected", "ParserFault", "ReaderUnavailable", "extract_text", "inspect_file", "render_preview"]
