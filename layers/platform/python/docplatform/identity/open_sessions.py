"""The list of a user's sessions that are open."""

from __future__ import annotations

from datetime import datetime

from docplatform.identity.model import Session, User, alive
from docplatform.identity.ports import People

_MOST_QUERIES = 5  # for one page, where sessions that have ended stand between the open ones


def open_sessions(
    people: People, user: User, at: datetime, *, limit: int, cursor: str
) -> tuple[tuple[Session, ...], str]:
    """Sessions that are open, the newest first, and the cursor of the next page ('' after the last one). A page may be
    short. Raises InvalidCursor."""
    found: list[Session] = []
    for _ in range(_MOST_QUERIES):
        page, cursor = people.sessions_of(user.id, limit=limit - len(found), cursor=cursor)
        found += [each for each in page if alive(each, user, at)]
        if len(found) == limit or not cursor:
            break
    return tuple(found), cursor
