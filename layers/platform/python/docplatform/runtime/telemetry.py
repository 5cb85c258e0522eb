"""One structured line per request or event, with tenant and correlation id; never a document's content, a token or a name."""

from __future__ import annotations

import json
import sys
import time
import traceback
from contextvars import ContextVar

from docplatform.core.tenant import current_tenant_id

_cold = True
_current: ContextVar[LogRecord | None] = ContextVar("log_record", default=None)


def add_error(error: BaseException) -> None:
    """Add an error that is answered, and not raised, to the line of the event being handled."""
    if record := _current.get():
        record.add_error(error)


class LogRecord:
    """Collects the facts of one event; ``write`` prints them as JSON on standard output, where Lambda's log picks them up."""

    def __init__(self, event: str, request_id: str) -> None:
        global _cold
        self._facts: dict[str, object] = {"event": event, "request_id": request_id, "cold_start": _cold}
        _cold = False
        self._started = time.perf_counter()
        _current.set(self)

    def add(self, **facts: object) -> None:
        self._facts.update(facts)

    def add_error(self, error: BaseException) -> None:
        """Add an error that nobody expected: its class and where it was raised, without its text, which may hold data."""
        frames = traceback.extract_tb(error.__traceback__)[-8:]
        where = [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
        answer = getattr(error, "response", None)  # of AWS: its code is a constant, its message is not
        code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
        cause = getattr(error, "cause", None)  # of a refused file: a class and a place, nothing of the file
        more = {name: value for name, value in (("aws", code), ("cause", cause)) if value}
        self.add(level="ERROR", error=type(error).__name__, where=where, **more)
        if tenant_id := current_tenant_id():  # the scope of a stream's record ends before the line is written
            self.add(tenant_id=tenant_id)

    def write(self) -> None:
        level = self._facts.pop("level", "INFO")
        elapsed = round((time.perf_counter() - self._started) * 1000, 1)
        line = {"level": level, "tenant_id": current_tenant_id(), **self._facts, "duration_ms": elapsed}
        sys.stdout.write(json.dumps(line, default=str) + "\n")
        sys.stdout.flush()
