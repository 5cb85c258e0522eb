"""Table streams survive a stop: the emulator keeps how far each consumer has read, and forgets the records; so what happened last would
be lost, and what happens next would go unread until as many records are there again."""

from __future__ import annotations

import copy
from typing import Any

from local.cloud.patches import expect

_KEPT = ("_stream_records", "_stream_trimmed")


def apply() -> None:
    from ministack.services import dynamodb

    get, load = getattr(dynamodb, "get_state", None), getattr(dynamodb, "load_persisted_state", None)
    expect(get and load and all(hasattr(dynamodb, name) for name in _KEPT), "dynamodb.get_state")
    expect(not set(get()) & set(_KEPT), "dynamodb.get_state keeps streams by itself now")

    def with_streams() -> dict[str, Any]:
        return {**get(), **{name: copy.deepcopy(getattr(dynamodb, name)) for name in _KEPT}}

    def loaded(data: dict[str, Any] | None) -> None:
        load(data)
        for name in _KEPT:
            getattr(dynamodb, name).update((data or {}).get(name, {}))

    dynamodb.get_state, dynamodb.load_persisted_state = with_streams, loaded
