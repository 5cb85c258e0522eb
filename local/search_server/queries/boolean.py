"""Queries made of other queries: bool and constant_score."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from local.search_server import errors
from local.search_server.queries.clause import (
    MUST,
    MUST_NOT,
    SHOULD,
    Clause,
    Q,
    QueryContext,
    boost_of,
    check_clauses,
    check_options,
    constant,
    everything,
)

_OCCURS = ("must", "filter", "should", "must_not")  # each a query or a list of them


def boolean(body: Any, context: QueryContext) -> Clause:
    if not isinstance(body, dict):
        raise errors.parsing("[bool] query malformed, no start_object after query name")
    for name in body:
        if name in ("adjust_pure_negative", "_name"):
            raise errors.not_offered(f"[{name}] of the [bool] query")
        if name not in (*_OCCURS, "minimum_should_match", "boost"):
            raise errors.unknown_field("bool", name)
    contexts = {"must": context, "filter": context.unscored(), "should": context, "must_not": context.unscored()}
    musts, filters, shoulds, must_nots = (
        [each_context.compile(each, each_context) for each in _listed(body.get(name, []))]
        for name, each_context in contexts.items()
    )
    required = bool(musts or filters)
    least = (
        minimum_should_match(body["minimum_should_match"], len(shoulds))
        if "minimum_should_match" in body
        else int(not required)
    )
    return combine(musts, filters, shoulds, must_nots, least).boosted(boost_of(body, "bool"))


def _listed(part: Any) -> list[Any]:
    return part if isinstance(part, list) else [part]


def combine(
    musts: list[Clause], filters: list[Clause], shoulds: list[Clause], must_nots: list[Clause], least: int
) -> Clause:
    """Combines clauses as Lucene's BooleanQuery: at least one optional clause must match if none is required."""
    if not (musts or filters or shoulds):
        if not must_nots:
            return everything()
        filters, least = [everything()], 0
    check_clauses(len(musts) + len(filters) + len(shoulds) + len(must_nots))
    if shoulds and not (musts or filters):
        least = max(least, 1)
    parts = [(MUST, each.query) for each in musts]
    parts += [(MUST, each.filtering()) for each in filters]
    parts += [(SHOULD, each.query) for each in shoulds]
    parts += [(MUST_NOT, each.query) for each in must_nots]
    query = Q.boolean_query(parts, minimum_number_should_match=least) if least > 0 else Q.boolean_query(parts)
    matchers = tuple(matcher for each in (*musts, *filters, *shoulds) for matcher in each.matchers)
    return Clause(
        query, all(each.constant for each in musts) and (not shoulds or _all_needed(shoulds, least)), matchers
    )


def _all_needed(shoulds: list[Clause], least: int) -> bool:
    return least >= len(shoulds) and all(each.constant for each in shoulds)


def constant_score(body: Any, context: QueryContext) -> Clause:
    if not isinstance(body, dict):
        raise errors.parsing("[constant_score] query malformed, no start_object after query name")
    check_options(body, "constant_score", {"filter", "boost"}, set())
    if "filter" not in body:
        raise errors.parsing("[constant_score] requires a 'filter' element")
    inner = context.compile(body["filter"], context.unscored())
    return replace(constant(inner.query, boost_of(body, "constant_score")), matchers=inner.matchers)


def minimum_should_match(spec: Any, optional: int) -> int:
    """Returns how many of ``optional`` clauses must match. Forms: ``2``, ``-1``, ``75%``, ``-25%``, ``3<90%``, ``2<-25% 9<-3``.

    Source: OpenSearch's Queries.calculateMinShouldMatch.
    """
    text = str(spec).strip()
    if "<" in text:
        result = optional
        for part in re.sub(r"\s*<\s*", "<", text).split():
            bound, _, rule = part.partition("<")
            if optional <= _integer(bound, text):
                return result
            result = minimum_should_match(rule, optional)
        return result
    if text.endswith("%"):
        percent = _integer(text[:-1], text)
        count = int(optional * abs(percent) / 100)
        wanted = optional - count if percent < 0 else count
    else:
        count = _integer(text, text)
        wanted = optional + count if count < 0 else count
    return max(0, min(wanted, 2**31 - 1))


def _integer(text: str, spec: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise errors.query_failed(f'failed to create query: For input string: "{spec}"') from None
