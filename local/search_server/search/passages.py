"""Selection of the best passages of a text around its matches.

Sources: OpenSearch's CustomFieldHighlighter and BoundedBreakIteratorScanner; Lucene's PassageScorer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from local.search_server.analysis import boundaries
from local.search_server.analysis.analysis import TermSpan
from local.search_server.analysis.boundaries import Boundaries

VALUE_SEPARATOR = "\u2029"  # no passage crosses it
_WORD_SEARCH_DISTANCE = 400  # characters searched around a cut for the end of a word


@dataclass(slots=True)
class Passage:
    start: int
    end: int
    matches: list[TermSpan] = field(default_factory=list)
    score: float = 0.0


def passages_around(content: str, matches: list[TermSpan], size: int | None, max_passages: int) -> list[Passage]:
    """Returns passages in the order of the text.

    ``size`` in characters is the bound of a passage, which consists of whole sentences. None: a passage is a whole value.
    """
    breaks = _WholeValues(content) if size is None else _SentencesOfValues(content, size)
    frequency: dict[str, int] = {}
    for match in matches:
        frequency[match.term] = frequency.get(match.term, 0) + 1
    passages: list[Passage] = []
    for match in matches:
        if not passages or match.start >= passages[-1].end:
            passages.append(Passage(*breaks.around(match.start)))
        passages[-1].matches.append(match)
    for passage in passages:
        passage.score = _score(passage, len(content), frequency)
    if len(passages) > max_passages:
        passages = sorted(passages, key=lambda passage: (-passage.score, -passage.start))[:max_passages]
    return sorted(passages, key=lambda passage: passage.start)


def leading_passage(content: str, size: int) -> Passage:
    """Returns the beginning of the first value, up to the end of the word after ``size`` characters."""
    end = content.find(VALUE_SEPARATOR)
    end = len(content) if end < 0 else end
    if size < end:
        near = boundaries.words(content, 0, min(len(content), size + _WORD_SEARCH_DISTANCE))
        end = near.following(size) or len(content)
    return Passage(0, end)


class _WholeValues:
    """Passages that are whole values."""

    def __init__(self, content: str) -> None:
        self._content = content

    def around(self, start: int) -> tuple[int, int]:
        begin = self._content.rfind(VALUE_SEPARATOR, 0, start) + 1
        end = self._content.find(VALUE_SEPARATOR, start)
        return begin, len(self._content) if end < 0 else end


class _SentencesOfValues(_WholeValues):
    """Passages that are sentences, each inside one value."""

    def __init__(self, content: str, size: int) -> None:
        super().__init__(content)
        self._size = size
        self._of_value: dict[int, _Sentences] = {}

    def around(self, start: int) -> tuple[int, int]:
        begin, end = super().around(start)
        if begin not in self._of_value:
            self._of_value[begin] = _Sentences(self._content[begin:end], self._size)
        first, last = self._of_value[begin].around(start - begin)
        return begin + first, begin + last


class _Sentences:
    """Passages of one or more sentences that fit ``size``. A longer sentence is cut at words around its first match."""

    def __init__(self, content: str, size: int) -> None:
        self._content, self._size = content, size
        self._sentences = boundaries.sentences(content)
        self._window = (-1, -1)
        self._inner_end = 0

    def around(self, start: int) -> tuple[int, int]:
        """Returns the passage of a match at ``start``. Matches must come in order."""
        offset = start + 1
        if not self._size:
            return self._sentences.preceding(offset), self._sentences.following(start) or len(self._content)
        if self._window[0] < offset < self._window[1]:
            begin, end = self._inner_end, self._window[1]
        else:
            begin = self._sentences.preceding(offset)
            end = self._sentences.following(offset - 1) or len(self._content)
            while end - begin < self._size:
                further = self._sentences.following(end)
                if further is None or further - begin > self._size:
                    break
                end = further
            self._window = (begin, end)
        if end - begin > self._size:
            if offset - self._size > begin:
                begin = max(begin, self._words(offset - self._size).preceding(offset - self._size))
            rest = offset + max(0, self._size - (offset - begin))
            if rest < self._window[1]:
                end = min(self._window[1], self._words(rest).following(rest) or len(self._content))
        self._inner_end = end
        return begin, end

    def _words(self, offset: int) -> Boundaries:
        begin = max(0, offset - _WORD_SEARCH_DISTANCE)
        if begin:
            begin = self._content.find(" ", begin, offset) + 1 or begin
        return boundaries.words(self._content, begin, min(len(self._content), offset + _WORD_SEARCH_DISTANCE))


def _score(passage: Passage, length: int, frequency: dict[str, int]) -> float:
    """Returns BM25 of a passage within its text, with a bonus near the beginning of the text."""
    k1, b, pivot = 1.2, 0.75, 87.0
    here: dict[str, int] = {}
    for match in passage.matches:
        here[match.term] = here.get(match.term, 0) + 1
    norm = k1 * ((1 - b) + b * ((passage.end - passage.start) / pivot))
    score = 0.0
    for term, count in here.items():
        weight = (k1 + 1) * math.log(1 + (1 + length / pivot + 0.5) / (frequency[term] + 0.5))
        score += count / (count + norm) * weight
    return score * (1 + 1 / math.log(pivot + passage.start))
