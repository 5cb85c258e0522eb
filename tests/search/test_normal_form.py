"""The one normal form of what is searched, and the parts of queries."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docplatform.search import normal_form as module
from docplatform.search.errors import InvalidQuery
from docplatform.search.model import MOST_WORDS, check_words
from docplatform.search.normal_form import name_key, normal_form, parts, with_phrases


@pytest.mark.parametrize(
    ("written", "typed"),
    [
        ("Du\u0308sseldorf", "D\u00fcsseldorf"),
        ("ＰＤＦ１２３", "PDF123"),
        ("ｶﾅ ﾌﾟﾛｼﾞｪｸﾄ", "カナ プロジェクト"),
        ("1\u202f234\u00a0€\u3000x", "1 234 € x"),
        ("co\u00adop\u200b\ufeff\u2060eration", "cooperation"),
        ("می\u200cخواهم", "میخواهم"),
        ("葛\U000e0100城", "葛城"),
        ("\ufb01nance \u2460", "finance 1"),
        ("لـــوحة", "لوحة"),
        ("\u202eabc\u202c", "abc"),
        ("\ufe71", "\u064b"),
        ("ខ្មែរ\u200bភាសា", "ខ្មែរ ភាសា"),  # between words of a script without blanks
        ("\uff34\uff49\uff34\uff4c\uff45", "TiTle"),
    ],
)
def test_what_looks_or_reads_the_same_has_one_form(written: str, typed: str) -> None:
    assert normal_form(written) == normal_form(typed) == typed


@given(st.text())
def test_the_form_of_a_form_is_itself_in_every_composition(text: str) -> None:
    form = normal_form(text)
    assert " ".join(normal_form(form).split()) == " ".join(form.split())
    for composition in ("NFC", "NFD", "NFKC", "NFKD"):
        again = normal_form(unicodedata.normalize(composition, text))
        assert name_key(again) == name_key(form), composition


def test_a_long_text_is_normalized_in_pieces_of_bounded_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """Normalizing a run of n combining marks takes time in n²."""
    lengths: list[int] = []

    def counted(form: str, text: str) -> str:
        lengths.append(len(text))
        return text

    monkeypatch.setattr(module.unicodedata, "normalize", counted)
    text = "é word " * 2_000 + "\u0301\u0323" * 50_000
    assert normal_form(text) == text
    assert max(lengths) <= 1_000 and len(lengths) <= len(text) / 900 + 2


def test_pieces_end_between_words() -> None:
    text = "Du\u0308sseldorf " * 1_000
    assert normal_form(text) == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize(
    ("words", "query"),
    [
        ("lease.pdf", '"lease.pdf"'),
        ("-a_b c", '-"a_b" c'),
        ("max.muster@firma.example", '"max.muster@firma.example"'),
        ('"a.b c" d.e', '"a.b c" "d.e"'),
        ('"never closed a.b', '"never closed "a.b"'),
        ("etc. e.g. @home _", 'etc. "e.g." @home _'),
        ("--x.y", '--"x.y"'),
        ("a - b", "a - b"),
        ("lease draft", "lease draft"),
    ],
)
def test_a_word_with_parts_becomes_a_phrase(words: str, query: str) -> None:
    assert with_phrases(words) == query


def test_a_query_may_have_as_many_words_as_a_name() -> None:
    assert check_words(" ".join("a" * 128))
    assert check_words(".".join("a" * 128))
    for joint in (" ", ".", "_", " . "):
        with pytest.raises(InvalidQuery, match="at most 128 words"):
            check_words(joint.join("a" * 129))
    assert MOST_WORDS * len(("name", "title", "author", "text")) < 1_024  # indices.query.bool.max_clause_count


@pytest.mark.parametrize("words", ["", "  ", "\u200b", "\u202e\u2066", "\u00ad"])
def test_a_query_of_nothing_that_is_seen_is_refused(words: str) -> None:
    with pytest.raises(InvalidQuery, match="Say what to look for"):
        check_words(words)


@given(st.text(max_size=80))
def test_every_query_has_a_form(words: str) -> None:
    assert parts(words) <= len(words)
    assert with_phrases(words).replace('"', "") == words.replace('"', "")
