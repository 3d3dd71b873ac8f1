"""scikit-learn: vectorizers, one process as always.

Its words are made those of pydl, so that both do the same work; on English text this pattern takes
no longer than the default one, which drops words of one letter and divides "don't".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from bench.case import Contender, Values
from bench.text import Vectorization, values

_WORD = r"[^\W_]+(?:['\u2019][^\W_]+)*"
_KINDS: dict[str, Callable[..., Any]] = {
    "count": CountVectorizer,
    "tfidf": TfidfVectorizer,
    "hashing": HashingVectorizer,
}


def build(work: Vectorization, documents: list[str], variant: str) -> Contender:
    def make() -> Any:
        return _KINDS[work.method](token_pattern=_WORD, ngram_range=(1, work.ngrams))

    def read(matrix: Any) -> Values:
        return values(matrix.data, matrix.indices, matrix.indptr, matrix.shape[1])

    if work.fitted:
        fitted = make().fit(documents)
        return Contender(lambda: fitted.transform(documents), read, wait=_nothing)
    return Contender(lambda: make().fit_transform(documents), read, wait=_nothing)


def _nothing(matrix: Any) -> None:
    """The matrix is finished when the call returns."""
