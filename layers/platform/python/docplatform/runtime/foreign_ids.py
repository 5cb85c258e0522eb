"""Counts what was dropped because it is not the current tenant's. ``telemetry`` connects it for every function."""

from __future__ import annotations

from docplatform.core.isolation import Source
from docplatform.runtime.metrics import Metric, count


def count_dropped(source: Source) -> None:
    count(Metric.FOREIGN_IDS, by=source.value)
