"""Lists of users and groups for a provisioning system: pages, filters, the number of reads, and audit records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from docplatform.core.actor import Actor, Role
from docplatform.core.audit import Action, AuditRecord
from docplatform.core.tenant import Plan, Tenant, TenantStatus
from docplatform.directory.entry import DirectoryEntry, UserWithGroups
from docplatform.directory.group import Group, GroupWithMembers
from docplatform.directory.listing import DirectoryListing
from docplatform.identity.model import User, UserStatus

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
TENANT = Tenant("t000000000001", "acme", "Acme", Plan.STANDARD, "us-east-1", TenantStatus.ACTIVE, "c0llect10n", AT)
ACTOR = Actor(TENANT, "usr_admin", "ses_1", Role.ADMIN, "request-1")


@dataclass
class MemoryDirectory:
    """A directory in memory that counts reads. Like the database, it returns groups in any order."""

    everybody: dict[str, DirectoryEntry]
    all_groups: dict[str, Group] = field(default_factory=dict)
    membership: dict[str, list[str]] = field(default_factory=dict)
    reads: list[tuple[str, int]] = field(default_factory=list)
    records: list[AuditRecord] = field(default_factory=list)

    def entry(self, user_id: str) -> DirectoryEntry | None:
        return self.everybody.get(user_id)

    def entries(self, user_ids: Iterable[str]) -> dict[str, DirectoryEntry]:
        found = {each: self.everybody[each] for each in user_ids if each in self.everybody}
        self._note("entries", found)
        return found

    def user_ids(self) -> Iterator[str]:
        return iter(self.everybody)

    def user_id_of(self, user_name: str) -> str:
        return next((each.user.id for each in self.everybody.values() if each.user_name == user_name), "")

    def group_ids(self) -> Iterator[str]:
        return iter(self.all_groups)

    def groups_of(self, group_ids: Iterable[str]) -> dict[str, Group]:
        found = {each: self.all_groups[each] for each in sorted(group_ids, reverse=True) if each in self.all_groups}
        self._note("groups", found)
        return found

    def members(self, group_ids: Iterable[str]) -> dict[str, list[str]]:
        found = {each: self.membership[each] for each in group_ids}
        self._note("members", found)
        return found

    def record(self, record: AuditRecord) -> None:
        self.records.append(record)

    def _note(self, what: str, found: Mapping[str, object]) -> None:
        if found:  # an empty batch needs no call
            self.reads.append((what, len(found)))

    @property
    def on_record(self) -> list[tuple[Action, str, object]]:
        return [(each.action, each.target, each.facts["shown"]) for each in self.records]


def a_user(number: int, *groups: str) -> DirectoryEntry:
    user = User(f"usr_{number:03}", f"user{number}@acme.example", "", Role.VIEWER, UserStatus.ACTIVE, AT)
    return DirectoryEntry(user, f"user{number}", "", "", AT, 1, frozenset(groups))


def users(count: int, *groups: str) -> dict[str, DirectoryEntry]:
    return {each.user.id: each for each in (a_user(number, *groups) for number in range(1, count + 1))}


def groups(*members: Iterable[str]) -> tuple[dict[str, Group], dict[str, list[str]]]:
    inside = {f"grp_{number}": sorted(each) for number, each in enumerate(members, 1)}
    return {each: Group(each, each, "", len(inside[each]), AT, AT, 1) for each in inside}, inside


def listing(directory: MemoryDirectory) -> DirectoryListing:
    return DirectoryListing(ACTOR, directory, lambda: AT)


def numbers(found: Iterable[UserWithGroups | GroupWithMembers]) -> list[str]:
    return [each.entry.user.id if isinstance(each, UserWithGroups) else each.group.id for each in found]


def everybody_matches(_: object) -> bool:
    return True


# -- pages
@pytest.mark.parametrize("matches", [None, everybody_matches])
@pytest.mark.parametrize(
    ("start", "count", "shown"),
    [
        (1, 2, ["usr_001", "usr_002"]),
        (2, 2, ["usr_002", "usr_003"]),
        (5, 1, ["usr_005"]),
        (5, 9, ["usr_005"]),
        (6, 9, []),
        (1_000_000, 200, []),
        (1, 0, []),
        (1, 5, ["usr_001", "usr_002", "usr_003", "usr_004", "usr_005"]),
    ],
)
def test_a_page_is_cut_from_the_list_and_the_total_counts_the_list(
    start: int, count: int, shown: list[str], matches: object
) -> None:
    directory = MemoryDirectory(users(5))
    page = listing(directory).users(start, count, matches)  # type: ignore[arg-type]
    assert (numbers(page.items), page.total) == (shown, 5)
    assert directory.on_record == [(Action.USERS_LISTED, "users", len(shown))]


def test_a_page_without_filter_reads_only_what_it_shows() -> None:
    directory = MemoryDirectory(users(120))
    listing(directory).users(101, 200)
    listing(directory).users(121, 200)
    listing(directory).users(1, 0)
    assert directory.reads == [("entries", 20)]


def test_pages_follow_one_another_without_gap_or_repetition() -> None:
    directory = MemoryDirectory(users(120))
    pages = [listing(directory).users(start, 7, everybody_matches).items for start in range(1, 121, 7)]
    assert [each for page in pages for each in numbers(page)] == list(directory.everybody)


# -- filters
def test_a_filter_over_120_users_reads_them_in_three_batches_and_each_group_once() -> None:
    known, inside = groups(users(120))
    directory = MemoryDirectory(users(120, "grp_1"), known, inside)
    page = listing(directory).users(1, 3, lambda found: found.entry.user_name.endswith("0"))
    assert (numbers(page.items), page.total) == (["usr_010", "usr_020", "usr_030"], 12)
    assert directory.reads == [("entries", 50), ("groups", 1), ("entries", 50), ("entries", 20)]


def test_a_filter_for_one_user_name_reads_only_that_user() -> None:
    directory = MemoryDirectory(users(120))
    page = listing(directory).users(1, 200, everybody_matches, user_name="user77")
    assert (numbers(page.items), page.total, directory.reads) == (["usr_077"], 1, [("entries", 1)])
    assert directory.on_record == [(Action.USERS_LISTED, "users", 1)]


def test_a_user_found_by_name_must_still_match() -> None:
    directory = MemoryDirectory(users(3))
    page = listing(directory).users(1, 200, lambda _: False, user_name="user2")
    assert (page.items, page.total) == ((), 0)


def test_an_unknown_name_reads_no_user_and_is_audited() -> None:
    directory = MemoryDirectory(users(120))
    page = listing(directory).users(1, 200, everybody_matches, user_name="nobody")
    assert (page.items, page.total, directory.reads) == ((), 0, [])
    assert directory.on_record == [(Action.USERS_LISTED, "users", 0)]


def test_a_filter_that_matches_nothing_is_audited() -> None:
    directory = MemoryDirectory(users(120))
    page = listing(directory).users(1, 200, lambda _: False)
    assert (page.items, page.total) == ((), 0)
    assert directory.on_record == [(Action.USERS_LISTED, "users", 0)]


def test_a_user_is_shown_with_groups_in_order_and_without_one_that_is_gone() -> None:
    known, inside = groups(["usr_001"], ["usr_001"], ["usr_001"])
    directory = MemoryDirectory(users(1, "grp_9", *known), known, inside)
    for matches in (None, everybody_matches):
        (found,) = listing(directory).users(1, 1, matches).items
        assert [each.id for each in found.groups] == ["grp_1", "grp_2", "grp_3"]


# -- groups
def test_groups_come_in_order_of_creation_with_their_members() -> None:
    known, inside = groups(["usr_1", "usr_2"], [], ["usr_2"])
    directory = MemoryDirectory({}, known, inside)
    for matches in (None, everybody_matches):
        page = listing(directory).groups(1, 2, matches)
        assert [(each.group.id, each.members) for each in page.items] == [("grp_1", ("usr_1", "usr_2")), ("grp_2", ())]
        assert page.total == 3
    assert directory.on_record == [(Action.GROUPS_LISTED, "groups", 2)] * 2


@pytest.mark.parametrize(
    ("match_members", "show_members", "reads"),
    [
        (True, True, [("groups", 3), ("members", 2)]),
        (True, False, [("groups", 3), ("members", 2)]),
        (False, True, [("groups", 3), ("members", 1)]),
        (False, False, [("groups", 3)]),
    ],
)
def test_members_are_read_once_where_the_filter_or_the_answer_needs_them(
    match_members: bool, show_members: bool, reads: list[tuple[str, int]]
) -> None:
    known, inside = groups(["usr_1"], [], ["usr_2"])
    directory = MemoryDirectory({}, known, inside)
    listing(directory).groups(
        1, 1, lambda found: found.group.id == "grp_3", match_members=match_members, show_members=show_members
    )
    assert directory.reads == reads


# -- both
@pytest.mark.parametrize("matches", [None, everybody_matches])
@pytest.mark.parametrize(
    ("start", "count", "shown"),
    [
        (1, 9, ["usr_001", "usr_002", "usr_003", "grp_1", "grp_2"]),
        (3, 2, ["usr_003", "grp_1"]),
        (4, 2, ["grp_1", "grp_2"]),
        (5, 2, ["grp_2"]),
        (6, 2, []),
        (1, 0, []),
    ],
)
def test_users_and_groups_are_one_list(start: int, count: int, shown: list[str], matches: object) -> None:
    known, inside = groups(["usr_001"], [])
    directory = MemoryDirectory(users(3), known, inside)
    page = listing(directory).users_and_groups(start, count, matches)  # type: ignore[arg-type]
    assert (numbers(page.items), page.total) == (shown, 5)
    assert directory.on_record == [(Action.USERS_LISTED, "users", len(shown))]
