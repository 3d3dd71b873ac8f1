"""Pretrained word vectors: GloVe's text format, and NumPy arrays with a list of words."""

from __future__ import annotations

import os
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from pydl.text.npy import read_npy

if TYPE_CHECKING:
    import numpy.typing as npt

    from pydl.text.vocabulary import Vocabulary


class WordVectors:
    """Words and a vector for each.

    Parameters
    ----------
    words : sequence of str
        N words; of equal ones the first counts.
    vectors : numpy.ndarray
        Their vectors (N, D), kept as float32.

    Raises
    ------
    ValueError
        For vectors that are not (N, D).

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.text import Vocabulary, WordVectors
    >>> vectors = WordVectors(["rose", "red"], np.eye(2))
    >>> matrix, found = vectors.matrix(Vocabulary(["red", "green"]))
    >>> matrix
    array([[0., 0.],
           [0., 0.],
           [0., 0.],
           [0., 1.]], dtype=float32)
    >>> found
    0.5
    """

    def __init__(self, words: Sequence[str], vectors: npt.ArrayLike) -> None:
        self.words = tuple(words)
        self.vectors = np.asarray(vectors, np.float32)
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.words):
            raise ValueError(
                f"WordVectors: expected vectors ({len(self.words)}, D), "
                f"got shape {self.vectors.shape}"
            )
        self._numbers: dict[str, int] = {}
        for number, word in enumerate(self.words):
            self._numbers.setdefault(word, number)

    @classmethod
    def from_text(
        cls, path: str | os.PathLike[str], *, words: Container[str] | None = None
    ) -> WordVectors:
        """Read GloVe's text format: a word and its numbers per line, divided by spaces.

        A first line of two integers, as word2vec and fastText write, is skipped. Words may hold
        spaces: the numbers are the last D fields, as many as the first line has.

        Parameters
        ----------
        path : str or path
            UTF-8 text.
        words : container of str, optional
            Only these words are read, such as a `Vocabulary`: quicker, and small.

        Raises
        ------
        OSError
            When the file cannot be read.
        ValueError
            For a line that is not a word and D numbers; the message names file and line.
        """
        found: list[str] = []
        rows: list[npt.NDArray[np.float32]] = []
        dimension = 0
        with open(path, "rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.rstrip(b"\r\n ")
                if not dimension:
                    fields = text.split(b" ")
                    if number == 1 and len(fields) == 2 and all(map(bytes.isdigit, fields)):
                        continue
                    dimension = len(fields) - 1
                parts = text.rsplit(b" ", dimension)
                if len(parts) != dimension + 1 or not dimension:
                    raise ValueError(
                        f"{os.fspath(path)}, line {number}: expected a word and "
                        f"{dimension or 'its'} numbers, got {text[:50]!r}"
                    )
                word = _decoded(path, number, parts[0])
                if words is None or word in words:
                    rows.append(_vector(path, number, parts[1:]))
                    found.append(word)
        vectors = np.stack(rows) if rows else np.zeros((0, dimension), np.float32)
        return cls(found, vectors)

    @classmethod
    def from_npy(
        cls, path: str | os.PathLike[str], words_path: str | os.PathLike[str]
    ) -> WordVectors:
        """Read vectors (N, D) from a .npy file, and N words from a UTF-8 text, one per line.

        Raises
        ------
        OSError
            When a file cannot be read.
        ValueError
            For an array of another kind, and a different number of words; the message names the
            file.
        """
        vectors = read_npy(path)
        if vectors.ndim != 2 or vectors.dtype.kind not in "fiu":
            raise ValueError(f"{os.fspath(path)}: expected one array of numbers (N, D)")
        with open(words_path, "rb") as file:
            words = [
                _decoded(words_path, number, line.rstrip(b"\r\n"))
                for number, line in enumerate(file, start=1)
            ]
        if len(words) != len(vectors):
            raise ValueError(
                f"{os.fspath(words_path)}, line {len(words)}: the words end here, but "
                f"{os.fspath(path)} has {len(vectors)} vectors"
            )
        return cls(words, vectors)

    @property
    def dimension(self) -> int:
        """Size of each vector."""
        return int(self.vectors.shape[1])

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: object) -> bool:
        return word in self._numbers

    def __getitem__(self, word: str) -> npt.NDArray[np.float32]:
        """Return the vector of a word (D,), or raise `KeyError`."""
        vector: npt.NDArray[np.float32] = self.vectors[self._numbers[word]]
        return vector

    def __repr__(self) -> str:
        return f"WordVectors({len(self)} words, dimension {self.dimension})"

    def matrix(
        self,
        vocabulary: Vocabulary,
        *,
        missing: Literal["zeros", "normal"] = "zeros",
        seed: int | None = None,
    ) -> tuple[npt.NDArray[np.float32], float]:
        """Return the vectors of a vocabulary's tokens, for the weight of an embedding.

        Parameters
        ----------
        vocabulary : Vocabulary
            V tokens; they are looked up as they are written.
        missing : {"zeros", "normal"}, default "zeros"
            What tokens without a vector get: zeros, or normal random numbers with the mean and
            deviation of these vectors. Padding is always zeros.
        seed : int, optional
            Makes the random numbers reproducible.

        Returns
        -------
        matrix : numpy.ndarray
            float32 (V, D).
        found : float
            Share of the tokens, special ones not counted, that have a vector; 0 where there are
            none.

        Raises
        ------
        ValueError
            For another `missing`.
        """
        if missing not in ("zeros", "normal"):
            raise ValueError(
                f'WordVectors.matrix: expected missing "zeros" or "normal", got {missing!r}'
            )
        numbers = np.array([self._numbers.get(token, -1) for token in vocabulary.tokens], np.int64)
        result = np.zeros((len(vocabulary), self.dimension), np.float32)
        if missing == "normal" and self.vectors.size:
            random = np.random.default_rng(seed)
            result[:] = random.normal(self.vectors.mean(), self.vectors.std(), result.shape)
        result[numbers >= 0] = self.vectors[numbers[numbers >= 0]]
        if vocabulary.padding_index is not None:
            result[vocabulary.padding_index] = 0.0
        plain = numbers[vocabulary.special_count :]
        return result, float((plain >= 0).mean()) if plain.size else 0.0


def _vector(
    path: str | os.PathLike[str], number: int, fields: list[bytes]
) -> npt.NDArray[np.float32]:
    try:
        return np.array([float(field) for field in fields], np.float32)
    except ValueError as error:
        raise ValueError(f"{os.fspath(path)}, line {number}: {error}") from None


def _decoded(path: str | os.PathLike[str], number: int, text: bytes) -> str:
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError(f"{os.fspath(path)}, line {number}: the word is not UTF-8") from None
