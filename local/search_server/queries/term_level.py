"""Queries on exact values: term, terms, ids, exists, range, prefix, wildcard, match_all, match_none."""

from __future__ import annotations

import re
from typing import Any

import tantivy

from local.search_server import errors
from local.search_server.index import dates, fields
from local.search_server.index.fields import Family, Field, Kind, Value
from local.search_server.index.lengths import FILLER
from local.search_server.index.text_index import ID, PRESENT
from local.search_server.queries.clause import (
    MUST,
    MUST_NOT,
    Clause,
    Q,
    QueryContext,
    boost_of,
    check_options,
    constant,
    everything,
    nothing,
    options_for,
)
from local.search_server.queries.term_matchers import ExactTerms, FieldMatcher, TermPattern

MAX_TERMS = 65_536  # index.max_terms_count
_ANY = r"(?s:.)"


def match_all(body: Any, context: QueryContext) -> Clause:
    _only_boost(body, "match_all")
    return everything(boost_of(body, "match_all"))


def match_none(body: Any, context: QueryContext) -> Clause:
    _only_boost(body, "match_none")
    return nothing()


def _only_boost(body: Any, query: str) -> None:
    if not isinstance(body, dict):
        raise errors.parsing(f"[{query}] query malformed, no start_object after query name")
    for name in body:
        if name == "_name":
            raise errors.not_offered(f"[{name}] of the [{query}] query")
        if name != "boost":
            raise errors.unknown_field(query, name)


def term(body: Any, context: QueryContext) -> Clause:
    path, options = options_for(body, "term", "value", set(), {"case_insensitive"})
    if "value" not in options or options["value"] is None:
        raise errors.illegal_argument("value cannot be null")
    field = context.field(path)
    return exact_value(context, field, options["value"]).boosted(boost_of(options, "term")) if field else nothing()


def exact_value(context: QueryContext, field: Field, value: Any) -> Clause:
    """Returns a clause for one value, which is not analyzed."""
    column, wanted = context.column(field), value_for(field, value, context)
    if column is None or wanted is None:
        return nothing()
    if field.kind is Kind.TEXT:
        return Clause(
            context.text_term(field, column, str(wanted)),
            False,
            (FieldMatcher(field.path, ExactTerms(frozenset([str(wanted)]))),),
        )
    matchers = (
        (FieldMatcher(field.path, ExactTerms(frozenset([str(wanted)]))),) if field.family is Family.KEYWORD else ()
    )
    query = Q.term_query(context.snapshot.schema, column, wanted)
    return constant(query, context.keyword_score(field, column, wanted), matchers)


def terms(body: Any, context: QueryContext) -> Clause:
    if not isinstance(body, dict):
        raise errors.parsing("[terms] query malformed, no start_object after query name")
    values = {name: value for name, value in body.items() if name != "boost"}
    for name, value in values.items():
        if name in ("_name", "value_type"):
            raise errors.not_offered(f"[{name}] of the [terms] query")
        if isinstance(value, dict):
            raise errors.not_offered("a terms lookup")
        if not isinstance(value, list):
            raise errors.parsing(f"[terms] query does not support [{name}]")
    if len(values) > 1:
        raise errors.parsing("[terms] query does not support multiple fields")
    if not values:
        raise errors.parsing(
            "[terms] query requires a field name, followed by array of terms or a document lookup specification"
        )
    ((path, listed),) = values.items()
    if len(listed) > MAX_TERMS:
        raise errors.query_failed(
            f"The number of terms [{len(listed)}] used in the Terms Query request has exceeded the allowed maximum of"
            f" [{MAX_TERMS}]. This maximum can be set by changing the [index.max_terms_count] index level setting.",
            "illegal_argument_exception",
        )
    field = context.field(path)
    if field is None:
        return nothing()
    wanted = {
        each for each in (value_for(field, value, context) for value in listed if value is not None) if each is not None
    }
    column = context.column(field)
    if column is None or not wanted:
        return nothing()
    words = field.family in (Family.TEXT, Family.KEYWORD)
    matchers = (FieldMatcher(path, ExactTerms(frozenset(map(str, wanted)))),) if words else ()
    query = Q.term_set_query(context.snapshot.schema, column, sorted(wanted))
    return constant(query, boost_of(body, "terms"), matchers)


def ids(body: Any, context: QueryContext) -> Clause:
    if not isinstance(body, dict) or not isinstance(body.get("values"), list):
        raise errors.parsing("[ids] query requires [values]")
    check_options(body, "ids", {"values", "boost"}, set())
    wanted = sorted({fields.as_text(value) for value in body["values"]})
    if not wanted:
        return nothing()
    return constant(Q.term_set_query(context.snapshot.schema, ID, wanted), boost_of(body, "ids"))


def exists(body: Any, context: QueryContext) -> Clause:
    if not isinstance(body, dict) or not isinstance(body.get("field"), str):
        raise errors.parsing("[exists] must be provided with a [field]")
    check_options(body, "exists", {"field", "boost"}, set())
    path = body["field"]
    if "*" in path or path.startswith("_"):
        raise errors.not_offered(f"[exists] on [{path}]")
    return constant(field_exists(context, path), boost_of(body, "exists"))


def field_exists(context: QueryContext, path: str) -> tantivy.Query:
    return Q.term_query(context.snapshot.schema, PRESENT, path)


def range_(body: Any, context: QueryContext) -> Clause:
    not_offered = {"format", "time_zone", "relation", "from", "to", "include_lower", "include_upper"}
    path, options = options_for(body, "range", "gte", {"gte", "gt", "lte", "lt"}, not_offered)
    if not isinstance(body[path], dict):
        raise errors.parsing("[range] query malformed, no start_object after query name")
    field = context.field(path)
    if field is None:
        return nothing()
    if field.family in (Family.TEXT, Family.KEYWORD):
        raise errors.not_offered(f"a [range] on a field of type [{field.kind}]")
    column = context.column(field)
    lower, upper = _bound(field, options, "gte", "gt", context), _bound(field, options, "lte", "lt", context)
    if column is None:
        return nothing()
    if lower is None and upper is None:
        return constant(field_exists(context, path), boost_of(options, "range"))
    kind = tantivy.FieldType.Float if field.family is Family.FLOAT else tantivy.FieldType.Integer
    query = Q.range_query(
        context.snapshot.schema,
        column,
        kind,
        lower,
        upper,
        lower is None or "gt" not in options,
        upper is None or "lt" not in options,
    )
    return constant(query, boost_of(options, "range"))


def _bound(
    field: Field, options: dict[str, Any], inclusive: str, exclusive: str, context: QueryContext
) -> int | float | None:
    name = inclusive if options.get(inclusive) is not None else exclusive
    value = options.get(name)
    if value is None:
        return None
    if field.kind is Kind.DATE:
        try:
            return dates.evaluate(value, context.now, round_up=name in ("gt", "lte"))
        except dates.NotADate as error:
            raise bad_date(value) from error
    if field.family is Family.INTEGER and field.kind is not Kind.BOOLEAN:
        return _integer_bound(value, rounds_up=name in ("gte", "lt"))
    bound = value_for(field, value, context)
    if bound is None:
        return None
    assert not isinstance(bound, str)
    return bound


def _integer_bound(value: Any, *, rounds_up: bool) -> int:
    """Rounds a bound of whole numbers: ≥ 3.2 becomes ≥ 4, > 3.2 becomes > 3."""
    try:
        number = float(value) if not isinstance(value, int) else value
        whole = int(number)
    except (TypeError, ValueError, OverflowError):
        raise errors.query_failed(f'failed to create query: For input string: "{value}"') from None
    if whole != number:
        whole = int(number // 1) + rounds_up
    return max(-(2**63), min(2**63 - 1, whole))


def prefix(body: Any, context: QueryContext) -> Clause:
    path, options = options_for(body, "prefix", "value", {"case_insensitive"}, {"rewrite"})
    if "value" not in options:
        raise errors.illegal_argument("value cannot be null")
    field = context.field(path)
    if field is None:
        return nothing()
    _require_text_or_keyword(field, "prefix")
    insensitive = _flag(options, "case_insensitive")
    pattern = escaped(_normalized(field, str(options["value"]), context), insensitive) + _ANY + "*"
    return terms_matching(context, field, pattern).boosted(boost_of(options, "prefix"))


def wildcard(body: Any, context: QueryContext) -> Clause:
    path, options = options_for(body, "wildcard", "value", {"case_insensitive", "wildcard"}, {"rewrite"})
    value = options.get("value", options.get("wildcard"))
    if value is None:
        raise errors.illegal_argument("value cannot be null")
    field = context.field(path)
    if field is None:
        return nothing()
    _require_text_or_keyword(field, "wildcard")
    insensitive = _flag(options, "case_insensitive")
    signs = re.findall(r"\\.|.", str(value), re.DOTALL)
    parts = [
        _ANY + "*"
        if sign == "*"
        else _ANY
        if sign == "?"
        else escaped(_normalized(field, sign[-1], context), insensitive)
        for sign in signs
    ]
    return terms_matching(context, field, "".join(parts)).boosted(boost_of(options, "wildcard"))


def terms_matching(context: QueryContext, field: Field, pattern: str) -> Clause:
    """Returns a clause for all documents with a term that matches the pattern; the score is 1."""
    column = context.column(field)
    if column is None:
        return nothing()
    matchers = (FieldMatcher(field.path, TermPattern(re.compile(pattern))),)
    query = Q.regex_query(context.snapshot.schema, column, pattern)
    if field.kind is Kind.TEXT:
        filler = Q.term_query(context.snapshot.schema, column, FILLER)
        query = Q.boolean_query([(MUST, query), (MUST_NOT, filler)])
    return constant(query, 1.0, matchers)


def escaped(text: str, case_insensitive: bool = False) -> str:
    """Escapes text for a regular expression of tantivy and of Python. Only ASCII letters ignore case, as in Lucene."""
    return "".join(
        f"[{char.lower()}{char.upper()}]"
        if case_insensitive and char.isascii() and char.isalpha()
        else "\\" + char
        if char in r"\.+*?()|[]{}^$#&-~"
        else char
        for char in text
    )


def _require_text_or_keyword(field: Field, query: str) -> None:
    if field.family not in (Family.TEXT, Family.KEYWORD):
        raise errors.query_failed(
            f"Can only use {query} queries on keyword and text fields - not on [{field.path}] which is of type [{field.kind}]"
        )


def _normalized(field: Field, text: str, context: QueryContext) -> str:
    return context.mapping.analysis.normalizers[field.normalizer].normalized(text) if field.normalizer else text


def _flag(options: dict[str, Any], name: str) -> bool:
    value = options.get(name, False)
    if value not in (True, False, "true", "false"):
        raise errors.parsing(f"Failed to parse value [{value}] as only [true] or [false] are allowed.")
    return value in (True, "true")


def value_for(field: Field, value: Any, context: QueryContext) -> Value | None:
    """Parses a value of a query to the indexed form. Returns None for a value that no document can have."""
    if isinstance(value, dict | list):
        raise errors.parsing(
            f"unexpected {'object' if isinstance(value, dict) else 'array'} as a value of [{field.path}]"
        )
    if field.kind is Kind.DATE:
        try:
            return dates.evaluate(value, context.now)
        except dates.NotADate as error:
            raise bad_date(value) from error
    if field.kind is Kind.KEYWORD and field.normalizer:
        return context.mapping.analysis.normalizers[field.normalizer].indexed(fields.as_text(value))
    if field.family is Family.INTEGER and isinstance(value, float) and value != int(value):
        return None
    try:
        return fields.parse(field, value)
    except ValueError as error:
        if "out of range" in str(error):
            return None
        raise errors.query_failed(f"failed to create query: {error}") from error


def bad_date(value: Any) -> errors.SearchError:
    form = "strict_date_optional_time||epoch_millis"
    reason = f"failed to parse date field [{value}] with format [{form}]"
    return errors.query_failed(f"{reason}: [{reason}]", "parse_exception")
