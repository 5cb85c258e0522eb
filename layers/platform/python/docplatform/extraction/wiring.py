"""Builds the opener of untrusted files. Only the function with the parsers layer imports it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from docplatform.extraction import extract_text, inspect_file, render_preview
from docplatform.extraction.adapters.http_links import HttpLinks
from docplatform.extraction.model import FileType, Inspection, PreviewResult, TextResult
from docplatform.extraction.opening import FileOpener


class SandboxedExtractor:
    """Opens each file in a process of its own, with limits on time, memory and size."""

    def inspect(self, path: Path, *, declared_type: str, name: str) -> Inspection:
        return inspect_file(path, declared_type=declared_type, name=name)

    def extract(self, path: Path, file_type: FileType) -> TextResult:
        return extract_text(path, file_type)

    def preview(self, path: Path, file_type: FileType) -> PreviewResult:
        return render_preview(path, file_type)


def opener() -> FileOpener:
    """Files are open in Lambda's /tmp, which is private to the execution environment."""
    return FileOpener(SandboxedExtractor(), HttpLinks(), Path(tempfile.gettempdir()))
