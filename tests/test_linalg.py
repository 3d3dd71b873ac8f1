"""Factorisations against NumPy and SciPy: residuals, orthogonality, hard matrices, errors."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.linalg
from ops.table import Array

import pydl
from pydl import _core, linalg
from pydl.testing import assert_close, check_gradients

EPSILON = {"float32": 1.2e-7, "float64": 2.3e-16}
DTYPES = list(EPSILON)
SIZES = [1, 2, 3, 5, 17, 40, 65, 130]


def _t(x: Any) -> Any:
    return np.swapaxes(x, -1, -2)


def _orthogonal(rng: np.random.Generator, rows: int) -> Array:
    return np.asarray(np.linalg.qr(rng.standard_normal((rows, rows)))[0])


def _conditioned(rows: int, columns: int, condition: float, seed: int = 0) -> Array:
    """A matrix whose singular values go from 1 to 1 / condition."""
    rng = np.random.default_rng(seed)
    count = min(rows, columns)
    s = np.logspace(0, -np.log10(condition), count)
    return np.asarray(_orthogonal(rng, rows)[:, :count] * s @ _orthogonal(rng, columns)[:count])


def _graded(size: int) -> Array:
    """Rows and columns whose elements become smaller by large factors."""
    scale = np.logspace(0, -10, size)
    full = np.random.default_rng(1).standard_normal((size, size))
    return np.asarray(scale[:, None] * (full + full.T + 4 * np.eye(size)) * scale)


def _wilkinson(size: int) -> Array:
    """Pairs of eigenvalues that nearly agree."""
    diagonal = np.abs(np.arange(size) - size // 2).astype(float)
    return np.diag(diagonal) + np.eye(size, k=1) + np.eye(size, k=-1)


HARD: dict[str, Array] = {
    "well conditioned": _conditioned(30, 30, 10),
    "cond 1e6": _conditioned(30, 30, 1e6),
    "cond 1e12": _conditioned(30, 30, 1e12),
    "graded": _graded(12),
    "rank 3": _conditioned(20, 3, 10) @ _conditioned(3, 20, 10),
    "zero": np.zeros((6, 6)),
    "identity": np.eye(6),
    "ones": np.ones((7, 7)),
    "wilkinson": _wilkinson(21),
    "clusters": np.diag([1.0, 1.0, 1.0, 2.0, 2.0, 3.0]) + 1e-13,
    "one large": np.diag([1e30, 1.0, 1e-30]),
    "tiny": _conditioned(8, 8, 10) * 1e-30,
    "huge": _conditioned(8, 8, 10) * 1e30,
    "triangle": np.tril(np.ones((15, 15))),
    "nilpotent": np.eye(9, k=1),
    "single row": np.vstack([np.arange(1.0, 9.0), np.zeros((7, 8))]),
    "blocks": scipy.linalg.block_diag(np.ones((3, 3)), np.eye(4), np.zeros((2, 2))),
}


def _check_size(found: Any, allowed: float, *, message: str = "") -> None:
    size = float(np.abs(np.asarray(found, dtype=np.float64)).max(initial=0.0))
    assert size <= allowed, f"{message}: {size:.3g} > {allowed:.3g}"


def _rounded(x: Array, dtype: str) -> Array:
    return x.astype(dtype).astype(np.float64)


def _wide(tensor: pydl.Tensor) -> Array:
    return np.asarray(tensor.detach().astype("float64").numpy())


# --- LU, Cholesky, triangles ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_solve_leaves_small_residuals(size: int, dtype: str) -> None:
    for condition in (1.0, 1e3, 1e12):
        a = _rounded(_conditioned(size, size, condition), dtype)
        b = _rounded(np.random.default_rng(2).standard_normal((size, 7)), dtype)
        x = _wide(linalg.solve(pydl.tensor(a, dtype=dtype), pydl.tensor(b, dtype=dtype)))
        bound = 20 * size * EPSILON[dtype] * (np.abs(a) @ np.abs(x) + np.abs(b))
        assert (np.abs(a @ x - b) <= bound).all()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_lu(size: int, dtype: str) -> None:
    a = np.random.default_rng(size).standard_normal((2, size, size))
    x = pydl.tensor(a, dtype=dtype)
    lu, permutation = linalg.lu_factor(x)
    packed, order = _wide(lu), permutation.numpy()
    for i in range(2):
        lower, upper = np.tril(packed[i], -1) + np.eye(size), np.triu(packed[i])
        _check_size(lower @ upper - _wide(x)[i][order[i]], 10 * size * EPSILON[dtype])
        assert np.abs(lower).max() <= 1
    b = np.random.default_rng(1).standard_normal((size, 3))
    solution = linalg.lu_solve(lu, permutation, pydl.tensor(b, dtype=dtype))
    assert_close(solution, linalg.solve(x, pydl.tensor(b, dtype=dtype)), 1e-2, 1e-2)
    vector = linalg.lu_solve(lu[0], permutation[0], pydl.tensor(b[:, 0], dtype=dtype))
    assert_close(vector, solution[0, :, 0], 1e-3, 1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", SIZES)
def test_cholesky(size: int, dtype: str) -> None:
    for condition in (1.0, 1e3):
        factor = _conditioned(size, size, condition)
        a = _rounded(factor @ factor.T + 1e-5 * np.eye(size), dtype)
        lower = _wide(linalg.cholesky(pydl.tensor(a, dtype=dtype)))
        _check_size(np.triu(lower, 1), 0)
        _check_size(lower @ lower.T - a, 10 * size * EPSILON[dtype])
        # Only one triangle is read.
        upper = linalg.cholesky(pydl.tensor(np.triu(a), dtype=dtype), upper=True)
        _check_size(_wide(upper).T @ _wide(upper) - a, 10 * size * EPSILON[dtype])
        assert_close(linalg.cholesky(pydl.tensor(np.tril(a), dtype=dtype)), lower, 1e-6, 0)


@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_triangles(size: int, upper: bool) -> None:
    rng = np.random.default_rng(size)
    a = rng.standard_normal((size, size)) / size + 2 * np.eye(size)
    b = rng.standard_normal((size, 5))
    for transpose in (False, True):
        for unit in (False, True):
            expected = scipy.linalg.solve_triangular(
                a, b, trans=int(transpose), lower=not upper, unit_diagonal=unit
            )
            found = linalg.solve_triangular(
                pydl.tensor(a), pydl.tensor(b), upper=upper, transpose=transpose, unit_diagonal=unit
            )
            assert_close(found, expected, 1e-9, 1e-11)
            right = linalg.solve_triangular(
                pydl.tensor(a),
                pydl.tensor(b.T),
                upper=upper,
                left=False,
                transpose=not transpose,
                unit_diagonal=unit,
            )
            assert_close(right, expected.T, 1e-9, 1e-11)
    lower = np.tril(a)
    assert_close(
        linalg.cholesky_solve(pydl.tensor(b), pydl.tensor(lower.T if upper else lower), upper),
        np.linalg.solve(lower @ lower.T, b),
        1e-8,
        1e-10,
    )


def test_batches_broadcast() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 1, 3, 3)), rng.standard_normal((5, 3, 2))
    assert_close(linalg.solve(a, b), np.linalg.solve(a, b[None]), 1e-10)
    assert_close(linalg.solve(a[0, 0], b), np.linalg.solve(a[0, 0], b), 1e-10)
    assert linalg.solve(a, b[0, :, 0]).shape == (2, 1, 3)
    assert_close(linalg.solve(a[0], b[0, :, 0])[0], np.linalg.solve(a[0, 0], b[0, :, 0]), 1e-10)
    check_gradients(linalg.solve, [a, b], rtol=1e-4)
    check_gradients(linalg.solve, [a[0, 0], b], rtol=1e-4, order=2)


@pytest.mark.parametrize("size", [0, 1, 2, 5, 30])
def test_determinants_and_inverses(size: int) -> None:
    a = np.random.default_rng(size).standard_normal((3, size, size))
    x = pydl.tensor(a)
    assert_close(linalg.det(x), np.linalg.det(a), 1e-9)
    sign, logabsdet = linalg.slogdet(x)
    expected = np.linalg.slogdet(a)
    assert_close(sign, expected[0])
    assert_close(logabsdet, expected[1], 1e-9, 1e-10)
    assert_close(linalg.inv(x), np.linalg.inv(a), 1e-7, 1e-9)
    assert linalg.det(x[0]).shape == ()


def test_determinants_of_singular_matrices() -> None:
    singular = pydl.tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True)
    assert linalg.det(singular).item() == 0
    result = linalg.slogdet(singular)
    assert result.sign.item() == 0
    assert result.logabsdet.item() == -np.inf
    # The gradient is the matrix of cofactors, which is 0 only for lower ranks.
    linalg.det(singular).backward()
    assert_close(singular.grad, [[4.0, -2.0], [-2.0, 1.0]])
    zero = pydl.zeros((3, 3)).requires_grad_()
    linalg.det(zero).backward()
    assert_close(zero.grad, np.zeros((3, 3)))
    rng = np.random.default_rng(0)
    a = np.rint(rng.standard_normal((4, 4)) * 3)
    a[:, 2] = 0
    x = pydl.tensor(a, requires_grad=True)
    linalg.det(x).backward()
    cofactors = np.array(
        [
            [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(a, i, 0), j, 1)) for j in range(4)]
            for i in range(4)
        ]
    )
    assert_close(x.grad, cofactors, 1e-9, 1e-9)


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_determinants(order: int) -> None:
    a = np.random.default_rng(3).standard_normal((2, 3, 3))
    check_gradients(linalg.det, [a], order=order, rtol=1e-4)
    check_gradients(lambda x: linalg.slogdet(x).logabsdet, [a], order=order, rtol=1e-4)
    check_gradients(linalg.inv, [a], order=order, rtol=1e-3, atol=1e-4)
    check_gradients(lambda x: linalg.matrix_power(x, 3), [a], order=order, rtol=1e-4)
    check_gradients(lambda x: linalg.lu_factor(x).lu, [a], order=order, rtol=1e-3, atol=1e-4)


# --- QR -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape",
    [
        *((1, 1), (5, 5), (40, 7), (7, 40), (130, 65), (65, 130), (90, 90), (32, 32), (33, 33)),
        *((32, 33), (33, 32), (100, 32), (100, 33), (64, 64), (97, 3)),
    ],
)
def test_qr(shape: tuple[int, int], dtype: str) -> None:
    for condition in (1.0, 1e6, 1e12):
        a = _rounded(_conditioned(*shape, condition), dtype)
        for mode in ("reduced", "complete"):
            q, r = (_wide(x) for x in linalg.qr(pydl.tensor(a, dtype=dtype), mode=mode))
            rows, columns = shape
            inner = rows if mode == "complete" else min(shape)
            assert q.shape == (rows, inner)
            assert r.shape == (inner, columns)
            bound = 20 * max(shape) ** 0.5 * EPSILON[dtype]
            _check_size(q.T @ q - np.eye(inner), bound, message="orthogonality")
            _check_size(q @ r - a, bound, message="residual")
            _check_size(np.tril(r, -1), 0)


@pytest.mark.parametrize("name", HARD)
def test_qr_of_hard_matrices(name: str) -> None:
    a = HARD[name]
    q, r = (_wide(x) for x in linalg.qr(pydl.tensor(a)))
    _check_size(q.T @ q - np.eye(len(a)), 1e-14)
    _check_size(q @ r - a, 1e-14 * np.abs(a).max())


def test_qr_of_dependent_columns_and_complete_factors_have_no_derivative() -> None:
    tall = pydl.ones((3, 2)).requires_grad_()
    with pytest.raises(ValueError, match="qr: the complete factors .* 3 x 2"):
        linalg.qr(tall, mode="complete").Q.sum().backward()
    zero = pydl.zeros((2, 2)).requires_grad_()
    with pytest.raises(ValueError, match="0 on the diagonal"):
        linalg.qr(zero).R.sum().backward()


# --- eigenvalues ----------------------------------------------------------------------------------


def _check_eigh(a: Array, dtype: str) -> None:
    symmetric = _rounded((a + a.T) / 2, dtype)
    values, vectors = (_wide(x) for x in linalg.eigh(pydl.tensor(symmetric, dtype=dtype)))
    size = len(a)
    scale = np.abs(symmetric).max()
    bound = 20 * max(size, 4) ** 0.5 * EPSILON[dtype]
    assert (np.diff(values) >= 0).all()
    _check_size(vectors.T @ vectors - np.eye(size), bound, message="orthogonality")
    _check_size(symmetric @ vectors - vectors * values, bound * scale * 4, message="residual")
    exact = np.linalg.eigvalsh(symmetric)
    _check_size(values - exact, bound * max(np.abs(exact).max(), scale), message="values")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [*SIZES, 230])
def test_eigh(size: int, dtype: str) -> None:
    _check_eigh(np.random.default_rng(size).standard_normal((size, size)), dtype)


@pytest.mark.parametrize("name", HARD)
def test_eigh_of_hard_matrices(name: str) -> None:
    _check_eigh(HARD[name], "float64")
    _check_eigh(HARD[name], "float32")


def test_triangle_that_eigh_reads() -> None:
    a = np.random.default_rng(0).standard_normal((5, 5))
    for triangle, mirrored in (
        ("L", np.tril(a) + np.tril(a, -1).T),
        ("U", np.triu(a) + np.triu(a, 1).T),
    ):
        expected = np.linalg.eigvalsh(mirrored)
        assert_close(linalg.eigvalsh(pydl.tensor(a), UPLO=triangle), expected, 1e-10, 1e-12)
        assert_close(linalg.eigh(pydl.tensor(a), triangle).eigenvalues, expected, 1e-10, 1e-12)
    with pytest.raises(ValueError, match="eigh: expected UPLO 'L' or 'U', got 'l'"):
        linalg.eigh(pydl.tensor(a), "l")


# --- singular values ------------------------------------------------------------------------------


def _check_svd(a: Array, dtype: str) -> None:
    a = _rounded(a, dtype)
    rows, columns = a.shape
    exact = np.linalg.svd(a, compute_uv=False)
    scale = float(exact.max(initial=0.0))
    bound = 20 * max(rows, columns, 4) ** 0.5 * EPSILON[dtype]
    for full in (False, True):
        u, s, vh = (_wide(x) for x in linalg.svd(pydl.tensor(a, dtype=dtype), full))
        count = min(rows, columns)
        _check_size(u.T @ u - np.eye(u.shape[1]), bound, message="left orthogonality")
        _check_size(vh @ vh.T - np.eye(vh.shape[0]), bound, message="right orthogonality")
        _check_size((u[:, :count] * s) @ vh[:count] - a, bound * scale, message="residual")
        _check_size(s - exact, bound * scale, message="values")
        assert (np.diff(s) <= 0).all()
        assert (s >= 0).all()
    values = linalg.svdvals(pydl.tensor(a, dtype=dtype))
    assert_close(values, s, 1e-5, EPSILON[dtype] * scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "shape", [(1, 1), (5, 5), (1, 6), (6, 1), (40, 7), (7, 40), (70, 65), (90, 90), (230, 210)]
)
def test_svd(shape: tuple[int, int], dtype: str) -> None:
    for condition in (1.0, 1e6, 1e12):
        _check_svd(_conditioned(*shape, condition), dtype)


@pytest.mark.parametrize("name", HARD)
def test_svd_of_hard_matrices(name: str) -> None:
    _check_svd(HARD[name], "float64")
    _check_svd(HARD[name], "float32")


@pytest.mark.parametrize("shape", [(3, 3), (5, 3), (3, 5)])
@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_singular_values(shape: tuple[int, int], order: int) -> None:
    a = np.random.default_rng(0).standard_normal(shape)
    check_gradients(linalg.svdvals, [a], order=order, rtol=1e-3)
    check_gradients(lambda x: linalg.matrix_norm(x, "nuc"), [a], order=order, rtol=1e-3)


def test_singular_values_that_agree_have_derivatives_where_vectors_have_none() -> None:
    x = pydl.eye(3, dtype="float64").requires_grad_()
    linalg.svdvals(x).sum().backward()
    assert_close(x.grad, np.eye(3), 1e-12, 1e-12)
    x = pydl.eye(3, dtype="float64").requires_grad_()
    linalg.eigvalsh(x).sum().backward()
    assert_close(x.grad, np.eye(3), 1e-12, 1e-12)


def _in_units(found: pydl.Tensor, unit: float) -> Array:
    return np.asarray(found.numpy().astype(np.longdouble) / np.longdouble(unit)).astype(np.float64)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(4, 4), (40, 40), (70, 50), (20, 90)])
def test_factors_of_numbers_near_the_limits_of_their_dtype(
    shape: tuple[int, int], dtype: str
) -> None:
    limits = np.finfo(dtype)
    base = np.random.default_rng(0).standard_normal(shape)
    base = np.where(np.abs(base) < 0.1, 0, base / np.abs(base).max())
    bound = 20 * max(shape) ** 0.5 * EPSILON[dtype]
    for exponent in (limits.maxexp - 8, limits.minexp + 30):
        unit = float(np.ldexp(1.0, exponent))
        x = pydl.tensor((base.astype(dtype) * unit).astype(dtype))
        a = base.astype(dtype).astype(np.float64)
        q, r = linalg.qr(x)
        _check_size(_wide(q) @ _in_units(r, unit) - a, bound)
        u, s, vh = linalg.svd(x, full_matrices=False)
        _check_size(_wide(u) * _in_units(s, unit) @ _wide(vh) - a, bound)
        exact = np.linalg.svd(a, compute_uv=False)
        _check_size(_in_units(linalg.svdvals(x), unit) - exact, bound * exact[0])
        if shape[0] != shape[1]:
            continue
        symmetric = np.tril(a) + np.tril(a, -1).T
        values, vectors = linalg.eigh(x)
        left = symmetric @ _wide(vectors) - _wide(vectors) * _in_units(values, unit)
        _check_size(left, bound * exact[0])
        alone = _in_units(linalg.eigvalsh(x), unit)
        _check_size(alone - np.linalg.eigvalsh(symmetric), bound * exact[0])


def test_small_singular_values_of_bidiagonal_matrices() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        size = int(rng.integers(1, 14))
        a = np.zeros((size, size))
        for offset in (0, 1):
            count = size - offset
            numbers = rng.standard_normal(count) * 10.0 ** rng.integers(-12, 3, count)
            numbers[rng.random(count) < 0.15] = 0
            a += np.diag(numbers, offset)
        expected = np.linalg.svd(a, compute_uv=False)
        assert_close(linalg.svdvals(pydl.tensor(a)), expected, 1e-12, 1e-14 * expected[0])


# --- what follows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [0, *SIZES, 260])
def test_values_without_vectors(size: int, dtype: str) -> None:
    x = np.random.default_rng(size).standard_normal((2, size, size)).astype(dtype)
    symmetric = pydl.tensor(x + _t(x))
    bound = 20 * EPSILON[dtype] * max(size, 1) ** 0.5 * max(np.abs(x).max(initial=0), 1) * 4
    values = linalg.eigvalsh(symmetric)
    assert_close(values, linalg.eigh(symmetric).eigenvalues, rtol=0, atol=bound)
    assert_close(linalg.eigvalsh(symmetric, "U"), values, rtol=0, atol=bound)
    for matrices in (x, x[..., : size // 2], x[:, : size // 3]):
        given = pydl.tensor(matrices)
        expected = linalg.svd(given, full_matrices=False).S
        assert_close(linalg.svdvals(given), expected, rtol=0, atol=bound)


@pytest.mark.parametrize("name", HARD)
def test_values_of_hard_matrices_without_vectors(name: str) -> None:
    x = HARD[name]
    scale = np.abs(x).max() or 1.0
    expected = np.linalg.svd(x / scale, compute_uv=False)
    assert_close(linalg.svdvals(pydl.tensor(x)) / scale, expected, rtol=0, atol=1e-14 * len(x))
    symmetric = np.tril(x) + np.tril(x, -1).T
    values = np.linalg.eigvalsh(symmetric / scale)
    found = linalg.eigvalsh(pydl.tensor(symmetric)) / scale
    assert_close(found, values, rtol=0, atol=1e-14 * len(x))


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_values_without_vectors(order: int) -> None:
    x = np.random.default_rng(0).standard_normal((2, 4, 4))
    check_gradients(lambda a: linalg.eigvalsh(a + pydl.matrix_transpose(a)), [x], order=order)
    check_gradients(lambda a: linalg.svdvals(a) ** 2, [x], order=order)
    check_gradients(lambda a: linalg.svdvals(a[:, :2]) ** 2, [x], order=order)


def test_operations_without_vectors_in_every_provider() -> None:
    for shape in [(5, 5), (2, 7, 3), (3, 6)]:
        x = pydl.tensor(np.random.default_rng(1).standard_normal(shape))
        for attributes in ({"full_matrices": False}, {"full_matrices": True}):
            results = [
                _core._apply_with_provider("svd", provider, [x], {**attributes, "vectors": False})
                for provider in ("ref", "cpu")
            ]
            assert_close(results[0][1], results[1][1])
            for u, _, vh in results:
                assert u.shape == (*shape[:-1], 0) and vh.shape == (*shape[:-2], 0, shape[-1])


def test_tolerance_of_each_matrix() -> None:
    rng = np.random.default_rng(0)
    x = np.stack([_conditioned(5, 4, 1e3, seed) for seed in range(6)]).reshape(2, 3, 5, 4)
    for rtol in (
        np.array([2e-2, 1e-4, 0.5]),
        rng.uniform(0, 1, (2, 3)),
        np.array(0.05),
        rng.uniform(0, 1, (4, 1, 1)),
    ):
        batch = np.broadcast_shapes(x.shape[:-2], rtol.shape)
        matrices = np.broadcast_to(x, (*batch, 5, 4))
        limits = np.broadcast_to(rtol, batch)
        found = linalg.pinv(pydl.tensor(x), pydl.tensor(rtol))
        assert found.shape == (*batch, 4, 5)
        ranks = linalg.matrix_rank(pydl.tensor(x), pydl.tensor(rtol))
        assert ranks.shape == batch
        for place in np.ndindex(batch):
            s = np.linalg.svd(matrices[place], compute_uv=False)
            expected = np.linalg.pinv(matrices[place], rcond=float(limits[place]))
            np.testing.assert_allclose(found[place].numpy(), expected, rtol=1e-9, atol=1e-9)
            assert ranks[place].item() == (s > limits[place] * s[0]).sum()
    compiled = pydl.compile(linalg.pinv)
    assert_close(
        compiled(pydl.tensor(x), pydl.tensor(limits)),
        linalg.pinv(pydl.tensor(x), pydl.tensor(limits)),
    )
    check_gradients(
        lambda a: linalg.pinv(a, pydl.tensor([1e-9, 1e-8])),
        [rng.standard_normal((2, 4, 3))],
        order=2,
    )
    with pytest.raises(ValueError, match=r"pinv: shapes \(2, 3\) and \(4,\) do not broadcast"):
        linalg.pinv(pydl.tensor(x), pydl.ones(4))
    for provider in ("ref", "cpu"):
        one = _core._apply_with_provider(
            "pinv",
            provider,
            [pydl.tensor(x[0]), pydl.tensor([0.5, 1e-9, 1.0], dtype="float64")],
            {},
        )
        assert_close(one[1], np.linalg.pinv(x[0, 1]))
        assert_close(one[2], np.zeros((4, 5)))


def test_least_squares_with_and_without_history() -> None:
    rng = np.random.default_rng(0)
    for a in (
        rng.standard_normal((2, 7, 4)),
        rng.standard_normal((3, 6)),
        HARD["rank 3"],
        np.zeros((4, 3)),
    ):
        b = rng.standard_normal((*a.shape[:-1], 2))
        plain = linalg.lstsq(pydl.tensor(a), pydl.tensor(b))
        recorded = linalg.lstsq(pydl.tensor(a, requires_grad=True), pydl.tensor(b))
        for found, expected in zip(recorded, plain, strict=True):
            assert_close(found.detach(), expected, rtol=1e-9, atol=1e-9)
    tall = pydl.tensor(rng.standard_normal((4, 3)), dtype="float64")
    check_gradients(lambda y: linalg.lstsq(tall, y).solution, [b])


@pytest.mark.parametrize("shape", [(4, 4), (6, 3), (3, 6), (2, 5, 3), (0, 3), (3, 0)])
def test_pinv(shape: tuple[int, ...]) -> None:
    a = np.random.default_rng(0).standard_normal(shape)
    assert_close(linalg.pinv(pydl.tensor(a)), np.linalg.pinv(a), 1e-9, 1e-10)


def test_pinv_of_deficient_matrices() -> None:
    a = HARD["rank 3"]
    assert_close(linalg.pinv(pydl.tensor(a)), np.linalg.pinv(a, 1e-12), 1e-9, 1e-10)
    assert_close(linalg.pinv(pydl.zeros((2, 3))), np.zeros((3, 2)))
    diagonal = pydl.tensor([[1.0, 0.0], [0.0, 0.01]])
    assert_close(linalg.pinv(diagonal, rtol=0.1), [[1.0, 0.0], [0.0, 0.0]])


@pytest.mark.parametrize("name", HARD)
def test_rank_and_condition(name: str) -> None:
    a = HARD[name]
    assert linalg.matrix_rank(pydl.tensor(a)).item() == np.linalg.matrix_rank(a)
    assert linalg.matrix_rank(pydl.tensor(a), 0.5).item() == (
        np.linalg.matrix_rank(a, 0.5 * np.linalg.norm(a, 2)) if a.any() else 0
    )


def test_condition_numbers() -> None:
    a = np.random.default_rng(0).standard_normal((2, 4, 4))
    for p in (None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc"):
        expected = np.linalg.cond(a, p)
        assert_close(linalg.cond(pydl.tensor(a), p), expected, 1e-9)
    singular = pydl.tensor([[1.0, 0.0], [0.0, 0.0]])
    for p in (None, 1, np.inf, "fro"):
        assert linalg.cond(singular, p).item() == np.inf
    assert_close(linalg.cond(pydl.tensor(a[0, :3])), np.linalg.cond(a[0, :3]), 1e-9)


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 4), (2, 3, 4), (1, 1)])
def test_norms(shape: tuple[int, ...]) -> None:
    a = np.random.default_rng(0).standard_normal(shape)
    for ord_ in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        for keepdims in (False, True):
            expected = np.linalg.norm(a, ord_, axis=(-2, -1), keepdims=keepdims)
            found = linalg.matrix_norm(pydl.tensor(a), ord_, keepdims)
            assert found.shape == expected.shape
            assert_close(found, expected, 1e-10)
        check_gradients(lambda x, o=ord_: linalg.matrix_norm(x, o), [a], rtol=1e-3)
    for ord_ in (0, 3, "l2", None, True + 2):
        with pytest.raises(ValueError, match="matrix_norm: expected the norm"):
            linalg.matrix_norm(pydl.tensor(a), ord_)


def test_norm_of_vectors_or_matrices() -> None:
    """By how many axes there are, as NumPy's and PyTorch's function of that name."""
    rng = np.random.default_rng(0)
    vector, matrix, batch = (rng.standard_normal(s) for s in ((4,), (3, 4), (2, 3, 4)))
    orders = ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)
    calls = [(x, None, axis) for x in (vector, matrix, batch) for axis in (None, 0, -1)]
    calls += [(vector, p, None) for p in (0, 1, 2, 3.5, np.inf, -np.inf)]
    calls += [(batch, p, 1) for p in (0, 1, 3.5, -np.inf)]
    calls += [(matrix, p, None) for p in orders]
    calls += [(batch, p, axes) for p in orders for axes in ((0, 1), (2, 0), (-1, -2))]
    for x, p, axis in calls:
        for keepdims in (False, True):
            expected = np.linalg.norm(x, p, axis, keepdims)
            found = linalg.norm(pydl.tensor(x), p, axis, keepdims)
            assert found.shape == expected.shape
            assert_close(found, expected, 1e-10)
    assert linalg.norm(pydl.ones((2, 3)), dim=1, keepdim=True).shape == (2, 1)
    assert_close(linalg.norm(pydl.ones((2, 3, 4))), 24**0.5, 1e-6)
    check_gradients(lambda x: linalg.norm(x, 1), [matrix])
    for call, message in (
        (lambda: linalg.norm(pydl.tensor(batch), 1), "expected one axis, of vectors, or two"),
        (lambda: linalg.norm(pydl.tensor(vector), "fro"), "expected a number as ord of vectors"),
        (lambda: linalg.norm(pydl.tensor(matrix), 3), "expected the norm 'fro'"),
    ):
        with pytest.raises(ValueError, match=f"^norm: .*{message}"):
            call()


def test_frobenius_norm_at_its_edges() -> None:
    zero = pydl.zeros((2, 2)).requires_grad_()
    linalg.matrix_norm(zero).backward()
    assert_close(zero.grad, np.zeros((2, 2)))
    assert_close(linalg.matrix_norm(pydl.full((2, 2), 1e30)), 2e30, 1e-6)
    assert_close(linalg.matrix_norm(pydl.full((2, 2), 1e-30)), 2e-30, 1e-6)
    assert linalg.matrix_norm(pydl.tensor([[np.inf, 1.0]])).item() == np.inf
    assert np.isnan(linalg.matrix_norm(pydl.tensor([[np.nan, 1.0]])).item())
    assert linalg.matrix_norm(pydl.zeros((0, 3))).item() == 0


@pytest.mark.parametrize("shape", [(4, 4), (7, 3), (3, 7)])
def test_least_squares(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal(shape), rng.standard_normal((shape[0], 2))
    expected = np.linalg.lstsq(a, b, rcond=None)
    found = linalg.lstsq(pydl.tensor(a), pydl.tensor(b))
    assert_close(found.solution, expected[0], 1e-9, 1e-10)
    assert_close(found.residuals, ((b - a @ expected[0]) ** 2).sum(0), 1e-9, 1e-20)
    assert found.rank.item() == expected[2]
    assert_close(found.singular_values, expected[3], 1e-10)
    vector = linalg.lstsq(pydl.tensor(a), pydl.tensor(b[:, 0]))
    assert_close(vector.solution, expected[0][:, 0], 1e-9, 1e-10)
    assert vector.residuals.shape == ()
    check_gradients(lambda x, y: linalg.lstsq(x, y).solution, [a, b], rtol=1e-3, order=2)


def test_least_squares_of_deficient_matrices() -> None:
    a, b = HARD["rank 3"], np.random.default_rng(0).standard_normal(20)
    found = linalg.lstsq(pydl.tensor(a), pydl.tensor(b), rtol=1e-10)
    assert_close(found.solution, np.linalg.lstsq(a, b, rcond=1e-10)[0], 1e-8, 1e-9)
    assert found.rank.item() == 3


def test_powers_and_chains() -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((2, 3, 3))
    for n in (0, 1, 2, 3, 7, -1, -3):
        assert_close(
            linalg.matrix_power(pydl.tensor(a), n), np.linalg.matrix_power(a, n), 1e-7, 1e-8
        )
    assert linalg.matrix_power(pydl.tensor([[1, 1], [0, 1]]), 10).tolist() == [[1, 10], [0, 1]]
    chain = [rng.standard_normal(s) for s in ((5, 40), (40, 3), (3, 50), (50, 2))]
    assert_close(linalg.multi_dot(chain), np.linalg.multi_dot(chain), 1e-10)
    ends = [chain[0][0], *chain[1:3], chain[3][:, 0]]
    assert_close(linalg.multi_dot(ends), np.linalg.multi_dot(ends), 1e-10)
    assert_close(linalg.multi_dot(chain[:2]), chain[0] @ chain[1], 1e-10)


@pytest.mark.parametrize("scale", [0.0, 1e-8, 0.1, 1.0, 10.0, 100.0, 3000.0])
def test_matrix_exp(scale: float) -> None:
    rng = np.random.default_rng(0)
    a = rng.standard_normal((3, 5, 5)) * scale
    a = a - _t(a) if scale > 10 else a  # rotations, which do not overflow
    expected = np.stack([scipy.linalg.expm(matrix) for matrix in a])
    size = np.abs(expected).max()
    tolerance = 1e-12 * max(scale, 1)
    _check_size((_wide(linalg.matrix_exp(pydl.tensor(a))) - expected) / size, tolerance)
    compiled = pydl.compile(lambda x: linalg.matrix_exp(x))
    _check_size((_wide(compiled(pydl.tensor(a))) - expected) / size, tolerance)
    small = linalg.matrix_exp(pydl.tensor(a, dtype="float32"))
    _check_size((_wide(small) - expected) / size, 3e-6 * max(scale, 1))


def test_matrix_exp_of_matrices_that_differ() -> None:
    a = np.stack([np.zeros((2, 2)), np.diag([-1e6, 3.0]), [[0.0, 1.0], [0.0, 0.0]]])
    expected = [np.eye(2), np.diag([0.0, np.exp(3.0)]), [[1.0, 1.0], [0.0, 1.0]]]
    assert_close(linalg.matrix_exp(pydl.tensor(a)), expected, 1e-9, 1e-12)
    assert np.isnan(_wide(linalg.matrix_exp(pydl.full((2, 2), np.nan)))).all()
    assert linalg.matrix_exp(pydl.zeros((3, 0, 0))).shape == (3, 0, 0)
    with pytest.raises(ValueError, match="^matrix_exp: expected square"):
        linalg.matrix_exp(pydl.ones((2, 3)))


@pytest.mark.parametrize("order", [1, 2])
def test_derivatives_of_matrix_exp(order: int) -> None:
    for scale in (0.5, 4.0):
        a = np.random.default_rng(0).standard_normal((2, 3, 3)) * scale
        check_gradients(linalg.matrix_exp, [a], order=order, rtol=1e-3, atol=1e-3)


# --- inputs of all kinds --------------------------------------------------------------------------

FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "lu_factor": lambda x: linalg.lu_factor(x),
    "inv": linalg.inv,
    "det": linalg.det,
    "cholesky": linalg.cholesky,
    "qr": linalg.qr,
    "eigh": linalg.eigh,
    "svd": linalg.svd,
    "pinv": linalg.pinv,
    "solve": lambda x: linalg.solve(x, x),
}


def _tensors(result: Any) -> tuple[pydl.Tensor, ...]:
    return result if isinstance(result, tuple) else (result,)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_layouts_of_inputs(name: str) -> None:
    factor = np.random.default_rng(0).standard_normal((2, 5, 5))
    a = factor @ _t(factor) + np.eye(5)
    expected = _tensors(FUNCTIONS[name](pydl.tensor(a)))
    columns = pydl.asarray(np.asfortranarray(a))
    wide = np.zeros((2, 10, 15))
    wide[:, ::2, ::3] = a
    backwards = pydl.tensor(a[:, ::-1, ::-1].copy())[:, ::-1, ::-1]
    for x in (columns, pydl.tensor(wide)[:, ::2, ::3], backwards):
        for found, right in zip(_tensors(FUNCTIONS[name](x)), expected, strict=True):
            assert_close(found, right, 1e-12, 1e-12)
    once = pydl.expand(pydl.tensor(a[:1]), (3, 5, 5))
    for found, right in zip(_tensors(FUNCTIONS[name](once)), expected, strict=True):
        assert_close(found[2], right[0], 1e-12, 1e-12)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_infinities_and_nan_end(name: str) -> None:
    """They give NaN, or an error; they do not hang."""
    for bad in (np.nan, np.inf, -np.inf):
        for size in (1, 2, 5, 40):
            a = np.eye(size) * 3 + 0.1
            a[size // 2, size // 2] = bad
            try:
                results = _tensors(FUNCTIONS[name](pydl.tensor(a)))
            except ValueError as error:
                assert "singular" in str(error) or "not positive definite" in str(error)
                continue
            if name in ("eigh", "svd", "pinv") or np.isnan(bad):
                assert any(np.isnan(_wide(r)).any() for r in results)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_dtypes(name: str) -> None:
    function = FUNCTIONS[name]
    integers = pydl.tensor([[4, 1], [1, 3]])
    for found, right in zip(
        _tensors(function(integers)), _tensors(function(integers.astype("float32"))), strict=True
    ):
        assert found.dtype == right.dtype
        assert_close(found, right)
    for dtype in ("float16", "bfloat16"):
        with pytest.raises(
            TypeError, match=f"{name}: expected float32 or float64, got {dtype}; .*astype"
        ):
            function(pydl.eye(2, dtype=dtype))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled(name: str) -> None:
    def function(x: pydl.Tensor) -> Any:
        leaf = (x * 1).detach().requires_grad_()
        results = _tensors(FUNCTIONS[name](leaf))
        smooth = [r for r in results if r.dtype.is_floating]
        loss = pydl.concat([(r * r * r).reshape(-1) for r in smooth]).sum()
        return [r.detach() for r in results], pydl.grad(loss, leaf)

    factor = np.random.default_rng(0).standard_normal((2, 3, 3))
    compiled = pydl.compile(function)
    for scale in (1.0, 2.0):
        x = pydl.tensor((factor @ _t(factor) + np.eye(3)) * scale)
        (found, gradient), (right, right_gradient) = compiled(x), function(x)
        for a, b in zip(found, right, strict=True):
            assert_close(a, b, 1e-10, 1e-10)
        assert_close(gradient, right_gradient, 1e-8, 1e-8)


def test_errors_in_compiled_functions_name_the_matrix() -> None:
    solve = pydl.compile(lambda a, b: linalg.solve(a, b))
    batch = np.stack([np.eye(2), np.ones((2, 2))])
    for _ in range(2):
        with pytest.raises(
            ValueError, match=r"solve: the matrix at \(1,\) of the batch is singular"
        ):
            solve(pydl.tensor(batch), pydl.ones((2, 2, 1), dtype="float64"))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: linalg.inv(pydl.zeros((2, 2))), "inv: the matrix is singular"),
        (
            lambda: linalg.inv(pydl.zeros((3, 2, 2, 2))),
            r"inv: the matrix at \(0, 0\) of the batch is singular",
        ),
        (lambda: linalg.solve(pydl.eye(2), pydl.ones(3)), "solve: the rows of b"),
        (lambda: linalg.solve(pydl.eye(2), pydl.tensor(1.0)), "solve: expected b with at least"),
        (lambda: linalg.solve(pydl.ones((2, 3)), pydl.ones(2)), "solve: expected square"),
        (
            lambda: linalg.solve(pydl.ones((2, 2, 2)), pydl.ones((3, 2, 2))),
            "solve: .*do not broadcast",
        ),
        (lambda: linalg.cholesky(-pydl.eye(2)), "cholesky: the matrix is not positive definite"),
        (lambda: linalg.cholesky(pydl.ones((2, 3))), "cholesky: expected square"),
        (
            lambda: linalg.solve_triangular(pydl.zeros((2, 2)), pydl.ones(2), upper=True),
            "solve_triangular: the matrix is singular",
        ),
        (lambda: linalg.qr(pydl.eye(2), "r"), "qr: expected the mode 'reduced' or 'complete'"),
        (lambda: linalg.qr(pydl.ones(2)), "qr: expected matrices"),
        (lambda: linalg.eigh(pydl.ones((2, 3))), "eigh: expected square"),
        (lambda: linalg.svd(pydl.ones(2)), "svd: expected matrices"),
        (lambda: linalg.matrix_power(pydl.ones((2, 3)), 2), "matrix_power: expected square"),
        (
            lambda: linalg.matrix_power(pydl.zeros((2, 2)), -1),
            "matrix_power: the matrix is singular",
        ),
        (lambda: linalg.multi_dot([pydl.eye(2)]), "multi_dot: expected at least two"),
        (lambda: linalg.multi_dot([pydl.eye(2), pydl.eye(3)]), "multi_dot: shapes"),
        (
            lambda: linalg.multi_dot([pydl.eye(2), pydl.ones(2), pydl.eye(2)]),
            "multi_dot: expected matrices, and vectors only",
        ),
        (lambda: linalg.lstsq(pydl.ones((3, 2)), pydl.ones(2)), "lstsq: the rows of b"),
        (lambda: linalg.cond(pydl.ones((2, 3)), 1), "cond: expected square"),
        (lambda: linalg.matrix_rank(pydl.ones(3)), "matrix_rank: expected matrices"),
        (
            lambda: linalg.lu_solve(pydl.eye(2), pydl.tensor([0]), pydl.ones(2)),
            "lu_solve: the permutation",
        ),
    ],
)
def test_errors(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        call()


def test_results_have_names() -> None:
    x = pydl.eye(2)
    assert linalg.qr(x)._fields == ("Q", "R")
    assert linalg.eigh(x)._fields == ("eigenvalues", "eigenvectors")
    assert linalg.svd(x)._fields == ("U", "S", "Vh")
    assert linalg.slogdet(x)._fields == ("sign", "logabsdet")


def test_large_matrices() -> None:
    """Beyond what one block holds."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((300, 300))
    b = rng.standard_normal((300, 20))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _check_size(a @ _wide(linalg.solve(a, b)) - b, 1e-9)
        spd = a @ a.T + 300 * np.eye(300)
        lower = _wide(linalg.cholesky(pydl.tensor(spd)))
        _check_size(lower @ lower.T - spd, 1e-10)
        q, r = (_wide(x) for x in linalg.qr(pydl.tensor(a)))
        _check_size(q @ r - a, 1e-12)
        _check_size(q.T @ q - np.eye(300), 1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("size", [1, 2, 15, 16, 17, 33, 70, 200])
def test_kernels_agree(size: int, dtype: str) -> None:
    """What is computed in blocks, with what is computed without."""
    rng = np.random.default_rng(size)
    a = rng.standard_normal((2, size, size)) / size + 2 * np.eye(size)
    general = pydl.tensor(a, dtype=dtype)
    positive = pydl.tensor(a @ _t(a), dtype=dtype)
    b = pydl.tensor(rng.standard_normal((2, size, 5)), dtype=dtype)
    calls: list[tuple[str, list[pydl.Tensor], dict[str, Any]]] = [
        ("lu_factor", [general], {}),
        ("solve", [general, b], {}),
        ("cholesky", [positive], {}),
    ]
    calls += [
        ("solve_triangular", [general, b], dict(zip(names, values, strict=True)))
        for names in (("upper", "transpose", "unit_diagonal"),)
        for values in itertools.product((False, True), repeat=3)
    ]
    if size < 100:
        calls += [("qr", [general], {"complete": False}), ("pinv", [general], {})]
        calls += [("qr", [b], {"complete": complete}) for complete in (False, True)]
    for name, inputs, keywords in calls:
        found, right = (
            _core._apply_with_provider(name, provider, inputs, keywords)
            for provider in ("cpu", "ref")
        )
        assert found is not None
        for x, y in zip(_list(found), _list(right), strict=True):
            assert_close(
                x, y, 3e-4 if dtype == "float32" else 1e-10, 1e-4 if dtype == "float32" else 1e-11
            )


def _list(result: Any) -> list[pydl.Tensor]:
    return list(result) if isinstance(result, list | tuple) else [result]


@pytest.mark.parametrize("dtype", DTYPES)
def test_triangles_in_every_layout(dtype: str) -> None:
    """Products of blocks are planned for the strides that the matrix has."""
    rng = np.random.default_rng(0)
    a = rng.standard_normal((150, 150)) / 150 + 2 * np.eye(150)
    b = rng.standard_normal((150, 40))
    wide = np.zeros((300, 450))
    wide[::2, ::3] = a
    layouts = [
        pydl.tensor(a, dtype=dtype),
        pydl.tensor(a.T.copy(), dtype=dtype).T,
        pydl.tensor(wide, dtype=dtype)[::2, ::3],
        pydl.tensor(a[::-1, ::-1].copy(), dtype=dtype)[::-1, ::-1],
    ]
    for upper, transpose in itertools.product((False, True), repeat=2):
        expected = scipy.linalg.solve_triangular(a, b, trans=int(transpose), lower=not upper)
        for x in layouts:
            found = linalg.solve_triangular(
                x, pydl.tensor(b, dtype=dtype), upper=upper, transpose=transpose
            )
            assert_close(found, expected, 1e-3 if dtype == "float32" else 1e-10, 1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_any_number_of_threads_finds_the_same_factors(dtype: str) -> None:
    before = pydl.get_num_threads()
    found = []
    try:
        for threads in (1, 3):
            pydl.set_num_threads(threads)
            rng = np.random.default_rng(0)
            results = []
            for shape in ((150, 150), (2, 70, 70), (40, 9, 9)):
                x = pydl.tensor(rng.standard_normal(shape), dtype=dtype)
                results += [*linalg.qr(x), *linalg.svd(x), *linalg.eigh(x)]
                results += [linalg.svdvals(x), linalg.eigvalsh(x), linalg.pinv(x)]
            found.append([result.numpy().tobytes() for result in results])
    finally:
        pydl.set_num_threads(before)
    assert found[0] == found[1]
