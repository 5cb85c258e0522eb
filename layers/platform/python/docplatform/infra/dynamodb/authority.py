"""The authority of a request's caller, read where it is used.

API Gateway caches the authorizer's answer for half a minute. So the items that the answer was decided by (the user, and
the session or API key) are read again with the first read of each request, in the same call. Nothing is written and
nothing is answered before that. A change that outlives the half minute also *pins* these items: its transaction
commits only if they are still as they were read (docs/adr/0017).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from docplatform.core.errors import Forbidden, Unauthenticated
from docplatform.infra.dynamodb.codec import Item
from docplatform.infra.dynamodb.keys import Key


class AuthorityEnded(Unauthenticated):
    """The user, the session or the key is not valid any more. Any read or commit of a request may raise it."""


class AuthorityReduced(Forbidden):
    """The role does not hold the operation's permission any more. Any read or commit of a request may raise it."""


class Authority(Protocol):
    """``verified``: the items have confirmed the caller in this request. ``pinned``: transactions of this request check
    the items."""

    verified: bool
    pinned: bool

    @property
    def item_keys(self) -> tuple[Key, ...]: ...

    def confirm(self, found: Mapping[Key, Item]) -> None:
        """Decide by the items. Raises AuthorityEnded or AuthorityReduced if the caller may not go on."""

    def pins(self) -> dict[Key, dict[str, Any]]:
        """The attributes that the items must have when a transaction commits, in the form of ``Transaction.check``."""


_current: ContextVar[Authority | None] = ContextVar("current_authority", default=None)


@contextmanager
def authority_scope(authority: Authority) -> Iterator[None]:
    """The part of a request in which everything is done with this authority."""
    token = _current.set(authority)
    try:
        yield
    finally:
        _current.reset(token)


def current_authority() -> Authority | None:
    """The authority of the current request; None for the platform's own work and for requests without an actor."""
    return _current.get()


def unverified_authority() -> Authority | None:
    """The authority of the current request, if no item has confirmed it yet."""
    authority = _current.get()
    return None if authority is None or authority.verified else authority
