"""Queries on analyzed text: match, match_phrase, match_phrase_prefix, multi_match."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from local.search_server import errors
from local.search_server.analysis.analysis import Analyzer
from local.search_server.index import fields
from local.search_server.index.fields import Field, Kind
from local.search_server.queries.boolean import minimum_should_match
from local.search_server.queries.clause import (
    MUST,
    SHOULD,
    Clause,
    Q,
    QueryContext,
    boost_of,
    check_clauses,
    check_options,
    constant,
    everything,
    non_negative_integer,
    nothing,
    number,
    options_for,
)
from local.search_server.queries.term_level import exact_value
from local.search_server.queries.term_matchers import ExactTerms, FieldMatcher, FuzzyTerm, PhraseMatcher

MAX_EXPANSIONS = 50
_MATCH = {"query", "operator", "minimum_should_match", "fuzziness", "lenient", "zero_terms_query", "analyzer"}
_MATCH_NOT_OFFERED = {
    "auto_generate_synonyms_phrase_query", "cutoff_frequency", "fuzzy_rewrite", "fuzzy_transpositions", "max_expansions",
    "prefix_length",
}  # fmt: skip


def match(body: Any, context: QueryContext) -> Clause:
    path, options = options_for(body, "match", "query", _MATCH, _MATCH_NOT_OFFERED)
    return _match(path, options, context, "match").boosted(boost_of(options, "match"))


def _match(path: str, options: dict[str, Any], context: QueryContext, query: str) -> Clause:
    if options.get("query") is None:
        raise errors.parsing("No text specified for text query")
    field = context.field(path)
    return leniently(options, lambda: words(context, field, options, query)) if field else nothing()


def leniently(options: dict[str, Any], compiled: Callable[[], Clause]) -> Clause:
    try:
        return compiled()
    except errors.SearchError as error:
        if options.get("lenient") in (True, "true") and error.kind in ("query_shard_exception", "parse_exception"):
            return nothing()
        raise


def words(context: QueryContext, field: Field, options: dict[str, Any], query: str) -> Clause:
    """Returns a clause for the words of a text in any order, or for one value of a field that is not analyzed."""
    operator = str(options.get("operator", "or")).lower()
    if operator not in ("or", "and"):
        raise errors.illegal_argument(f"No enum constant org.opensearch.index.query.Operator.{operator.upper()}")
    if field.kind is not Kind.TEXT:
        if "fuzziness" in options:
            raise errors.not_offered(f"[fuzziness] on a field of type [{field.kind}]")
        return exact_value(context, field, options["query"])
    column = context.column(field)
    terms = [term for _, term in analyzer_of(context, field, options).terms(fields.as_text(options["query"]))]
    if not terms:
        zero = str(options.get("zero_terms_query", "none")).lower()
        if zero not in ("none", "all"):
            raise errors.parsing(f"Unsupported zero_terms_query value [{zero}]")
        return everything() if zero == "all" else nothing()
    if column is None:
        return nothing()
    check_clauses(len(terms))
    clauses = [_word(context, field, column, term, options) for term in terms]
    matchers = tuple(matcher for clause in clauses for matcher in clause.matchers)
    if len(clauses) == 1:
        return clauses[0]
    least = (
        minimum_should_match(options["minimum_should_match"], len(terms)) if "minimum_should_match" in options else 1
    )
    if operator == "and":
        return Clause(Q.boolean_query([(MUST, each.query) for each in clauses]), False, matchers)
    return Clause(
        Q.boolean_query([(SHOULD, each.query) for each in clauses], minimum_number_should_match=max(least, 1)),
        False,
        matchers,
    )


def _word(context: QueryContext, field: Field, column: str, term: str, options: dict[str, Any]) -> Clause:
    edits = _max_edits(options.get("fuzziness", 0), term)
    if not edits:
        return Clause(
            context.text_term(field, column, term), False, (FieldMatcher(field.path, ExactTerms(frozenset([term]))),)
        )
    return fuzzy_word(context, field, column, term, edits)


def fuzzy_word(context: QueryContext, field: Field, column: str, term: str, edits: int) -> Clause:
    """Returns a clause for terms within ``edits``. The term itself scores as usual; similar terms add a constant."""
    like = Q.fuzzy_term_query(context.snapshot.schema, column, term, edits, True)
    both = [(SHOULD, constant(like).query), (SHOULD, context.text_term(field, column, term))]
    return Clause(Q.boolean_query(both), False, (FieldMatcher(field.path, FuzzyTerm(term, edits)),))


def _max_edits(fuzziness: Any, term: str) -> int:
    """Parses ``fuzziness``. AUTO means AUTO:3,6 (OpenSearch's Fuzziness)."""
    text = str(fuzziness).upper()
    if text.startswith("AUTO"):
        try:
            low, high = map(int, text.partition(":")[2].split(",")) if ":" in text else (3, 6)
        except ValueError:
            raise errors.parsing(f"failed to find low and high distance values from [{fuzziness}]") from None
        return 0 if len(term) < low else 1 if len(term) < high else 2
    try:
        edits = int(float(text))
    except ValueError:
        edits = -1
    if edits not in (0, 1, 2):
        raise errors.illegal_argument(f"Valid edit distances are [0, 1, 2] but was [{fuzziness}]")
    return edits


def match_phrase(body: Any, context: QueryContext) -> Clause:
    path, options = options_for(body, "match_phrase", "query", {"query", "slop", "zero_terms_query", "analyzer"}, set())
    return _match_phrase(path, options, context).boosted(boost_of(options, "match_phrase"))


def _match_phrase(path: str, options: dict[str, Any], context: QueryContext) -> Clause:
    if options.get("query") is None:
        raise errors.parsing("No text specified for text query")
    field = context.field(path)
    if field is None:
        return nothing()
    return leniently(
        options,
        lambda: phrase(context, field, options, non_negative_integer(options.get("slop", 0), "slop", "match_phrase")),
    )


def phrase(context: QueryContext, field: Field, options: dict[str, Any], slop: int) -> Clause:
    if field.kind is not Kind.TEXT:
        return exact_value(context, field, options["query"])
    column = context.column(field)
    terms = analyzer_of(context, field, options).terms(fields.as_text(options["query"]))
    if column is None or len(terms) < 2:
        return words(context, field, {key: value for key, value in options.items() if key != "slop"}, "match_phrase")
    if slop and (len(terms) > 2 or terms[0][1] == terms[1][1]):
        raise errors.not_offered("[slop] in a phrase of more than two different words")
    placed = [(position - terms[0][0], term) for position, term in terms]
    return Clause(
        context.text_phrase(field, column, placed, slop),
        False,
        (FieldMatcher(field.path, PhraseMatcher(tuple(placed), slop)),),
    )


def match_phrase_prefix(body: Any, context: QueryContext) -> Clause:
    known = {"query", "max_expansions", "zero_terms_query", "analyzer"}
    path, options = options_for(body, "match_phrase_prefix", "query", known, {"slop"})
    return _phrase_prefix(path, options, context).boosted(boost_of(options, "match_phrase_prefix"))


def _phrase_prefix(path: str, options: dict[str, Any], context: QueryContext) -> Clause:
    if options.get("query") is None:
        raise errors.parsing("No text specified for text query")
    field = context.field(path)
    return leniently(options, lambda: phrase_prefix(context, field, options)) if field else nothing()


def phrase_prefix(context: QueryContext, field: Field, options: dict[str, Any]) -> Clause:
    """Returns a clause for a phrase whose last word is a prefix: of the first 50 terms with this prefix, as in Lucene.

    Lucene weighs these terms together. Here a text with several of them scores a little less.
    """
    if field.kind is not Kind.TEXT:
        raise errors.query_failed(
            f"failed to create query: Can only use phrase prefix queries on text fields - not on [{field.path}] which is of"
            f" type [{field.kind}]"
        )
    column = context.column(field)
    terms = analyzer_of(context, field, options).terms(fields.as_text(options["query"]))
    if column is None or not terms:
        return nothing()
    first = terms[0][0]
    *before, (last_position, beginning) = [(position - first, term) for position, term in terms]
    most = non_negative_integer(options.get("max_expansions", MAX_EXPANSIONS), "max_expansions", "match_phrase_prefix")
    endings = [term for term, _ in context.snapshot.searcher.terms_with_prefix(column, beginning, limit=most)]
    if not endings:
        return nothing()
    if not before:
        alone = Q.boolean_query([(SHOULD, context.text_term(field, column, ending)) for ending in endings])
        return Clause(alone, False, (FieldMatcher(field.path, ExactTerms(frozenset(endings))),))
    every = [*(term for _, term in before), *endings]
    weight = sum(context.idf(field, column, term) for term in every) if context.scored else 0.0
    parts = []
    for ending in endings:
        phrase_words = [*before, (last_position, ending)]
        own = sum(context.idf(field, column, term) for _, term in phrase_words) if context.scored else 0.0
        query = context.text_phrase(field, column, phrase_words, 0)
        parts.append(Q.boost_query(query, weight / own) if own else query)
    matcher = FieldMatcher(field.path, PhraseMatcher(tuple(before), 0, (last_position, ExactTerms(frozenset(endings)))))
    return Clause(Q.disjunction_max_query(parts, 0.0), False, (matcher,))


_MULTI = {*_MATCH, "fields", "type", "tie_breaker", "slop"}


def multi_match(body: Any, context: QueryContext) -> Clause:
    if not isinstance(body, dict):
        raise errors.parsing("[multi_match] query malformed, no start_object after query name")
    check_options(body, "multi_match", _MULTI | {"boost"}, _MATCH_NOT_OFFERED)
    if body.get("query") is None:
        raise errors.parsing("No text specified for multi_match query")
    weighted = weighted_fields(body.get("fields"), "multi_match")
    kind = str(body.get("type", "best_fields")).lower()
    if kind in ("cross_fields", "bool_prefix"):
        raise errors.not_offered(f"[multi_match] of type [{kind}]")
    if kind not in ("best_fields", "most_fields", "phrase", "phrase_prefix"):
        raise errors.SearchError(
            400, "parse_exception", f"failed to parse [multi_match] query type [{kind}]. unknown type."
        )
    if "slop" in body and kind != "phrase":
        raise errors.not_offered(f"[slop] with [multi_match] of type [{kind}]")
    if kind.startswith("phrase") and {"fuzziness", "minimum_should_match"} & set(body):
        raise errors.not_offered(f"these options with [multi_match] of type [{kind}]")
    options = {name: value for name, value in body.items() if name not in ("fields", "type", "tie_breaker", "boost")}
    each = {"phrase": _match_phrase, "phrase_prefix": _phrase_prefix}.get(
        kind, lambda p, o, s: _match(p, o, s, "multi_match")
    )
    clauses = [each(path, options, context).boosted(weight) for path, weight in weighted]
    tie = number(body.get("tie_breaker", 1 if kind == "most_fields" else 0), "tie_breaker", "multi_match")
    return best_field(clauses, tie).boosted(boost_of(body, "multi_match"))


def best_field(clauses: list[Clause], tie: float) -> Clause:
    """Returns a clause with the best score of several, plus ``tie`` times the other scores."""
    if len(clauses) == 1:
        return clauses[0]
    matchers = tuple(matcher for clause in clauses for matcher in clause.matchers)
    return Clause(Q.disjunction_max_query([clause.query for clause in clauses], tie), False, matchers)


def weighted_fields(listed: Any, query: str) -> list[tuple[str, float]]:
    """Parses ``["title^2", "text"]`` to paths and weights."""
    if isinstance(listed, str):
        listed = [listed]
    if not listed:
        raise errors.not_offered(f"[{query}] without [fields]")
    if not isinstance(listed, list):
        raise errors.parsing(f"[{query}] query does not support [fields] of this form")
    weighted = []
    for each in listed:
        path, _, weight = str(each).partition("^")
        if "*" in path:
            raise errors.not_offered(f"a pattern in the [fields] of [{query}]")
        weighted.append((path, number(weight or 1, "boost", query)))
    return weighted


def analyzer_of(context: QueryContext, field: Field, options: dict[str, Any]) -> Analyzer:
    name = options.get("analyzer", field.search_analyzer)
    if name not in context.mapping.analysis.analyzers:
        raise errors.query_failed(f"[match] analyzer [{name}] not found")
    return context.mapping.analysis.analyzers[name]
