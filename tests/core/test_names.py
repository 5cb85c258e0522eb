"""Names that people give, everywhere: what is refused and why, what stays legal, and which two are the same."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docplatform.core import names
from docplatform.core.errors import InvalidName
from docplatform.identity.model import clean_display_name

EVERY = [names.clean, clean_display_name]
UNSEEN = [
    *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C,  # direction
    0x200B, 0x2060, 0xFEFF, 0x00AD, 0x034F, 0x180E, *range(0x2061, 0x2065), *range(0x206A, 0x2070),  # nothing to see
    0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800, 0x17B4, 0x17B5, 0xFFF9, 0xFFFB, 0x1D173, 0xE0001,
]  # fmt: skip


def reason(check: object, name: str) -> str:
    with pytest.raises(InvalidName) as refusal:
        check(name)  # type: ignore[operator]
    return refusal.value.detail


@pytest.mark.parametrize("check", EVERY)
@pytest.mark.parametrize("code", UNSEEN, ids=hex)
def test_what_cannot_be_seen_is_refused_with_its_name(check: object, code: int) -> None:
    for name in (f"invoice{chr(code)}txt.exe", f"a{chr(code)}", f"{chr(code)}a", f"請{chr(code)}求"):
        assert f"U+{code:04X}" in reason(check, name)


@pytest.mark.parametrize("check", EVERY)
def test_every_format_character_is_refused_or_seen(check: object) -> None:
    """Unicode's own list. Those that are left are drawn: number signs of Arabic and their like, and hieroglyphs."""
    seen = set()
    for code in range(0x110000):
        if unicodedata.category(chr(code)) == "Cf":
            try:
                check(f"a{chr(code)}1")  # type: ignore[operator]
            except InvalidName:
                continue
            seen.add(unicodedata.name(chr(code)))
    assert all(each.startswith(("ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN")) for each in seen), seen


@pytest.mark.parametrize("check", EVERY)
def test_a_lost_character_is_refused(check: object) -> None:
    assert "was lost" in reason(check, "Gesch\ufffdft.pdf")
    assert "was lost" in reason(check, "a\ufffcb")


LEGAL = [
    "می\u200cخواهم.pdf",  # Persian
    "क्\u200dष और क्\u200cष",  # Hindi
    "ന\u0d4d\u200d",  # Malayalam, a joiner at the end of a word
    "ශ්\u200dරී ලංකා",  # Sinhala
    "\U0001f469\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 family.jpg",
    "\U0001f468\U0001f3fd\u200d\U0001f4bb.txt",  # a skin colour between
    "\U0001f3f3\ufe0f\u200d\U0001f308",  # rainbow flag
    "\U0001f9d4\u200d\u2642\ufe0f",
    "\u2764\ufe0f.txt",
    "1\ufe0f\u20e3 first",
    "\U0001f3f4\U000e0067\U000e0062\U000e0077\U000e006c\U000e0073\U000e007f Wales",
    "葛\U000e0100城市",  # a form of an ideograph
    "Résumé.pdf",
    "Straße",
    "مرحبا.pdf",
    "שלום.docx",
]


@pytest.mark.parametrize("check", EVERY)
@pytest.mark.parametrize("name", LEGAL)
def test_joiners_and_selectors_in_their_place_stay(check: object, name: str) -> None:
    assert check(name) == unicodedata.normalize("NFC", name)  # type: ignore[operator]


@pytest.mark.parametrize("check", EVERY)
@pytest.mark.parametrize(
    "name",
    [
        "\u200da", "a\u200d", "a \u200d b", "a\u200c.pdf", "1\u200d2", "a\ufe0f\ufe0f", "\ufe0fa", " \ufe0fa b", "a\u200d\u200db",
        "\U000e0067\U000e007f", "a\U000e0067\U000e007f", "\U0001f3f4\U000e0067",
    ],
)  # fmt: skip
def test_joiners_and_selectors_out_of_their_place_are_refused(check: object, name: str) -> None:
    reason(check, name)


@pytest.mark.parametrize("name", LEGAL)
def test_names_that_look_the_same_but_for_what_cannot_be_seen_are_the_same(name: str) -> None:
    bare = names.without_invisible(name)
    assert names.unique_form(name) == names.unique_form(bare) == names.unique_form(bare.upper())


def test_names_that_are_seen_to_differ_are_different() -> None:
    assert len({names.unique_form(name) for name in ("a", "á", "ä", "ab", "a b", "１", "1")}) == 7


@pytest.mark.parametrize("character", ["a", "é", "界", "\U0001f600", "ΐ", "ﬃ"])
def test_the_bound_of_a_name_is_characters(character: str) -> None:
    longest = character * 255
    assert names.clean(longest) == unicodedata.normalize("NFC", longest)
    assert len(f"name#{names.unique_form(longest)}".encode()) <= 1024, "a sort key of DynamoDB"
    refused = reason(names.clean, character * 256)
    assert "255 characters" in refused and "256" in refused and "byte" not in refused


def test_long_names_that_differ_at_their_end_only_are_different() -> None:
    begin = "\U0001f600" * 250
    forms = {names.unique_form(begin + end) for end in ("a", "b", "", "\U0001f600")}
    assert len(forms) == 4
    assert sorted(("a" * 3, begin + "a", "z"), key=names.unique_form) == sorted(("a" * 3, begin + "a", "z"))


@given(st.text(max_size=260))
def test_whatever_is_typed_there_is_a_name_or_a_reason(text: str) -> None:
    for check in EVERY:
        try:
            name = check(text)
        except InvalidName as refusal:
            assert refusal.detail.endswith((".", "several."))
        else:
            assert check(name) == name
            assert names.without_invisible(name).strip()
            assert len(names.unique_form(name).encode()) <= 900
