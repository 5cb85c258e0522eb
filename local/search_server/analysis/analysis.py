"""Analyzers: they turn text into terms with positions, exactly as Lucene's analyzers do.

No word contains white space, and the terms of a word do not depend on the words around it. The terms of each piece between spaces
are therefore computed once and cached. The index receives the finished terms joined by ``SEPARATOR``. ``GAP`` stands where a filter
removed a term, so that the positions of the others do not change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import tantivy

from local.search_server import errors
from local.search_server.analysis import porter
from local.search_server.analysis.word_breaks import word_pattern

SEPARATOR, GAP = "\x1f", "\x1e"
_CACHE_SIZE = 200_000  # pieces of text; the cache is emptied when it is full
_MAX_CACHED_LENGTH = 48  # characters of a piece of text
_MAX_TOKEN_LENGTH = 255  # characters; Lucene's StandardTokenizer splits longer ones

ENGLISH_STOP_WORDS = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "if",
        "in",
        "into",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
        "with",
    ]
)


def _lower(token: str) -> str:
    if token.isascii():
        return token.lower()
    return "".join(map(_lower_letter, token))


def _lower_letter(letter: str) -> str:
    """Lower case of one code point by itself, as in Java: no final sigma, and always one letter for one letter."""
    return "i" if letter == "İ" else letter.lower()


def _possessive(token: str) -> str:
    return token[:-2] if len(token) >= 2 and token[-1] in "sS" and token[-2] in "'’＇" else token


def _ascii_folding() -> Callable[[str], str]:
    folding = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw()).filter(tantivy.Filter.ascii_fold()).build()
    return lambda token: folding.analyze(token)[0] if token else token


@dataclass(frozen=True, slots=True)
class TokenFilter:
    """Token filter; ``apply`` returns "" to remove a token. ``normalizes``: it applies to prefixes and fuzzy terms too."""

    apply: Callable[[str], str]
    normalizes: bool = False


LOWER, POSSESSIVE, STEM = TokenFilter(_lower, normalizes=True), TokenFilter(_possessive), TokenFilter(porter.stem)


def _stop_filter(words: frozenset[str]) -> TokenFilter:
    return TokenFilter(lambda token: "" if token in words else token)


@dataclass(frozen=True, slots=True)
class TermSpan:
    """A term and its place: ``position`` counts terms, ``start`` and ``end`` count characters of the text."""

    term: str
    position: int
    start: int
    end: int


_PieceOccurrence = tuple[str, int, int]  # a piece of text, its offset, and the position of its first term


def _occurrences(pieces: set[str], text: str) -> list[_PieceOccurrence]:
    found = []
    for piece in pieces:
        at = text.find(piece)
        while at >= 0:
            end = at + len(piece)
            if (at == 0 or text[at - 1].isspace()) and (end == len(text) or text[end].isspace()):
                found.append((piece, at, 0))
            at = text.find(piece, end)
    return sorted(found, key=lambda place: place[1])


class Analyzer:
    """A tokenizer and its token filters. Without ``splits`` the whole text is one token."""

    def __init__(
        self, filters: tuple[TokenFilter, ...], *, splits: bool = True, replaced: dict[int, str] | None = None
    ) -> None:
        """``replaced``: code point → the one character that is read in its place."""
        self._filters, self._splits, self._replaced = filters, splits, replaced or {}
        tokenizer = tantivy.Tokenizer.regex(word_pattern()) if splits else tantivy.Tokenizer.raw()
        self._tokenizer = tantivy.TextAnalyzerBuilder(tokenizer).build()
        self._joined = _Cache(self._analyze)

    def indexed(self, text: str) -> str:
        """Returns the text in the form that the index stores: its terms, joined by ``SEPARATOR``."""
        return SEPARATOR.join(filter(None, map(self._joined.__getitem__, self._pieces(self._read(text)))))

    def _read(self, text: str) -> str:
        return text.translate(self._replaced) if self._replaced else text

    def terms(self, text: str) -> list[tuple[int, str]]:
        """Returns (position, term) of each term that no filter removed."""
        indexed = self.indexed(text)
        slots = indexed.split(SEPARATOR) if indexed else []
        return [(position, term) for position, term in enumerate(slots) if term != GAP]

    def normalized(self, token: str) -> str:
        """Returns a prefix or a fuzzy term in lower case and folded as words are, without splitting, stemming or stop words."""
        for step in self._filters:
            token = step.apply(token) if step.normalizes else token
        return token

    def spans(
        self, text: str, choose: Callable[[set[str]], set[str]] = lambda terms: terms, *, positions: bool = True
    ) -> list[TermSpan]:
        """Returns the places of those terms of the text that ``choose`` selects.

        Without ``positions`` the position of a span is its offset. This is faster when few terms of a long text are selected.
        """
        text = self._read(text)
        pieces = self._pieces(text)
        analyzed = dict(zip(pieces, map(self._joined.__getitem__, pieces), strict=True))
        wanted = choose(set(SEPARATOR.join(analyzed.values()).split(SEPARATOR)) - {GAP, ""})
        relevant = {
            piece
            for piece, joined in analyzed.items()
            if joined in wanted or (SEPARATOR in joined and not wanted.isdisjoint(joined.split(SEPARATOR)))
        }
        found: list[TermSpan] = []
        places = self._located(pieces, analyzed, relevant, text) if positions else _occurrences(relevant, text)
        for piece, start, position in places:
            for token, term in zip(self._tokens(piece), analyzed[piece].split(SEPARATOR), strict=True):
                start = text.index(token, start)
                if term in wanted:
                    found.append(TermSpan(term, position if positions else start, start, start + len(token)))
                start += len(token)
                position += 1
        return found

    @staticmethod
    def _located(
        pieces: list[str], analyzed: dict[str, str], relevant: set[str], text: str
    ) -> Iterator[_PieceOccurrence]:
        position = at = 0
        for piece in pieces:
            start = text.index(piece, at)  # pieces are parts of the text, in order
            at = start + len(piece)
            if piece in relevant:
                yield piece, start, position
            joined = analyzed[piece]
            if joined:
                position += joined.count(SEPARATOR) + 1

    def _pieces(self, text: str) -> list[str]:
        return text.split() if self._splits and "\u202f" not in text else [text]  # U+202F joins words (UAX #29)

    def _tokens(self, piece: str) -> list[str]:
        tokens = self._tokenizer.analyze(piece)
        if self._splits and len(piece) > _MAX_TOKEN_LENGTH:
            n = _MAX_TOKEN_LENGTH
            return [token[i : i + n] for token in tokens for i in range(0, len(token), n)]
        return tokens

    def _analyze(self, piece: str) -> str:
        return SEPARATOR.join(self._term(token) or GAP for token in self._tokens(piece))

    def _term(self, token: str) -> str:
        for step in self._filters:
            token = step.apply(token)
            if not token:
                break
        return token


class _Cache(dict[str, str]):
    def __init__(self, compute: Callable[[str], str]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, piece: str) -> str:
        value = self._compute(piece)
        if len(piece) <= _MAX_CACHED_LENGTH:
            if len(self) >= _CACHE_SIZE:
                self.clear()
            self[piece] = value
        return value


def _token_filter(name: str, settings: dict[str, Any]) -> TokenFilter:
    kind, extra = settings.get("type", name), {key for key in settings if key != "type"}
    if kind == "lowercase" and not extra:
        return LOWER
    if kind == "asciifolding" and not extra:
        return TokenFilter(_ascii_folding(), normalizes=True)
    if kind == "stop" and extra <= {"stopwords"}:
        words = settings.get("stopwords", "_english_")
        if words == "_english_":
            return _stop_filter(ENGLISH_STOP_WORDS)
        if isinstance(words, list):
            return _stop_filter(frozenset(words))
    if kind == "stemmer" and extra <= {"language", "name"}:
        language = settings.get("language", settings.get("name", "english"))
        if language == "english":
            return STEM
        if language == "possessive_english":
            return POSSESSIVE
    raise errors.not_offered(f"token filter [{name}] with {settings or 'its defaults'}")


def _built_in() -> dict[str, Analyzer]:
    return {
        "standard": Analyzer((LOWER,)),
        "english": Analyzer((POSSESSIVE, LOWER, _stop_filter(ENGLISH_STOP_WORDS), STEM)),
        "keyword": Analyzer((), splits=False),
    }


BUILT_IN = _built_in()
_LOWERCASE = Analyzer((LOWER,), splits=False)


@dataclass(frozen=True)
class Analysis:
    """The analyzers and normalizers of an index: the built-in ones and those of its settings."""

    analyzers: dict[str, Analyzer] = field(default_factory=lambda: dict(BUILT_IN))
    normalizers: dict[str, Analyzer] = field(default_factory=lambda: {"lowercase": _LOWERCASE})

    @staticmethod
    @errors.malformed("[index.analysis]")
    def from_settings(settings: dict[str, Any]) -> Analysis:
        """Reads ``settings.analysis``. Raises SearchError for an analyzer that this server cannot reproduce exactly."""
        if unknown := set(settings) - {"analyzer", "filter", "normalizer", "char_filter"}:
            raise errors.not_offered(f"setting [index.analysis.{min(unknown)}]")
        filters = settings.get("filter", {})
        char_filters = {name: _replacements(name, own) for name, own in settings.get("char_filter", {}).items()}
        analysis = Analysis()
        for name, own in settings.get("analyzer", {}).items():
            analysis.analyzers[name] = _declared_analyzer(name, own, filters, char_filters)
        for name, own in settings.get("normalizer", {}).items():
            listed = _listed(own.get("filter", []))
            if (
                own.get("type", "custom") != "custom"
                or set(own) - {"type", "filter"}
                or set(listed) - {"lowercase", "asciifolding"}
            ):
                raise errors.not_offered(f"normalizer [{name}] as declared")
            analysis.normalizers[name] = Analyzer(tuple(_token_filter(each, {}) for each in listed), splits=False)
        return analysis


def _replacements(name: str, own: dict[str, Any]) -> dict[int, str]:
    """Reads a character filter of type ``mapping``. Only rules that replace one character by one are offered: they move no offset."""
    if own.get("type") != "mapping" or set(own) != {"type", "mappings"}:
        raise errors.not_offered(f"char filter [{name}] as declared")
    replaced = {}
    for rule in own["mappings"]:
        if "=>" not in rule:
            raise errors.illegal_argument(f"Invalid Mapping Rule : [{rule}]")
        old, new = (_unescaped(side.strip()) for side in rule.rsplit("=>", 1))
        if (len(old), len(new)) != (1, 1):
            raise errors.not_offered(f"rule [{rule}] of char filter [{name}]")
        replaced[ord(old)] = new
    return replaced


def _unescaped(side: str) -> str:
    r"""``\u0020`` → a blank, as in OpenSearch's MappingCharFilterFactory."""
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), side)


def _declared_analyzer(
    name: str, own: dict[str, Any], filters: dict[str, Any], char_filters: dict[str, dict[int, str]]
) -> Analyzer:
    kind = own.get("type", "custom")
    if kind in BUILT_IN and set(own) == {"type"}:
        return BUILT_IN[kind]
    if kind != "custom" or set(own) - {"type", "tokenizer", "filter", "char_filter"}:
        raise errors.not_offered(f"analyzer [{name}] as declared")
    if own.get("tokenizer") not in ("standard", "keyword"):
        raise errors.not_offered(f"tokenizer [{own.get('tokenizer')}]")
    steps = tuple(_token_filter(each, filters.get(each, {})) for each in _listed(own.get("filter", [])))
    replaced: dict[int, str] = {}
    for each in _listed(own.get("char_filter", [])):
        if each not in char_filters:
            raise errors.not_offered(f"char filter [{each}]")
        replaced = char_filters[each] | replaced
    return Analyzer(steps, splits=own["tokenizer"] == "standard", replaced=replaced)


def _listed(names: Any) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
