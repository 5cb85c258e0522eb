"""Highlighting, as by OpenSearch's unified highlighter: marks what the query matched, in passages of the text."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local.search_server import errors
from local.search_server.analysis.analysis import Analyzer, TermSpan
from local.search_server.index import fields
from local.search_server.index.fields import Family, Field
from local.search_server.index.mappings import Mapping
from local.search_server.queries.term_matchers import FieldMatcher, PhraseMatcher
from local.search_server.search.passages import VALUE_SEPARATOR, Passage, leading_passage, passages_around

MAX_ANALYZED = 1_000_000  # characters, index.highlight.max_analyzed_offset
_TRIMMED = "".join(map(chr, range(33)))  # characters removed by Java's trim

_KNOWN = {
    "pre_tags", "post_tags", "fragment_size", "number_of_fragments", "no_match_size", "require_field_match", "encoder",
    "max_analyzer_offset", "type",
}  # fmt: skip
_NOT_OFFERED = {
    "boundary_chars", "boundary_max_scan", "boundary_scanner", "boundary_scanner_locale", "force_source", "fragment_offset",
    "fragmenter", "highlight_query", "matched_fields", "options", "order", "phrase_limit", "tags_schema",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class HighlightOptions:
    """Options of one field; sizes are in characters."""

    path: str
    pre_tag: str
    post_tag: str
    fragment_size: int
    number_of_fragments: int
    no_match_size: int
    require_field_match: bool
    escape_html: bool
    max_analyzed: int | None


def parse(body: Any) -> list[HighlightOptions]:
    """Parses the ``highlight`` of a search. Raises SearchError."""
    if not isinstance(body, dict):
        raise errors.parsing("Unknown key for a VALUE in [highlight].")
    _check(body, _KNOWN | {"fields"})
    listed = body.get("fields", {})
    pairs = [pair for each in (listed if isinstance(listed, list) else [listed]) for pair in each.items()]
    highlighted = []
    for path, own in pairs:
        if "*" in path:
            raise errors.not_offered("a pattern in the fields of a highlight")
        _check(own, _KNOWN)
        highlighted.append(_options(path, {**{key: value for key, value in body.items() if key != "fields"}, **own}))
    return highlighted


def _check(options: dict[str, Any], known: set[str]) -> None:
    for name in options:
        if name in _NOT_OFFERED:
            raise errors.not_offered(f"[{name}] of a highlight")
        if name not in known:
            raise errors.unknown_field("highlight", name)


def _options(path: str, options: dict[str, Any]) -> HighlightOptions:
    if options.get("type", "unified") != "unified":
        raise errors.not_offered(f"a highlighter of type [{options['type']}]")
    if options.get("encoder", "default") not in ("default", "html"):
        raise errors.illegal_argument("unknown [encoder] of a highlight")
    analyzed = options.get("max_analyzer_offset")
    return HighlightOptions(
        path,
        _tag(options.get("pre_tags", "<em>")),
        _tag(options.get("post_tags", "</em>")),
        _size(options, "fragment_size", 100),
        _size(options, "number_of_fragments", 5),
        _size(options, "no_match_size", 0),
        options.get("require_field_match", True) in (True, "true"),
        options.get("encoder") == "html",
        _size(options, "max_analyzer_offset", 0) if analyzed is not None else None,
    )


def _tag(tags: Any) -> str:
    return str(tags[0] if isinstance(tags, list) and tags else tags)


def _size(options: dict[str, Any], name: str, default: int) -> int:
    value = options.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise errors.illegal_argument(f"[{name}] of a highlight must be a number of at least 0")
    return value


def highlight(
    highlighted: list[HighlightOptions],
    matchers: tuple[FieldMatcher, ...],
    mapping: Mapping,
    source: dict[str, Any],
    document_id: str,
    index_name: str,
) -> dict[str, list[str]]:
    """Returns the fragments of each field that has any. Raises SearchError for a text too long to be analyzed."""
    found = {}
    for options in highlighted:
        target = mapping.fields.get(options.path)
        if target is None or target.family not in (Family.TEXT, Family.KEYWORD):
            continue
        values = [fields.as_text(value) for value in _values(source, target.source.split("."))]
        content = VALUE_SEPARATOR.join(values)
        if len(content) > MAX_ANALYZED and options.max_analyzed is None:
            raise errors.query_failed(
                f"The length of [{options.path}] field of [{document_id}] doc of [{index_name}] index has exceeded [{MAX_ANALYZED}]"
                " - maximum allowed to be analyzed for highlighting. This maximum can be set by changing the"
                " [index.highlight.max_analyzed_offset] index level setting. For large texts, indexing with offsets or term"
                " vectors is recommended!",
                "illegal_argument_exception",
            )
        chosen = [each for each in matchers if each.field == options.path or not options.require_field_match]
        if fragments := _fragments(options, target, chosen, mapping, content):
            found[options.path] = fragments
    return found


def _values(node: Any, path: list[str]) -> Iterable[Any]:
    if isinstance(node, list):
        for each in node:
            yield from _values(each, path)
    elif not path:
        if node is not None:
            yield node
    elif isinstance(node, dict):
        for length in range(1, len(path) + 1):
            if (key := ".".join(path[:length])) in node:
                yield from _values(node[key], path[length:])


def _fragments(
    options: HighlightOptions, target: Field, matchers: list[FieldMatcher], mapping: Mapping, content: str
) -> list[str]:
    if not content:
        return []
    if target.family is Family.TEXT:
        matches = _matches(mapping.analysis.analyzers[target.analyzer], content, matchers, options.max_analyzed)
    else:
        matches = _whole_values(target, mapping, content, matchers)
    cutting = options.number_of_fragments and target.family is Family.TEXT
    most = options.number_of_fragments or 2**31
    if matches:
        passages = passages_around(content, matches, options.fragment_size if cutting else None, most)
    elif options.no_match_size:
        passages = [leading_passage(content, options.no_match_size)]
    else:
        return []
    texts = (_format(content, passage, options) for passage in passages)
    return [text for text in texts if text]


def _whole_values(target: Field, mapping: Mapping, content: str, matchers: list[FieldMatcher]) -> list[TermSpan]:
    spans, start = [], 0
    normal = mapping.analysis.normalizers.get(target.normalizer)
    for position, value in enumerate(content.split(VALUE_SEPARATOR)):
        term = normal.indexed(value) if normal else value
        if value and any(
            not isinstance(each.matcher, PhraseMatcher) and each.matcher.matching({term}) for each in matchers
        ):
            spans.append(TermSpan(term, position, start, start + len(value)))
        start += len(value) + 1
    return spans


def _matches(analyzer: Analyzer, content: str, matchers: list[FieldMatcher], analyzed: int | None) -> list[TermSpan]:
    tests = [each.matcher for each in matchers if not isinstance(each.matcher, PhraseMatcher)]
    phrases = [each.matcher for each in matchers if isinstance(each.matcher, PhraseMatcher)]
    in_phrases = {word for phrase in phrases for _, word in phrase.words}
    lasts = [phrase.last[1] for phrase in phrases if phrase.last]

    def choose(terms: set[str]) -> set[str]:
        ends = {term for last in lasts for term in last.matching(terms)}
        return {term for test in tests for term in test.matching(terms)} | (in_phrases & terms) | ends

    spans = [
        span
        for span in analyzer.spans(content, choose, positions=bool(phrases))
        if analyzed is None or span.end <= analyzed
    ]
    alone = {term for test in tests for term in test.matching({span.term for span in spans})}
    matched = {span.position for span in spans if span.term in alone}
    by_position = {span.position: span for span in spans}
    for phrase in phrases:
        matched |= _phrase_positions(phrase, by_position)
    return [span for span in spans if span.position in matched]


def _phrase_positions(phrase: PhraseMatcher, spans: dict[int, TermSpan]) -> set[int]:
    found: set[int] = set()
    if phrase.slop and len(phrase.words) == 2:
        (_, first), (gap, second) = phrase.words
        seconds = [position for position, span in spans.items() if span.term == second]
        for position, span in spans.items():
            if span.term == first:
                for other in seconds:
                    if abs(other - position - gap) <= phrase.slop:
                        found |= {position, other}
        return found
    for start in spans:
        places = [start + offset for offset, _ in phrase.words]
        if all(
            place in spans and spans[place].term == word for place, (_, word) in zip(places, phrase.words, strict=True)
        ):
            if phrase.last is None:
                found |= set(places)
            elif (end := start + phrase.last[0]) in spans and phrase.last[1].matching({spans[end].term}):
                found |= {*places, end}
    return found


def _format(content: str, passage: Passage, options: HighlightOptions) -> str:
    def plain(begin: int, end: int) -> str:
        return html.escape(content[begin:end]).replace("/", "&#x2F;") if options.escape_html else content[begin:end]

    parts, at = [], passage.start
    for match in passage.matches:
        end = min(match.end, passage.end)
        parts += [plain(at, match.start), options.pre_tag, plain(match.start, end), options.post_tag]
        at = end
    parts.append(plain(at, max(at, passage.end)))
    return "".join(parts).strip(_TRIMMED)
