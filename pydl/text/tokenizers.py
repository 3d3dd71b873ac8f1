"""Tokenisers: text into words, characters, and n-grams of either."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from pydl.text._tokens import split

Tokenizer: TypeAlias = "Callable[[str], Sequence[str]]"
Normalization: TypeAlias = 'Literal["NFC", "NFKC"] | None'


class WordTokenizer:
    """Split text into words, in any script.

    A **word** begins with a letter or number (Unicode categories L and N) and continues as long as
    there are letters, numbers and combining marks (M). One of these may stand between: an
    apostrophe (' or U+2019), a Hebrew geresh or gershayim, a zero-width joiner or non-joiner, or a
    soft hyphen, if a letter or number comes next. So "don't" and Persian words with U+200C are one
    word; "well-bred" and "3.14" are two, and the underscore separates.

    Letters of scripts written without spaces, Han, kana and Bopomofo, are words of their own, with
    the marks that follow them: Chinese and Japanese fall back to characters. Thai, Lao, Khmer and
    Burmese are not segmented: the text between two spaces is one word.

    Parameters
    ----------
    normalization : {"NFC", "NFKC"} or None, default "NFC"
        Unicode normal form that text is brought to first. NFKC also unifies compatibility
        characters, such as ligatures, full-width letters and Arabic presentation forms.
    casefold : bool, default True
        Whether upper and lower case become the same, as by `str.casefold`.
    punctuation : bool, default False
        Whether each other punctuation mark or symbol (categories P and S), emoji among them, is a
        token too.

    Raises
    ------
    ValueError
        For another normal form.
    TypeError
        When called with anything but str.

    Examples
    --------
    >>> from pydl.text import WordTokenizer
    >>> WordTokenizer()("Don't panic: it's 42!")
    ["don't", 'panic', "it's", '42']
    >>> WordTokenizer(punctuation=True)("Привет, 世界!")
    ['привет', ',', '世', '界', '!']
    """

    def __init__(
        self,
        *,
        normalization: Normalization = "NFC",
        casefold: bool = True,
        punctuation: bool = False,
    ) -> None:
        _require_form("WordTokenizer", normalization)
        self.normalization, self.casefold, self.punctuation = normalization, casefold, punctuation

    def __call__(self, text: str) -> list[str]:
        """Return the words of `text` in order."""
        return split(self._prepare(text), self._rule)

    @property
    def _rule(self) -> str:
        return "words and punctuation" if self.punctuation else "words"

    def _prepare(self, text: str) -> str:
        return _prepared("WordTokenizer", text, self.normalization, self.casefold)


class CharacterTokenizer:
    """Split text into its characters: Unicode code points, spaces among them.

    Without `normalization` and `casefold` the tokens joined are the text.

    Parameters
    ----------
    normalization : {"NFC", "NFKC"} or None, default None
        Unicode normal form that text is brought to first.
    casefold : bool, default False
        Whether upper and lower case become the same, as by `str.casefold`.

    Raises
    ------
    ValueError
        For another normal form.
    TypeError
        When called with anything but str.

    Examples
    --------
    >>> from pydl.text import CharacterTokenizer
    >>> CharacterTokenizer()("Ça va")
    ['Ç', 'a', ' ', 'v', 'a']
    """

    def __init__(self, *, normalization: Normalization = None, casefold: bool = False) -> None:
        _require_form("CharacterTokenizer", normalization)
        self.normalization, self.casefold = normalization, casefold

    def __call__(self, text: str) -> list[str]:
        """Return the characters of `text` in order."""
        return list(self._prepare(text))

    def _prepare(self, text: str) -> str:
        return _prepared("CharacterTokenizer", text, self.normalization, self.casefold)


class NGramTokenizer:
    """Join runs of n neighbouring tokens of another tokeniser.

    Parameters
    ----------
    tokenizer : callable
        From text to a list of tokens.
    ngram_range : (int, int)
        Least and greatest n.
    separator : str, optional
        Between the tokens of an n-gram: by default nothing for a `CharacterTokenizer`, else a
        space.

    Raises
    ------
    ValueError
        For a range that does not hold 1 <= least <= greatest.
    TypeError
        For a tokeniser that cannot be called.

    Examples
    --------
    >>> from pydl.text import CharacterTokenizer, NGramTokenizer, WordTokenizer
    >>> NGramTokenizer(WordTokenizer(), (1, 2))("to be or")
    ['to', 'be', 'or', 'to be', 'be or']
    >>> NGramTokenizer(CharacterTokenizer(), (3, 3))("hello")
    ['hel', 'ell', 'llo']
    """

    def __init__(
        self, tokenizer: Tokenizer, ngram_range: tuple[int, int], *, separator: str | None = None
    ) -> None:
        require_tokenizer("NGramTokenizer", tokenizer)
        self.tokenizer = tokenizer
        self.ngram_range = require_ngram_range("NGramTokenizer", ngram_range)
        self.separator = default_separator(tokenizer) if separator is None else separator

    def __call__(self, text: str) -> list[str]:
        """Return the n-grams of `text`: short before long, in the order of the text."""
        tokens = self.tokenizer(text)
        low, high = self.ngram_range
        return [
            self.separator.join(tokens[i : i + n])
            for n in range(low, high + 1)
            for i in range(len(tokens) - n + 1)
        ]


def default_separator(tokenizer: Tokenizer) -> str:
    """Return the separator between the tokens of an n-gram."""
    return "" if isinstance(tokenizer, CharacterTokenizer) else " "


def require_tokenizer(owner: str, tokenizer: object) -> None:
    """Raise `TypeError` for what cannot be called."""
    if not callable(tokenizer):
        raise TypeError(
            f"{owner}: expected tokenizer to be a function from text to tokens, got {tokenizer!r}"
        )


def require_ngram_range(owner: str, ngram_range: tuple[int, int]) -> tuple[int, int]:
    """Return the range, or raise `ValueError`."""
    try:
        low, high = map(int, ngram_range)
    except (TypeError, ValueError):
        low, high = 0, 0
    if not 1 <= low <= high:
        raise ValueError(
            f"{owner}: expected ngram_range (least, greatest) with 1 <= least <= greatest, "
            f"got {ngram_range!r}"
        )
    return low, high


def _require_form(owner: str, form: object) -> None:
    if form not in ("NFC", "NFKC", None):
        raise ValueError(f'{owner}: expected normalization "NFC", "NFKC" or None, got {form!r}')


def _prepared(owner: str, text: str, form: Normalization, casefold: bool) -> str:
    if not isinstance(text, str):
        raise TypeError(f"{owner}: expected text as str, got {type(text).__name__}")
    if text.isascii():  # which every normal form leaves as it is
        return text.lower() if casefold else text
    if form is not None:
        text = unicodedata.normalize(form, text)
    if casefold:
        text = text.casefold()
        if form is not None:  # case folding may leave the normal form
            text = unicodedata.normalize(form, text)
    return text
