"""What engines find in a file: a stream of blocks for its text, and a first page to be drawn."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"  # of a list
    ROW = "row"  # of a table


class Block(NamedTuple):
    """``level`` 1 is the highest heading. The text of a row is its ``cells``, with tabs between."""

    kind: Kind
    text: str
    level: int = 0
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The beginning of a running text. ``picture`` (an encoded image) is shown where there is no text."""

    blocks: tuple[Block, ...]
    picture: bytes = b""
    pages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """``aspect`` is width by height."""

    blocks: tuple[Block, ...]
    aspect: float = 4 / 3
    picture: bytes = b""
    pages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The upper left corner of a table; ``title`` is the name of the sheet, where it has one."""

    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    with_coordinates: bool = True  # columns A, B, C and numbered rows, as in a spreadsheet
    pages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """Pixels, in a mode of Pillow's; ``layout`` is the order of their bytes where it differs from the mode (BGRX)."""

    mode: str
    size: tuple[int, int]
    data: bytes
    layout: str = ""
    pages: int | None = None


FirstPage = Flow | Slide | Grid | Raster

BLOCKS_ON_A_PAGE = 120
CHARACTERS_ON_A_PAGE = 20_000
ROWS_ON_A_PAGE = 60
COLUMNS_ON_A_PAGE = 16
