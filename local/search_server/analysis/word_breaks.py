"""Word boundaries of Unicode, as Lucene's tokenizer has them."""

from __future__ import annotations


def word_pattern() -> str:
    """Returns a regular expression for words by Unicode UAX #29, as in Lucene's StandardTokenizer.

    Source: its grammar, StandardTokenizerImpl.jflex. The grammar takes the longest match, a regular expression the first one. The
    alternatives and repetitions are therefore in the order that gives the same tokens.
    """
    more = r"[\p{wb=Format}\p{wb=Extend}\p{wb=ZWJ}]*"
    number = rf"(?:[\p{{wb=Numeric}}\x{{FF10}}-\x{{FF19}}]{more})"
    hebrew = rf"(?:\p{{wb=Hebrew_Letter}}{more})"
    letter = rf"(?:\p{{wb=ALetter}}{more}|{hebrew}(?:\"{more}{hebrew}|'{more})?)"
    katakana = rf"(?:\p{{wb=Katakana}}{more})"
    mid_letter = rf"(?:[\p{{wb=MidLetter}}\p{{wb=MidNumLet}}']{more})"
    mid_number = rf"(?:[\p{{wb=MidNum}}\p{{wb=MidNumLet}}']{more})"
    joiner = rf"(?:\p{{wb=ExtendNumLet}}{more})"
    letters = rf"{letter}(?:(?:{joiner}*|{mid_letter}){letter})*"
    numbers = rf"{number}(?:(?:{joiner}*|{mid_number}){number})*"
    run = rf"(?:{katakana}(?:{joiner}*{katakana})*|(?:{numbers}|{letters})+)"
    word = rf"{joiner}*{run}(?:{joiner}+{run})*{joiner}*"
    scripts = r"\p{Thai}\p{Lao}\p{Myanmar}\p{Khmer}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}"
    southeast_asian = rf"(?:[[{scripts}]&&[\p{{L}}\p{{M}}]]{more})+"
    sequence = r"[[\p{wb=Format}\p{wb=Extend}\p{wb=ZWJ}]--[\x{FE0E}\x{FE0F}]]"
    picture = r"[\p{Extended_Pictographic}\p{Emoji_Modifier}]"
    tag = r"[\x{E0020}-\x{E007E}]+\x{E007F}"
    joined = rf"(?:{sequence}*?\x{{FE0F}}?\p{{wb=ZWJ}}+{picture})*"
    emoji = rf"\p{{wb=ZWJ}}*{picture}(?:{tag}|{joined}{sequence}*\x{{FE0F}}?)"
    key_cap = rf"[#*]{sequence}*\x{{FE0F}}?\x{{20E3}}{sequence}*"
    flag = rf"(?:\p{{RI}}{more}){{2}}"
    return "|".join((word, southeast_asian, rf"[\p{{Han}}\p{{Hiragana}}]{more}", emoji, key_cap, flag))
