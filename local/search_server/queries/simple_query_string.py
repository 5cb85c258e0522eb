"""simple_query_string: the query language for people, which has no syntax errors.

Follows Lucene's SimpleQueryParser (org.apache.lucene.queryparser.simple) and what OpenSearch makes of its parts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any

from local.search_server import errors
from local.search_server.fields import Family, Field, Kind
from local.search_server.queries import full_text, term_level
from local.search_server.queries.clause import Clause, Scope, boost_of, check_options, everything, nothing
from local.search_server.queries.compound import combine, minimum_should_match
from local.search_server.queries.full_text import best_of


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


_KNOWN = {"query", "fields", "default_operator", "flags", "lenient", "minimum_should_match", "analyzer", "boost"}
_ELSEWHERE = {
    "analyze_wildcard", "auto_generate_synonyms_phrase_query", "fuzzy_max_expansions", "fuzzy_prefix_length",
    "fuzzy_transpositions", "quote_field_suffix",
}  # fmt: skip
_SPACES = " \t\n\r"
_MOST_EDITS = 2


def simple_query_string(body: Any, scope: Scope) -> Clause:
    if not isinstance(body, dict):
        raise errors.parsing("[simple_query_string] query malformed, no start_object after query name")
    check_options(body, "simple_query_string", _KNOWN, _ELSEWHERE)
    if body.get("query") is None:
        raise errors.parsing("[simple_query_string] query text missing")
    operator = str(body.get("default_operator", "or")).lower()
    if operator not in ("or", "and"):
        raise errors.illegal_argument(f"No enum constant org.opensearch.index.query.Operator.{operator.upper()}")
    parts = _Parts(scope, full_text.weighted_fields(body.get("fields"), "simple_query_string"), operator, body)
    text = str(body["query"])
    if text.strip() == "*":
        return everything(boost_of(body, "simple_query_string"))
    top = _Parser(text, _flags(body.get("flags", "ALL")), operator, parts).parse()
    least = body.get("minimum_should_match")
    return (_clause(top, least) if top is not None else nothing()).boosted(boost_of(body, "simple_query_string"))


def _flags(flags: Any) -> Syntax:
    if flags == -1:
        return Syntax.ALL
    if not isinstance(flags, str):
        raise errors.not_offered("[flags] as a number")
    chosen = Syntax.NONE
    for name in flags.split("|"):
        try:
            chosen |= Syntax[name.strip().upper()] if name.strip() else Syntax.NONE
        except KeyError:
            raise errors.illegal_argument(f"Unknown simple_query_string flag [{name}]") from None
    return chosen


@dataclass(frozen=True, slots=True)
class _Tree:
    """Branches that are all joined by the same operator: "and" or "or"."""

    operator: str
    branches: tuple[_Tree | Clause, ...]


def _clause(node: _Tree | Clause, least: Any = None) -> Clause:
    if isinstance(node, Clause):
        return node
    clauses = [_clause(each) for each in node.branches]
    if node.operator == "and":
        return combine(clauses, [], [], [], 0)
    return combine([], [], clauses, [], minimum_should_match(least, len(clauses)) if least is not None else 1)


class _Parser:
    def __init__(
        self, text: str, flags: Syntax, operator: str, parts: _Parts, start: int = 0, end: int | None = None
    ) -> None:
        self._text, self._flags, self._default, self._parts = text, flags, operator, parts
        self._at, self._end = start, len(text) if end is None else end
        self._top: _Tree | Clause | None = None
        self._current: str | None = None
        self._previous: str | None = None
        self._negations = 0

    def parse(self) -> _Tree | Clause | None:
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
            inner = _Parser(self._text, self._flags, self._default, self._parts, start, self._at)
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

    def _grow(self, branch: _Tree | Clause | None) -> None:
        if branch is None:
            return
        if self._negations % 2:
            branch = combine([], [], [everything()], [_clause(branch)], 1)
        if self._top is None:
            self._top = branch
        else:
            operator = self._current or self._default
            if self._previous == operator and isinstance(self._top, _Tree):
                self._top = _Tree(operator, (*self._top.branches, branch))
            else:
                self._top = _Tree(operator, (self._top, branch))
            self._previous = operator
        self._current = None


class _Parts:
    """What a word, a phrase, a prefix and a fuzzy word are, over the fields. None: nothing was left of it."""

    def __init__(self, scope: Scope, weighted: list[tuple[str, float]], operator: str, options: dict[str, Any]) -> None:
        self._scope, self._weighted, self._operator = scope, weighted, operator
        self._options: dict[str, Any] = {name: options[name] for name in ("lenient", "analyzer") if name in options}

    def words(self, text: str) -> Clause | None:
        options = {**self._options, "query": text, "operator": self._operator}
        return self._over_fields(
            1.0, text, lambda found: full_text.words(self._scope, found, options, "simple_query_string")
        )

    def phrase(self, text: str, slop: int) -> Clause | None:
        options = {**self._options, "query": text}
        return self._over_fields(
            0.0, text, lambda found: full_text.phrase(self._scope, found, options, min(slop, 2**31 - 1))
        )

    def prefix(self, text: str) -> Clause | None:
        def compiled(found: Field) -> Clause:
            return term_level.prefix({found.path: {"value": self._normalized(found, text)}}, self._scope)

        return self._over_fields(1.0, None, compiled)

    def fuzzy(self, text: str, edits: int) -> Clause | None:
        def compiled(found: Field) -> Clause:
            if found.family not in (Family.TEXT, Family.WORD):
                raise errors.query_failed(
                    f"Can only use fuzzy queries on keyword and text fields - not on [{found.path}] which is of type [{found.kind}]"
                )
            column = self._scope.column(found)
            if column is None:
                return nothing()
            return full_text.near(self._scope, found, column, self._normalized(found, text), edits)

        return self._over_fields(1.0, None, compiled)

    def _normalized(self, found: Field, text: str) -> str:
        if found.kind is Kind.TEXT:
            return full_text.analyzer_of(self._scope, found, self._options).normalized(text)
        return text

    def _over_fields(self, tie: float, analyzed: str | None, compiled: Callable[[Field], Clause]) -> Clause | None:
        clauses = []
        for path, weight in self._weighted:
            found = self._scope.field(path)
            if found is None:
                clauses.append(nothing())
                continue
            if analyzed is not None and found.kind is Kind.TEXT:
                if not full_text.analyzer_of(self._scope, found, self._options).terms(analyzed):
                    continue
            clauses.append(full_text.leniently(self._options, functools.partial(compiled, found)).boosted(weight))
        return best_of(clauses, tie) if clauses else None
