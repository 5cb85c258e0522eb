"""The parser process (``python -m docplatform.extraction.worker <task>``): one task on the file at standard input.

sandbox.py starts it and describes the protocol. Once the process has limited its resources, it can open and import
nothing. So each engine imports everything that it needs at the top of its module, also what its libraries would import
later (tests/extraction/test_lazy_imports.py walks them).

An answer blames the file ("problem") only for errors that a file can cause. Any other error is a fault of this code or
of a library ("fault"), and the user is not told that the file is damaged.
"""

from __future__ import annotations

import _strptime  # a part of the standard library
import codecs
import colorsys
import errno
import heapq
import importlib
import json
import os
import sys
import unicodedata
from dataclasses import asdict, replace
from typing import Any, BinaryIO, cast

from docplatform.extraction.file_signatures import Container, ForeignFormat
from docplatform.extraction.formats.format import Engine, FileProperties
from docplatform.extraction.model import ExtractionLimits, FileRejected, FileType, RejectionReason, TextResult
from docplatform.extraction.resource_limits import apply_limits
from docplatform.extraction.sandbox import READY, UNAVAILABLE

WorkerReply = tuple[dict[str, object], list[bytes]]

_HERE = "docplatform.extraction."
_PICTURES = (FileType.PNG, FileType.JPEG, FileType.TIFF, FileType.GIF, FileType.WEBP, FileType.BMP)
_SHEETS = (FileType.XLSX, FileType.XLSB, FileType.XLS, FileType.ODS)
_MARKED_UP = (FileType.HTML, FileType.SVG)
_TEXTS = (FileType.TEXT, FileType.CSV, FileType.MARKDOWN, FileType.JSON)

_HOLD_FILES = (FileType.PDF, FileType.EMAIL)

# Codecs that libraries use for names and strings. Python imports a codec at its first use, so they are used once here.
_CODECS = ("ascii", "latin-1", "cp437", "cp1252", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32")

# Modules that the standard library and Pillow import at the first call of strptime, of most_common, of urlsplit with a
# name that is not ASCII, and for a colour in HSV.
_LAZY = (_strptime, heapq, unicodedata, colorsys)

# These errors, raised in a line of this package, are mistakes in the code, whatever the file holds.
_MISTAKES = (TypeError, AttributeError, NameError, NotImplementedError, AssertionError)
_PACKAGE = os.path.dirname(os.path.abspath(__file__))

_ENGINES: dict[str, str] = {
    Container.ZIP: "formats.containers",
    Container.OLE2: "formats.containers",
    FileType.PDF: "formats.pdf",
    FileType.DOCX: "formats.word",
    FileType.PPTX: "formats.presentation",
    **dict.fromkeys(_PICTURES, "formats.images"),
    **dict.fromkeys(_SHEETS, "formats.spreadsheet"),
    **dict.fromkeys(_MARKED_UP, "formats.html"),
    FileType.EMAIL: "formats.mail",
    **dict.fromkeys(_TEXTS, "formats.text"),
}


def main() -> None:
    answer = os.fdopen(1, "wb", closefd=False)
    task = json.loads(sys.argv[1])
    limits = _limits(task["limits"])
    file = os.fdopen(0, "rb", closefd=False)
    try:
        engine, renderer = prepare(task["file_type"], task["operation"], in_ole2=task.get("in_ole2", False))
        apply_limits(seconds=limits.seconds, memory=limits.memory)
    except Exception as error:  # the parent raises ReaderUnavailable with this text
        answer.write(UNAVAILABLE + f"{type(error).__name__}: {error}".encode())
        answer.flush()
        os._exit(1)
    no_more_imports.install()
    answer.write(READY)
    answer.flush()
    header, parts = run(engine, renderer, task["operation"], file, limits, task["file_type"])
    header["refused_imports"] = no_more_imports.refused[:20]
    encoded = json.dumps({**header, "sizes": [len(part) for part in parts]}).encode()
    answer.write(len(encoded).to_bytes(4, "big") + encoded)
    for part in parts:
        answer.write(part)
    answer.flush()
    os._exit(0)  # skips the parser's clean-up, which is not needed and could still fail


class _NoMoreImports:
    """Refuses every import, and remembers the refused names: libraries catch the error, and then the reason is lost."""

    def __init__(self) -> None:
        self.refused: list[str] = []

    def install(self) -> None:
        sys.meta_path[:] = [self]

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        self.refused.append(name)
        raise ImportError(f"{name} was not imported before the limits were set", name=name)


no_more_imports = _NoMoreImports()


def _limits(given: dict[str, Any]) -> ExtractionLimits:
    sizes = {"preview": tuple(given["preview"]), "thumbnail": tuple(given["thumbnail"])}
    return ExtractionLimits(**{**given, **sizes})


def prepare(file_type: str, operation: str, *, in_ole2: bool = False) -> tuple[Engine, Any]:
    """Import everything that the task needs: an engine and, for a preview, the renderer (else None). ``in_ole2``: the file is
    an OLE2 file, which may be encrypted with a password that the programs know."""
    for name in _CODECS:
        codecs.lookup(name)
    engine = cast(Engine, importlib.import_module(_HERE + _ENGINES[file_type]))
    if in_ole2 or file_type == Container.OLE2:
        importlib.import_module(_HERE + "formats.default_password")
    if operation == "text" and file_type in _HOLD_FILES:
        importlib.import_module(_HERE + "formats.attachments")
    if operation == "preview" and file_type == FileType.PDF:
        importlib.import_module(_HERE + "rendering.pdf_fonts")
    return engine, importlib.import_module(_HERE + "rendering.page") if operation == "preview" else None


def run(
    engine: Engine, renderer: Any, operation: str, file: BinaryIO, limits: ExtractionLimits, file_type: str
) -> WorkerReply:
    """Do the task, and return the header and the parts of the answer. Raises nothing: an error becomes a header with
    the reason to reject the file, or with a fault of the platform."""
    try:
        if operation == "inspect":
            return _inspection_reply(engine.inspect(file, limits, file_type))
        if operation == "text":
            return _text_reply(engine.text(file, limits, file_type))
        found = renderer.render(engine.first_page(file, limits, file_type), limits)
        return {"pages": found.pages}, [found.preview, found.thumbnail]
    except BaseException as error:  # a panic of Rust code is not an Exception
        return _error_header(error, engine.PARSER_ERRORS), []


def _error_header(error: BaseException, parser_errors: tuple[type[BaseException], ...]) -> dict[str, object]:
    if no_more_imports.refused:
        return {"fault": f"import of {no_more_imports.refused[0]} was refused"}
    if isinstance(error, FileRejected):
        return {"problem": error.problem.code, "detail": error.detail, "cause": error.cause}
    if isinstance(error, (MemoryError, RecursionError)):
        return {"problem": RejectionReason.TOO_COMPLEX.code, "cause": _name(error)}
    if _is_file_error(error, parser_errors):
        return {"problem": RejectionReason.DAMAGED.code, "cause": _name(error)}
    return {"fault": _name(error)}


def _is_file_error(error: BaseException, parser_errors: tuple[type[BaseException], ...]) -> bool:
    """Whether a damaged file explains the error."""
    if type(error).__name__ == "PanicException":  # Rust code met bytes that it did not expect
        return True
    if isinstance(error, ImportError):
        return False
    if isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE):
        return False  # something was opened after the limits were set
    if isinstance(error, _MISTAKES) and _place(error)[0].startswith(_PACKAGE):
        return False
    return isinstance(error, parser_errors)


def _inspection_reply(facts: FileProperties) -> WorkerReply:
    kind = facts.kind.name if isinstance(facts.kind, ForeignFormat) else facts.kind.value
    return {**asdict(facts), "kind": kind}, []


def _text_reply(found: TextResult) -> WorkerReply:
    created = found.created.isoformat() if found.created else None
    return {**asdict(replace(found, text="")), "created": created}, [found.text.encode("utf-8", errors="replace")]


def _name(error: BaseException) -> str:
    """The class of an error and where it was raised. The message is left out, because it may quote the file."""
    path, line = _place(error)
    return f"{type(error).__name__} at {os.path.basename(path)}:{line}" if path else type(error).__name__


def _place(error: BaseException) -> tuple[str, int]:
    """The file and the line that raised the error; ('', 0) if unknown."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return (trace.tb_frame.f_code.co_filename, trace.tb_lineno) if trace is not None else ("", 0)


if __name__ == "__main__":
    main()
