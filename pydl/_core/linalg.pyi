"""Factorisations of matrices, and what follows from them."""

# Written by tools/generate_stubs.py from the built extension: do not edit.
import builtins
import collections.abc
import typing

from . import Tensor, TensorLike

def cholesky(x: TensorLike, *, upper: builtins.bool = False) -> Tensor:
    """The lower triangle L with x = L L^T, or the upper triangle U with x = U^T U."""

def cholesky_solve(b: TensorLike, factor: TensorLike, upper: builtins.bool = False) -> Tensor:
    """The solution y of x y = b for matrices x whose factors from `cholesky` are given."""

def cond(x: TensorLike, p: str | float | None = None) -> Tensor:
    """The condition number: a norm of x times that of its inverse."""

def det(x: TensorLike) -> Tensor:
    """The determinant of square matrices, (..., N, N)."""

def eigh(x: TensorLike, UPLO: str = "L") -> tuple[Tensor, Tensor]:
    """See `pydl.linalg.eigh`."""

def eigvalsh(x: TensorLike, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices, (..., N, N), ascending: see `eigh`."""

def inv(x: TensorLike) -> Tensor:
    """The inverse of square matrices, (..., N, N)."""

def lstsq(
    a: TensorLike, b: TensorLike, rtol: float | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """See `pydl.linalg.lstsq`."""

def lu_factor(x: TensorLike) -> tuple[Tensor, Tensor]:
    """See `pydl.linalg.lu_factor`."""

def lu_solve(lu: TensorLike, permutation: TensorLike, b: TensorLike) -> Tensor:
    """The solution y of x y = b for matrices x that `lu_factor` has factorised."""

def matrix_exp(x: TensorLike) -> Tensor:
    """The exponential function of square matrices, (..., N, N): the sum of x^k / k!."""

def matrix_norm(x: TensorLike, ord: str | float = "fro", keepdims: builtins.bool = False) -> Tensor:
    """A norm of matrices, (..., M, N)."""

def matrix_power(x: TensorLike, n: int) -> Tensor:
    """Square matrices multiplied n times; their inverses, if n is negative; the identity, if it is 0."""

def matrix_rank(x: TensorLike, rtol: typing.Any = None) -> Tensor:
    """The number of singular values above `rtol` times the largest one, as for `pinv`: int64."""

def multi_dot(tensors: collections.abc.Sequence[TensorLike]) -> Tensor:
    """The product of several matrices, in the order that takes the fewest multiplications."""

def norm(
    x: TensorLike,
    ord: str | float | None = None,
    axis: int | collections.abc.Sequence[int] | None = None,
    keepdims: builtins.bool = False,
) -> Tensor:
    """A norm of vectors or of matrices, as NumPy's and PyTorch's function of that name."""

def pinv(x: TensorLike, rtol: typing.Any = None) -> Tensor:
    """The Moore-Penrose inverse of matrices, (..., M, N)."""

def qr(x: TensorLike, mode: str = "reduced") -> tuple[Tensor, Tensor]:
    """See `pydl.linalg.qr`."""

def slogdet(x: TensorLike) -> tuple[Tensor, Tensor]:
    """See `pydl.linalg.slogdet`."""

def solve(a: TensorLike, b: TensorLike) -> Tensor:
    """The solution x of a x = b."""

def solve_triangular(
    a: TensorLike,
    b: TensorLike,
    *,
    upper: builtins.bool,
    left: builtins.bool = True,
    transpose: builtins.bool = False,
    unit_diagonal: builtins.bool = False,
) -> Tensor:
    """The solution x of a x = b, or of x a = b if not `left`, of which only one triangle of a is read."""

def svd(x: TensorLike, full_matrices: builtins.bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """See `pydl.linalg.svd`."""

def svdvals(x: TensorLike) -> Tensor:
    """The singular values of matrices, (..., M, N), descending."""
