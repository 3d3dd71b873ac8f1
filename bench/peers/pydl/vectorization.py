"""Vectorizers of `pydl.text`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench.case import Contender, Values
from bench.text import Vectorization, values
from pydl.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

_KINDS: dict[str, Callable[..., Any]] = {
    "count": CountVectorizer,
    "tfidf": TfidfVectorizer,
    "hashing": HashingVectorizer,
}


def vectorization(work: Vectorization, documents: list[str], variant: str) -> Contender:
    def make() -> Any:
        return _KINDS[work.method](ngram_range=(1, work.ngrams))

    def read(matrix: Any) -> Values:
        return values(matrix.data, matrix.indices, matrix.indptr, matrix.shape[1])

    if work.fitted:
        fitted = make().fit(documents)
        return Contender(lambda: fitted.transform(documents), read, wait=_nothing)
    return Contender(lambda: make().fit_transform(documents), read, wait=_nothing)


def _nothing(matrix: Any) -> None:
    """The matrix is finished when the call returns."""
