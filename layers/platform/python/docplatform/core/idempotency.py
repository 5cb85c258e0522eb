"""Idempotency of requests that create (the Idempotency-Key header: draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from docplatform.core.errors import AlreadyDone, IdempotencyKeyReused

T = TypeVar("T")


class IdempotencyStore(Protocol):
    """One user's idempotency keys."""

    def lookup(self, key: str) -> tuple[str, str] | None:
        """The request's digest and its result."""


class IdempotencyWrites(Protocol):
    """Work that what was done under an idempotency key is stored with."""

    def record_key(self, user_id: str, key: str, request: str, result: str, at: datetime) -> None:
        """What ``user_id`` has done. To be called first: its refusal comes before any other. Raises AlreadyDone when committed."""


def digest(**request: object) -> str:
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def idempotent(store: IdempotencyStore, key: str, request: str, create: Callable[[], T], find: Callable[[str], T]) -> T:
    """``create()``, unless this key has done so already: then ``find(result)`` of the first time.

    ``create`` must ``record_key`` the key in its own transaction. Raises IdempotencyKeyReused when the key was another request's.
    """
    if not key:
        return create()
    for _ in range(2):
        earlier = store.lookup(key)
        if earlier:
            if earlier[0] != request:
                raise IdempotencyKeyReused("Use a fresh key for every new request.")
            return find(earlier[1])
        try:
            return create()
        except AlreadyDone:
            continue  # another attempt of the same request was faster
    raise AlreadyDone("The same request is under way; try again.")
