"""``./dp traces``: requests to the local cloud as trees of what they did."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from local.cloud.traces import FILES
from local.settings import LocalSettings

_NEWEST = 10
_WIDTH = 60
_DEEPEST = 40


@dataclass
class Part:
    """A segment or subsegment, and what it consists of in the order of time."""

    about: dict[str, Any]
    parts: list[Part] = field(default_factory=list)

    @property
    def begun(self) -> float:
        return _number(self.about.get("start_time")) or 0.0

    def get(self, *path: str) -> Any:
        """The member that the path leads to; None where there is none."""
        found: Any = self.about
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def show(settings: LocalSettings, request_id: str = "") -> int:
    """Prints the trace of a request, by its request or trace id; or the newest ten, the newest at the end."""
    traces = kept(settings)
    chosen = (
        [each for each in traces.values() if request_id in ids(each)] if request_id else [*traces.values()][-_NEWEST:]
    )
    for roots in chosen:
        for line in lines(roots):
            print("".join(each if each.isprintable() else "?" for each in line))
        print()
    if not chosen:
        print(f"no trace of {request_id} is kept" if request_id else "nothing has been traced")
    return 0 if chosen else 1


def kept(settings: LocalSettings) -> dict[str, list[Part]]:
    """Trace id → what has no parent in it; the trace that began last is the last."""
    documents: dict[str, list[dict[str, Any]]] = {}
    for document in _documents(settings):
        documents.setdefault(document["trace_id"], []).append(document)
    traces = {root: _tree(each) for root, each in documents.items()}
    return dict(sorted(traces.items(), key=lambda each: each[1][0].begun))


def _documents(settings: LocalSettings) -> Iterator[dict[str, Any]]:
    for name in FILES:
        file = settings.state / name
        for line in file.read_text(errors="replace").splitlines() if file.exists() else ():
            try:
                yield json.loads(line)
            except ValueError:
                continue  # cut off by a kill


def _tree(documents: list[dict[str, Any]]) -> list[Part]:
    """The parts without a parent. Of two documents with one id the later counts: the first was sent when the work
    began."""
    by_id: dict[str, Part] = {}
    parents: dict[str, str] = {}

    def add(document: dict[str, Any], parent: str) -> None:
        by_id[document["id"]], parents[document["id"]] = Part(document), str(document.get("parent_id") or parent)
        within = document.get("subsegments")
        for each in within if isinstance(within, list) else ():
            if isinstance(each, dict) and isinstance(each.get("id"), str):
                add({"trace_id": document["trace_id"], **each}, document["id"])

    for document in documents:
        add(document, "")
    roots: list[Part] = []
    for identity, part in sorted(by_id.items(), key=lambda each: each[1].begun):
        above = by_id.get(parents[identity])
        (roots if above is None or above is part else above.parts).append(part)
    return roots or [Part(documents[0])]


def ids(roots: Iterable[Part]) -> set[str]:
    """By what a trace is found: its own id, and those of the requests in it."""
    found, left = set(), list(roots)
    while left:
        part = left.pop()
        found |= {part.get("aws", "request_id"), part.get("trace_id")}
        left += part.parts
    return {str(each) for each in found if each}


def lines(roots: list[Part]) -> Iterator[str]:
    first = roots[0]
    request_id = first.get("aws", "request_id")
    at = time.strftime("%H:%M:%S", time.localtime(first.begun))
    yield f"{at}  trace {first.get('trace_id')}" + (f"  request {request_id}" if request_id else "")
    for root in roots:
        yield from _lines(root, 1)


def _lines(part: Part, depth: int) -> Iterator[str]:
    title = "  " * depth + f"{part.get('name')} {_operation(part)}".rstrip()
    ended = _number(part.get("end_time"))
    took = "…" if ended is None else f"{(ended - part.begun) * 1000:.1f} ms"
    yield f"{title:{_WIDTH}} {took:>11}  {_status(part)}"
    for each in part.parts if depth < _DEEPEST else ():
        yield from _lines(each, depth + 1)


def _operation(part: Part) -> str:
    """What was asked for: an operation of AWS, a request to the API, or what an annotation says."""
    asked = f"{part.get('http', 'request', 'method') or ''} {part.get('http', 'request', 'url') or ''}".strip()
    annotated = part.get("annotations", "operation") or part.get("annotations", "route")
    return str(part.get("aws", "operation") or asked or annotated or "")


def _status(part: Part) -> str:
    if part.get("in_progress"):
        return "not finished"
    flags = [name for name in ("throttle", "fault", "error") if part.get(name)]
    status = part.get("http", "response", "status") or (flags[0] if flags else "ok")
    return f"{status} {part.get('annotations', 'error') or ''}".rstrip()
