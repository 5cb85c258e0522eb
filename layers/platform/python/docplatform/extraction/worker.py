"""The parser process (``python -m docplatform.extraction.worker <task>``): one task on the file at standard input.

Started by sandbox.py, which describes what is said between the two. Nothing can be opened or imported once the
process is sealed; engines therefore import at their top all that they will need.
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

# What libraries decode names and strings with. Codecs are modules, found when they are first asked for.
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
    except Exception as error:  # whatever it is, the parent says it
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
    os._exit(0)  # nothing of the file is worth tidying up after, and a parser's own tidying could still fail


class _NoMoreImports:
    """Says plainly what would otherwise be an error of the file system in the middle of an import."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        raise ImportError(f"{name} is not imported before the process is sealed", name=name)


def _limits(given: dict[str, Any]) -> ExtractionLimits:
    sizes = {"preview": tuple(given["preview"]), "thumbnail": tuple(given["thumbnail"])}
    return ExtractionLimits(**{**given, **sizes})


def prepare(file_type: str, operation: str) -> tuple[Engine, Any]:
    """Imports what the task will need: an engine, and for a preview the renderer."""
    for name in _CODECS:
        codecs.lookup(name)
    engine = cast(Engine, importlib.import_module(_HERE + _ENGINES[file_type]))
    return engine, importlib.import_module(_HERE + "rendering.page") if operation == "preview" else None


def run(
    engine: Engine, renderer: Any, operation: str, file: BinaryIO, limits: ExtractionLimits, file_type: str
) -> WorkerReply:
    """Header and parts of the answer. Raises nothing: what goes wrong is a problem of the file."""
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
    except Exception as error:  # a flaw of ours, that the file brought to light
        return {"problem": RejectionReason.DAMAGED.code, "cause": "unexpected " + _name(error)}, []
    except BaseException as error:  # a panic of Rust code is no Exception
        return {"problem": RejectionReason.DAMAGED.code, "cause": _name(error)}, []


def _inspection_reply(facts: FileProperties) -> WorkerReply:
    kind = facts.kind.name if isinstance(facts.kind, ForeignFormat) else facts.kind.value
    return {**asdict(facts), "kind": kind}, []


def _text_reply(found: TextResult) -> WorkerReply:
    created = found.created.isoformat() if found.created else None
    return {**asdict(replace(found, text="")), "created": created}, [found.text.encode("utf-8", errors="replace")]


def _name(error: BaseException) -> str:
    """Class and place, without the message, which may quote the file."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return type(error).__name__
    place = os.path.basename(trace.tb_frame.f_code.co_filename)
    return f"{type(error).__name__} at {place}:{trace.tb_lineno}"


if __name__ == "__main__":
    main()
