"""Samples with a few bytes changed: hundreds of them, the same ones every time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from docplatform.domain.reading import FileRefused, FileType

from tests.adapters.reading.desk import Desk
from tests.adapters.reading.mutate import batch

EACH = {FileType.PDF: 40, FileType.DOCX: 60, FileType.XLSX: 60, FileType.PPTX: 40, FileType.XLS: 60}
OTHERS = (FileType.ODS, FileType.XLSB, FileType.PNG, FileType.JPEG, FileType.TIFF, FileType.GIF, FileType.WEBP, FileType.BMP, FileType.CSV)
COUNTS = {**EACH, **dict.fromkeys(OTHERS, 30)}


@pytest.mark.parametrize("file_type", COUNTS, ids=lambda file_type: file_type.value)
def test_a_mutated_file_is_read_or_refused(desk: Desk, file_type: FileType) -> None:
    count = COUNTS[file_type]
    done = subprocess.run(
        [sys.executable, "-m", "tests.adapters.reading.mutate", file_type.value, str(count)],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=60,
    )
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line for line in lines if "unexpected" in line[3]] == []
    if len(lines) < 3 * count:
        # Native code crashed. In a process of its own that has to be a refusal, like any other.
        assert done.returncode < 0, done.stderr
        with pytest.raises(FileRefused):
            crashing = batch(file_type, count)[int(lines[-1][0]) + (lines[-1][1] == "preview") if lines else 0]
            for step in (desk.inspect, lambda data: desk.read(data, file_type), lambda data: desk.preview(data, file_type)):
                step(crashing)
