"""Random actions of several tenants through the API, with ids, cursors and tokens of all of them, to find leaks between
tenants.

Every tenant has its own word, a canary, in every name, text and address that it uses. If one tenant's canary or id is
in an answer to another tenant, there is a leak. Tests over HTTP and tests that call handlers in one process use
different ``Player`` classes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from hypothesis import strategies as st

STEPS = 40  # of one example
SOON = (datetime.now(UTC) + timedelta(days=90)).isoformat()


@dataclass(frozen=True)
class Told:
    """An answer, and the objects that its links lead to."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def body(self) -> dict[str, Any]:
        try:
            found = json.loads(self.text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


class Player(Protocol):
    """The admin of a tenant."""

    canary: str
    tenant_id: str

    def asks(self, method: str, path: str, body: object = None, query: dict[str, str] | None = None) -> Told: ...

    def knocks(self, other: Any) -> Told:
        """Calls another tenant's address with the player's own token."""

    def stores(self, body: dict[str, Any], content: bytes) -> Told:
        """Creates a document, and uploads its content if the player can."""


@dataclass
class Hand:
    """The ids that a player has created or seen, by kind."""

    player: Player
    ids: dict[str, list[str]] = field(default_factory=dict)

    def keeps(self, kind: str, id_: Any) -> None:
        if id_:
            self.ids.setdefault(kind, []).append(str(id_))

    def shows(self, kind: str, number: int, default: str) -> str:
        known = self.ids.get(kind)
        return known[number % len(known)] if known else default


@dataclass(frozen=True)
class Step:
    """``who`` does ``what`` with things of ``whose`` and of ``other``; the numbers choose among them."""

    who: int
    what: str
    whose: int
    other: int
    number: int


class Leaked(AssertionError):
    pass


class Game:
    def __init__(self, players: list[Player]) -> None:
        self.hands = [Hand(each) for each in players]
        self.done = 0

    def opens(self) -> None:
        """Creates some things for each player at the beginning."""
        for who in range(len(self.hands)):
            for what in OPENING:
                self.plays(Step(who, what, who, who, 0))

    def plays(self, step: Step) -> None:
        """Raises Leaked, or AssertionError for an answer that no client should get."""
        hand, whose, other = (self.hands[each % len(self.hands)] for each in (step.who, step.whose, step.other))
        self.done += 1
        told = MOVES[step.what](Move(hand, whose, other, step.number, self.done))
        assert told.status < 500, (step, told)
        self.check(hand.player, told, step)

    def check(self, player: Player, told: Told, step: object) -> None:
        shown = told.text + str(dict(told.headers))
        for each in self.hands:
            if each.player is not player and (each.player.canary in shown or each.player.tenant_id in shown):
                raise Leaked(f"{step}: {player.canary} was told {each.player.canary}: {told}")


@dataclass(frozen=True)
class Move:
    hand: Hand
    whose: Hand
    other: Hand
    number: int
    count: int

    @property
    def name(self) -> str:
        return f"{self.hand.player.canary} {self.count}"

    def id(self, kind: str, default: str = "") -> str:
        return self.whose.shows(kind, self.number, default or f"{kind}_{'0' * 26}")

    def another(self, kind: str) -> str:
        return self.other.shows(kind, self.number // 7, f"{kind}_{'0' * 26}")

    @property
    def node(self) -> str:
        return self.id("fld", "root") if self.number % 2 else self.id("doc")

    def asks(self, method: str, path: str, body: object = None, **query: str) -> Told:
        return self.hand.player.asks(method, path, body, query or None)

    def makes(self, kind: str, path: str, body: object) -> Told:
        told = self.asks("POST", path, body)
        self.hand.keeps(kind, told.body.get("id"))
        return told

    def lists(self, path: str, **query: str) -> Told:
        told = self.asks("GET", path, limit="1", **query)
        self.hand.keeps(f"cursor {path}", told.body.get("next_cursor"))
        return told


def _stores(move: Move) -> Told:
    content = f"the ledger of {move.hand.player.canary}, number {move.count}".encode()
    body = {"name": f"{move.name}.txt", "size": len(content), "content_type": "text/plain"}
    told = move.hand.player.stores({**body, "folder_id": move.id("fld", "root")}, content)
    move.hand.keeps("doc", told.body.get("document", {}).get("id"))
    return told


def _invites(move: Move) -> Told:
    email = f"{move.hand.player.canary}.{move.count}@example.com"
    told = move.asks("POST", "/v1/users", {"email": email, "role": "editor", "name": move.name})
    move.hand.keeps("usr", told.body.get("id"))
    return told


def _makes_a_key(move: Move) -> Told:
    body = {"name": move.name, "scopes": ["read"], "expires_at": SOON, "owner_id": move.id("svc")}
    told = move.asks("POST", "/v1/api-keys", body)
    move.hand.keeps("key", told.body.get("api_key", {}).get("id"))
    return told


def _principal(move: Move) -> str:
    return f"user:{move.another('usr')}" if move.number % 3 else f"group:{move.another('grp')}"


SCIM_PATCH = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


def _scim_adds(move: Move) -> Told:
    operation = {"op": "add", "path": "members", "value": [{"value": move.another("usr")}]}
    return move.asks("PATCH", f"/scim/v2/Groups/{move.id('grp')}", {"schemas": [SCIM_PATCH], "Operations": [operation]})


MOVES: dict[str, Callable[[Move], Told]] = {
    "store": _stores,
    "store again": _stores,
    "make a folder": lambda m: m.makes("fld", "/v1/folders", {"name": m.name, "parent_id": m.id("fld", "root")}),
    "make a group": lambda m: m.makes("grp", "/v1/groups", {"name": m.name}),
    "make a program": lambda m: m.makes("svc", "/v1/service-accounts", {"name": m.name, "role": "viewer"}),
    "make a key": _makes_a_key,
    "invite": _invites,
    "read a folder": lambda m: m.asks("GET", f"/v1/folders/{m.id('fld', 'root')}"),
    "list a folder": lambda m: m.lists(f"/v1/folders/{m.id('fld', 'root')}/children"),
    "list the root": lambda m: m.asks("GET", "/v1/folders/root/children"),
    "list on": lambda m: m.asks(
        "GET", "/v1/folders/root/children", cursor=m.id("cursor /v1/folders/root/children", "x")
    ),
    "read a document": lambda m: m.asks("GET", f"/v1/documents/{m.id('doc')}"),
    "download": lambda m: m.asks("GET", f"/v1/documents/{m.id('doc')}/content"),
    "look": lambda m: m.asks("GET", f"/v1/documents/{m.id('doc')}/preview"),
    "upload again": lambda m: m.asks("POST", f"/v1/documents/{m.id('doc')}/upload"),
    "rename a folder": lambda m: m.asks("PATCH", f"/v1/folders/{m.id('fld')}", {"name": m.name}),
    "rename a document": lambda m: m.asks("PATCH", f"/v1/documents/{m.id('doc')}", {"name": f"{m.name}.txt"}),
    "move a folder": lambda m: m.asks("PATCH", f"/v1/folders/{m.id('fld')}", {"parent_id": m.another("fld")}),
    "move a document": lambda m: m.asks("PATCH", f"/v1/documents/{m.id('doc')}", {"folder_id": m.another("fld")}),
    "delete a document": lambda m: m.asks("DELETE", f"/v1/documents/{m.id('doc')}"),
    "delete a folder": lambda m: m.asks("DELETE", f"/v1/folders/{m.id('fld')}"),
    "share": lambda m: m.asks("PUT", f"/v1/access/{m.node}/grants/{_principal(m)}", {"role": "viewer"}),
    "unshare": lambda m: m.asks("DELETE", f"/v1/access/{m.node}/grants/{_principal(m)}"),
    "cut off": lambda m: m.asks("PUT", f"/v1/access/{m.node}/inheritance", {"inherits": bool(m.number % 5)}),
    "who has access": lambda m: m.asks("GET", f"/v1/access/{m.node}"),
    "explain": lambda m: m.asks("GET", f"/v1/access/{m.node}/explanation", user_id=m.another("usr")),
    "what has somebody": lambda m: m.asks("GET", "/v1/access", user_id=m.id("usr")),
    "join": lambda m: m.asks("PUT", f"/v1/groups/{m.id('grp')}/members/{m.another('usr')}"),
    "leave": lambda m: m.asks("DELETE", f"/v1/groups/{m.id('grp')}/members/{m.another('usr')}"),
    "list groups": lambda m: m.lists("/v1/groups"),
    "list groups on": lambda m: m.asks("GET", "/v1/groups", cursor=m.id("cursor /v1/groups", "x")),
    "list members": lambda m: m.asks("GET", f"/v1/groups/{m.id('grp')}/members"),
    "list users": lambda m: m.lists("/v1/users"),
    "list users on": lambda m: m.asks("GET", "/v1/users", cursor=m.id("cursor /v1/users", "x")),
    "read a user": lambda m: m.asks("GET", f"/v1/users/{m.id('usr')}"),
    "change a user": lambda m: m.asks("PATCH", f"/v1/users/{m.id('usr')}", {"role": "viewer"}),
    "list keys": lambda m: m.asks("GET", "/v1/api-keys", owner_id=m.id("svc")),
    "ask for a ticket": lambda m: m.asks("POST", "/v1/live/tickets"),
    "list programs": lambda m: m.lists("/v1/service-accounts"),
    "read a program": lambda m: m.asks("GET", f"/v1/service-accounts/{m.id('svc')}"),
    "scim: find": lambda m: m.asks("GET", "/scim/v2/Users", filter=f'userName sw "{m.whose.player.canary}"'),
    "scim: read": lambda m: m.asks("GET", f"/scim/v2/Users/{m.id('usr')}"),
    "scim: groups": lambda m: m.asks("GET", "/scim/v2/Groups"),
    "scim: add": _scim_adds,
}
OPENING = ("make a folder", "store", "make a group", "invite", "make a program", "make a key", "join")
OVER_HTTP: dict[str, Callable[[Move], Told]] = {
    "search": lambda m: m.asks("GET", "/v1/search", q="ledger"),
    "search for a canary": lambda m: m.asks("GET", "/v1/search", q=m.whose.player.canary),
    "knock": lambda m: m.hand.player.knocks(m.whose.player),
}
MOVES |= OVER_HTTP


def plays(among: int, moves: list[str]) -> st.SearchStrategy[list[Step]]:
    """Does one step. Half of the steps use the player's own ids, because otherwise few things would be created."""
    somebody = st.integers(0, among - 1)
    step = st.builds(Step, somebody, st.sampled_from(moves), somebody, somebody, st.integers(0, 10_000))
    at_home = step.map(lambda each: Step(each.who, each.what, each.who, each.who, each.number))
    return st.lists(step | at_home, min_size=STEPS, max_size=STEPS)
