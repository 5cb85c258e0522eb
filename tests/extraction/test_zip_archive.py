"""Zip files that zipfile reads and no honest program writes."""

from __future__ import annotations

import io
import zipfile

import pytest

from docplatform.extraction.formats.zip_archive import ZIP_ERRORS, Zip
from docplatform.extraction.model import ExtractionLimits


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as writer:
        for name in names:
            writer.writestr(name, "text")
    return content.getvalue()


def test_an_entry_whose_name_is_nothing_makes_the_file_damaged() -> None:
    content = archive("one.xml", "two.xml").replace(b"two.xml", b"\0wo.xml")
    with pytest.raises(ZIP_ERRORS, match="no name"):
        Zip(io.BytesIO(content), ExtractionLimits())


def test_a_name_that_is_cut_off_at_a_zero_byte_is_the_part_before_it() -> None:
    content = archive("one.xml").replace(b"one.xml", b"one\0xml")
    assert Zip(io.BytesIO(content), ExtractionLimits()).names() == ["one"]
