"""Vectorizers on about 4 MB of English prose, a document per paragraph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from bench.case import Array, Case, Values

_CONTENDERS = ("pydl", "sklearn")
_SYNTHETIC_WORDS = 720_000  # about 4 MB


@dataclass(frozen=True)
class Vectorization:
    """Documents to a sparse matrix; a word is what `pydl.text.WordTokenizer` says."""

    method: str  # count, tfidf or hashing
    source: str  # "Austen" or "synthetic"
    ngrams: int = 1  # terms are runs of up to so many words
    fitted: bool = False  # whether the terms are known already

    def data(self) -> list[str]:
        documents = austen() if self.source == "Austen" else synthetic()
        assert documents is not None
        return list(documents)


def values(data: Array, indices: Array, indptr: Array, columns: int) -> Values:
    """What is compared of a matrix in compressed rows: sums of columns, and of rows."""
    rows = np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
    by_column = np.bincount(indices, weights=data, minlength=columns)
    return np.concatenate([by_column, np.bincount(rows, weights=data, minlength=indptr.size - 1)])


def cases() -> Iterator[Case]:
    """All cases of this suite."""
    source = "synthetic" if austen() is None else "Austen"
    yield _case("counts", Vectorization("count", source))
    yield _case("counts, runs of 1 and 2 words", Vectorization("count", source, ngrams=2))
    yield _case("TF-IDF", Vectorization("tfidf", source))
    yield _case("TF-IDF, terms known", Vectorization("tfidf", source, fitted=True))
    yield _case("hashing", Vectorization("hashing", source))


def _case(name: str, work: Vectorization) -> Case:
    size = megabytes(work.source)
    kind = "Austen's novels" if work.source == "Austen" else "synthetic text"
    return Case(f"{name}: {size:.1f} MB of {kind}", work, _CONTENDERS, megabytes=size)


@lru_cache
def megabytes(source: str) -> float:
    """Size of all documents in UTF-8."""
    documents = austen() if source == "Austen" else synthetic()
    assert documents is not None
    return sum(len(document.encode()) for document in documents) / 1e6


@lru_cache
def austen() -> tuple[str, ...] | None:
    """Paragraphs of the six novels; None where they are not on this machine."""
    from pydl import datasets  # in every worker: reading is not timed

    load = getattr(datasets, "load_austen", None)
    if load is None:
        return None
    try:
        novels = load()
    except (FileNotFoundError, ImportError):
        return None
    return tuple(part for text in novels.values() for part in text.split("\n\n") if part.strip())


@lru_cache
def synthetic() -> tuple[str, ...]:
    """Made-up words as often as Zipf's law says, in sentences and paragraphs."""
    rng = np.random.default_rng(0)
    ranks = np.arange(14_000)
    lengths = rng.poisson(np.log2(ranks + 2) / 3) + 2
    letters = rng.choice(list("etaoinshrdlucmfwypvbg"), lengths.sum())
    stops = np.cumsum(lengths)
    words = ["".join(letters[b - n : b]) for b, n in zip(stops, lengths, strict=True)]
    chances = 1.0 / (ranks + 2.7)
    drawn = rng.choice(ranks.size, _SYNTHETIC_WORDS, p=chances / chances.sum()).tolist()
    ends = rng.choice(["", ",", ".\n", ";", "--"], len(drawn), p=[0.86, 0.07, 0.05, 0.01, 0.01])
    text = [words[number] + end for number, end in zip(drawn, ends.tolist(), strict=True)]
    return tuple(" ".join(text[i : i + 70]) for i in range(0, len(text), 70))
