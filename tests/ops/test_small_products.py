"""Products that are too small to be packed, around the sizes of their blocks of registers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ops.table import Array

import pydl
from pydl import _core

COLUMNS = (1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 70)
DEPTHS = (1, 2, 3, 8, 17, 40)
EPSILON = {"float32": 5e-7, "float64": 1e-15}


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng()


def transposed(x: Array) -> pydl.Tensor:
    return pydl.tensor(np.swapaxes(x, -1, -2).copy()).mT


def inside(x: Array) -> pydl.Tensor:
    around = np.full((x.shape[0] + 1, x.shape[1] + 5), np.nan, x.dtype)
    around[1:, 3:-2] = x
    return pydl.tensor(around)[1:, 3:-2]


LAYOUTS: dict[str, Callable[[Array], pydl.Tensor]] = {
    "rows": pydl.tensor,
    "columns": transposed,
    "inside": inside,
}


def check(a: Array, b: Array, found: Array, bias: Array | float = 0.0) -> None:
    wide_a, wide_b = a.astype(np.float64), b.astype(np.float64)
    allowed = np.abs(wide_a) @ np.abs(wide_b) + np.abs(bias)
    errors = np.abs(found - (wide_a @ wide_b + bias))
    assert found.dtype == a.dtype
    # NumPy's own rounding, too, in float64.
    assert (errors <= 2 * EPSILON[str(a.dtype)] * allowed).all(), (a.shape, b.shape)


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("rows", [*range(1, 18), 23, 31, 40])
def test_sizes(rows: int, layout: str, dtype: str, rng: np.random.Generator) -> None:
    for columns in COLUMNS:
        for depth in DEPTHS:
            a = rng.standard_normal((rows, depth)).astype(dtype)
            b = rng.standard_normal((depth, columns)).astype(dtype)
            check(a, b, np.asarray(LAYOUTS[layout](a) @ LAYOUTS["rows"](b)))
            check(a, b, np.asarray(LAYOUTS["rows"](a) @ LAYOUTS[layout](b)))


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize("rows", [1, 2, 3, 5, 7, 8, 9, 13, 15])
def test_few_long_rows(rows: int, dtype: str, rng: np.random.Generator) -> None:
    for columns, depth in ((700, 50), (33, 1000), (1031, 40), (257, 128)):
        a = rng.standard_normal((rows, depth)).astype(dtype)
        b = rng.standard_normal((depth, columns)).astype(dtype)
        for layout in LAYOUTS.values():
            check(a, b, np.asarray(layout(a) @ pydl.tensor(b)))
            check(a, b, np.asarray(pydl.tensor(a) @ layout(b)))


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize("has_relu", [False, True], ids=["linear", "relu"])
def test_bias_and_relu(has_relu: bool, dtype: str, rng: np.random.Generator) -> None:
    attrs = {"post": "relu"} if has_relu else {}
    for rows in range(1, 20):
        columns, depth = (int(n) for n in rng.integers(1, 60, 2))
        x = rng.standard_normal((rows, depth)).astype(dtype)
        weight = rng.standard_normal((columns, depth)).astype(dtype)
        bias = rng.standard_normal(columns).astype(dtype)
        operands = [pydl.tensor(a) for a in (x, weight, bias)]
        found = np.asarray(_core._apply_with_provider("linear", "cpu", operands, attrs))
        if has_relu:
            plain = np.asarray(_core._apply_with_provider("linear", "cpu", operands, {}))
            np.testing.assert_array_equal(found, np.maximum(plain, 0))
        else:
            check(x, weight.T, found, bias)


def test_rows_are_computed_alone(rng: np.random.Generator) -> None:
    """What is not a number in one row of a block does not reach the others."""
    b = rng.standard_normal((30, 41)).astype("f")
    for rows in range(1, 20):
        a = rng.standard_normal((rows, 30)).astype("f")
        spoilt = int(rng.integers(rows))
        a[spoilt, 11] = np.nan
        found = np.isnan(np.asarray(pydl.tensor(a) @ pydl.tensor(b)))
        assert found[spoilt].all()
        assert not np.delete(found, spoilt, axis=0).any()


@pytest.mark.parametrize("rows", [7, 8, 13, 15, 16, 29, 43])
@pytest.mark.parametrize("terms", [1, 8, 9, 70, 300])
def test_columns_of_low_tiles(rows: int, terms: int) -> None:
    """Columns of A are packed a few at a time for all tiles, which are narrower than a vector."""
    rng = np.random.default_rng()
    for dtype in ("float32", "float64"):
        a = rng.standard_normal((terms, rows)).astype(dtype)
        b = rng.standard_normal((terms, 700)).astype(dtype)
        found = (pydl.tensor(a).T @ pydl.tensor(b)).numpy()
        expected = a.T.astype("float64") @ b.astype("float64")
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * np.sqrt(terms) * 10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize(
    "shape", [(1, 1), (3, 1), (1, 7), (64, 64), (257, 255), (1000, 3), (3, 1000), (2, 5, 4)]
)
def test_matrices_by_vectors(shape: tuple[int, ...], transposed: bool, dtype: str) -> None:
    rng = np.random.default_rng(len(shape) + shape[0])
    matrix = rng.normal(size=shape).astype(dtype)
    x = pydl.tensor(matrix)
    if transposed:
        x = pydl.matrix_transpose(pydl.tensor(np.swapaxes(matrix, -1, -2).copy()))
    vector = rng.normal(size=shape[-1]).astype(dtype)
    tolerance = 1e-4 if dtype == "float32" else 1e-11
    for v in (vector, vector[:, None], np.repeat(vector, 3)[::3]):
        expected = matrix.astype("float64") @ v.astype("float64")
        found = x @ pydl.asarray(v)
        np.testing.assert_allclose(found.numpy(), expected, rtol=tolerance, atol=tolerance)
        compiled = pydl.compile(lambda a, b: a @ b)(x, pydl.asarray(v))
        np.testing.assert_allclose(compiled.numpy(), expected, rtol=tolerance, atol=tolerance)


def test_sums_of_products_of_many_terms() -> None:
    a, b = (np.random.default_rng(i).normal(size=300_001).astype("float32") for i in (0, 1))
    expected = float(a.astype("float64") @ b.astype("float64"))
    for x, y in ((a[None], b[:, None]), (a[:, None].T, b[:, None]), (a[None, ::3], b[::3, None])):
        found = (pydl.asarray(x) @ pydl.asarray(y)).item()
        wanted = float((x.astype("float64") @ y.astype("float64")).item())
        assert found == pytest.approx(wanted, abs=2e-2)
    assert pydl.inner(pydl.tensor(a), pydl.tensor(b)).item() == pytest.approx(expected, abs=2e-2)


@pytest.mark.parametrize("terms", [4096, 4097, 1_000_003])
def test_a_sum_of_products_stays_exact_and_the_same_for_any_number_of_threads(terms: int) -> None:
    rng = np.random.default_rng(terms)
    a, b = (rng.uniform(size=terms).astype("float32") for _ in range(2))
    expected = float(a.astype("float64") @ b.astype("float64"))
    x, y = pydl.tensor(a), pydl.tensor(b)
    functions: list[Callable[..., pydl.Tensor]] = [
        pydl.matmul,
        pydl.inner,
        pydl.dot,
        pydl.vecdot,
        lambda x, y: pydl.einsum("i,i->", x, y),
        lambda x, y: pydl.tensordot(x, y, 1),
    ]
    before = pydl.get_num_threads()
    for function in functions:
        found = set()
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            try:
                found |= {function(x, y).item(), pydl.compile(function)(x, y).item()}
            finally:
                pydl.set_num_threads(before)
        assert max(abs(value / expected - 1) for value in found) < 3e-7
        assert len(found) == 1 or function is functions[3]


def test_derivatives_of_single_sums_of_products() -> None:
    rng = np.random.default_rng(1)
    x, y = (pydl.tensor(rng.normal(size=5), requires_grad=True) for _ in range(2))
    for function in (pydl.inner, pydl.dot):
        assert pydl.autograd.gradcheck(function, (x, y))
        assert pydl.autograd.gradgradcheck(function, (x, y))
