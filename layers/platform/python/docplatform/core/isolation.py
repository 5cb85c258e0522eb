"""Rows, messages and hits that are not the current tenant's: they are dropped where they are found, and counted.

Low layers find them, and the edge of a function counts them: ``observe`` connects the two.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum


class Source(StrEnum):
    """Where it was found. The values are those of the metric's dimension."""

    INDEX = "index"  # a row of a table's index whose key is not the tenant's
    ITEM = "item"  # an item that does not fit what a list shows
    STREAM = "stream"  # a record of a table's stream with a key that no code of ours makes
    EVENT = "event"  # an event of S3 that names no tenant of this region
    MESSAGE = "message"  # a message of a queue with ids that are malformed, or of another tenant than its group
    WORKFLOW = "workflow"  # an input of a workflow's step with malformed ids
    SEARCH = "search"  # a hit of the search index with an id that is not the tenant's


_observers: list[Callable[[Source], None]] = []


def observe(observer: Callable[[Source], None]) -> None:
    """Call ``observer`` for each thing that is dropped from now on."""
    _observers.append(observer)


def dropped(source: Source) -> None:
    for observer in _observers:
        observer(source)
