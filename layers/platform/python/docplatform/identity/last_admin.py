"""A tenant keeps an admin: whoever takes the role or the access of one away holds another while they do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from docplatform.core.actor import Role
from docplatform.identity.errors import LastAdmin
from docplatform.identity.model import User, UserStatus
from docplatform.identity.ports import People

_PAGE = 100


def other_admin(user: User, users: Iterable[User]) -> str:
    """The id of somebody else who is admin, to be held when the change of ``user`` is stored, so that two admins cannot take each other
    away; '' when ``user`` is none. ``users`` is read no further than needed. Raises LastAdmin."""
    if not is_admin(user):
        return ""
    for other in users:
        if other.id != user.id and is_admin(other):
            return other.id
    raise LastAdmin("Make somebody else admin first.")


def all_users(people: People) -> Iterator[User]:
    """In order of invitation, read as far as they are taken."""
    cursor = ""
    while True:
        page, cursor = people.users(limit=_PAGE, cursor=cursor)
        yield from page
        if not cursor:
            return


def is_admin(user: User) -> bool:
    """Who can do something about it."""
    return user.role is Role.ADMIN and user.status is UserStatus.ACTIVE
