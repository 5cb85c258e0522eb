"""Highlighting, as OpenSearch's unified highlighter does it: what the query matched, marked in passages of its text."""

from __future__ import annotations

import html
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from local.search_server import errors
from local.search_server.analysis.analysis import Analyzer, Span
from local.search_server.index import fields
from local.search_server.index.fields import Family, Field
from local.search_server.index.mappings import Mapping
from local.search_server.queries.match_spans import Mark, Phrase
from local.search_server.search.passages import BETWEEN_VALUES, Passage, opening, passages_around

MOST_ANALYZED = 1_000_000  # characters, index.highlight.max_analyzed_offset
_TRIMMED = "".join(map(chr, range(33)))  # what Java's trim takes off

_KNOWN = {
    "pre_tags", "post_tags", "fragment_size", "number_of_fragments", "no_match_size", "require_field_match", "encoder",
    "max_analyzer_offset", "type",
}  # fmt: skip
_ELSEWHERE = {
    "boundary_chars", "boundary_max_scan", "boundary_scanner", "boundary_scanner_locale", "force_source", "fragment_offset",
    "fragmenter", "highlight_query", "matched_fields", "options", "order", "phrase_limit", "tags_schema",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wish:
    """How one field is to be highlighted; sizes in characters."""

    path: str
    before: str
    after: str
    fragment_size: int
    fragments: int
    no_match_size: int
    own_matches_only: bool
    escape: bool
    analyzed: int | None


def parse(body: Any) -> list[Wish]:
    """The ``highlight`` of a search. Raises SearchError."""
    if not isinstance(body, dict):
        raise errors.parsing("Unknown key for a VALUE in [highlight].")
    _check(body, _KNOWN | {"fields"})
    listed = body.get("fields", {})
    pairs = [pair for each in (listed if isinstance(listed, list) else [listed]) for pair in each.items()]
    wishes = []
    for path, own in pairs:
        if "*" in path:
            raise errors.not_offered("a pattern in the fields of a highlight")
        _check(own, _KNOWN)
        wishes.append(_wish(path, {**{key: value for key, value in body.items() if key != "fields"}, **own}))
    return wishes


def _check(options: dict[str, Any], known: set[str]) -> None:
    for name in options:
        if name in _ELSEWHERE:
            raise errors.not_offered(f"[{name}] of a highlight")
        if name not in known:
            raise errors.unknown_field("highlight", name)


def _wish(path: str, options: dict[str, Any]) -> Wish:
    if options.get("type", "unified") != "unified":
        raise errors.not_offered(f"a highlighter of type [{options['type']}]")
    if options.get("encoder", "default") not in ("default", "html"):
        raise errors.illegal_argument("unknown [encoder] of a highlight")
    analyzed = options.get("max_analyzer_offset")
    return Wish(
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
    wishes: list[Wish],
    marks: tuple[Mark, ...],
    mapping: Mapping,
    source: dict[str, Any],
    document_id: str,
    index_name: str,
) -> dict[str, list[str]]:
    """The fragments of each field that has some. Raises SearchError for a text too long to be analyzed."""
    found = {}
    for wish in wishes:
        target = mapping.fields.get(wish.path)
        if target is None or target.family not in (Family.TEXT, Family.WORD):
            continue
        values = [fields.as_text(value) for value in _values(source, target.source.split("."))]
        content = BETWEEN_VALUES.join(values)
        if len(content) > MOST_ANALYZED and wish.analyzed is None:
            raise errors.query_failed(
                f"The length of [{wish.path}] field of [{document_id}] doc of [{index_name}] index has exceeded [{MOST_ANALYZED}]"
                " - maximum allowed to be analyzed for highlighting. This maximum can be set by changing the"
                " [index.highlight.max_analyzed_offset] index level setting. For large texts, indexing with offsets or term"
                " vectors is recommended!",
                "illegal_argument_exception",
            )
        chosen = [mark for mark in marks if mark.field == wish.path or not wish.own_matches_only]
        if fragments := _fragments(wish, target, chosen, mapping, content):
            found[wish.path] = fragments
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


def _fragments(wish: Wish, target: Field, marks: list[Mark], mapping: Mapping, content: str) -> list[str]:
    if not content:
        return []
    if target.family is Family.TEXT:
        matches = _matches(mapping.analysis.analyzers[target.analyzer], content, marks, wish.analyzed)
    else:
        matches = _whole_values(target, mapping, content, marks)
    cutting = wish.fragments and target.family is Family.TEXT
    most = wish.fragments or 2**31
    if matches:
        passages = passages_around(content, matches, wish.fragment_size if cutting else None, most)
    elif wish.no_match_size:
        passages = [opening(content, wish.no_match_size)]
    else:
        return []
    texts = (_format(content, passage, wish) for passage in passages)
    return [text for text in texts if text]


def _whole_values(target: Field, mapping: Mapping, content: str, marks: list[Mark]) -> list[Span]:
    spans, start = [], 0
    normal = mapping.analysis.normalizers.get(target.normalizer)
    for position, value in enumerate(content.split(BETWEEN_VALUES)):
        term = normal.indexed(value) if normal else value
        if value and any(not isinstance(mark.what, Phrase) and mark.what.of({term}) for mark in marks):
            spans.append(Span(term, position, start, start + len(value)))
        start += len(value) + 1
    return spans


def _matches(analyzer: Analyzer, content: str, marks: list[Mark], analyzed: int | None) -> list[Span]:
    tests = [mark.what for mark in marks if not isinstance(mark.what, Phrase)]
    phrases = [mark.what for mark in marks if isinstance(mark.what, Phrase)]
    in_phrases = {word for phrase in phrases for _, word in phrase.words}
    lasts = [phrase.last[1] for phrase in phrases if phrase.last]

    def choose(terms: set[str]) -> set[str]:
        ends = {term for last in lasts for term in last.of(terms)}
        return {term for test in tests for term in test.of(terms)} | (in_phrases & terms) | ends

    spans = [
        span
        for span in analyzer.spans(content, choose, positions=bool(phrases))
        if analyzed is None or span.end <= analyzed
    ]
    alone = {term for test in tests for term in test.of({span.term for span in spans})}
    matched = {span.position for span in spans if span.term in alone}
    by_position = {span.position: span for span in spans}
    for phrase in phrases:
        matched |= _phrase_positions(phrase, by_position)
    return [span for span in spans if span.position in matched]


def _phrase_positions(phrase: Phrase, spans: dict[int, Span]) -> set[int]:
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
            elif (end := start + phrase.last[0]) in spans and phrase.last[1].of({spans[end].term}):
                found |= {*places, end}
    return found


def _format(content: str, passage: Passage, wish: Wish) -> str:
    def plain(begin: int, end: int) -> str:
        return html.escape(content[begin:end]).replace("/", "&#x2F;") if wish.escape else content[begin:end]

    parts, at = [], passage.start
    for match in passage.matches:
        end = min(match.end, passage.end)
        parts += [plain(at, match.start), wish.before, plain(match.start, end), wish.after]
        at = end
    parts.append(plain(at, max(at, passage.end)))
    return "".join(parts).strip(_TRIMMED)
