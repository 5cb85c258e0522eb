"""The results of engines: a stream of blocks for a file's text, and a first page to be rendered."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    HEADING = "heading"
    PARAGRAPH = "paragraph"
    ITEM = "item"  # an item of a list
    ROW = "row"  # a row of a table


class Block(NamedTuple):
    """A part of a text. ``level``: the level of a heading; 1 is the highest. The text of a row is its ``cells``,
    separated by tabs."""

    kind: Kind
    text: str
    level: int = 0
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """The beginning of a text. ``picture``: an encoded image, which is shown if there is no text. ``pages``: of the
    whole file, None if unknown."""

    blocks: tuple[Block, ...]
    picture: bytes = b""
    pages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slide:
    """The first slide. ``aspect``: its width divided by its height. ``picture`` and ``pages``: as in ``Flow``."""

    blocks: tuple[Block, ...]
    aspect: float = 4 / 3
    picture: bytes = b""
    pages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """The upper left corner of a table. ``title``: the name of the sheet, or ''."""

    rows: tuple[tuple[str, ...], ...]
    title: str = ""
    with_coordinates: bool = True  # shows columns A, B, C and row numbers, as a spreadsheet program does
    pages: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Raster:
    """Pixels in one of Pillow's modes. ``layout``: the order of the bytes, if it differs from the mode's (BGRX)."""

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
