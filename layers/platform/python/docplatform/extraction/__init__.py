"""Untrusted files: what they are, their text, their first page. Every parser runs in a sealed process of its own.

inspect_file, extract_text, render_preview   reader.py: the only way in; imports no parser
one parser process                           contained.py starts, bounds and judges it; child.py and seal.py run in it
real type by content                         magic.py by the first bytes; containers.py for zip and OLE2
engines (engine.py says what they offer)     pdf.py pictures.py word.py slides.py sheets.py plain.py
what engines share                           zips.py package.py markup.py prose.py inserted.py compound.py blocks.py
first pages as images                        painting.py, with the letters of lettering.py
"""

from __future__ import annotations

from docplatform.extraction.extractor import extract_text, inspect_file, render_preview
from docplatform.extraction.model import FileRejected
from docplatform.extraction.sandbox import ReaderUnavailable

__all__ = ["FileRejected", "ReaderUnavailable", "extract_text", "inspect_file", "render_preview"]
