"""The cells of a sheet, as every reader returns them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from docplatform.extraction.model import ExtractionLimits


class Cell(NamedTuple):
    """``row`` and ``column`` count from 0. ``shown``: as the sheet shows the value. ``stored``: the value without its
    format; '' if it is the same."""

    row: int
    column: int
    shown: str
    stored: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """``part``: where the reader finds the sheet, '' if the file does not hold it."""

    name: str
    part: str


def deadline(limits: ExtractionLimits) -> float:
    """When a reader stops and keeps what it has, on the monotonic clock."""
    return time.monotonic() + limits.seconds * 0.7


class Workbook(Protocol):
    """A workbook. ``with_places``: whether rows and columns are as in the file; cells that were moved together are not."""

    sheets: list[Sheet]
    incomplete: bool
    with_places: bool

    def cells(self, sheet: Sheet) -> Iterator[Cell]:
        """The cells with a value, row by row. If the sheet cannot be read to its end, ``incomplete`` becomes true."""

    def extras(self) -> Iterator[str]:
        """Texts beside the cells: headers, footers, comments."""
