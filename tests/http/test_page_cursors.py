"""Cursors tell nothing, and open nothing but the list, for the caller, for which they were made."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docplatform.core import cursors
from docplatform.core.actor import Actor
from docplatform.core.errors import InvalidCursor
from docplatform.http.page_cursors import LIFE, PageCursors, Purpose
from docplatform.http.paging import cursor_parameter, open_cursor
from docplatform.http.schemas import Listing, Page, Schema

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINE = Purpose("t000000000001", "usr_1", "GET /v1/folders/{folder_id}/children", {"folder_id": "root", "sort": "name"})
POSITION = cursors.encode({"sk": "name#salaries of the board.xlsx"})


def at(time: datetime, secret: bytes = b"s" * 32) -> PageCursors:
    return PageCursors(lambda: secret, lambda: time)


def refused(cursor: str, purpose: Purpose = MINE, time: datetime = AT, secret: bytes = b"s" * 32) -> bool:
    try:
        at(time, secret).decrypt(cursor, purpose)
    except InvalidCursor:
        return True
    return False


@given(position=st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=300))
def test_a_cursor_gives_its_position_back(position: str) -> None:
    assert at(AT + LIFE).decrypt(at(AT).encrypt(position, MINE), MINE) == position


def test_a_cursor_tells_nothing_not_even_a_length() -> None:
    first, second = (at(AT).encrypt(cursors.encode({"sk": name}), MINE) for name in ("name#a", "name#" + "b" * 90))
    assert len(first) == len(second)
    assert first[8:] != at(AT).encrypt(cursors.encode({"sk": "name#a"}), MINE)[8:]  # the same position twice
    raw = base64.urlsafe_b64decode(at(AT).encrypt(POSITION, MINE) + "==")
    assert not any(told in raw for told in (b"salaries", b"name#", b"usr_1", b"root", POSITION.encode()))


@pytest.mark.parametrize(
    "other",
    [
        {"tenant_id": "t000000000002"},
        {"user_id": "usr_2"},
        {"operation": "GET /v1/users"},
        {"parameters": {"folder_id": "fld_1", "sort": "name"}},
        {"parameters": {"folder_id": "root", "sort": "-name"}},
        {"parameters": {"folder_id": "root"}},
    ],
)
def test_a_cursor_is_of_one_tenant_user_operation_and_list(other: dict[str, object]) -> None:
    cursor = at(AT).encrypt(POSITION, MINE)
    assert not refused(cursor)
    assert refused(cursor, replace(MINE, **other))  # type: ignore[arg-type]
    assert refused(cursor, secret=b"t" * 32)


def test_a_cursor_ends_after_a_day() -> None:
    cursor = at(AT).encrypt(POSITION, MINE)
    assert not refused(cursor, time=AT + LIFE)
    assert refused(cursor, time=AT + LIFE + timedelta(seconds=1))
    assert refused(cursor, time=AT - timedelta(hours=1)), "it comes from the future"


def test_a_cursor_that_was_altered_anywhere_is_refused() -> None:
    cursor = at(AT).encrypt(POSITION, MINE)
    for place, character in enumerate(cursor):
        other = "A" if character != "A" else "B"
        assert refused(cursor[:place] + other + cursor[place + 1 :]), place
        assert refused(cursor[:place]) or not place, place
    assert refused(cursor + "A")
    assert refused(cursor + "=")


@given(
    st.text(max_size=60) | st.binary(min_size=30, max_size=90).map(lambda raw: base64.urlsafe_b64encode(raw).decode())
)
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    assert refused(cursor)
    assert refused("A" * 9_000)
    assert refused(POSITION), "an earlier version's"


class Things(Page[Schema]):
    pass


def test_an_operation_whose_cursors_cannot_be_encrypted_does_not_load() -> None:
    actor = {"actor": Actor}
    assert cursor_parameter("GET /x", {**actor, "query": Listing}, Things) == "query"
    assert cursor_parameter("POST /x", {**actor, "body": Listing}, Things) == "body"
    assert cursor_parameter("GET /x", actor, Things) == ""
    for hints, response in (
        ({"query": Listing}, Things),
        ({**actor, "query": Listing}, Schema),
        ({**actor, "query": Listing}, "text/plain"),
        ({**actor, "query": Listing, "body": Listing}, Things),
    ):
        with pytest.raises(TypeError, match="a cursor takes"):
            cursor_parameter("GET /x", hints, response)


def test_no_position_leaves_in_the_clear() -> None:
    encrypt = open_cursor("GET /x", "", {})
    assert encrypt(Things(items=[], next_cursor=None)).next_cursor is None
    with pytest.raises(TypeError, match="cursor that no parameter takes"):
        encrypt(Things(items=[], next_cursor=POSITION))
