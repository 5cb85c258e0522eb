"""The entry points: a file's type, its text, its first page. Imports no parser; see ``docplatform.extraction``."""

from __future__ import annotations

import hashlib
from datetime import datetime
from io import FileIO
from pathlib import Path

from docplatform.extraction.file_signatures import (
    HEAD,
    Container,
    ForeignFormat,
    recognise,
    sure_text_format,
    text_format,
)
from docplatform.extraction.model import (
    MOST_ATTACHMENTS,
    ExtractionLimits,
    FileRejected,
    FileType,
    Inspection,
    PreviewResult,
    RejectionReason,
    TextResult,
    bare,
    is_supported,
    text_type,
)
from docplatform.extraction.sandbox import WorkerResult, run

DEFAULT_LIMITS = ExtractionLimits()


def inspect_file(path: Path, *, declared_type: str, name: str, limits: ExtractionLimits = DEFAULT_LIMITS) -> Inspection:
    """The real type of the file at ``path``, by its content.

    ``declared_type``: the media type that the client gave; "application/octet-stream" accepts every type. ``name``:
    only its extension is used, and only to choose between the types of plain text.
    Raises FileRejected (with any reason), ParserFault and ReaderUnavailable.
    """
    with path.open("rb", buffering=0) as file:
        head = file.read(HEAD)
        if not head:
            raise FileRejected(RejectionReason.EMPTY_FILE)
        kind = recognise(head)
        facts: dict[str, object] = {}
        if kind is Container.TEXT:
            kind = text_type(declared_type, Path(name).suffix, text_format(head), sure_text_format(head))
        if not isinstance(kind, ForeignFormat):
            _check_declared_type(kind, declared_type)
            facts = run({"operation": "inspect", "file_type": kind.value}, file, limits).header
            kind = _kind(facts.get("kind"))
        if isinstance(kind, ForeignFormat):
            raise _unsupported(_refined(kind, declared_type, Path(name).suffix), declared_type)
        _check_declared_type(kind, declared_type)
        sha256, size = _digest(file)
    return Inspection(
        file_type=kind,
        media_type=str(facts.get("media_type") or kind.media_type),
        size=size,
        sha256=sha256,
        pages=_number(facts.get("pages")),
        entries=_number(facts.get("entries")),
        has_macros=facts.get("has_macros") is True,
    )


def extract_text(path: Path, file_type: FileType, *, limits: ExtractionLimits = DEFAULT_LIMITS) -> TextResult:
    """The text of a file, with its title, author and time of creation. ``file_type``: the result of ``inspect_file``.

    Raises FileRejected (encrypted, damaged, too_complex), ParserFault and ReaderUnavailable.
    """
    with path.open("rb", buffering=0) as file:
        answer = run(_task("text", file_type, file), file, limits)
    header = answer.header
    return TextResult(
        text=_only_part(answer).decode("utf-8", errors="replace"),
        truncated=header.get("truncated") is True,
        pages=_number(header.get("pages")),
        title=_line(header.get("title")),
        author=_line(header.get("author")),
        created=_datetime_of(header.get("created")),
        attachments=_names(header.get("attachments")),
    )


def render_preview(path: Path, file_type: FileType, *, limits: ExtractionLimits = DEFAULT_LIMITS) -> PreviewResult:
    """The first page of a file, as images. ``file_type``: the result of ``inspect_file``.

    PDF pages and images look as they are. Office files and texts are drawn from their text in a simple layout.
    Raises FileRejected (encrypted, damaged, too_complex), ParserFault and ReaderUnavailable.
    """
    with path.open("rb", buffering=0) as file:
        answer = run(_task("preview", file_type, file), file, limits)
    if len(answer.parts) != 2 or not all(part[:4] == b"RIFF" and part[8:12] == b"WEBP" for part in answer.parts):
        raise FileRejected(RejectionReason.DAMAGED, cause="answer without images")
    preview, thumbnail = answer.parts
    return PreviewResult(preview=preview, thumbnail=thumbnail, pages=_number(answer.header.get("pages")))


def _task(operation: str, file_type: FileType, file: FileIO) -> dict[str, object]:
    return {
        "operation": operation,
        "file_type": file_type.value,
        "in_ole2": recognise(file.read(HEAD)) is Container.OLE2,
    }


def _check_declared_type(kind: FileType | Container, declared: str) -> None:
    if isinstance(kind, FileType) and not kind.accepts(declared):
        raise FileRejected(RejectionReason.TYPE_MISMATCH, _mismatch(kind.label))


def _kind(name: object) -> FileType | ForeignFormat:
    try:
        return (
            ForeignFormat[name] if isinstance(name, str) and name in ForeignFormat.__members__ else FileType(str(name))
        )
    except ValueError as error:
        raise FileRejected(RejectionReason.DAMAGED, cause="answer without a type") from error


def _refined(kind: ForeignFormat, declared: str, extension: str) -> ForeignFormat:
    """The programs of iWork write packages that look alike: the declaration or the extension tells which it is."""
    if kind is not ForeignFormat.IWORK:
        return kind
    by_extension = {
        ".pages": ForeignFormat.PAGES,
        ".numbers": ForeignFormat.NUMBERS,
        ".key": ForeignFormat.KEYNOTE,
    }
    for candidate in by_extension.values():
        if bare(declared) in candidate.media_types:
            return candidate
    return by_extension.get(extension.lower(), kind)


def _unsupported(kind: ForeignFormat, declared: str) -> FileRejected:
    if bare(declared) not in kind.media_types and is_supported(declared):
        return FileRejected(RejectionReason.TYPE_MISMATCH, f"{_mismatch(kind.label)} {kind.advice}")
    return FileRejected(RejectionReason.UNSUPPORTED_TYPE, f"The file is {kind.label}. {kind.advice}")


def _mismatch(label: str) -> str:
    return f"The file is {label}, but was declared as something else. {RejectionReason.TYPE_MISMATCH.advice}"


def _digest(file: FileIO) -> tuple[str, int]:
    file.seek(0)
    digest = hashlib.file_digest(file, "sha256")
    return digest.hexdigest(), file.tell()


def _only_part(answer: WorkerResult) -> bytes:
    if len(answer.parts) != 1:
        raise FileRejected(RejectionReason.DAMAGED, cause="answer without text")
    return answer.parts[0]


def _names(found: object) -> tuple[str, ...]:
    return tuple(_line(each) for each in found[:MOST_ATTACHMENTS]) if isinstance(found, list) else ()


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def _line(value: object) -> str:
    return value[:500] if isinstance(value, str) else ""


def _datetime_of(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
