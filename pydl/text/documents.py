"""Documents as callers give them, checked one by one as they are read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pydl.text._tokens import TokenReader
from pydl.text.tokenizers import CharacterTokenizer, Tokenizer, WordTokenizer, default_separator


def checked_texts(owner: str, documents: Iterable[str]) -> Iterator[str]:
    """Iterate over texts; `TypeError` for a single text, and for what is not a text."""
    _require_documents(owner, documents, "texts")
    return _texts(owner, documents)


def checked_lists(owner: str, documents: Iterable[Iterable[str]]) -> Iterator[Iterable[str]]:
    """Iterate over lists of tokens; `TypeError` for a single text, or a text among them."""
    _require_documents(owner, documents, "lists of tokens")
    return _lists(owner, documents)


def reader(tokenizer: Tokenizer, ngram_range: tuple[int, int] = (1, 1)) -> TokenReader:
    """Return what reads n-grams of texts; the tokenisers of this package make no strings there."""
    prepare: Callable[[Any], Any] = tokenizer
    rule = "lists"
    # Not isinstance: a subclass may define its own __call__.
    if type(tokenizer) is WordTokenizer:
        prepare, rule = tokenizer._prepare, tokenizer._rule
    elif type(tokenizer) is CharacterTokenizer:
        prepare, rule = tokenizer._prepare, "characters"
    return TokenReader(prepare, rule, *ngram_range, separator=default_separator(tokenizer))


def _require_documents(owner: str, documents: object, what: str) -> None:
    if isinstance(documents, (str, bytes)) or not isinstance(documents, Iterable):
        raise TypeError(
            f"{owner}: expected an iterable of {what}, got one {type(documents).__name__}"
        )


def _texts(owner: str, documents: Iterable[str]) -> Iterator[str]:
    for number, text in enumerate(documents):
        if not isinstance(text, str):
            raise TypeError(
                f"{owner}: expected document {number} as str, got {type(text).__name__}"
            )
        yield text


def _lists(owner: str, documents: Iterable[Iterable[str]]) -> Iterator[Iterable[str]]:
    for number, tokens in enumerate(documents):
        if isinstance(tokens, (str, bytes)):
            raise TypeError(
                f"{owner}: expected document {number} as a list of tokens, "
                f"got {type(tokens).__name__}; pass a tokenizer for texts"
            )
        yield tokens
