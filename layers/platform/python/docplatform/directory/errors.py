"""Errors of directory.

Conflict ← UserNameTaken · GroupNameTaken · TooManyGroups
"""

from __future__ import annotations

from docplatform.core.errors import Conflict, Forbidden


class UserNameTaken(Conflict):
    code, title = "user_name_taken", "There is a user of that name"


class GroupNameTaken(Conflict):
    code, title = "group_name_taken", "There is a group of that name"


def maker_is_no_admin() -> Forbidden:
    return Forbidden("Whoever made this API key is no admin any more, so it gives nobody power. Make another key.")


class TooManyGroups(Conflict):
    code, title = "too_many_groups", "There are too many groups"
