"""Idempotency of requests that create (the Idempotency-Key header: draft-ietf-httpapi-idempotency-key-header)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Protocol, TypeVar

from docplatform.core.errors import DomainError, IdempotencyKeyReused, Unavailable

T = TypeVar("T")


class IdempotencyStore(Protocol):
    """The idempotency keys of one user."""

    def lookup(self, key: str) -> tuple[str, str] | None:
        """The digest of the request that used ``key``, and its result (an id). None for a new key."""


class IdempotencyWrites(Protocol):
    """Writes of one transaction, which can store an idempotency key together with the change made under it."""

    def record_key(self, user_id: str, key: str, request: str, result: str, at: datetime) -> None:
        """Store ``key`` with the request's digest and its result. The commit raises AlreadyDone if the key is taken."""


def digest(**request: object) -> str:
    """A hash by which two requests are compared. It does not depend on the order of the arguments."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, default=str).encode()).hexdigest()


def idempotent(store: IdempotencyStore, key: str, request: str, create: Callable[[], T], find: Callable[[str], T]) -> T:
    """Call ``create()`` for a new key; for a known key, return ``find(result)`` with the first request's result.

    ``request``: the digest. ``create`` must call ``record_key`` in its own transaction. Without a key, ``create()`` is
    always called. A repetition is an answer like any other: ``find`` must check what ``create`` checks, and record the
    read. Raises IdempotencyKeyReused if the key was used for another request.

    Requests with one key at the same moment make one thing, and each gets it: the key is stored together with what was
    made. So if the faster request is the reason of an error (the name is taken, the quota used up), its key is there.
    """
    if not key:
        return create()
    earlier = store.lookup(key)
    if earlier is None:
        try:
            return create()
        except Unavailable:
            raise  # of what follows the change, for example the mail
        except DomainError:
            earlier = store.lookup(key)
            if earlier is None:
                raise
    if earlier[0] != request:
        raise IdempotencyKeyReused("Use a fresh key for every new request.")
    return find(earlier[1])
