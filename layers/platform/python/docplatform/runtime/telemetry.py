"""Logging with Powertools' Logger: one structured line for each request or event, with the tenant, the request id and
the event's metrics. The line never holds a document's content, a token or a name.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import sys
import time
import traceback
from collections import Counter
from contextvars import ContextVar
from functools import partial
from typing import Any, TextIO

from aws_lambda_powertools import Logger

from docplatform.core import isolation
from docplatform.core.tenant import current_tenant_id
from docplatform.runtime import metrics, tracing
from docplatform.runtime.metrics import Metric, count, measure
from docplatform.runtime.restore import reseed_after_restore

reseed_after_restore()

_cold = True
_current: ContextVar[LogRecord | None] = ContextVar("log_record", default=None)

_MOST_SHOWN = 20  # detections in one line
_ANNOTATIONS = ("route", "status", "problem", "error")
"""The members of the log line that become annotations of the trace, by which one can search. None is about a person."""


def add_error(error: BaseException) -> None:
    """Add an error that the handler catches to the log line of the current event."""
    if record := _current.get():
        record.add_error(error)


def add_facts(**facts: object) -> None:
    """Add members to the log line of the current event. They hold ids and counts: no content, name or token."""
    if record := _current.get():
        record.add(**facts)


class _StandardOutput(logging.StreamHandler[TextIO]):
    """Writes to the present value of ``sys.stdout``. Lambda copies standard output to the function's log."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


_logger = Logger(
    service=metrics.service(),
    level=logging.INFO,  # not from the environment: the metrics are in these lines
    location=None,
    log_record_order=["timestamp", "level", "service", "function"],
    utc=True,
    use_rfc3339=True,
    json_serializer=partial(json.dumps, default=str),
    logger_handler=_StandardOutput(),
    function=os.environ.get("AWS_LAMBDA_FUNCTION_NAME"),
)


def _is_cold() -> bool:
    """Whether this is the first event of the Lambda environment. At the first event the imports are complete, so the
    garbage collector is switched on (see ``docplatform/__init__.py``); it ignores the objects that exist already."""
    global _cold
    was_cold, _cold = _cold, False
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
    return was_cold


class LogRecord:
    """Collects the members of one event's log line. ``write`` prints them as one line of JSON and ends the trace."""

    def __init__(self, event: str, request_id: str) -> None:
        self._facts: dict[str, Any] = {"event": event, "request_id": request_id, "cold_start": _is_cold()}
        self._started = time.perf_counter()
        _current.set(self)
        metrics.begin()
        isolation.begin()
        tracing.begin()

    def add(self, **facts: object) -> None:
        self._facts.update(facts)

    def add_error(self, error: BaseException) -> None:
        """Add an unexpected error: its class and where it was raised, without its text, which may hold data."""
        frames = traceback.extract_tb(error.__traceback__)[-8:]
        where = [f"{frame.filename.rsplit('/', 2)[-1]}:{frame.lineno} {frame.name}" for frame in frames]
        answer = getattr(error, "response", None)  # AWS's answer: its code is a constant, its message may hold data
        code = answer.get("Error", {}).get("Code") if isinstance(answer, dict) else None
        cause = getattr(error, "cause", None)  # a rejected file's: a class and a line number, nothing from the file
        more = {name: value for name, value in (("aws", code), ("cause", cause)) if value}
        self.add(level="ERROR", error=type(error).__name__, where=where, **more)
        if tenant_id := current_tenant_id():  # a stream record's scope ends before the line is written
            self.add(tenant_id=tenant_id)

    def _add_signals(self) -> None:
        """Add the signals of isolation between tenants: metrics, and members of the line."""
        signals = isolation.signals()
        for kind in signals.attempts:
            count(Metric.CROSS_TENANT_ATTEMPTS, by=kind)
        if signals.detected:
            measure(Metric.CROSS_TENANT_DETECTED, len(signals.detected))
        for source, times in Counter(signals.dropped).items():
            measure(Metric.FOREIGN_IDS, times, by=source)
        if signals.attempts:
            self.add(cross_tenant_attempts=[kind.value for kind in signals.attempts])
        if signals.detected:
            shown = [place.value for place in signals.detected[:_MOST_SHOWN]]
            self.add(level="ERROR", cross_tenant_detected=shown)
            if len(signals.detected) > _MOST_SHOWN:
                self.add(cross_tenant_detected_count=len(signals.detected))
        if signals.writers:
            self.add(cross_tenant_writers=sorted(signals.writers))

    def write(self) -> None:
        self._add_signals()
        facts = self._facts
        log = _logger.error if facts.pop("level", "INFO") == "ERROR" else _logger.info
        elapsed = round((time.perf_counter() - self._started) * 1000, 1)
        tracing.end({name: facts[name] for name in _ANNOTATIONS if name in facts})
        first, *others = metrics.collected() or [{}]
        line = {"tenant_id": current_tenant_id(), **facts, "duration_ms": elapsed, **first}
        log(None, extra=line)  # without a message: the members say everything
        for more in others:
            _logger.info(None, extra=more)
