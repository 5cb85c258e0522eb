"""Text extraction beside other readers, the cost of containment, and the memory that hostile files take.

    python benchmarks/extraction.py [folder with documents]

One run, ratios printed. Throughput is megabytes of file per second, without the parser process; what that process adds
is printed by itself.
"""

from __future__ import annotations

import importlib.util
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "layers" / "platform" / "python"), str(ROOT)]

from docplatform.extraction import extract_text, sandbox
from docplatform.extraction.model import MEBIBYTE, ExtractionLimits, FileRejected, FileType
from tests.extraction import samples as files

BOUND = 0.8
"""The lower bound, as a share of raw pypdfium2's speed."""

LIMITS = ExtractionLimits(seconds=600, text_characters=50_000_000)
SENTENCE = "The supplier shall deliver the goods within thirty days of the order. "

Reader = Callable[[bytes], int]
"""Reads a file's text and says how many characters it has."""


def ours(file_type: FileType) -> Reader:
    """The engine alone, in this process."""
    from docplatform.extraction import worker

    engine, _ = worker.prepare(file_type.value, "text")
    return lambda data: len(engine.text(io.BytesIO(data), LIMITS, file_type.value).text)


def raw_pdfium(data: bytes) -> int:
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    length = 0
    for number in range(len(document)):
        page = document[number]
        text_page = page.get_textpage()
        length += len(text_page.get_text_range())
        text_page.close()
        page.close()
    document.close()
    return length


def pdftotext(data: bytes) -> int:
    return len(subprocess.run(["pdftotext", "-", "-"], input=data, capture_output=True, check=True).stdout)


def with_python_docx(data: bytes) -> int:
    import docx

    document = docx.Document(io.BytesIO(data))
    tables = (cell.text for table in document.tables for row in table.rows for cell in row.cells)
    return sum(len(paragraph.text) for paragraph in document.paragraphs) + sum(map(len, tables))


def with_python_pptx(data: bytes) -> int:
    import pptx

    shapes = (shape for slide in pptx.Presentation(io.BytesIO(data)).slides for shape in slide.shapes)
    return sum(len(shape.text_frame.text) for shape in shapes if shape.has_text_frame)


def with_openpyxl(data: bytes) -> int:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(data), read_only=True)
    return sum(len(str(cell)) for sheet in book for row in sheet.iter_rows(values_only=True) for cell in row if cell)


def made() -> dict[FileType, list[bytes]]:
    """Files of some size, where no folder has others."""
    deck = [(f"Slide {number}", [SENTENCE * 2] * 8) for number in range(200)]
    return {
        FileType.PDF: [files.pdf([SENTENCE] * 500)],
        FileType.DOCX: [files.docx([SENTENCE * 5] * 4_000)],
        FileType.PPTX: [files.pptx(deck)],
        FileType.XLSX: [files.xlsx([[f"row {row}", *(row * column for column in range(9))] for row in range(20_000)])],
    }


def found(folder: Path) -> dict[FileType, list[bytes]]:
    """The PDF documents of a folder that can be read; of the other types, those made here, which are larger."""
    documents = made()
    pdfs = []
    for path in sorted(folder.rglob("*.pdf")):
        data = path.read_bytes()
        try:
            extract_text(path, FileType.PDF)
        except FileRejected:
            continue
        pdfs.append(data)
    return {**documents, FileType.PDF: pdfs or documents[FileType.PDF]}


def seconds(read: Reader, documents: list[bytes]) -> float:
    """The best of three."""
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        for data in documents:
            read(data)
        best = min(best, time.perf_counter() - started)
    return best


def compare(documents: dict[FileType, list[bytes]]) -> float:
    """Prints a line for each reader; returns how PDF compares with raw pypdfium2."""
    others: dict[FileType, dict[str, tuple[str, Reader]]] = {
        FileType.PDF: {"pypdfium2": ("pypdfium2", raw_pdfium)},
        FileType.DOCX: {"python-docx": ("docx", with_python_docx)},
        FileType.PPTX: {"python-pptx": ("pptx", with_python_pptx)},
        FileType.XLSX: {"openpyxl": ("openpyxl", with_openpyxl)},
    }
    if shutil.which("pdftotext"):
        others[FileType.PDF]["pdftotext"] = ("sys", pdftotext)
    pdf_ratio = 0.0
    print(f"{'type':6} {'reader':14} {'MB/s':>8} {'ours is':>9}")
    for file_type, rivals in others.items():
        size = sum(map(len, documents[file_type])) / 1e6
        own = seconds(ours(file_type), documents[file_type])
        print(f"{file_type.value:6} {'ours':14} {size / own:8.2f}")
        for name, (module, read) in rivals.items():
            if importlib.util.find_spec(module) is None:
                print(f"{file_type.value:6} {name:14} not installed")
                continue
            taken = seconds(read, documents[file_type])
            ratio = taken / own
            print(f"{file_type.value:6} {name:14} {size / taken:8.2f} {ratio:8.2f}x")
            if name == "pypdfium2":
                pdf_ratio = ratio
    return pdf_ratio


def containment(folder: Path) -> None:
    """What a parser process costs, on a file that takes no time to read."""
    print("\none call, parser process and all (ms, median of 9)")
    for file_type in (FileType.TEXT, FileType.PDF, FileType.DOCX, FileType.XLSX):
        path = folder / "small"
        path.write_bytes(files.sample(file_type).content)
        times = []
        for _ in range(9):
            started = time.perf_counter()
            extract_text(path, file_type)
            times.append(time.perf_counter() - started)
        print(f"  {file_type.value:6} {sorted(times)[4] * 1000:6.0f}")


def hostile_memory(folder: Path) -> int:
    """Prints what each hostile file comes to; returns the largest resident size of any, in bytes."""
    from tests.extraction import hostile

    limits, largest = ExtractionLimits(seconds=10), 0
    print("\nhostile files: text, then preview (outcome, seconds, peak MB)")
    for file_type, make in hostile.MAKERS:
        path = folder / "hostile"
        # Made by another process: the peak that is reported for a child is no less than what its parent has resident.
        code = f"import sys; from tests.extraction import hostile; sys.stdout.buffer.write(hostile.{make.__name__}())"
        with path.open("wb") as target:
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
            subprocess.run([sys.executable, "-c", code], stdout=target, check=True, env=environment)
        line = f"  {make.__name__:32}"
        for does in ("text", "preview"):
            started = time.perf_counter()
            outcome, peak = measured(does, file_type, path, limits)
            largest = max(largest, peak)
            line += f" {outcome:12} {time.perf_counter() - started:5.1f} {peak / MEBIBYTE:5.0f}"
        print(line, flush=True)
    return largest


def measured(does: str, file_type: FileType, path: Path, limits: ExtractionLimits) -> tuple[str, int]:
    peaks: list[int] = []
    end = sandbox._end

    def noting(process: subprocess.Popen[bytes]) -> tuple[int, int]:
        code, peak = end(process)
        peaks.append(peak)
        return code, peak

    sandbox._end = noting
    try:
        with path.open("rb", buffering=0) as file:
            sandbox.run({"does": does, "reads": file_type.value}, file, limits)
        return "read", peaks[-1]
    except FileRejected as refused:
        return refused.problem.code, peaks[-1]
    finally:
        sandbox._end = end


def main() -> None:
    with TemporaryDirectory() as name:
        largest = hostile_memory(Path(name))  # first, while this process is small
        print(f"largest: {largest / MEBIBYTE:.0f} MB (bound: below 512)\n")
        documents = found(Path(sys.argv[1])) if len(sys.argv) > 1 else made()
        ratio = compare(documents)
        containment(Path(name))
    print(f"\nPDF against raw pypdfium2: {ratio:.2f} (bound: {BOUND} or more)")
    sys.exit(0 if ratio >= BOUND and largest < 512 * MEBIBYTE else 1)


if __name__ == "__main__":
    main()
