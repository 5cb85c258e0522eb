"""Hostile files end with a result or with a known reason, within the limits of time and memory, and leave no process
behind."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from docplatform.extraction import extract_text, inspect_file, render_preview, sandbox
from docplatform.extraction.model import MEBIBYTE, ExtractionLimits, FileRejected, FileType, RejectionReason
from tests.extraction import hostile
from tests.extraction import samples as files
from tests.extraction.desk import Desk

pytestmark = pytest.mark.slow

BRIEF = ExtractionLimits(seconds=4, pages=2_000)
TOO_COMPLEX, DAMAGED = RejectionReason.TOO_COMPLEX, RejectionReason.DAMAGED


def outcomes(path: Path, file_type: FileType, limits: ExtractionLimits = BRIEF) -> list[str]:
    """The outcome of each of the three steps: a problem's code, or "read". Anything else fails the test."""
    found = []
    for step in (
        lambda: inspect_file(path, declared_type="", name=path.name, limits=limits),
        lambda: extract_text(path, file_type, limits=limits),
        lambda: render_preview(path, file_type, limits=limits),
    ):
        try:
            step()
            found.append("read")
        except FileRejected as refused:
            assert "unexpected" not in refused.cause, refused.cause
            found.append(refused.problem.code)
    return found


def peaks_of(path: Path, file_type: FileType) -> list[int]:
    """The largest memory of the parser processes in bytes."""
    peaks: list[int] = []
    end = sandbox._end

    def measured(process: object) -> tuple[int, int]:
        code, peak = end(process)  # type: ignore[arg-type]
        peaks.append(peak)
        return code, peak

    sandbox._end = measured
    try:
        outcomes(path, file_type)
    finally:
        sandbox._end = end
    return peaks


@pytest.fixture(scope="module")
def lean() -> Iterator[ProcessPoolExecutor]:
    """Runs in a process with few imports, because a parser's measured memory is at least its parent's."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        yield pool


@pytest.mark.parametrize(("file_type", "make"), hostile.MAKERS, ids=[make.__name__ for _, make in hostile.MAKERS])
def test_a_hostile_file_is_held(
    desk: Desk, file_type: FileType, make: Callable[[], bytes], lean: ProcessPoolExecutor
) -> None:
    path = desk.put(make())
    assert max(lean.submit(peaks_of, path, file_type).result(3 * (BRIEF.seconds + 1))) < 512 * MEBIBYTE


def test_bombs_are_known_for_what_they_are(desk: Desk) -> None:
    for make in (hostile.docx_bomb, hostile.docx_ratio_bomb, hostile.docx_of_many_entries):
        assert desk.problem(make()) is TOO_COMPLEX, make.__name__
    for make in (hostile.docx_lying_bomb, hostile.xlsx_lying_bomb):
        assert desk.problem(make()) is DAMAGED, make.__name__
    with pytest.raises(FileRejected, match="too_complex"):
        desk.preview(hostile.png_bomb(), FileType.PNG)


def test_entities_are_neither_multiplied_nor_fetched(desk: Desk) -> None:
    for make in (hostile.docx_with_laughs, hostile.docx_that_reads_a_file, hostile.docx_with_laughs_in_types):
        with pytest.raises(FileRejected, match="damaged|too_complex"):
            desk.read(make(), FileType.DOCX)


def test_nesting_without_end_is_too_complex(desk: Desk) -> None:
    with pytest.raises(FileRejected, match="too_complex"):
        desk.read(hostile.docx_of_great_depth(), FileType.DOCX)


def test_a_drawing_without_end_is_ended(desk: Desk) -> None:
    path = desk.put(hostile.pdf_endless_paths())
    started = time.monotonic()
    with pytest.raises(FileRejected, match="too_complex") as refused:
        render_preview(path, FileType.PDF, limits=ExtractionLimits(seconds=1))
    assert refused.value.cause == "out of time"
    assert time.monotonic() - started < 15


def test_a_book_that_takes_too_long_is_read_as_far_as_time_allows(desk: Desk) -> None:
    book = files.pdf(["word " * 200] * 20_000)
    found = desk.read(book, FileType.PDF, ExtractionLimits(seconds=3, text_characters=50_000_000))
    assert found.truncated
    assert found.text.startswith("word word") and found.pages == 20_000


def test_little_memory_is_too_complex_and_more_is_enough(desk: Desk) -> None:
    path = desk.put(files.png(9_000, 9_000))
    assert outcomes(path, FileType.PNG, ExtractionLimits(memory=64 * MEBIBYTE)) == ["read", "read", "too_complex"]
    assert outcomes(path, FileType.PNG) == ["read"] * 3


@pytest.mark.parametrize("sample", files.SAMPLES, ids=lambda sample: sample.file_type.value)
def test_a_file_cut_off_anywhere_is_read_or_refused(desk: Desk, sample: files.Sample) -> None:
    chance = random.Random(f"cut {sample.name}")
    for _ in range(3):
        outcomes(desk.put(sample.content[: chance.randrange(1, len(sample.content))]), sample.file_type)


MAGIC = {
    FileType.PDF: b"%PDF-1.7\n",
    FileType.DOCX: b"PK\3\4",
    FileType.XLS: bytes.fromhex("D0CF11E0A1B11AE1"),
    FileType.PNG: b"\x89PNG\r\n\x1a\n",
    FileType.JPEG: b"\xff\xd8\xff",
    FileType.TIFF: b"II*\0",
    FileType.GIF: b"GIF89a",
    FileType.WEBP: b"RIFF\0\1\0\0WEBP",
    FileType.BMP: b"BM" + bytes(12) + b"\x28\0\0\0",
}


@pytest.mark.parametrize("file_type", MAGIC, ids=lambda file_type: file_type.value)
def test_noise_behind_the_right_first_bytes_is_damaged(desk: Desk, file_type: FileType) -> None:
    noise = random.Random(f"noise {file_type}").randbytes(4_000)
    refused = desk.refusal(MAGIC[file_type] + noise)
    assert refused.problem in (DAMAGED, TOO_COMPLEX)
