"""The parser process (``python -m docplatform.extraction.worker <task>``): one task on the file at standard input.

sandbox.py starts it and describes the protocol. Once the process has limited its resources, it can open and import
nothing. So each engine imports everything that it needs at the top of its module.
"""

from __future__ import annotations

import codecs
import importlib
import json
import os
import sys
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
_TEXTS = (FileType.TEXT, FileType.CSV, FileType.MARKDOWN, FileType.JSON)

# Codecs that libraries use for names and strings. Python imports a codec at its first use, so they are used once here.
_CODECS = ("ascii", "latin-1", "cp437", "cp1252", "utf-8", "utf-16", "utf-16-le", "utf-16-be", "utf-32")

_ENGINES: dict[str, str] = {
    Container.ZIP: "formats.containers",
    Container.OLE2: "formats.containers",
    FileType.PDF: "formats.pdf",
    FileType.DOCX: "formats.word",
    FileType.PPTX: "formats.presentation",
    **dict.fromkeys(_PICTURES, "formats.images"),
    **dict.fromkeys(_SHEETS, "formats.spreadsheet"),
    **dict.fromkeys(_TEXTS, "formats.text"),
}


def main() -> None:
    answer = os.fdopen(1, "wb", closefd=False)
    task = json.loads(sys.argv[1])
    limits = _limits(task["limits"])
    file = os.fdopen(0, "rb", closefd=False)
    try:
        engine, renderer = prepare(task["file_type"], task["operation"])
        apply_limits(seconds=limits.seconds, memory=limits.memory)
    except Exception as error:  # the parent raises ReaderUnavailable with this text
        answer.write(UNAVAILABLE + f"{type(error).__name__}: {error}".encode())
        answer.flush()
        os._exit(1)
    sys.meta_path[:] = [_NoMoreImports()]
    answer.write(READY)
    answer.flush()
    header, parts = run(engine, renderer, task["operation"], file, limits, task["file_type"])
    encoded = json.dumps({**header, "sizes": [len(part) for part in parts]}).encode()
    answer.write(len(encoded).to_bytes(4, "big") + encoded)
    for part in parts:
        answer.write(part)
    answer.flush()
    os._exit(0)  # skips the parser's clean-up, which is not needed and could still fail


class _NoMoreImports:
    """Refuses every import with a clear message. Without it, an import would fail with an error of the file system."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        raise ImportError(f"{name} was not imported before the limits were set", name=name)


def _limits(given: dict[str, Any]) -> ExtractionLimits:
    sizes = {"preview": tuple(given["preview"]), "thumbnail": tuple(given["thumbnail"])}
    return ExtractionLimits(**{**given, **sizes})


def prepare(file_type: str, operation: str) -> tuple[Engine, Any]:
    """Import everything that the task needs: an engine and, for a preview, the renderer (else None)."""
    for name in _CODECS:
        codecs.lookup(name)
    engine = cast(Engine, importlib.import_module(_HERE + _ENGINES[file_type]))
    return engine, importlib.import_module(_HERE + "rendering.page") if operation == "preview" else None


def run(
    engine: Engine, renderer: Any, operation: str, file: BinaryIO, limits: ExtractionLimits, file_type: str
) -> WorkerReply:
    """Do the task, and return the header and the parts of the answer. Raises nothing: an error becomes a header with
    the reason to reject the file."""
    try:
        if operation == "inspect":
            return _inspection_reply(engine.inspect(file, limits, file_type))
        if operation == "text":
            return _text_reply(engine.text(file, limits, file_type))
        found = renderer.render(engine.first_page(file, limits, file_type), limits)
        return {"pages": found.pages}, [found.preview, found.thumbnail]
    except FileRejected as refused:
        return {"problem": refused.problem.code, "detail": refused.detail, "cause": refused.cause}, []
    except (MemoryError, RecursionError) as error:
        return {"problem": RejectionReason.TOO_COMPLEX.code, "cause": _name(error)}, []
    except engine.PARSER_ERRORS as error:
        return {"problem": RejectionReason.DAMAGED.code, "cause": _name(error)}, []
    except Exception as error:  # a fault of this code or of a library
        return {"problem": RejectionReason.DAMAGED.code, "cause": "unexpected " + _name(error)}, []
    except BaseException as error:  # a panic of Rust code is not an Exception
        return {"problem": RejectionReason.DAMAGED.code, "cause": _name(error)}, []


def _inspection_reply(facts: FileProperties) -> WorkerReply:
    kind = facts.kind.name if isinstance(facts.kind, ForeignFormat) else facts.kind.value
    return {**asdict(facts), "kind": kind}, []


def _text_reply(found: TextResult) -> WorkerReply:
    created = found.created.isoformat() if found.created else None
    return {**asdict(replace(found, text="")), "created": created}, [found.text.encode("utf-8", errors="replace")]


def _name(error: BaseException) -> str:
    """The class of an error and where it was raised. The message is left out, because it may quote the file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    place = os.path.basename(trace.tb_frame.f_code.co_filename)
    return f"{type(error).__name__} at {place}:{trace.tb_lineno}"


if __name__ == "__main__":
    main()
