"""Sparse matrices in compressed rows, as the vectorizers return them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt


class CSRMatrix:
    """A matrix (N, K) that stores, row by row, only what is not zero.

    Entries `indptr[n]` to `indptr[n + 1]` of `indices` and `data` are the columns and values of row
    n. `len`, and an integer index that gives a dense row, make it a dataset for
    `pydl.data.DataLoader`; a slice or an array of row numbers gives a matrix of these rows.

    Parameters
    ----------
    data, indices, indptr : numpy.ndarray
        Values (E,), columns (E,) and where rows begin and end (N + 1,).
    shape : (int, int)
        Rows and columns.

    Raises
    ------
    ValueError
        For arrays that do not fit each other or the shape.

    Examples
    --------
    >>> from pydl.text import CountVectorizer
    >>> matrix = CountVectorizer().fit_transform(["a rose is a rose", "a red rose"])
    >>> matrix
    CSRMatrix(shape=(2, 4), nnz=6, dtype=int64)
    >>> matrix.toarray()
    array([[2, 1, 0, 2],
           [1, 0, 1, 1]])
    >>> matrix[1]
    array([1, 0, 1, 1])
    """

    def __init__(
        self,
        data: npt.NDArray[Any],
        indices: npt.NDArray[np.integer[Any]],
        indptr: npt.NDArray[np.integer[Any]],
        shape: tuple[int, int],
    ) -> None:
        self.data, self.indices, self.indptr = map(np.asarray, (data, indices, indptr))
        self.shape = (int(shape[0]), int(shape[1]))
        rows, columns = self.shape
        if not (
            self.data.shape == self.indices.shape == (self.data.size,)
            and self.indptr.shape == (rows + 1,)
            and self.indptr[0] == 0
            and self.indptr[-1] == self.data.size
            and bool((np.diff(self.indptr) >= 0).all())
        ):
            raise ValueError(
                f"CSRMatrix: data {self.data.shape}, indices {self.indices.shape} and indptr "
                f"{self.indptr.shape} do not describe {rows} rows"
            )
        if self.data.size and not (self.indices.min() >= 0 and self.indices.max() < columns):
            raise ValueError(f"CSRMatrix: indices reach outside the {columns} columns")

    @property
    def dtype(self) -> np.dtype[Any]:
        """Dtype of the values."""
        return self.data.dtype

    @property
    def nnz(self) -> int:
        """Number of stored values."""
        return int(self.data.size)

    def __len__(self) -> int:
        return self.shape[0]

    def __repr__(self) -> str:
        return f"CSRMatrix(shape={self.shape}, nnz={self.nnz}, dtype={self.dtype})"

    @overload
    def __getitem__(self, rows: int) -> npt.NDArray[Any]: ...

    @overload
    def __getitem__(
        self, rows: slice | Sequence[int] | npt.NDArray[np.integer[Any]]
    ) -> CSRMatrix: ...

    def __getitem__(self, rows: Any) -> Any:
        numbers = np.arange(len(self))[rows]
        if numbers.ndim == 0:
            return self._select(numbers[np.newaxis]).toarray()[0]
        return self._select(numbers)

    def toarray(self, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
        """Return the dense matrix (N, K), in the dtype of the values if `dtype` is None."""
        dense = np.zeros(self.shape, self.dtype if dtype is None else dtype)
        np.add.at(dense, (row_numbers(self.indptr), self.indices), self.data.astype(dense.dtype))
        return dense

    def to_scipy(self) -> Any:
        """Return a `scipy.sparse.csr_array` that shares the values; `ImportError` without SciPy."""
        from scipy.sparse import csr_array

        return csr_array((self.data, self.indices, self.indptr), shape=self.shape)

    def _select(self, numbers: npt.NDArray[np.integer[Any]]) -> CSRMatrix:
        starts, sizes = self.indptr[numbers], np.diff(self.indptr)[numbers]
        indptr = np.concatenate([[0], np.cumsum(sizes)])
        entries = np.arange(indptr[-1]) + np.repeat(starts - indptr[:-1], sizes)
        return CSRMatrix(
            self.data[entries], self.indices[entries], indptr, (len(numbers), self.shape[1])
        )


def row_numbers(indptr: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    """Return the row of each stored value."""
    return np.repeat(np.arange(indptr.size - 1), np.diff(indptr))
