"""Helpers of the extraction tests: they store bytes as a file and run its inspection, text and preview."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from docplatform.extraction import extract_text, inspect_file, render_preview
from docplatform.extraction.model import (
    ExtractionLimits,
    FileRejected,
    FileType,
    Inspection,
    PreviewResult,
    RejectionReason,
    TextResult,
)

SHORT = ExtractionLimits(seconds=20)


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder to put files in."""

    folder: Path

    def put(self, data: bytes) -> Path:
        path = self.folder / "upload"
        path.write_bytes(data)
        return path

    def inspect(
        self, data: bytes, declared: str = "", name: str = "upload", limits: ExtractionLimits = SHORT
    ) -> Inspection:
        return inspect_file(self.put(data), declared_type=declared, name=name, limits=limits)

    def read(self, data: bytes, file_type: FileType, limits: ExtractionLimits = SHORT) -> TextResult:
        return extract_text(self.put(data), file_type, limits=limits)

    def text(self, data: bytes, file_type: FileType) -> str:
        return self.read(data, file_type).text

    def preview(self, data: bytes, file_type: FileType, limits: ExtractionLimits = SHORT) -> PreviewResult:
        return render_preview(self.put(data), file_type, limits=limits)

    def refusal(
        self, data: bytes, declared: str = "", name: str = "upload", limits: ExtractionLimits = SHORT
    ) -> FileRejected:
        """The reason for which inspection rejects the file. Raises AssertionError if it does not."""
        try:
            found = self.inspect(data, declared, name, limits)
        except FileRejected as refused:
            return refused
        raise AssertionError(f"not refused, but found to be {found}")

    def problem(self, data: bytes, declared: str = "") -> RejectionReason:
        return self.refusal(data, declared).problem


def image(webp: bytes) -> Image.Image:
    opened = Image.open(io.BytesIO(webp))
    opened.load()
    return opened.convert("RGB")


def ink(webp: bytes) -> int:
    """Pixels that are not nearly white."""
    return sum(image(webp).convert("L").histogram()[:230])
