"""Cursors of the operations that answer page by page: the router decrypts the request's and encrypts the response's.

So no operation can hand out a position in the clear: whatever has a parameter ``cursor`` or a member ``next_cursor`` passes here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel

from docplatform.core.time import now
from docplatform.http.page_cursors import PageCursors, Purpose
from docplatform.runtime.cursor_secret import cursor_secret

_NO_PART_OF_THE_PATH = frozenset({"actor", "tenant", "request", "body", "query"})
_CURSORS = PageCursors(cursor_secret, now)
M = TypeVar("M", bound=BaseModel)
Encrypt = Callable[[M], M]


def cursor_parameter(operation: str, hints: Mapping[str, Any], response: object) -> str:
    """Which of the handler's arguments holds the cursor: 'query', 'body', or '' for an operation without pages. Raises TypeError for
    one whose cursors could not be encrypted, because nobody calls it in their own name, or whose response has no ``next_cursor``."""
    holders = [each for each in ("query", "body") if "cursor" in getattr(hints.get(each), "model_fields", ())]
    if not holders:
        return ""
    if len(holders) > 1 or "actor" not in hints or "next_cursor" not in getattr(response, "model_fields", ()):
        raise TypeError(f"{operation}: a cursor takes an actor, one parameter, and a response with next_cursor")
    return holders[0]


def open_cursor(operation: str, holder: str, given: dict[str, Any]) -> Encrypt[Any]:
    """Puts the position in place of the request's cursor, in the argument that ``holder`` names. Returns the function that encrypts the
    response's. Raises InvalidCursor."""
    if not holder:
        return _refuse_position
    actor, model = given["actor"], given[holder]
    path = {name: value for name, value in given.items() if name not in _NO_PART_OF_THE_PATH}
    parameters = {**path, holder: model.model_dump(mode="json", exclude={"cursor", "limit"})}
    purpose = Purpose(actor.tenant.id, actor.user_id, operation, parameters)
    if model.cursor:
        given[holder] = model.model_copy(update={"cursor": _CURSORS.decrypt(model.cursor, purpose)})

    def encrypt(page: M) -> M:
        position = getattr(page, "next_cursor", None)
        return page.model_copy(update={"next_cursor": _CURSORS.encrypt(position, purpose)}) if position else page

    return encrypt


def _refuse_position(answer: M) -> M:
    if getattr(answer, "next_cursor", None):
        raise TypeError("a response has a cursor that no parameter takes")
    return answer
