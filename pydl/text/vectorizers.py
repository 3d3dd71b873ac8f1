"""Vectorizers: a row of numbers for each document, from the terms in it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from pydl.text._tokens import TermTable, count, hash_rows, sort_rows
from pydl.text.documents import checked_texts, reader
from pydl.text.sparse import CSRMatrix, row_numbers
from pydl.text.tokenizers import Tokenizer, WordTokenizer, require_ngram_range, require_tokenizer

if TYPE_CHECKING:
    import numpy.typing as npt

Norm: TypeAlias = 'Literal["l1", "l2"] | None'


class _Vectorizer:
    """What all vectorizers share: how terms are found."""

    def __init__(
        self,
        tokenizer: Tokenizer | None,
        ngram_range: tuple[int, int],
        dtype: npt.DTypeLike,
    ) -> None:
        self._owner = type(self).__name__
        self.tokenizer: Tokenizer = WordTokenizer() if tokenizer is None else tokenizer
        require_tokenizer(self._owner, self.tokenizer)
        self.ngram_range = require_ngram_range(self._owner, ngram_range)
        self.dtype = np.dtype(dtype)


class CountVectorizer(_Vectorizer):
    """Count terms: a row per document, a column per term, columns in the order of code points.

    Parameters
    ----------
    tokenizer : callable, optional
        From text to a list of tokens; by default `WordTokenizer()`.
    ngram_range : (int, int), default (1, 1)
        Terms are runs of this many tokens, joined by a space, or by nothing after a
        `CharacterTokenizer`.
    min_df, max_df : int or float, default 1 and 1.0
        Terms in fewer or more documents than that are left out: an int is a number of documents, a
        float in [0, 1] a fraction of all.
    max_features : int, optional
        Only this many terms are kept, the most frequent ones; of equals, the first in order.
    binary : bool, default False
        Whether all counts above 0 become 1 (multi-hot rows).
    dtype : dtype, default int64
        Of the counts.

    Attributes
    ----------
    vocabulary_ : dict of str to int
        Column of each term, after `fit`.

    Raises
    ------
    ValueError
        For numbers out of range, and when `fit` finds no terms to keep.
    TypeError
        For one string in place of a collection, and documents that are not str.

    Examples
    --------
    >>> from pydl.text import CountVectorizer
    >>> vectorizer = CountVectorizer(ngram_range=(1, 2))
    >>> vectorizer.fit_transform(["the rose", "the red rose"]).toarray()
    array([[0, 0, 1, 1, 0, 1],
           [1, 1, 1, 1, 1, 0]])
    >>> vectorizer.get_feature_names_out().tolist()
    ['red', 'red rose', 'rose', 'the', 'the red', 'the rose']
    """

    def __init__(
        self,
        tokenizer: Tokenizer | None = None,
        *,
        ngram_range: tuple[int, int] = (1, 1),
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_features: int | None = None,
        binary: bool = False,
        dtype: npt.DTypeLike = np.int64,
    ) -> None:
        super().__init__(tokenizer, ngram_range, dtype)
        for name, value in (("min_df", min_df), ("max_df", max_df)):
            if not (value >= 1 if isinstance(value, Integral) else 0.0 <= value <= 1.0):
                raise ValueError(
                    f"{self._owner}: expected {name} as int of at least 1 or float in [0, 1], "
                    f"got {value}"
                )
        if max_features is not None and max_features < 1:
            raise ValueError(
                f"{self._owner}: expected max_features of at least 1, got {max_features}"
            )
        self.min_df, self.max_df, self.max_features = min_df, max_df, max_features
        self.binary = binary
        self._table: TermTable | None = None
        self._terms: list[str] = []

    def fit(self, documents: Iterable[str]) -> Any:
        """Find the terms of a collection of texts, which is read once; returns self."""
        self._fit_counts(documents)
        return self

    def fit_transform(self, documents: Iterable[str]) -> CSRMatrix:
        """Do `fit` and `transform` in one go; returns the counts (N, K)."""
        return self._converted(self._fit_counts(documents))

    def transform(self, documents: Iterable[str]) -> CSRMatrix:
        """Count the terms that `fit` found; returns the counts (N, K).

        Raises
        ------
        RuntimeError
            Before `fit`.
        """
        return self._converted(self._counts(documents))

    def get_feature_names_out(self) -> npt.NDArray[np.object_]:
        """Return the terms by their columns, (K,); `RuntimeError` before `fit`."""
        self._fitted()
        return np.array(self._terms, dtype=object)

    @property
    def vocabulary_(self) -> dict[str, int]:
        """Column of each term; `RuntimeError` before `fit`."""
        self._fitted()
        return {term: column for column, term in enumerate(self._terms)}

    def _fitted(self) -> TermTable:
        if self._table is None:
            raise RuntimeError(f"{self._owner}: call fit first")
        return self._table

    def _counts(self, documents: Iterable[str]) -> CSRMatrix:
        table = self._fitted()
        texts = checked_texts(f"{self._owner}.transform", documents)
        rows = count(texts, reader(self.tokenizer, self.ngram_range), table, False)
        sort_rows(*rows)
        return _matrix(rows, len(table))

    def _fit_counts(self, documents: Iterable[str]) -> CSRMatrix:
        table = TermTable()
        texts = checked_texts(f"{self._owner}.fit", documents)
        rows = count(texts, reader(self.tokenizer, self.ngram_range), table, True)
        kept = self._kept(table.sorted_numbers(), rows)
        if not kept.size:
            raise ValueError(f"{self._owner}.fit: no terms to keep in {rows[2].size - 1} documents")
        columns = np.full(len(table), -1, np.int32)
        columns[kept] = np.arange(kept.size, dtype=np.int32)
        rows = _renumbered(rows, columns)
        sort_rows(*rows)
        self._table = table.select(kept)
        self._terms = self._table.to_list()
        return _matrix(rows, kept.size)

    def _kept(
        self,
        ordered: npt.NDArray[np.int32],
        rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]],
    ) -> npt.NDArray[np.int32]:
        """Return the numbers of the terms that remain, in order."""
        values, numbers, pointers = rows
        low, high = (
            bound if isinstance(bound, Integral) else bound * (pointers.size - 1)
            for bound in (self.min_df, self.max_df)
        )
        found_in = np.bincount(numbers, minlength=ordered.size)
        ordered = ordered[(found_in[ordered] >= low) & (found_in[ordered] <= high)]
        if self.max_features is not None and ordered.size > self.max_features:
            totals = np.bincount(numbers, weights=values, minlength=found_in.size)[ordered]
            most = np.argsort(-totals, kind="stable")[: self.max_features]
            ordered = ordered[np.sort(most)]
        return ordered

    def _converted(self, counts: CSRMatrix) -> CSRMatrix:
        data = np.ones_like(counts.data) if self.binary else counts.data
        return _with_data(counts, data.astype(self.dtype, copy=False))


class TfidfVectorizer(CountVectorizer):
    """Weight counts by how rare terms are: term frequency times inverse document frequency.

    The weight of term t in document d is ``tf(t, d) * idf(t)`` with the count ``tf``, and ::

        idf(t) = ln((1 + N) / (1 + df(t))) + 1    with smooth_idf
        idf(t) = ln(N / df(t)) + 1                without

    for N documents, df(t) of which hold the term; then each row is divided by its norm. These are
    the formulas, and the defaults, of scikit-learn.

    Parameters
    ----------
    tokenizer, ngram_range, min_df, max_df, max_features, binary
        As for `CountVectorizer`; `binary` makes tf 0 or 1.
    norm : {"l2", "l1"} or None, default "l2"
        Root of the sum of squares or sum of magnitudes that rows are divided by; None for neither.
    smooth_idf : bool, default True
        Whether documents are counted as if one more held every term.
    sublinear_tf : bool, default False
        Whether tf is replaced by 1 + ln(tf).
    dtype : dtype, default float32
        Of the weights; they are computed in float64.

    Attributes
    ----------
    idf_ : numpy.ndarray
        Weights of the terms, float64 (K,), after `fit`.

    Raises
    ------
    ValueError
        For another norm, and what `CountVectorizer` raises.

    Examples
    --------
    >>> from pydl.text import TfidfVectorizer
    >>> TfidfVectorizer().fit_transform(["a rose", "a red rose"]).toarray().round(2)
    array([[0.71, 0.  , 0.71],
           [0.5 , 0.7 , 0.5 ]], dtype=float32)
    """

    def __init__(
        self,
        tokenizer: Tokenizer | None = None,
        *,
        ngram_range: tuple[int, int] = (1, 1),
        min_df: int | float = 1,
        max_df: int | float = 1.0,
        max_features: int | None = None,
        binary: bool = False,
        norm: Norm = "l2",
        smooth_idf: bool = True,
        sublinear_tf: bool = False,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(
            tokenizer,
            ngram_range=ngram_range,
            min_df=min_df,
            max_df=max_df,
            max_features=max_features,
            binary=binary,
            dtype=dtype,
        )
        _require_norm(self._owner, norm)
        self.norm, self.smooth_idf, self.sublinear_tf = norm, smooth_idf, sublinear_tf
        self._idf: npt.NDArray[np.float64] | None = None

    @property
    def idf_(self) -> npt.NDArray[np.float64]:
        """Weights of the terms, float64 (K,); `RuntimeError` before `fit`."""
        self._fitted()
        assert self._idf is not None
        return self._idf

    def _fit_counts(self, documents: Iterable[str]) -> CSRMatrix:
        counts = super()._fit_counts(documents)
        extra = int(self.smooth_idf)
        found_in = np.bincount(counts.indices, minlength=counts.shape[1]) + extra
        self._idf = np.log((len(counts) + extra) / found_in) + 1.0
        return counts

    def _converted(self, counts: CSRMatrix) -> CSRMatrix:
        weights = np.ones(counts.nnz) if self.binary else counts.data.astype(np.float64)
        if self.sublinear_tf:
            weights = np.log(weights) + 1.0
        weights *= self.idf_[counts.indices]
        weights = _normalized(weights, counts.indptr, self.norm)
        return _with_data(counts, weights.astype(self.dtype, copy=False))


class HashingVectorizer(_Vectorizer):
    """Count terms in columns that a hash chooses: no vocabulary, and nothing to fit.

    With the hash h of a term, MurmurHash3 (x86, 32 bits, seed 0) of its UTF-8 as a signed number,
    the column is ``abs(h) % n_features``. With `alternate_sign` terms of negative h count -1, so
    that on average terms that share a column cancel rather than add up. Values agree with
    scikit-learn's `HashingVectorizer`.

    Parameters
    ----------
    tokenizer, ngram_range
        As for `CountVectorizer`.
    n_features : int, default 2**20
        Number of columns, at most 2**31 - 1.
    alternate_sign : bool, default True
        Whether half of the terms count -1.
    norm : {"l2", "l1"} or None, default "l2"
        As for `TfidfVectorizer`.
    dtype : dtype, default float32
        Of the values; they are computed in float64.

    Raises
    ------
    ValueError
        For another norm, and `n_features` out of range.
    TypeError
        For one string in place of a collection, and documents that are not str.

    Examples
    --------
    >>> from pydl.text import HashingVectorizer
    >>> vectorizer = HashingVectorizer(n_features=8, norm=None)
    >>> vectorizer.transform(["a rose is a rose"]).toarray()
    array([[ 0.,  0.,  2.,  0., -2.,  1.,  0.,  0.]], dtype=float32)
    """

    def __init__(
        self,
        tokenizer: Tokenizer | None = None,
        *,
        n_features: int = 2**20,
        ngram_range: tuple[int, int] = (1, 1),
        alternate_sign: bool = True,
        norm: Norm = "l2",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__(tokenizer, ngram_range, dtype)
        if not 1 <= n_features < 2**31:
            raise ValueError(
                f"{self._owner}: expected n_features from 1 to 2**31 - 1, got {n_features}"
            )
        _require_norm(self._owner, norm)
        self.n_features, self.alternate_sign, self.norm = n_features, alternate_sign, norm

    def fit(self, documents: Iterable[str]) -> HashingVectorizer:
        """Do nothing, for code that works with any vectorizer; returns self."""
        return self

    def fit_transform(self, documents: Iterable[str]) -> CSRMatrix:
        """Do the same as `transform`."""
        return self.transform(documents)

    def transform(self, documents: Iterable[str]) -> CSRMatrix:
        """Count the terms of each text; returns the values (N, n_features)."""
        texts = checked_texts(f"{self._owner}.transform", documents)
        rows = hash_rows(
            texts, reader(self.tokenizer, self.ngram_range), self.n_features, self.alternate_sign
        )
        counts = _matrix(rows, self.n_features)
        values = _normalized(counts.data.astype(np.float64), counts.indptr, self.norm)
        return _with_data(counts, values.astype(self.dtype, copy=False))


def _matrix(
    rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]], columns: int
) -> CSRMatrix:
    data, indices, indptr = rows
    return CSRMatrix(data, indices, indptr, (indptr.size - 1, columns))


def _with_data(matrix: CSRMatrix, data: npt.NDArray[Any]) -> CSRMatrix:
    return CSRMatrix(data, matrix.indices, matrix.indptr, matrix.shape)


def _renumbered(
    rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]],
    columns: npt.NDArray[np.int32],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]:
    """Rows with column `columns[i]` in place of i; where that is -1, the entry is dropped."""
    values, indices, pointers = rows
    indices = columns[indices]
    if columns.size and columns.min() >= 0:
        return values, indices, pointers
    kept = indices >= 0
    before = np.concatenate([[0], np.cumsum(kept)])
    return values[kept], indices[kept], before[pointers]


def _require_norm(owner: str, norm: object) -> None:
    if norm not in ("l1", "l2", None):
        raise ValueError(f'{owner}: expected norm "l1", "l2" or None, got {norm!r}')


def _normalized(
    values: npt.NDArray[np.float64], indptr: npt.NDArray[np.integer[Any]], norm: Norm
) -> npt.NDArray[np.float64]:
    if norm is None:
        return values
    rows, count = row_numbers(indptr), indptr.size - 1
    sizes = np.bincount(rows, np.abs(values) if norm == "l1" else values**2, minlength=count)
    sizes = np.sqrt(sizes) if norm == "l2" else sizes.astype(np.float64)  # ints where empty
    sizes[sizes == 0.0] = math.inf  # rows of zeros stay so
    return values / sizes[rows]
