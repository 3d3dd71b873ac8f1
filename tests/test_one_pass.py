"""Functions that one kernel computes in eager mode, against their composition.

Compiled functions still compose most of them, because passes fuse the parts with what is around
them. So the compiled function is the oracle, beside NumPy. Norms are the same op in both.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled.fills import FILLS

import pydl

NAN, INF = float("nan"), float("inf")
SHAPES = [(0,), (1,), (7,), (3, 5), (2, 0, 3), (33, 40), (4, 3, 2)]
Unary = Callable[[pydl.Tensor], pydl.Tensor]


def _numbers(shape: tuple[int, ...], seed: int = 0) -> np.ndarray[Any, Any]:
    x = np.random.default_rng(seed).standard_normal(shape)
    x.reshape(-1)[3::7] = 0
    return x


def _layouts(x: np.ndarray[Any, Any], dtype: str) -> list[pydl.Tensor]:
    plain = pydl.tensor(x, dtype=dtype)
    apart = pydl.tensor(np.repeat(x, 2, axis=-1), dtype=dtype)[..., ::2]
    turned = pydl.permute_dims(
        pydl.tensor(np.ascontiguousarray(x.T), dtype=dtype), tuple(reversed(range(x.ndim)))
    )
    return [plain, apart, turned, pydl.flip(pydl.flip(plain, 0), 0)]


FUNCTIONS: dict[str, Unary] = {
    "vector_norm": pydl.vector_norm,
    "vector_norm of rows": lambda x: pydl.vector_norm(x, axis=-1, keepdims=True),
    "vector_norm of columns": lambda x: pydl.vector_norm(x, axis=0),
    "nansum": pydl.nansum,
    "nansum of rows": lambda x: pydl.nansum(x, axis=-1),
    "nansum of columns": lambda x: pydl.nansum(x, axis=0, keepdims=True),
    "nan_to_num": pydl.nan_to_num,
    "nan_to_num of numbers": lambda x: pydl.nan_to_num(x, 1.5, 7.0, -3.0),
    "trapezoid": lambda x: pydl.trapezoid(x, axis=0),
    "trapezoid of rows": lambda x: pydl.trapezoid(x, dx=0.5),
    "hist": lambda x: x.sum() * 0 + pydl.histogram(x, 5, (-2.0, 2.0))[0].astype(x.dtype),
    "cross": lambda x: pydl.cross(x.reshape(-1)[-3:], x.reshape(-1)[:3]) if x.size > 2 else x,
}
OF_MATRICES: dict[str, Unary] = {
    "tril": lambda x: pydl.tril(x, -1),
    "triu": lambda x: pydl.triu(x, 1),
    "tril beyond the corner": lambda x: pydl.tril(x, 1000),
    "triu beyond the corner": lambda x: pydl.triu(x, 1000),
    "index_copy": lambda x: pydl.index_copy(
        x, pydl.tensor([-1, -1]), pydl.stack([x[0] * 2, x[0] * 3])
    ),
    "eye": lambda x: x + pydl.eye(x.shape[-2], x.shape[-1], k=1, dtype=x.dtype),
}


def _agree(function: Unary, x: pydl.Tensor) -> None:
    found, composed = function(x), pydl.compile(function)(x)
    assert found.dtype == composed.dtype
    assert found.shape == composed.shape
    tolerance = 1e-2 if x.dtype.itemsize == 2 else 1e-5 if x.dtype == "float32" else 1e-12
    one, other = (y.astype("float64").numpy() for y in (found, composed))
    scale = np.abs(other[np.isfinite(other)]).max(initial=1)
    np.testing.assert_allclose(one, other, tolerance, tolerance * scale)


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("name", [*FUNCTIONS, *OF_MATRICES])
def test_agrees_with_its_composition(name: str, dtype: str) -> None:
    for shape in SHAPES:
        if name in OF_MATRICES and (len(shape) < 2 or shape[-2] == 0):
            continue
        for x in _layouts(_numbers(shape), dtype):
            _agree((FUNCTIONS | OF_MATRICES)[name], x)


def _value_and_slope(function: Unary, x: pydl.Tensor) -> pydl.Tensor:
    x = x.detach().requires_grad_()
    y = function(x)
    (slope,) = pydl.grad(y.sum(), [x])
    return pydl.concat([y.detach().reshape(-1), slope.reshape(-1)])


@pytest.mark.parametrize("label", FILLS)
@pytest.mark.parametrize("name", [*FUNCTIONS, *OF_MATRICES])
def test_extreme_values(name: str, label: str) -> None:
    function = (FUNCTIONS | OF_MATRICES)[name]
    for shape in ((3, 5), (33, 40)):
        for dtype in ("float32", "float64"):
            x = pydl.tensor(FILLS[label](shape), dtype=dtype)
            _agree(lambda x: _value_and_slope(function, x), x)


def test_norms_of_float32_do_not_overflow() -> None:
    x = pydl.tensor([3e30, 4e30]).requires_grad_()
    norm = pydl.vector_norm(x)
    assert norm.item() == pytest.approx(5e30)
    norm.backward()
    np.testing.assert_allclose(x.grad.numpy(), [0.6, 0.8], 1e-6)
    assert pydl.vector_norm(pydl.tensor([3e-30, 4e-30])).item() == pytest.approx(5e-30)


def test_a_norm_of_zeros_has_no_gradient() -> None:
    x = pydl.zeros((2, 3)).requires_grad_()
    pydl.vector_norm(x, axis=1).sum().backward()
    assert x.grad.tolist() == [[0.0] * 3] * 2


def test_infinite_ends_of_an_integral() -> None:
    assert pydl.trapezoid(pydl.tensor([INF, 1.0, 2.0])).item() == INF
    assert pydl.trapezoid(pydl.tensor([1.0, 2.0, -INF])).item() == -INF
    assert pydl.trapezoid(pydl.tensor([3.0])).item() == 0
    assert pydl.trapezoid(pydl.zeros((0, 2)), axis=0).tolist() == [0.0, 0.0]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8"])
def test_cross_products(dtype: str) -> None:
    rng = np.random.default_rng(0)
    for a_shape, b_shape, axis in [
        ((3,), (3,), -1),
        ((5, 3), (3,), -1),
        ((5, 1, 3), (4, 3), -1),
        ((2, 3, 9), (2, 3, 1), 1),
        ((3, 0), (3, 0), 0),
    ]:
        a, b = (pydl.tensor(rng.integers(0, 9, s), dtype=dtype) for s in (a_shape, b_shape))
        found = pydl.cross(a, b, axis=axis)
        composed = pydl.compile(lambda x, y, axis=axis: pydl.cross(x, y, axis=axis))(a, b)
        assert found.dtype == composed.dtype == dtype
        assert found.tolist() == composed.tolist()


@pytest.mark.parametrize(
    "edges",
    [
        [0.0, 1.0],
        [-1.0, -0.5, 0.0, 0.5, 1.0],
        [-3.0, -1.0, 0.25, 0.25, 9.0],
        [0.0, 0.0, 0.0],
        [-INF, 0.0, INF],
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_counts_are_sums_of_ones(edges: list[float], dtype: str) -> None:
    special = [NAN, -NAN, INF, -INF, 0.0, -0.0, 1e-40, -1e-40, 0.25, 1.0, -1.0, *edges]
    numbers = np.random.default_rng(0).uniform(-2, 2, 5000).round(2)
    x = pydl.tensor(np.concatenate([special, numbers]), dtype=dtype)
    counts = pydl.histogram(x, pydl.tensor(edges, dtype=dtype))[0]
    ones = pydl.ones(x.shape, "int64")
    weighted = pydl.histogram(x, pydl.tensor(edges, dtype=dtype), weights=ones)[0]
    assert counts.tolist() == weighted.tolist()


@pytest.mark.parametrize("bins", [1, 10, 3000])
def test_histograms_of_a_range(bins: int) -> None:
    x = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    for ends in ((-3.0, 3.0), (0.0, 0.0), (0.5, 1e6)):
        counts, edges = pydl.histogram(pydl.tensor(x), bins, ends)
        right, points = np.histogram(x, bins, ends)
        np.testing.assert_allclose(edges.numpy(), points, 1e-6, 1e-7)
        assert int(counts.sum().item()) == right.sum()
        composed = pydl.compile(lambda t, bins=bins, ends=ends: pydl.histogram(t, bins, ends)[0])
        assert counts.tolist() == composed(pydl.tensor(x)).tolist()


def test_bincount_of_all_sizes() -> None:
    rng = np.random.default_rng(0)
    for count in (1, 50, 5000, 300_000):
        for largest in (0, 3, 63, 64, 4095, 4096, 100_000):
            x = rng.integers(0, largest + 1, count)
            for least in (0, 10, 5000):
                found = pydl.bincount(pydl.tensor(x), minlength=least)
                np.testing.assert_array_equal(found.numpy(), np.bincount(x, minlength=least))
    assert pydl.bincount(pydl.zeros(0, "int64")).shape == (0,)
    assert pydl.bincount(pydl.zeros(0, "int64"), minlength=3).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="bincount: expected integers from 0 on, got -2"):
        pydl.bincount(pydl.tensor([1, -2]))


@pytest.mark.parametrize("dtype", ["bool", "int16", "float32", "float64"])
@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 65])
def test_copies_of_short_rows(width: int, dtype: str) -> None:
    x = np.random.default_rng(0).integers(0, 2 if dtype == "bool" else 100, (3, 200)).astype(dtype)
    windows = np.lib.stride_tricks.sliding_window_view(x, width, axis=1)[:, ::2]
    found = pydl.tensor(x).unfold(1, width, 2).contiguous()
    np.testing.assert_array_equal(found.numpy(), windows)
    parts = pydl.tensor(x)[:, 1 : 1 + width].contiguous()
    np.testing.assert_array_equal(parts.numpy(), x[:, 1 : 1 + width])


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "int32"])
@pytest.mark.parametrize("operation", ["add", "subtract", "multiply", "divide"])
def test_a_number_for_each_row(operation: str, dtype: str) -> None:
    rng = np.random.default_rng(0)
    shapes = (
        ((5, 300), (5, 1)), ((5, 1), (5, 300)), ((5, 1), (1, 300)), ((2, 3, 2000), (2, 1, 1)),
        ((4, 130), (4, 1)), ((3, 4, 128), (3, 4, 1)),
    )  # fmt: skip
    pairs = [[rng.integers(1, 9, shape).astype(dtype) for shape in pair] for pair in shapes]
    function = getattr(pydl, operation)
    for a, b in pairs:
        whole = np.broadcast_shapes(a.shape, b.shape)
        x, y = (pydl.tensor(np.ascontiguousarray(np.broadcast_to(v, whole))) for v in (a, b))
        assert function(pydl.tensor(a), pydl.tensor(b)).tolist() == function(x, y).tolist()
    square = pydl.tensor(rng.integers(1, 9, (200, 1)).astype(dtype))
    doubled = function(pydl.expand(square, (200, 300)), pydl.expand(square, (200, 300)))
    assert doubled.tolist() == function(square, square).expand((200, 300)).tolist()


def test_divisions_of_floats() -> None:
    """Usual quotients are cut in float64, all others one at a time."""
    rng = np.random.default_rng(0)
    special = np.array([0.0, -0.0, 1.0, -1.0, 3.5, -0.25, 1e38, -1e-30, INF, -INF, NAN], "f")
    a, b = (grid.ravel() for grid in np.meshgrid(special, special))
    wide = rng.standard_normal((2, 5000)).astype("f") * np.exp2(rng.integers(-30, 30, (2, 5000)))
    near = rng.integers(-1000, 1000, (2, 5000)).astype("f")  # often multiples of each other
    for x, y in ((a, b), wide.astype("f"), near):
        with np.errstate(all="ignore"):
            for name in ("fmod", "remainder", "floor_divide"):
                found = getattr(pydl, name)(pydl.tensor(x), pydl.tensor(y)).numpy()
                right = getattr(np, name)(x.astype("d"), y.astype("d")).astype("f")
                usual = np.isfinite(x) & np.isfinite(y) & (y != 0)
                np.testing.assert_allclose(found[usual], right[usual], 2e-7, err_msg=name)
                exact = usual & (right != 0)
                assert (np.signbit(found) == np.signbit(right))[exact].all()


def test_next_numbers() -> None:
    special = [0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 3.4028235e38, INF, -INF, NAN]
    for dtype in ("float32", "float64"):
        a, b = (grid.ravel().astype(dtype) for grid in np.meshgrid(special, special))
        found = pydl.nextafter(pydl.tensor(a), pydl.tensor(b)).numpy()
        right = np.nextafter(a, b)
        np.testing.assert_array_equal(found, right)
        same = ~np.isnan(right)
        np.testing.assert_array_equal(np.signbit(found)[same], np.signbit(right)[same])


def test_cubes_are_exact() -> None:
    x = np.random.default_rng(0).standard_normal(2000).astype("f")
    right = (x.astype("d") ** 3).astype("f")
    np.testing.assert_array_equal((pydl.tensor(x) ** 3).numpy(), right)
    mixed = pydl.tensor(x) ** pydl.tensor(np.resize([3.0, 2.0], 2000).astype("f"))
    np.testing.assert_allclose(mixed.numpy()[::2], right[::2], 1e-6)
    special = pydl.tensor([0.0, -0.0, INF, -INF, NAN]) ** 3
    np.testing.assert_array_equal(special.numpy(), [0.0, -0.0, INF, -INF, NAN])


def test_scattering_one_number() -> None:
    zeros = pydl.expand(pydl.zeros(()), (3, 5))
    index = pydl.tensor([[1, 4, -1], [0, 0, 2], [3, 3, 3]])
    ones = pydl.expand(pydl.ones(()), (3, 3))
    expected = np.zeros((3, 5))
    np.put_along_axis(expected, index.numpy() % 5, 1, 1)
    assert pydl.scatter(zeros, 1, index, ones).tolist() == expected.tolist()
    added = pydl.scatter_add(zeros, 1, index, ones)
    assert added.tolist() == [[0, 1, 0, 0, 2], [2, 0, 1, 0, 0], [0, 0, 0, 3, 0]]
    with pytest.raises(IndexError, match="scatter_add: index 5"):
        pydl.scatter_add(zeros, 1, index + 1, ones)
