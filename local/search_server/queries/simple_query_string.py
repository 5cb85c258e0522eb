"""simple_query_string with the flags PHRASE, NOT and WHITESPACE: words, "phrases" and -exclusions, over several fields.

Every text is a valid query. The other operators of the language (``+ | * ~ ( )``) are not offered.
Sources: Lucene's SimpleQueryParser, OpenSearch's SimpleQueryStringQueryParser.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from local.search_server import errors
from local.search_server.index.fields import Field, Kind
from local.search_server.queries import full_text
from local.search_server.queries.boolean import combine
from local.search_server.queries.clause import Clause, QueryContext, boost_of, check_options, everything, nothing
from local.search_server.queries.full_text import best_field

_KNOWN = {"query", "fields", "default_operator", "flags", "boost"}
_NOT_OFFERED = {
    "analyze_wildcard", "analyzer", "auto_generate_synonyms_phrase_query", "fuzzy_max_expansions", "fuzzy_prefix_length",
    "fuzzy_transpositions", "lenient", "minimum_should_match", "quote_field_suffix",
}  # fmt: skip
_FLAGS = {"PHRASE", "NOT", "WHITESPACE"}
_FLAGS_NOT_OFFERED = {"ALL", "AND", "ESCAPE", "FUZZY", "NEAR", "NONE", "OR", "PRECEDENCE", "PREFIX", "SLOP"}
# Minus signs, then a closed phrase, a word, or an ignored character: white space, or a quotation mark that is never closed.
_PART = re.compile(r'(?P<minus>-*+)(?:"(?P<phrase>[^"]*)"|(?P<word>[^" \t\n\r]+)|[" \t\n\r])')


def simple_query_string(body: Any, context: QueryContext) -> Clause:
    if not isinstance(body, dict):
        raise errors.parsing("[simple_query_string] query malformed, no start_object after query name")
    check_options(body, "simple_query_string", _KNOWN, _NOT_OFFERED)
    if body.get("query") is None:
        raise errors.parsing("[simple_query_string] query text missing")
    operator = str(body.get("default_operator", "or")).lower()
    if operator not in ("or", "and"):
        raise errors.illegal_argument(f"No enum constant org.opensearch.index.query.Operator.{operator.upper()}")
    _check_flags(body.get("flags", "ALL"))
    weighted = full_text.weighted_fields(body.get("fields"), "simple_query_string")
    text = str(body["query"])
    if text.strip() == "*":
        return everything(boost_of(body, "simple_query_string"))
    return _joined(_clauses(text, context, weighted, operator), operator).boosted(boost_of(body, "simple_query_string"))


def _check_flags(flags: Any) -> None:
    names = {name.strip().upper() for name in flags.split("|")} if isinstance(flags, str) else set()
    if unknown := names - _FLAGS - _FLAGS_NOT_OFFERED:
        raise errors.illegal_argument(f"Unknown simple_query_string flag [{min(unknown)}]")
    if names != _FLAGS:
        raise errors.not_offered(f"[simple_query_string] with other [flags] than {'|'.join(sorted(_FLAGS))}")


def _clauses(text: str, context: QueryContext, weighted: list[tuple[str, float]], operator: str) -> list[Clause]:
    """Returns a clause for each word and each phrase, unless the analyzers remove all of its terms."""
    clauses = []
    for part in _PART.finditer(text):
        if part["phrase"]:
            clause = _phrase(part["phrase"], context, weighted)
        elif part["word"]:
            clause = _word(part["word"], context, weighted, operator)
        else:
            continue
        if clause is not None:
            excluded = len(part["minus"]) % 2 == 1
            clauses.append(combine([], [], [everything()], [clause], 1) if excluded else clause)
    return clauses


def _joined(clauses: list[Clause], operator: str) -> Clause:
    if not clauses:
        return nothing()
    if len(clauses) == 1:
        return clauses[0]
    return combine(clauses, [], [], [], 0) if operator == "and" else combine([], [], clauses, [], 1)


def _word(text: str, context: QueryContext, weighted: list[tuple[str, float]], operator: str) -> Clause | None:
    options = {"query": text, "operator": operator}
    return _over_fields(
        text, context, weighted, 1.0, lambda field: full_text.words(context, field, options, "simple_query_string")
    )


def _phrase(text: str, context: QueryContext, weighted: list[tuple[str, float]]) -> Clause | None:
    return _over_fields(
        text, context, weighted, 0.0, lambda field: full_text.phrase(context, field, {"query": text}, 0)
    )


def _over_fields(
    text: str, context: QueryContext, weighted: list[tuple[str, float]], tie: float, compiled: Callable[[Field], Clause]
) -> Clause | None:
    """Returns a clause over all fields, or None if the analyzers remove all terms of the text."""
    clauses = []
    for path, weight in weighted:
        field = context.field(path)
        if field is None:
            clauses.append(nothing())
        elif field.kind is not Kind.TEXT or full_text.analyzer_of(context, field, {}).terms(text):
            clauses.append(compiled(field).boosted(weight))
    return best_field(clauses, tie) if clauses else None
