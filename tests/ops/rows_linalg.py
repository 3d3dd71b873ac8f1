"""Rows of the factorisations: results that do not depend on the signs of vectors."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

_SQUARE: list[tuple[int, ...]] = [
    (1, 1),
    (3, 3),
    (2, 1, 2, 2),
    (0, 0),
    (0, 2, 2),
    (2, 0, 0),
    (4, 4),
]
_ANY: list[tuple[int, ...]] = [(1, 1), (4, 3), (3, 4), (2, 3, 3), (1, 3), (3, 1), (0, 3), (3, 0)]
_HALF = pydl.eye(2, dtype="float16")


def _t(x: Any) -> Any:
    return pydl.matrix_transpose(x) if isinstance(x, pydl.Tensor) else np.swapaxes(x, -1, -2)


def _regular(rng: np.random.Generator, shape: Sequence[int]) -> Array:
    """Matrices whose singular values are apart from each other and from 0."""
    rows, columns = shape[-2:]
    count = min(rows, columns)
    u = np.linalg.qr(rng.standard_normal((*shape[:-2], rows, rows)))[0]
    v = np.linalg.qr(rng.standard_normal((*shape[:-2], columns, columns)))[0]
    s = np.zeros(shape)
    s[..., np.arange(count), np.arange(count)] = 1.0 + 0.7 * np.arange(count)
    return np.asarray(u @ s @ v)


def _squares(rng: np.random.Generator) -> list[Sample]:
    return [Sample((_regular(rng, shape),)) for shape in _SQUARE]


def _matrices(**choices: Sequence[Any]) -> Callable[[np.random.Generator], list[Sample]]:
    def samples(rng: np.random.Generator) -> list[Sample]:
        keywords: list[dict[str, Any]] = [{}]
        for name, values in choices.items():
            keywords = [{**k, name: value} for k in keywords for value in values]
        return [Sample((_regular(rng, shape),), k) for shape in _ANY for k in keywords]

    return samples


def _equations(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((_regular(rng, shape), rng.standard_normal((*shape[:-1], columns))))
        for shape in _SQUARE
        for columns in (1, 3)
    ]


def _triangles(rng: np.random.Generator) -> list[Sample]:
    """All choices for one shape; the others with one choice each."""
    choices = list(itertools.product((False, True), repeat=3))
    samples = []
    for number, sample in enumerate(_equations(rng)):
        a, b = sample.arrays
        for upper, transpose, unit in choices if a.shape == (3, 3) else choices[number % 8 :][:1]:
            keywords = {"upper": upper, "transpose": transpose, "unit_diagonal": unit}
            samples.append(Sample((0.3 * a + np.eye(a.shape[-1]), b), keywords))
    return samples


def _solve_triangle(a: Array, b: Array, upper: bool, transpose: bool, unit_diagonal: bool) -> Array:
    triangle = np.triu(a) if upper else np.tril(a)
    if unit_diagonal:
        one = np.eye(a.shape[-1])
        triangle = triangle * (1 - one) + one
    return np.linalg.solve(_t(triangle) if transpose else triangle, b)


# --- calls: what does not depend on the choice of the factors -------------------------------------


def _lu(x: pydl.Tensor) -> pydl.Tensor:
    lu, permutation, sign = _core.lu_factor(x)
    n = x.shape[-1]
    upper = pydl.where(pydl.arange(n) >= pydl.arange(n).reshape(-1, 1), lu, 0.0)
    lower = lu - upper + pydl.eye(n, dtype=x.dtype)
    inverse = pydl.argsort(permutation)
    product = pydl.gather(
        lower @ upper, pydl.expand(inverse.reshape(*x.shape[:-1], 1), x.shape), -2
    )
    return pydl.concat([product.reshape(-1), sign.reshape(-1)])


def _lu_reference(x: Array) -> Array:
    signs = np.zeros(x.shape[:-2])
    for i in np.ndindex(x.shape[:-2]):
        signs[i] = _sign_of_rows(x[i])
    return np.concatenate([x.reshape(-1), signs.reshape(-1)])


def _sign_of_rows(a: Array) -> float:
    """The sign of the order of rows, by Gaussian elimination with partial pivoting."""
    a, sign = a.copy(), 1.0
    for k in range(len(a)):
        pivot = k + int(np.argmax(np.abs(a[k:, k])))
        if pivot != k:
            a[[k, pivot]] = a[[pivot, k]]
            sign = -sign
        a[k + 1 :] -= np.outer(a[k + 1 :, k] / a[k, k], a[k])
    return sign


def _cholesky(x: pydl.Tensor) -> pydl.Tensor:
    return _core.cholesky(x @ _t(x) + pydl.eye(x.shape[-1], dtype=x.dtype))


def _eigh(x: pydl.Tensor) -> pydl.Tensor:
    values, vectors = _core.eigh(x @ _t(x))
    weights = pydl.arange(x.shape[-1], dtype=x.dtype)
    mixed = (vectors * (weights + 1)) @ _t(vectors * vectors * vectors)
    return pydl.concat([values.reshape(-1), mixed.reshape(-1)])


def _eigh_reference(x: Array) -> Array:
    values, vectors = np.linalg.eigh(x @ _t(x))
    mixed = vectors @ _t((np.arange(x.shape[-1]) + 1.0) * vectors**3)
    return np.concatenate([values.reshape(-1), mixed.reshape(-1)])


def _mixed(u: Any, s: Any, vh: Any) -> Any:
    """Of the left and right vectors a product that two signs do not change."""
    count = s.shape[-1]
    right = vh[..., :count, :]
    return (u[..., :, :count] * s[..., None, :]) @ (right * right * right)


def _svd(x: pydl.Tensor, full_matrices: bool) -> pydl.Tensor:
    u, s, vh = _core.svd(x, full_matrices)
    squares = (u @ _t(u)).reshape(-1), (_t(vh) @ vh).reshape(-1)
    if full_matrices:  # the vectors that these add have no derivatives
        squares = squares[0].detach(), squares[1].detach()
    return pydl.concat([s.reshape(-1), _mixed(u, s, vh).reshape(-1), *squares])


def _svd_reference(x: Array, full_matrices: bool) -> Array:
    u, s, vh = np.linalg.svd(x, full_matrices)
    squares = (u @ _t(u)).reshape(-1), (_t(vh) @ vh).reshape(-1)
    return np.concatenate([s.reshape(-1), _mixed(u, s, vh).reshape(-1), *squares])


def _qr(x: pydl.Tensor, complete: bool) -> pydl.Tensor:
    q, r = _core.qr(x, complete)
    return pydl.concat([q.reshape(-1), r.reshape(-1)])


def _qr_reference(x: Array, complete: bool) -> Array:
    if x.size == 0:  # old versions of NumPy have no batches of these
        q, r = np.linalg.qr(x, "complete" if complete else "reduced")
        return np.concatenate([q.reshape(-1), r.reshape(-1)])
    pairs = [
        np.linalg.qr(matrix, "complete" if complete else "reduced")
        for matrix in x.reshape(-1, *x.shape[-2:])
    ]
    return np.concatenate([np.stack(part).reshape(-1) for part in zip(*pairs, strict=True)])


def _qr_samples(rng: np.random.Generator) -> list[Sample]:
    """Complete factors of tall matrices have no derivatives, and are tested in test_linalg.py."""
    samples = _matrices(complete=(False, True))(rng)
    return [
        s for s in samples if not s.keywords["complete"] or np.diff(s.arrays[0].shape[-2:]) >= 0
    ]


_SINGULAR = pydl.stack([pydl.eye(2), pydl.ones((2, 2))])

ROWS = [
    Row(
        "lu_factor",
        _lu,
        _lu_reference,
        _squares,
        smooth=(0,),
        sixteen_bits=False,
        bad=(
            BadCall(lambda: _core.lu_factor(pydl.ones((2, 3))), ValueError, "lu_factor: .*square"),
            BadCall(lambda: _core.lu_factor(pydl.ones(2)), ValueError, "lu_factor: .*matrices"),
            BadCall(lambda: _core.lu_factor(_HALF), TypeError, "lu_factor: .*astype"),
        ),
    ),
    Row(
        "solve",
        _core.solve,
        np.linalg.solve,
        _equations,
        smooth=(0, 1),
        rtol=2e-4,
        atol=2e-5,
        sixteen_bits=False,
        torch=lambda torch, a, b: torch.linalg.solve(a, b),
        bad=(
            BadCall(
                lambda: _core.solve(_SINGULAR, pydl.ones((2, 2, 1))),
                ValueError,
                r"solve: the matrix at \(1,\) of the batch is singular",
            ),
            BadCall(
                lambda: _core.solve(pydl.eye(2), pydl.ones((3, 1))), ValueError, "solve: the rows"
            ),
        ),
    ),
    Row(
        "solve_triangular",
        _core.solve_triangular,
        _solve_triangle,
        _triangles,
        smooth=(0, 1),
        rtol=2e-4,
        atol=2e-5,
        sixteen_bits=False,
        bad=(
            BadCall(
                lambda: _core.solve_triangular(pydl.zeros((2, 2)), pydl.ones((2, 1))),
                ValueError,
                "solve_triangular: the matrix is singular: it has a 0 on the diagonal",
            ),
        ),
    ),
    Row(
        "cholesky",
        _cholesky,
        lambda x: np.linalg.cholesky(x @ _t(x) + np.eye(x.shape[-1])),
        _squares,
        smooth=(0,),
        sixteen_bits=False,
        bad=(
            BadCall(
                lambda: _core.cholesky(pydl.stack([pydl.eye(2), -pydl.eye(2)])),
                ValueError,
                r"cholesky: the matrix at \(1,\) of the batch is not positive definite",
            ),
        ),
    ),
    Row(
        "qr",
        _qr,
        _qr_reference,
        _qr_samples,
        smooth=(0,),
        rtol=2e-4,
        atol=2e-5,
        sixteen_bits=False,
        bad=(BadCall(lambda: _core.qr(pydl.ones(3)), ValueError, "qr: .*matrices"),),
    ),
    Row(
        "eigh",
        _eigh,
        _eigh_reference,
        _squares,
        smooth=(0,),
        rtol=2e-4,
        atol=2e-5,
        sixteen_bits=False,
        bad=(BadCall(lambda: _core.eigh(pydl.ones((2, 3))), ValueError, "eigh: .*square"),),
    ),
    Row(
        "svd",
        _svd,
        _svd_reference,
        _matrices(full_matrices=(False, True)),
        smooth=(0,),
        rtol=2e-4,
        atol=2e-5,
        sixteen_bits=False,
        bad=(BadCall(lambda: _core.svd(pydl.ones(3)), ValueError, "svd: .*matrices"),),
    ),
    Row(
        "pinv",
        _core.pinv,
        np.linalg.pinv,
        _matrices(),
        smooth=(0,),
        rtol=2e-4,
        atol=2e-5,
        sixteen_bits=False,
        bad=(BadCall(lambda: _core.pinv(pydl.ones(3)), ValueError, "pinv: .*matrices"),),
    ),
]
