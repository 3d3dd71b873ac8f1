"""Byte-pair encoding: a vocabulary of subwords learned from text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pydl.text._pairs import Merger, learn
from pydl.text._tokens import TermTable, TokenReader, count_terms, split
from pydl.text.documents import checked_texts
from pydl.text.files import read_json, read_list, read_strings, write_json

if TYPE_CHECKING:
    import numpy.typing as npt

_FORMAT = "pydl.text.BytePairEncoding"
_BYTES = 256
# Pieces whose ids are remembered; text of a language repeats most of its words.
_CACHED_PIECES = 1 << 16
# Most bytes that all tokens together may stand for: each merge may double the longest one, so that
# a short file could ask for any amount of memory.
_MOST_TOKEN_BYTES = 1 << 28


class BytePairEncoding:
    """Text to numbers of subwords, and back to exactly the same text.

    Text is cut into pieces that merges do not cross: words (letters, numbers and marks in a row,
    with inner apostrophes and joiners), runs of symbols, each with the space before it, and runs of
    other spaces. In a piece, the pair of neighbours that was learned first is merged, until no
    learned pair is left (Sennrich et al., 2016).

    The numbers are those of `special_tokens`, the 256 bytes, `characters`, then one per merge.
    Characters without their own number are encoded as their UTF-8 bytes, so there is no
    unknown text.

    Parameters
    ----------
    merges : sequence of (int, int)
        Pairs of numbers, in the order in which they were learned.
    characters : sequence of str, optional
        Characters with their own number: those of the training text at character level.
    special_tokens : sequence of str, optional
        Tokens such as "<pad>" that text is never encoded to.

    Raises
    ------
    ValueError
        For merges of numbers that are not there yet, characters that are longer, and tokens that
        have more than 256 MiB in all.

    Examples
    --------
    >>> from pydl.text import BytePairEncoding
    >>> texts = ["low lower lowest", "new newer newest"]
    >>> encoding = BytePairEncoding.train(texts, vocab_size=262)
    >>> encoding.tokenize("the newest low")
    ['t', 'h', 'e', ' ne', 'we', 'st', ' lo', 'w']
    >>> encoding.decode(encoding.encode("سلام 👋"))
    'سلام 👋'
    """

    def __init__(
        self,
        merges: Sequence[tuple[int, int]],
        characters: Sequence[str] = (),
        special_tokens: Sequence[str] = (),
    ) -> None:
        if isinstance(special_tokens, str):
            raise TypeError("BytePairEncoding: expected special_tokens as a list, got one str")
        self.special_tokens, self.characters = tuple(special_tokens), tuple(characters)
        self.merges = [(int(left), int(right)) for left, right in merges]
        if len(set(self.special_tokens)) != len(self.special_tokens):
            raise ValueError(
                f"BytePairEncoding: expected special tokens that differ, got {self.special_tokens}"
            )
        special = len(self.special_tokens)
        self._special_numbers = {token: i for i, token in enumerate(self.special_tokens)}
        self._character_numbers = {c: special + _BYTES + i for i, c in enumerate(self.characters)}
        self._bytes = _texts_of_numbers(self.special_tokens, self.characters, self.merges)
        first = special + _BYTES + len(self.characters)
        self._merger = Merger(np.array(self.merges, np.int32).reshape(-1, 2), first)
        self._cache: dict[str, list[int]] = {}

    @classmethod
    def train(
        cls,
        texts: Iterable[str],
        vocab_size: int,
        *,
        level: Literal["byte", "character"] = "byte",
        min_count: int = 2,
        special_tokens: Sequence[str] = (),
    ) -> BytePairEncoding:
        """Learn merges: again and again of the most frequent pair, of equals the lowest numbers.

        Parameters
        ----------
        texts : iterable of str
            Read once; their order makes no difference.
        vocab_size : int
            How many numbers there shall be; fewer where no pair is frequent enough.
        level : {"byte", "character"}, default "byte"
            Whether merges begin with bytes, or with the characters of the texts; the latter does
            not divide letters of other scripts, but costs a number for each.
        min_count : int, default 2
            Rarer pairs are not merged.
        special_tokens : sequence of str, optional
            Tokens such as "<pad>" that get the first numbers.

        Raises
        ------
        ValueError
            For a `vocab_size` below what is there before any merge, another `level`, and a
            `min_count` below 1.
        TypeError
            For one string in place of texts, and for texts that are not str.
        """
        if level not in ("byte", "character"):
            raise ValueError(
                f'BytePairEncoding.train: expected level "byte" or "character", got {level!r}'
            )
        if min_count < 1:
            raise ValueError(
                f"BytePairEncoding.train: expected min_count of at least 1, got {min_count}"
            )
        table = TermTable()
        counts = count_terms(
            checked_texts("BytePairEncoding.train", texts), TokenReader(_same, "pieces"), table
        )
        pieces = table.to_list()
        characters = sorted({c for piece in pieces for c in piece}) if level == "character" else []
        plain = cls([], characters, special_tokens)
        if vocab_size < len(plain):
            raise ValueError(
                f"BytePairEncoding.train: expected vocab_size of at least {len(plain)}, the "
                f"special tokens, bytes and characters, got {vocab_size}"
            )
        symbols = [plain._symbols(piece) for piece in pieces]
        merges = learn(
            np.array([number for piece in symbols for number in piece], np.int32),
            np.array([0, *accumulate(map(len, symbols))], np.int64),
            counts,
            len(plain),
            vocab_size - len(plain),
            min_count,
        )
        return cls(merges, characters, special_tokens)

    def __len__(self) -> int:
        return len(self._bytes)

    def __repr__(self) -> str:
        return f"BytePairEncoding({len(self)} tokens)"

    def encode(self, text: str) -> npt.NDArray[np.int64]:
        """Return the numbers of the subwords of `text`, int64 (T,).

        Raises
        ------
        TypeError
            For anything but str.
        """
        return np.array([number for ids in self._encoded(text) for number in ids], np.int64)

    def tokenize(self, text: str) -> list[str]:
        """Return the subwords of `text`; parts of a character's bytes read as U+FFFD."""
        return [self.decode([number]) for ids in self._encoded(text) for number in ids]

    def decode(
        self,
        ids: Iterable[int] | npt.NDArray[np.integer[Any]],
        *,
        skip_special_tokens: bool = True,
    ) -> str:
        """Return the text of numbers (T,), the exact one where `encode` made them.

        Bytes that are not UTF-8, which other numbers may lead to, become U+FFFD.

        Raises
        ------
        IndexError
            For a number outside of the vocabulary.
        """
        numbers = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
        if numbers and not (min(numbers) >= 0 and max(numbers) < len(self)):
            raise IndexError(f"BytePairEncoding.decode: ids reach outside the {len(self)} tokens")
        special = len(self.special_tokens)
        if skip_special_tokens:
            numbers = [number for number in numbers if number >= special]
        data = b"".join([self._bytes[number] for number in numbers])
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")

    def token_to_id(self, token: str) -> int:
        """Return the number of a special token; `KeyError` for another."""
        if token not in self._special_numbers:
            raise KeyError(
                f"BytePairEncoding: {token!r} is none of the special tokens {self.special_tokens}"
            )
        return self._special_numbers[token]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the encoding to a JSON file, atomically."""
        record = {
            "format": _FORMAT,
            "special_tokens": list(self.special_tokens),
            "characters": list(self.characters),
            "merges": self.merges,
        }
        write_json(path, record)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> BytePairEncoding:
        """Read an encoding from a file that `save` wrote.

        Raises
        ------
        OSError
            When the file cannot be read.
        ValueError
            When it is malformed; the message names file and line, or the entry.
        """
        record = read_json(path, _FORMAT)
        merges = read_list(path, record, "merges")
        for number, merge in enumerate(merges):
            if not (
                isinstance(merge, list) and len(merge) == 2 and all(type(i) is int for i in merge)
            ):
                raise ValueError(
                    f"{os.fspath(path)}: expected two numbers, got {merge!r:.50} at merge {number}"
                )
        characters = read_strings(path, record, "characters")
        try:
            return cls(merges, characters, read_strings(path, record, "special_tokens"))
        except ValueError as error:
            raise ValueError(f"{os.fspath(path)}: {error}") from None

    def _encoded(self, text: str) -> Iterator[list[int]]:
        """Iterate over the numbers of each piece."""
        if not isinstance(text, str):
            raise TypeError(
                f"BytePairEncoding.encode: expected text as str, got {type(text).__name__}"
            )
        cache = self._cache
        for piece in split(text, "pieces"):
            ids = cache.get(piece)
            if ids is None:
                ids = self._merger.merge(self._symbols(piece))
                if len(cache) < _CACHED_PIECES:
                    cache[piece] = ids
            yield ids

    def _symbols(self, piece: str) -> list[int]:
        """Numbers before any merge."""
        special = len(self.special_tokens)
        if not self.characters:
            return [special + byte for byte in piece.encode("utf-8", "surrogatepass")]
        symbols = []
        for character in piece:
            number = self._character_numbers.get(character)
            if number is not None:
                symbols.append(number)
            else:
                data = character.encode("utf-8", "surrogatepass")
                symbols.extend(special + byte for byte in data)
        return symbols

    def __reduce__(self) -> tuple[Any, ...]:
        return BytePairEncoding, (self.merges, self.characters, self.special_tokens)


def _texts_of_numbers(
    special_tokens: Sequence[str], characters: Sequence[str], merges: Sequence[tuple[int, int]]
) -> list[bytes]:
    special = len(special_tokens)
    texts = [token.encode("utf-8", "surrogatepass") for token in special_tokens]
    texts += [bytes([i]) for i in range(_BYTES)]
    for character in characters:
        if len(character) != 1:
            raise ValueError(f"BytePairEncoding: expected single characters, got {character!r}")
        texts.append(character.encode("utf-8", "surrogatepass"))
    total = sum(map(len, texts))
    for number, (left, right) in enumerate(merges):
        if not (special <= left < len(texts) and special <= right < len(texts)):
            raise ValueError(
                f"BytePairEncoding: expected merge {number} of numbers in [{special}, "
                f"{len(texts)}), got {(left, right)}"
            )
        total += len(texts[left]) + len(texts[right])
        if total > _MOST_TOKEN_BYTES:
            raise ValueError(
                f"BytePairEncoding: expected tokens of at most {_MOST_TOKEN_BYTES} bytes in all, "
                f"got more at merge {number}"
            )
        texts.append(texts[left] + texts[right])
    return texts


def _same(text: str) -> str:
    return text
