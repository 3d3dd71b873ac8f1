"""Vocabulary: tokens and their numbers."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl.text._tokens import TermTable, count_terms
from pydl.text.documents import checked_lists, checked_texts, reader
from pydl.text.files import read_json, read_strings, write_json
from pydl.text.tokenizers import Tokenizer, require_tokenizer

if TYPE_CHECKING:
    import numpy.typing as npt

_FORMAT = "pydl.text.Vocabulary"


class Vocabulary:
    """Numbers for tokens, and tokens for numbers.

    First come the padding token (0), the unknown token (1) and `special_tokens`, then the others
    by falling count; equal counts are ordered by code points, so that the same counts always give
    the same numbers.

    Parameters
    ----------
    counts : mapping of str to int, or iterable of str
        How often each token came, or the tokens themselves, to be counted. Special tokens among
        them are not counted.
    min_count : int, default 1
        Rarer tokens are left out.
    max_size : int, optional
        Most tokens, the special ones included.
    padding : str or None, default "<pad>"
        Token that fills up short sequences; None for no such token.
    unknown : str or None, default "<unk>"
        Token for all that are left out; with None those are errors.
    special_tokens : sequence of str, optional
        More tokens that text does not hold, such as "<bos>" and "<eos>".

    Attributes
    ----------
    tokens : tuple of str
        All tokens by their numbers.
    padding_index, unknown_index : int or None
        Numbers of these tokens.
    special_count : int
        How many special tokens come first.

    Raises
    ------
    ValueError
        For `min_count` below 1, a `max_size` that the special tokens exceed, and special tokens
        that are equal.
    TypeError
        For one string in place of tokens, and for tokens that are not str.

    Examples
    --------
    >>> from pydl.text import Vocabulary
    >>> vocabulary = Vocabulary(["a", "rose", "is", "a", "rose"])
    >>> vocabulary.tokens
    ('<pad>', '<unk>', 'a', 'rose', 'is')
    >>> vocabulary.encode(["a", "red", "rose"])
    array([2, 1, 3])
    >>> vocabulary.decode([2, 1, 3])
    ['a', '<unk>', 'rose']
    """

    def __init__(
        self,
        counts: Mapping[str, int] | Iterable[str],
        *,
        min_count: int = 1,
        max_size: int | None = None,
        padding: str | None = "<pad>",
        unknown: str | None = "<unk>",
        special_tokens: Sequence[str] = (),
    ) -> None:
        if isinstance(counts, (str, bytes)):
            raise TypeError(f"Vocabulary: expected counts or tokens, got {type(counts).__name__}")
        if min_count < 1:
            raise ValueError(f"Vocabulary: expected min_count of at least 1, got {min_count}")
        if isinstance(special_tokens, str):
            raise TypeError("Vocabulary: expected special_tokens as a list of str, got one str")
        special = [token for token in (padding, unknown) if token is not None] + [*special_tokens]
        if max_size is not None and max_size < len(special):
            raise ValueError(
                f"Vocabulary: expected max_size of at least {len(special)}, the special tokens, "
                f"got {max_size}"
            )
        if not isinstance(counts, Mapping):
            counts = Counter(counts)
        left_out = set(special)
        kept = [t for t, n in counts.items() if n >= min_count and t not in left_out]
        wrong = [token for token in [*special, *kept] if not isinstance(token, str)]
        if wrong:
            raise TypeError(f"Vocabulary: expected tokens as str, got {type(wrong[0]).__name__}")
        kept.sort(key=lambda token: (-counts[token], token))
        self._set([*special, *kept][:max_size], len(special), padding, unknown)

    def _set(
        self, tokens: Sequence[str], special_count: int, padding: str | None, unknown: str | None
    ) -> None:
        self.tokens = tuple(tokens)
        self.special_count = special_count
        self._numbers = {token: number for number, token in enumerate(self.tokens)}
        if len(self._numbers) != len(self.tokens):
            raise ValueError(
                "Vocabulary: expected special tokens that differ, got "
                f"{self.tokens[:special_count]}"
            )
        self.padding_index = None if padding is None else self._numbers[padding]
        self.unknown_index = None if unknown is None else self._numbers[unknown]

    @classmethod
    def from_documents(
        cls,
        documents: Iterable[Any],
        tokenizer: Tokenizer | None = None,
        **options: Any,
    ) -> Vocabulary:
        """Make a vocabulary of all tokens in a collection.

        Parameters
        ----------
        documents : iterable of str, or of lists of str
            Texts with a tokeniser, else lists of tokens; read once.
        tokenizer : callable, optional
            From text to a list of tokens.
        **options
            As of the class: `min_count`, `max_size`, `padding`, `unknown`, `special_tokens`.

        Raises
        ------
        TypeError
            For one string in place of a collection, and documents of another kind.

        Examples
        --------
        >>> from pydl.text import Vocabulary, WordTokenizer
        >>> vocabulary = Vocabulary.from_documents(["One, two.", "Two!"], WordTokenizer())
        >>> vocabulary.tokens[2:]
        ('two', 'one')
        """
        owner = "Vocabulary.from_documents"
        table = TermTable()
        if tokenizer is None:
            source = checked_lists(owner, documents)
            totals = count_terms(source, reader(_same), table)
        else:
            require_tokenizer(owner, tokenizer)
            totals = count_terms(checked_texts(owner, documents), reader(tokenizer), table)
        return cls(dict(zip(table.to_list(), totals.tolist(), strict=True)), **options)

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: object) -> bool:
        return token in self._numbers

    def __getitem__(self, token: str) -> int:
        """Return the number of a token, that of the unknown token, or raise `KeyError`."""
        number = self._numbers.get(token, self.unknown_index)
        if number is None:
            raise KeyError(
                f"Vocabulary: {token!r} is none of the {len(self)} tokens, and there is no "
                "unknown token"
            )
        return number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocabulary) and self._record() == other._record()

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} tokens)"

    def encode(self, tokens: Iterable[str]) -> npt.NDArray[np.int64]:
        """Return the numbers of tokens, int64 (T,).

        Raises
        ------
        KeyError
            For a token that is not known, where there is no unknown token.
        TypeError
            For one string in place of a list of tokens.
        """
        if isinstance(tokens, (str, bytes)):
            raise TypeError(
                f"Vocabulary.encode: expected a list of tokens, got one {type(tokens).__name__}"
            )
        if self.unknown_index is None:
            return np.fromiter(map(self.__getitem__, tokens), np.int64)
        get, unknown = self._numbers.get, self.unknown_index
        return np.fromiter((get(token, unknown) for token in tokens), np.int64)

    def decode(self, ids: Iterable[int] | npt.NDArray[np.integer[Any]]) -> list[str]:
        """Return the tokens with the numbers `ids` (T,).

        Raises
        ------
        IndexError
            For a number outside of the vocabulary.
        """
        numbers = np.asarray(ids if hasattr(ids, "__len__") else list(ids))
        if numbers.ndim != 1 or (numbers.size and not np.issubdtype(numbers.dtype, np.integer)):
            raise ValueError(
                f"Vocabulary.decode: expected ids (T,) of integers, got {numbers.dtype} "
                f"{numbers.shape}"
            )
        if numbers.size and not (numbers.min() >= 0 and numbers.max() < len(self)):
            raise IndexError(f"Vocabulary.decode: ids reach outside the {len(self)} tokens")
        return [self.tokens[number] for number in numbers.tolist()]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the vocabulary to a JSON file, atomically."""
        write_json(path, self._record())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Vocabulary:
        """Read a vocabulary from a file that `save` wrote.

        Raises
        ------
        OSError
            When the file cannot be read.
        ValueError
            When it is malformed; the message names file and line, or the entry.
        """
        record = read_json(path, _FORMAT)
        tokens = read_strings(path, record, "tokens")
        special = record.get("special_count")
        if not isinstance(special, int) or not 0 <= special <= len(tokens):
            raise ValueError(f"{os.fspath(path)}: expected a number at 'special_count'")
        names = record.get("padding"), record.get("unknown")
        for key, name in zip(("padding", "unknown"), names, strict=True):
            if name is not None and name not in tokens[:special]:
                raise ValueError(f"{os.fspath(path)}: expected a special token at {key!r}")
        vocabulary = cls.__new__(cls)
        vocabulary._set(tokens, special, *names)
        return vocabulary

    def _record(self) -> dict[str, Any]:
        def name(index: int | None) -> str | None:
            return None if index is None else self.tokens[index]

        return {
            "format": _FORMAT,
            "padding": name(self.padding_index),
            "unknown": name(self.unknown_index),
            "special_count": self.special_count,
            "tokens": list(self.tokens),
        }


def _same(tokens: Any) -> Any:
    return tokens
