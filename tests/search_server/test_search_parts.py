"""Parts of the server that requests show only in part: lengths, dates, stems, sentences."""

import pytest

from local.search_server.analysis import boundaries, porter
from local.search_server.index import dates
from local.search_server.index.lengths import FieldLengths


def test_fillers_keep_the_average_length_of_the_texts_that_have_words() -> None:
    lengths, fillers, texts, documents = FieldLengths(), 0, [5, 7, 3, 9, 6], 0
    for round_ in range(40):
        documents += 1
        if round_ % 4 == 0:
            lengths.add("text", texts[round_ % 5])
        else:
            fillers += lengths.fillers("text")
    counted = [texts[round_ % 5] for round_ in range(0, 40, 4)]
    average_with = sum(counted) / len(counted)
    assert (sum(counted) + fillers) / documents == pytest.approx(average_with, rel=0.05)
    assert FieldLengths.from_json(lengths.to_json()).to_json() == lengths.to_json()


def test_the_fillers_of_one_document_are_limited() -> None:
    lengths = FieldLengths()
    for _ in range(1000):
        assert lengths.fillers("text") == 0
    lengths.add("text", 100)
    assert lengths.fillers("text") <= 404


NOW = dates.parse("2024-05-15T10:30:45.678Z")


@pytest.mark.parametrize(
    ("expression", "round_up", "moment"),
    [
        ("2024", False, "2024-01-01T00:00:00.000Z"),
        ("2024-05-15", False, "2024-05-15T00:00:00.000Z"),
        ("2024-05-15", True, "2024-05-15T23:59:59.999Z"),
        ("2024-05", True, "2024-05-01T23:59:59.999Z"),
        ("2024-05-15T10", True, "2024-05-15T10:59:59.999Z"),
        ("2024-05-15T10:30:45.6789+02:00", False, "2024-05-15T08:30:45.678Z"),
        (1715769045678, False, "2024-05-15T10:30:45.678Z"),
        ("1715769045678", False, "2024-05-15T10:30:45.678Z"),
        ("now", False, "2024-05-15T10:30:45.678Z"),
        ("now-1d/d", False, "2024-05-14T00:00:00.000Z"),
        ("now/d", True, "2024-05-15T23:59:59.999Z"),
        ("now/M", True, "2024-05-31T23:59:59.999Z"),
        ("now/w", False, "2024-05-13T00:00:00.000Z"),
        ("now+1h-30m", False, "2024-05-15T11:00:45.678Z"),
        ("2024-01-31||+1M", False, "2024-02-29T00:00:00.000Z"),
        ("2024-02-29||+1y/y", False, "2025-01-01T00:00:00.000Z"),
    ],
)
def test_dates_are_read_as_opensearch_reads_them(expression: object, round_up: bool, moment: str) -> None:
    assert dates.iso(dates.evaluate(expression, NOW, round_up=round_up)) == moment


@pytest.mark.parametrize(
    "expression", ["", "today", "2024-13", "2024-02-30", "now-1x", "now/2d", "24-01-01", "2024-1-1", True, None, 1.5]
)
def test_an_invalid_date_is_refused(expression: object) -> None:
    with pytest.raises(dates.NotADate):
        dates.evaluate(expression, NOW)


@pytest.mark.parametrize(
    ("word", "stem"),
    [
        ("caresses", "caress"),
        ("ponies", "poni"),
        ("cats", "cat"),
        ("agreed", "agre"),
        ("plastered", "plaster"),
        ("motoring", "motor"),
        ("conflated", "conflat"),
        ("hopping", "hop"),
        ("falling", "fall"),
        ("filing", "file"),
        ("happy", "happi"),
        ("relational", "relat"),
        ("vietnamization", "vietnam"),
        ("hopefulness", "hope"),
        ("triplicate", "triplic"),
        ("adjustment", "adjust"),
        ("adoption", "adopt"),
        ("probate", "probat"),
        ("controlling", "control"),
        ("generously", "gener"),
        ("possibly", "possibl"),
        ("apology", "apolog"),
        ("by", "by"),
    ],
)
def test_stems_are_those_of_porters_paper(word: str, stem: str) -> None:
    assert porter.stem(word) == stem


def test_sentences_end_where_java_ends_them() -> None:
    text = 'It is due. it goes on. 3 dogs. (Yes.) No! what? See a.b and 3.14 there. "Go." Then… more\nhere.  two'
    sentences = boundaries.sentences(text)
    ends, at = [], 0
    while (following := sentences.following(at)) is not None:
        ends.append(text[at:following])
        at = following
    assert ends == [
        "It is due. it goes on. 3 dogs. ",
        "(Yes.) ",
        "No! ",
        "what? ",
        "See a.b and 3.14 there. ",
        '"Go." ',
        "Then… more\nhere.  ",
        "two",
    ]
    assert "".join(ends) == text
    assert sentences.preceding(len(text)) == len(text) - len("two")
