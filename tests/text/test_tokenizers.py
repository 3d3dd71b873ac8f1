"""Tokenisers on texts of many scripts, normal forms, n-grams."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pydl.text import CharacterTokenizer, NGramTokenizer, WordTokenizer
from pydl.text._tokens import split

words = WordTokenizer()
# Surrogates included, which are no characters but can stand in a str.
ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


class TestWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", []),
            (" \t\n.,;-", []),
            ("Don't panic", ["don't", "panic"]),
            ("don\u2019t", ["don\u2019t"]),
            ("'tis the dogs' house", ["tis", "the", "dogs", "house"]),
            ("rock''n''roll", ["rock", "n", "roll"]),
            ("well-bred, _italic_ a_b", ["well", "bred", "italic", "a", "b"]),
            ("3.14 and 42nd x2", ["3", "14", "and", "42nd", "x2"]),
            ("Привет, мир! Ёлка", ["привет", "мир", "ёлка"]),
            ("السَّلامُ عليكم، ٤٢؟", ["السَّلامُ", "عليكم", "٤٢"]),
            ("می\u200cخواهم، کتاب\u200cها.", ["می\u200cخواهم", "کتاب\u200cها"]),
            ("هندوانه\u200c ", ["هندوانه"]),
            ("हिन्दी में क्\u200dष।", ["हिन्दी", "में", "क्\u200dष"]),
            ("我爱北京 abc", ["我", "爱", "北", "京", "abc"]),
            ("東京はABC大学", ["東", "京", "は", "abc", "大", "学"]),
            ("か\u3099", ["が"]),  # composed by NFC
            ("한국어 단어", ["한국어", "단어"]),
            ("צה\u05f4ל ג\u05f3ירפה", ["צה\u05f4ל", "ג\u05f3ירפה"]),
            ("co\u00adoperate", ["co\u00adoperate"]),
            ("ok 👍🏽 ❤️ 👨\u200d👩 1️⃣", ["ok", "1️⃣"]),
            ("a\ud800b \udfff", ["a", "b"]),
            ("\u0301a", ["a"]),  # a mark without a letter before it
            ("a\u0000b", ["a", "b"]),
            ("𐐀𐐁", ["𐐨𐐩"]),  # letters beyond 16 bits
        ],
    )
    def test_scripts(self, text, expected):
        assert words(text) == expected

    def test_punctuation(self):
        tokens = WordTokenizer(punctuation=True)("“Don't!”, she said… ❤️👍 $5 ' \u200c")
        expected = ["“", "don't", "!", "”", ",", "she", "said", "…", "❤️", "👍", "$", "5", "'"]
        assert tokens == expected

    def test_normal_forms(self):
        decomposed, ligature = "cafe\u0301", "\ufb01n \uff21"
        assert words(decomposed) == ["café"]
        assert WordTokenizer(normalization=None)(decomposed) == [decomposed]
        assert words(ligature) == ["fin", "\uff41"]  # case folding divides the ligature
        assert WordTokenizer(casefold=False)(ligature) == ["\ufb01n", "\uff21"]
        assert WordTokenizer(normalization="NFKC")(ligature) == ["fin", "a"]
        assert WordTokenizer(normalization="NFKC")("\ufefb") == ["لا"]  # a presentation form

    def test_case(self):
        assert words("STRASSE Straße ΣΊΣΥΦΟΣ") == ["strasse", "strasse", "σίσυφοσ"]
        assert WordTokenizer(casefold=False)("Straße") == ["Straße"]
        folded = WordTokenizer()("\u1fb7")[0]  # whose case folding is not composed
        assert unicodedata.is_normalized("NFC", folded)

    @given(ANY_TEXT)
    def test_tokens_are_parts_of_the_text_in_order(self, text):
        plain = WordTokenizer(normalization=None, casefold=False)
        at = 0
        for token in plain(text):
            assert token and not any(map(str.isspace, token))
            at = text.index(token, at) + len(token)
        assert plain(" ".join(plain(text))) == plain(text)

    @given(ANY_TEXT)
    def test_letters_and_numbers_are_all_in_words(self, text):
        def count(part):
            return sum(unicodedata.category(c)[0] in "LN" for c in part)

        plain = WordTokenizer(normalization=None, casefold=False)
        assert sum(map(count, plain(text))) == count(text)


class TestCharacters:
    @given(ANY_TEXT)
    def test_joined_they_are_the_text(self, text):
        assert "".join(CharacterTokenizer()(text)) == text

    def test_options(self):
        assert CharacterTokenizer(normalization="NFC")("e\u0301") == ["é"]
        assert CharacterTokenizer(casefold=True)("Aß") == ["a", "s", "s"]
        assert CharacterTokenizer()("e\u0301👍") == ["e", "\u0301", "👍"]


class TestNGrams:
    def test_words_and_characters(self):
        assert NGramTokenizer(words, (2, 3))("a b c d") == ["a b", "b c", "c d", "a b c", "b c d"]
        assert NGramTokenizer(CharacterTokenizer(), (2, 2))("سلام") == ["سل", "لا", "ام"]
        assert NGramTokenizer(str.split, (2, 2), separator="_")("a b c") == ["a_b", "b_c"]
        assert NGramTokenizer(words, (2, 2))("one") == NGramTokenizer(words, (1, 2))("") == []


@given(ANY_TEXT)
def test_pieces_joined_are_the_text(text):
    pieces = split(text, "pieces")
    assert "".join(pieces) == text and "" not in pieces


def test_pieces():
    text = "I'm here,  not\tthere!? \n می\u200cروم 北京"
    expected = ["I'm", " here", ",", " ", " not", "\t", "there", "!?", " \n", " می\u200cروم"]
    assert split(text, "pieces") == [*expected, " 北京"]
    assert split(" ", "pieces") == [" "] and split("", "pieces") == []


def test_errors():
    for tokenizer in (words, CharacterTokenizer()):
        name = type(tokenizer).__name__
        with pytest.raises(TypeError, match=f"{name}: expected text as str, got bytes"):
            tokenizer(b"text")
        with pytest.raises(ValueError, match=f"{name}: expected normalization .* got 'NFD'"):
            type(tokenizer)(normalization="NFD")
    for bad in [(0, 1), (2, 1), (1,), "ab", 3]:
        with pytest.raises(ValueError, match="NGramTokenizer: expected ngram_range"):
            NGramTokenizer(words, bad)
    with pytest.raises(TypeError, match="expected tokenizer to be a function"):
        NGramTokenizer("words", (1, 1))
