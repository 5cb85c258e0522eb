"""simple_query_string: the query language for people, over several fields as OpenSearch's SimpleQueryStringQueryParser has it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from local.search_server import errors
from local.search_server.fields import Family, Field, Kind
from local.search_server.queries import full_text, term_level
from local.search_server.queries.clause import Clause, Scope, boost_of, check_options, everything, nothing
from local.search_server.queries.compound import combine, minimum_should_match
from local.search_server.queries.full_text import best_of
from local.search_server.queries.query_language import Parser, Syntax, Tree

_KNOWN = {"query", "fields", "default_operator", "flags", "lenient", "minimum_should_match", "analyzer", "boost"}
_ELSEWHERE = {
    "analyze_wildcard", "auto_generate_synonyms_phrase_query", "fuzzy_max_expansions", "fuzzy_prefix_length",
    "fuzzy_transpositions", "quote_field_suffix",
}  # fmt: skip


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
    top = Parser(text, _flags(body.get("flags", "ALL")), operator, parts).parse()
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


def _clause(node: Tree[Clause] | Clause, least: Any = None) -> Clause:
    if isinstance(node, Clause):
        return node
    clauses = [_clause(each) for each in node.branches]
    if node.operator == "and":
        return combine(clauses, [], [], [], 0)
    return combine([], [], clauses, [], minimum_should_match(least, len(clauses)) if least is not None else 1)


class _Parts:
    """What a word, a phrase, a prefix and a fuzzy word are, over the fields. None: nothing was left of it."""

    def __init__(self, scope: Scope, weighted: list[tuple[str, float]], operator: str, options: dict[str, Any]) -> None:
        self._scope, self._weighted, self._operator = scope, weighted, operator
        self._options: dict[str, Any] = {name: options[name] for name in ("lenient", "analyzer") if name in options}

    def negated(self, node: Tree[Clause] | Clause) -> Clause:
        return combine([], [], [everything()], [_clause(node)], 1)

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
