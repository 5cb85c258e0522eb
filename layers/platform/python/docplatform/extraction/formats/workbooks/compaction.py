"""Moves the far cells of a binary sheet together, before calamine reads it.

calamine keeps a sheet as a rectangle, and a file of some kilobytes can make that rectangle as large as the memory. Here
each row and each column that holds a cell gets the next free number. Cells for which the rectangle would still be too
large are left out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

MOST_PLACES = 2_000_000
"""The largest number of places (rows times columns) of a sheet that is read as it is: calamine needs about 50 bytes for each."""

_BOF, _EOF, _DIMENSIONS, _MULRK, _MULBLANK = 0x0809, 0x000A, 0x0200, 0x00BD, 0x00BE  # [MS-XLS] §2.3
_ONE_CELL = frozenset({0x0201, 0x0203, 0x0204, 0x0205, 0x0006, 0x0206, 0x0406, 0x027E, 0x00FD, 0x00D6})
_IGNORED = 0x0FFF  # no record of this number exists

_ROW_HEADER, _BLANK, _CELLS_OF_ROW, _SHEET_EXTENT = 0x00, 0x01, range(0x01, 0x0C), 0x94  # [MS-XLSB] §2.3


@dataclass(slots=True)
class _Places:
    rows: dict[int, int] = field(default_factory=dict)
    columns: dict[int, int] = field(default_factory=dict)

    @property
    def extent(self) -> int:
        if not self.rows or not self.columns:
            return 0
        return (max(self.rows) - min(self.rows) + 1) * (max(self.columns) - min(self.columns) + 1)

    def number(self) -> None:
        for places in (self.rows, self.columns):
            for rank, place in enumerate(sorted(places)):
                places[place] = rank

    def most_rows(self) -> int:
        return max(1, MOST_PLACES // max(1, len(self.columns)))


def compact_xls(workbook: bytearray) -> tuple[bool, bool]:
    """Compact the sheets of a workbook stream ([MS-XLS] §2.1.7.20) in place, if one is too large. Returns whether cells
    were moved, and whether cells were left out. Raises struct.error."""
    sheets = [(start, end, _xls_places(workbook, start, end)) for start, end in _substreams(workbook)]
    moved = left_out = False
    for start, end, places in sheets:
        if places.extent > MOST_PLACES:
            places.number()
            moved = True
            left_out = _move_xls(workbook, start, end, places) or left_out
    return moved, left_out


def _substreams(data: bytearray) -> Iterator[tuple[int, int]]:
    """The offsets of each substream's begin and end. A chart within a sheet is a substream of its own."""
    begun: list[int] = []
    for at, record, _ in _xls_records(data, 0, len(data)):
        if record == _BOF:
            begun.append(at)
        elif record == _EOF and begun:
            yield begun.pop(), at
    for start in begun:
        yield start, len(data)


def _xls_records(data: bytearray, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The offset, the number and the size of each record."""
    at = start
    while at + 4 <= end:
        record, size = struct.unpack_from("<HH", data, at)
        if at + 4 + size > len(data):
            return
        yield at, record, size
        at += 4 + size


def _xls_columns(data: bytearray, at: int, record: int, size: int) -> tuple[int, range] | None:
    """The row and the columns of a record of cells."""
    if record in _ONE_CELL and size >= 6:
        row, column = struct.unpack_from("<HH", data, at + 4)
        return row, range(column, column + 1)
    if record in (_MULRK, _MULBLANK) and size >= 6:
        row, first = struct.unpack_from("<HH", data, at + 4)
        (last,) = struct.unpack_from("<H", data, at + 4 + size - 2)
        return row, range(first, min(last, first + size) + 1)
    return None


def _xls_places(data: bytearray, start: int, end: int) -> _Places:
    places = _Places()
    for at, record, size in _xls_records(data, start, end):
        if found := _xls_columns(data, at, record, size):
            row, columns = found
            places.rows[row] = 0
            places.columns.update(dict.fromkeys(columns, 0))
    return places


def _move_xls(data: bytearray, start: int, end: int, places: _Places) -> bool:
    left_out, most = False, places.most_rows()
    for at, record, size in list(_xls_records(data, start, end)):
        if record == _DIMENSIONS:
            struct.pack_into("<H", data, at, _IGNORED)
        elif found := _xls_columns(data, at, record, size):
            row, columns = found
            if places.rows[row] >= most:
                struct.pack_into("<H", data, at, _IGNORED)
                left_out = True
                continue
            struct.pack_into("<HH", data, at + 4, places.rows[row], places.columns[columns[0]])
            if record in (_MULRK, _MULBLANK):
                struct.pack_into("<H", data, at + 4 + size - 2, places.columns[columns[-1]])
    return left_out


def compact_xlsb(sheet: bytearray) -> tuple[bool, bool]:
    """Compact a sheet's part ([MS-XLSB] §2.1.7.61) in place, if it is too large. Returns the same as ``compact_xls``."""
    places, row = _Places(), 0
    for _, at, record, size in _xlsb_records(sheet):
        if record == _ROW_HEADER and size >= 4:
            row = struct.unpack_from("<I", sheet, at)[0]
        elif record in _CELLS_OF_ROW and size >= 4:
            places.rows[row] = 0
            places.columns[struct.unpack_from("<I", sheet, at)[0]] = 0
    if places.extent <= MOST_PLACES:
        return False, False
    places.number()
    return True, _move_xlsb(sheet, places)


def _xlsb_records(data: bytearray) -> Iterator[tuple[int, int, int, int]]:
    """The offsets of each record and of its content, its number and its size ([MS-XLSB] §2.1.4)."""
    at = 0
    while at < len(data):
        start = at
        record, at = _varint(data, at, 2)
        size, at = _varint(data, at, 4)
        if at + size > len(data):
            return
        yield start, at, record, size
        at += size


def _varint(data: bytearray, at: int, most: int) -> tuple[int, int]:
    value = 0
    for number in range(most):
        if at >= len(data):
            raise struct.error("record is cut off")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << (7 * number)
        if byte < 0x80:
            break
    return value, at


def _move_xlsb(data: bytearray, places: _Places) -> bool:
    left_out, most, next_row, skipping = False, places.most_rows(), 0, False
    for start, at, record, size in list(_xlsb_records(data)):
        if record == _SHEET_EXTENT and size >= 16:
            struct.pack_into(
                "<IIII", data, at, 0, min(most, max(1, len(places.rows))) - 1, 0, max(1, len(places.columns)) - 1
            )
        elif record == _ROW_HEADER and size >= 4:
            row = places.rows.get(struct.unpack_from("<I", data, at)[0], next_row)
            skipping, next_row = row >= most, row
            struct.pack_into("<I", data, at, min(row, most - 1))
        elif record in _CELLS_OF_ROW and size >= 4:
            if skipping:  # its record becomes a blank cell, which calamine does not read
                data[start] = _BLANK
                left_out = True
            struct.pack_into("<I", data, at, places.columns[struct.unpack_from("<I", data, at)[0]])
    return left_out
