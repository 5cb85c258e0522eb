"""Hundreds of samples with a few changed bytes, the same ones in every run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from docplatform.extraction.model import FileRejected, FileType
from tests.extraction.desk import Desk
from tests.extraction.mutate import batch
from tests.support.scale import SEEDS

EACH = {FileType.PDF: 40, FileType.DOCX: 60, FileType.XLSX: 60, FileType.PPTX: 40, FileType.XLS: 40}
OTHERS = (
    FileType.ODS,
    FileType.XLSB,
    FileType.PNG,
    FileType.JPEG,
    FileType.TIFF,
    FileType.GIF,
    FileType.WEBP,
    FileType.BMP,
    FileType.CSV,
    FileType.SVG,
    FileType.EMAIL,
    FileType.HTML,
)
COUNTS = {**EACH, **dict.fromkeys(OTHERS, 30)}


pytestmark = pytest.mark.slow


def read_batch(file_type: FileType, count: int, first: int, seed: int) -> list[list[str]]:
    """(number, step, outcome, cause) of each sample that was processed before the process ended."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.extraction.mutate", file_type.value, str(count), str(first), str(seed)],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode <= 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


@pytest.mark.parametrize("file_type", COUNTS, ids=lambda file_type: file_type.value)
def test_a_mutated_file_is_read_or_refused(
    desk: Desk, file_type: FileType, record_property: Callable[[str, object], None]
) -> None:
    for seed in SEEDS:
        reads_or_refuses(desk, file_type, COUNTS[file_type], seed)
    record_property("files", COUNTS[file_type] * len(SEEDS))


def reads_or_refuses(desk: Desk, file_type: FileType, count: int, seed: int) -> None:
    number = 0
    while number < count:
        lines = read_batch(file_type, count, number, seed)
        assert [line for line in lines if line[2] == "fault"] == []
        number = int(lines[-1][0]) + (lines[-1][1] == "preview") if lines else number
        if number < count:
            # Native code crashed there. In a parser process of its own that is a refusal like any other.
            crashing = batch(file_type, count, seed)[number]
            with pytest.raises(FileRejected):
                desk.inspect(crashing)
                desk.read(crashing, file_type)
                desk.preview(crashing, file_type)
            number += 1
