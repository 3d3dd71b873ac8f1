"""Linear algebra: products, factorisations of matrices, and what follows from them.

Matrices are the last two axes of a tensor, and leading axes are a batch. The names are those of the
array API standard's extension `linalg`. Factorisations take float32 and float64; integers are
converted to float32.

Examples
--------
>>> import pydl
>>> a = pydl.tensor([[4.0, 2.0], [2.0, 3.0]])
>>> factor = pydl.linalg.cholesky(a)
>>> pydl.testing.assert_close(factor @ factor.T, a)
"""

from __future__ import annotations

from typing import NamedTuple

from pydl import _core
from pydl._checked_calls import check_public
from pydl._core import (
    Tensor,
    cross,
    matmul,
    matrix_transpose,
    outer,
    tensordot,
    trace,
    vecdot,
    vector_norm,
)
from pydl._core.linalg import (
    cholesky,
    cholesky_solve,
    cond,
    det,
    eigvalsh,
    inv,
    lu_solve,
    matrix_exp,
    matrix_norm,
    matrix_power,
    multi_dot,
    norm,
    solve,
    solve_triangular,
    svdvals,
)
from pydl._named_errors import names_errors

__all__ = [
    "EighResult",
    "LstsqResult",
    "LuResult",
    "QrResult",
    "SlogdetResult",
    "SvdResult",
    "cholesky",
    "cholesky_solve",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "inv",
    "lstsq",
    "lu_factor",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "vecdot",
    "vector_norm",
]


class LuResult(NamedTuple):
    """What `lu_factor` returns: both triangles in one matrix, and the order of the rows.

    Attributes
    ----------
    lu : Tensor
        Shape (..., N, N): the upper triangle, and below it the lower one, whose diagonal is 1.
    permutation : Tensor
        int64 (..., N): which row of the matrix is where.
    """

    lu: Tensor
    permutation: Tensor


class SlogdetResult(NamedTuple):
    """What `slogdet` returns: the sign of the determinant, and the log of its absolute value.

    Attributes
    ----------
    sign : Tensor
        Shape (...): 1, -1, or 0 for singular matrices.
    logabsdet : Tensor
        Shape (...); -inf for singular matrices.
    """

    sign: Tensor
    logabsdet: Tensor


class QrResult(NamedTuple):
    """What `qr` returns: orthonormal columns, and an upper triangle.

    Attributes
    ----------
    Q : Tensor
        Shape (..., M, K) with K = min(M, N), or (..., M, M).
    R : Tensor
        Shape (..., K, N), or (..., M, N).
    """

    Q: Tensor
    R: Tensor


class EighResult(NamedTuple):
    """What `eigh` returns: eigenvalues, ascending, and eigenvectors in columns.

    Attributes
    ----------
    eigenvalues : Tensor
        Shape (..., N), ascending.
    eigenvectors : Tensor
        Shape (..., N, N), in columns.
    """

    eigenvalues: Tensor
    eigenvectors: Tensor


class SvdResult(NamedTuple):
    """What `svd` returns: left vectors in columns, singular values, right vectors in rows.

    Attributes
    ----------
    U : Tensor
        Shape (..., M, K) with K = min(M, N), or (..., M, M).
    S : Tensor
        Shape (..., K), descending.
    Vh : Tensor
        Shape (..., K, N), or (..., N, N).
    """

    U: Tensor
    S: Tensor
    Vh: Tensor


class LstsqResult(NamedTuple):
    """What `lstsq` returns: solution, sums of squares, rank, and singular values.

    Attributes
    ----------
    solution : Tensor
        Shape (..., N) or (..., N, K).
    residuals : Tensor
        Sums of squares of what the solution leaves, by column.
    rank : Tensor
        int64 (...).
    singular_values : Tensor
        Shape (..., min(M, N)).
    """

    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


def lu_factor(x: Tensor) -> LuResult:
    """Factorise square matrices into a lower and an upper triangle.

    Parameters
    ----------
    x : Tensor, shape (..., N, N), float32 or float64

    Returns
    -------
    lu : Tensor, shape (..., N, N)
        U on the diagonal and above it, and L below, whose own diagonal is 1.
    permutation : Tensor, shape (..., N), int64
        Row i of L U is row ``permutation[i]`` of x. (LAPACK and PyTorch return the exchanges of
        rows, one after the other.)

    Notes
    -----
    Singular matrices have a 0 on the diagonal of U and are no error.

    Examples
    --------
    >>> import pydl
    >>> lu, permutation = pydl.linalg.lu_factor(pydl.tensor([[0.0, 2.0], [1.0, 0.0]]))
    >>> lu.tolist(), permutation.tolist()
    ([[1.0, 0.0], [0.0, 2.0]], [1, 0])
    """
    return LuResult(*_core.linalg.lu_factor(x))


def slogdet(x: Tensor) -> SlogdetResult:
    """Compute determinants that may be too large or too small for a number.

    Parameters
    ----------
    x : Tensor, shape (..., N, N), float32 or float64

    Returns
    -------
    sign : Tensor, shape (...)
        -1, 0 or 1.
    logabsdet : Tensor, shape (...)
        The log of the absolute value: minus infinity for singular matrices.

    Examples
    --------
    >>> import pydl
    >>> sign, logabsdet = pydl.linalg.slogdet(-pydl.eye(3))
    >>> sign.item(), logabsdet.item()
    (-1.0, 0.0)
    """
    return SlogdetResult(*_core.linalg.slogdet(x))


def qr(x: Tensor, mode: str = "reduced") -> QrResult:
    """Factorise matrices into orthonormal columns and an upper triangle.

    Parameters
    ----------
    x : Tensor, shape (..., M, N), float32 or float64
    mode : {'reduced', 'complete'}
        Whether Q has min(M, N) columns, or M.

    Returns
    -------
    Q : Tensor, shape (..., M, K)
    R : Tensor, shape (..., K, N)

    Raises
    ------
    ValueError
        From a backward pass through complete factors of matrices with more rows than columns, which
        have no derivatives, or through factors of columns that are linearly dependent.

    Examples
    --------
    >>> import pydl
    >>> q, r = pydl.linalg.qr(pydl.tensor([[3.0, 1.0], [4.0, 2.0]]))
    >>> pydl.testing.assert_close(q.T @ q, pydl.eye(2))
    """
    return QrResult(*_core.linalg.qr(x, mode))


@names_errors
def pinv(
    x: Tensor,
    rtol: float | Tensor | None = None,
    *,
    atol: float | Tensor | None = None,
    hermitian: bool = False,
) -> Tensor:
    """Compute the Moore-Penrose inverse of matrices.

    Parameters
    ----------
    x : Tensor, shape (..., M, N)
    rtol : float or Tensor, shape (...), optional
        Singular values up to `rtol` times the largest one count as 0; a tensor has a number for
        each matrix, and receives no gradient. By default, max(M, N) times the distance of 1 to the
        next number, or 0 if there is an `atol`.
    atol : float or Tensor, shape (...), optional
        Singular values up to this count as 0, too.
    hermitian : bool, default False
        Whether the matrices are symmetric: only the lower triangles are read.

    Returns
    -------
    Tensor, shape (..., N, M)

    Examples
    --------
    >>> import pydl
    >>> pydl.linalg.pinv(pydl.tensor([[2.0], [0.0]])).tolist()
    [[0.5, 0.0]]
    >>> pydl.linalg.pinv(pydl.tensor([[2.0, 9.0], [0.0, 0.25]]), atol=0.5, hermitian=True).tolist()
    [[0.5, 0.0], [0.0, 0.0]]
    """
    matrices = _symmetric("pinv", x) if hermitian else x
    return _core.linalg.pinv(matrices, _relative(matrices, rtol, atol))


@names_errors
def matrix_rank(
    x: Tensor,
    rtol: float | Tensor | None = None,
    *,
    atol: float | Tensor | None = None,
    hermitian: bool = False,
) -> Tensor:
    """Count the singular values that are not 0.

    Parameters
    ----------
    x : Tensor, shape (..., M, N)
    rtol, atol : float or Tensor, shape (...), optional
        Those count as 0 that are up to `rtol` times the largest one, or up to `atol`: see `pinv`.
    hermitian : bool, default False
        Whether the matrices are symmetric: only the lower triangles are read.

    Returns
    -------
    Tensor, shape (...), int64

    Examples
    --------
    >>> import pydl
    >>> pydl.linalg.matrix_rank(pydl.ones((3, 3)))
    tensor(1, dtype=int64)
    >>> pydl.linalg.matrix_rank(pydl.tensor([[1.0, 0.0], [0.0, 0.1]]), atol=0.2)
    tensor(1, dtype=int64)
    """
    matrices = _symmetric("matrix_rank", x) if hermitian else x
    return _core.linalg.matrix_rank(matrices, _relative(matrices, rtol, atol))


def _symmetric(name: str, x: Tensor) -> Tensor:
    x = _core.asarray(x)
    if x.ndim < 2 or x.shape[-1] != x.shape[-2]:
        raise ValueError(f"{name}: expected square matrices if hermitian, got shape {x.shape}")
    return _core.tril(x) + _core.matrix_transpose(_core.tril(x, k=-1))


def _relative(
    x: Tensor, rtol: float | Tensor | None, atol: float | Tensor | None
) -> float | Tensor | None:
    """Return the larger of two limits as a multiple of the largest singular value."""
    if atol is None:
        return rtol
    values = _core.linalg.svdvals(_core.asarray(x).detach())
    if values.shape[-1] == 0:
        return rtol
    largest = values[..., 0].astype(_core.float64)
    none = largest == 0
    limit = _core.where(none, 0.0, _core.asarray(atol) / _core.where(none, 1.0, largest))
    return limit if rtol is None else _core.maximum(limit, _core.asarray(rtol))


def eigh(x: Tensor, UPLO: str = "L") -> EighResult:  # noqa: N803
    """Compute eigenvalues and eigenvectors of symmetric matrices.

    Parameters
    ----------
    x : Tensor, shape (..., N, N), float32 or float64
    UPLO : {'L', 'U'}
        Which triangle is read; the gradient is symmetric all the same.

    Returns
    -------
    eigenvalues : Tensor, shape (..., N)
        In ascending order.
    eigenvectors : Tensor, shape (..., N, N)
        Orthonormal columns, whose signs are arbitrary.

    Notes
    -----
    Eigenvectors have no derivatives where eigenvalues are equal: infinities or NaN come out, unless
    the function does not depend on the choice of the vectors. A matrix with infinities or NaN
    has results of NaN.

    Examples
    --------
    >>> import pydl
    >>> values, vectors = pydl.linalg.eigh(pydl.tensor([[0.0, 1.0], [1.0, 0.0]]))
    >>> pydl.testing.assert_close(values, [-1.0, 1.0])
    """
    return EighResult(*_core.linalg.eigh(x, UPLO))


def svd(x: Tensor, full_matrices: bool = True) -> SvdResult:
    """Compute singular values and singular vectors.

    Parameters
    ----------
    x : Tensor, shape (..., M, N), float32 or float64
    full_matrices : bool, default True
        Complete the vectors to bases: K is then M for U and N for Vh, otherwise min(M, N).

    Returns
    -------
    U : Tensor, shape (..., M, K)
        Orthonormal columns.
    S : Tensor, shape (..., min(M, N))
        In descending order.
    Vh : Tensor, shape (..., K, N)
        Orthonormal rows. The product of U, the diagonal matrix of S, and Vh is x.

    Notes
    -----
    Singular vectors have no derivatives where singular values are equal, or 0 for matrices that are
    not square. Gradients for the vectors that `full_matrices` adds are left out. A matrix with
    infinities or NaN has results of NaN.

    Examples
    --------
    >>> import pydl
    >>> u, s, vh = pydl.linalg.svd(pydl.tensor([[3.0, 0.0], [0.0, -4.0]]))
    >>> pydl.testing.assert_close(s, [4.0, 3.0])
    """
    return SvdResult(*_core.linalg.svd(x, full_matrices))


def lstsq(a: Tensor, b: Tensor, rtol: float | None = None) -> LstsqResult:
    """Find the x for which the sum of squares of a x - b is smallest.

    Parameters
    ----------
    a : Tensor, shape (..., M, N), float32 or float64
    b : Tensor, shape (..., M, K) or (M,)
    rtol : float, optional
        Singular values of a up to `rtol` times the largest one count as 0; by default max(M, N)
        times the distance of 1 to the next number.

    Returns
    -------
    solution : Tensor, shape (..., N, K) or (..., N)
        The shortest one, if there are many.
    residuals : Tensor, shape (..., K) or (...)
        The sums of squares of ``b - a @ solution``, whatever the rank.
    rank : Tensor, shape (...), int64
    singular_values : Tensor, shape (..., min(M, N))

    Examples
    --------
    >>> import pydl
    >>> a = pydl.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]])
    >>> solution = pydl.linalg.lstsq(a, pydl.tensor([1.0, 3.0, 5.0])).solution
    >>> pydl.testing.assert_close(solution, [1.0, 2.0])
    """
    return LstsqResult(*_core.linalg.lstsq(a, b, rtol))


def diagonal(x: Tensor, offset: int = 0) -> Tensor:
    """Return a diagonal of each matrix, as a view.

    `pydl.diagonal` takes the first two axes instead, as in NumPy.

    Parameters
    ----------
    x : Tensor
        Of shape (..., M, N).
    offset : int
        Above the main diagonal, or below it if negative.

    Returns
    -------
    Tensor
        Of shape (..., K): the elements of the diagonal.

    Raises
    ------
    IndexError
        If x has less than two axes.

    Examples
    --------
    >>> import pydl
    >>> pydl.linalg.diagonal(pydl.tensor([[[1, 2], [3, 4]]]))
    tensor([[1, 4]], dtype=int64)
    """
    return _core.diagonal(x, offset, -2, -1)


def __getattr__(name: str) -> object:
    """Say what to type instead of a name that other libraries have."""
    from pydl._missing_names import message

    raise AttributeError(message("pydl.linalg", name, __all__))


check_public(globals())
