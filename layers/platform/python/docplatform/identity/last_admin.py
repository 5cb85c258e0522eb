"""A tenant keeps at least one admin: a change that removes an admin requires, in its transaction, that another one
remains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docplatform.core.actor import Role
from docplatform.identity.errors import LastAdmin
from docplatform.identity.model import User, UserStatus
from docplatform.identity.ports import People

_PAGE = 100


def other_admin(user: User, users: Iterable[User]) -> str:
    """The id of another active admin, whom the transaction of the change must require to remain: so two admins cannot
    remove each other at the same time. '' if ``user`` is not an active admin. ``users`` is read only as far as needed.
    Raises LastAdmin."""
    if not is_admin(user):
        return ""
    for other in users:
        if other.id != user.id and is_admin(other):
            return other.id
    raise LastAdmin("Make somebody else admin first.")


def all_users(people: People) -> Iterator[User]:
    """All users in order of invitation. The next page is read only when it is needed."""
    cursor = ""
    while True:
        page, cursor = people.users(limit=_PAGE, cursor=cursor)
        yield from page
        if not cursor:
            return


def is_admin(user: User | None) -> bool:
    """Whether the user is an active admin."""
    return user is not None and user.role is Role.ADMIN and user.status is UserStatus.ACTIVE
