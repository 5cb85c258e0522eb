"""The language of simple_query_string, in which nothing is an error.

Follows Lucene's org.apache.lucene.queryparser.simple.SimpleQueryParser.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Flag, auto
from typing import Generic, Protocol, TypeVar

_SPACES = " \t\n\r"
_MOST_EDITS = 2


class Syntax(Flag):
    AND = auto()
    NOT = auto()
    OR = auto()
    PREFIX = auto()
    PHRASE = auto()
    PRECEDENCE = auto()
    ESCAPE = auto()
    WHITESPACE = auto()
    FUZZY = auto()
    NEAR = auto()
    SLOP = NEAR
    NONE = 0
    ALL = AND | NOT | OR | PREFIX | PHRASE | PRECEDENCE | ESCAPE | WHITESPACE | FUZZY | NEAR


Leaf = TypeVar("Leaf")


@dataclass(frozen=True, slots=True)
class Tree(Generic[Leaf]):
    """Branches that are all joined by the same operator: "and" or "or"."""

    operator: str
    branches: tuple[Tree[Leaf] | Leaf, ...]


class Parts(Protocol[Leaf]):
    """What the parts of the language mean. None: nothing is left of it."""

    def words(self, text: str) -> Leaf | None: ...

    def phrase(self, text: str, slop: int) -> Leaf | None: ...

    def prefix(self, text: str) -> Leaf | None: ...

    def fuzzy(self, text: str, edits: int) -> Leaf | None: ...

    def negated(self, node: Tree[Leaf] | Leaf) -> Leaf: ...


class Parser(Generic[Leaf]):
    """``operator`` joins what no sign joins: "and" or "or"."""

    def __init__(
        self, text: str, flags: Syntax, operator: str, parts: Parts[Leaf], start: int = 0, end: int | None = None
    ) -> None:
        self._text, self._flags, self._default, self._parts = text, flags, operator, parts
        self._at, self._end = start, len(text) if end is None else end
        self._top: Tree[Leaf] | Leaf | None = None
        self._current: str | None = None
        self._previous: str | None = None
        self._negations = 0

    def parse(self) -> Tree[Leaf] | Leaf | None:
        while self._at < self._end:
            sign = self._text[self._at]
            if sign == "-" and self._has(Syntax.NOT):
                self._negations += 1
                self._at += 1
                continue
            if sign == "(" and self._has(Syntax.PRECEDENCE):
                self._subquery()
            elif sign == '"' and self._has(Syntax.PHRASE):
                self._phrase()
            elif sign == "+" and self._has(Syntax.AND):
                self._operator("and")
            elif sign == "|" and self._has(Syntax.OR):
                self._operator("or")
            elif (sign == ")" and self._has(Syntax.PRECEDENCE)) or (sign in _SPACES and self._has(Syntax.WHITESPACE)):
                self._at += 1
            else:
                self._token()
            self._negations = 0
        return self._top

    def _has(self, syntax: Syntax) -> bool:
        return bool(self._flags & syntax)

    def _operator(self, name: str) -> None:
        if self._current is None and self._top is not None:
            self._current = name
        self._at += 1

    def _escapes(self) -> bool:
        return self._text[self._at] == "\\" and self._has(Syntax.ESCAPE)

    def _subquery(self) -> None:
        self._at += 1
        start, depth, escaped = self._at, 1, False
        while self._at < self._end:
            if not escaped:
                if self._escapes():
                    escaped = True
                    self._at += 1
                    continue
                depth += {"(": 1, ")": -1}.get(self._text[self._at], 0)
                if depth == 0:
                    break
            escaped = False
            self._at += 1
        if self._at >= self._end:
            self._at = start  # never closed: the parenthesis means nothing
        elif self._at == start:
            self._current = None
            self._at += 1
        else:
            inner = Parser(self._text, self._flags, self._default, self._parts, start, self._at)
            self._grow(inner.parse())
            self._at += 1

    def _phrase(self) -> None:
        self._at += 1
        start, words, escaped, near = self._at, "", False, False
        while self._at < self._end:
            if not escaped:
                if self._escapes():
                    escaped = True
                    self._at += 1
                    continue
                if self._text[self._at] == '"':
                    if self._text[self._at + 1 : self._end].startswith("~") and self._has(Syntax.NEAR):
                        self._at += 1
                        near = self._end > self._at + 1
                    break
            escaped = False
            words += self._text[self._at]
            self._at += 1
        if self._at >= self._end:
            self._at = start  # never closed: the quotation mark means nothing
        elif self._at == start:
            self._current = None
            self._at += 1
        else:
            self._grow(self._parts.phrase(words, self._distance() if near else 0))
            self._at += 1

    def _token(self) -> None:
        word, escaped, is_prefix, fuzzy = "", False, False, False
        while self._at < self._end:
            if not escaped:
                if self._escapes():
                    escaped, is_prefix = True, False
                    self._at += 1
                    continue
                if self._finished():
                    break
                if word and self._text[self._at] == "~" and self._has(Syntax.FUZZY):
                    fuzzy = True
                    break
                is_prefix = bool(word) and self._text[self._at] == "*" and self._has(Syntax.PREFIX)
            escaped = False
            word += self._text[self._at]
            self._at += 1
        if not word:
            return
        if fuzzy:
            edits = min(self._distance(), _MOST_EDITS)
            self._grow(self._parts.fuzzy(word, edits) if edits else self._parts.words(word))
        elif is_prefix:
            self._grow(self._parts.prefix(word[:-1]))
        else:
            self._grow(self._parts.words(word))

    def _distance(self) -> int:
        """The number after a tilde; 2 when there is none, 0 when it is not a number."""
        digits = ""
        self._at += 1
        while self._at < self._end and not self._finished():
            digits += self._text[self._at]
            self._at += 1
        if not digits:
            return _MOST_EDITS
        try:
            return max(int(digits), 0)
        except ValueError:
            return 0

    def _finished(self) -> bool:
        sign = self._text[self._at]
        return (
            (sign == '"' and self._has(Syntax.PHRASE))
            or (sign == "|" and self._has(Syntax.OR))
            or (sign == "+" and self._has(Syntax.AND))
            or (sign in "()" and self._has(Syntax.PRECEDENCE))
            or (sign in _SPACES and self._has(Syntax.WHITESPACE))
        )

    def _grow(self, branch: Tree[Leaf] | Leaf | None) -> None:
        if branch is None:
            return
        if self._negations % 2:
            branch = self._parts.negated(branch)
        if self._top is None:
            self._top = branch
        else:
            operator = self._current or self._default
            if self._previous == operator and isinstance(self._top, Tree):
                self._top = Tree(operator, (*self._top.branches, branch))
            else:
                self._top = Tree(operator, (self._top, branch))
            self._previous = operator
        self._current = None
