"""Products of float32 matrices, which some processors compute from parts of 16 bits.

The sizes are on both sides of those from which that is done; what is asserted holds for products
that are computed in any way.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from concurrency import in_threads
from ops.accuracy import (
    LARGEST,
    SMALLEST,
    assert_accurate,
    assert_finite_part_near,
    assert_same_special_numbers,
)
from ops.table import Array

import pydl
from pydl import _core, nn

# rows, columns, depth
SIZES = [
    (33, 47, 32),
    (80, 80, 41),
    (97, 101, 33),
    (96, 128, 64),
    (100, 129, 513),
    (81, 401, 96),
    (417, 83, 100),
    (128, 96, 1025),
    (65, 130, 700),
    (450, 500, 70),
]
# Enough for tiles of any kind, and whole in no direction.
ROWS, COLUMNS, DEPTH = 91, 115, 133


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng()


def normal(rng: np.random.Generator, *shape: int) -> Array:
    return rng.standard_normal(shape).astype(np.float32)


def exactly(a: Array, b: Array) -> tuple[Array, Array]:
    """The product in float64, and that of the magnitudes."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return np.asarray(a @ b), np.asarray(np.abs(a) @ np.abs(b))


def product(a: Array, b: Array) -> Array:
    return np.asarray(pydl.tensor(a) @ pydl.tensor(b))


def by_rank_one_updates(a: Array, b: Array) -> Array:
    """The product as float32 gives it when terms are added one after the other."""
    total = np.zeros((a.shape[0], b.shape[1]), np.float32)
    for k in range(a.shape[1]):
        total += a[:, k, None] * b[None, k]
    return total


# --- layouts ------------------------------------------------------------------------------------


def _inside(x: Array) -> pydl.Tensor:
    """A part of a larger matrix, at an odd offset."""
    around = np.full((x.shape[0] + 4, x.shape[1] + 12), np.nan, np.float32)
    around[3:-1, 5:-7] = x
    return pydl.tensor(around)[3:-1, 5:-7]


def _every_other(x: Array) -> pydl.Tensor:
    spread = np.full((x.shape[0], 2 * x.shape[1]), np.nan, np.float32)
    spread[:, ::2] = x
    return pydl.tensor(spread)[:, ::2]


def _backwards(x: Array) -> pydl.Tensor:
    return pydl.tensor(x[::-1].copy())[::-1]


LAYOUTS: dict[str, Callable[[Array], pydl.Tensor]] = {
    "rows": pydl.tensor,
    "columns": lambda x: pydl.tensor(x.T.copy()).T,
    "rows inside": _inside,
    "columns inside": lambda x: _inside(x.T).T,
    "every other column": _every_other,
    "every other row": lambda x: _every_other(x.T).T,
    "backwards": _backwards,
}
PLAIN = ("rows", "columns")


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("a_layout", PLAIN)
@pytest.mark.parametrize("b_layout", PLAIN)
def test_sizes(
    size: tuple[int, int, int], a_layout: str, b_layout: str, rng: np.random.Generator
) -> None:
    rows, columns, depth = size
    a, b = normal(rng, rows, depth), normal(rng, depth, columns)
    found = LAYOUTS[a_layout](a) @ LAYOUTS[b_layout](b)
    assert_accurate(np.asarray(found), *exactly(a, b))


@pytest.mark.parametrize("a_layout", LAYOUTS)
@pytest.mark.parametrize("b_layout", LAYOUTS)
def test_layouts(a_layout: str, b_layout: str, rng: np.random.Generator) -> None:
    a, b = normal(rng, ROWS, DEPTH), normal(rng, DEPTH, COLUMNS)
    found = LAYOUTS[a_layout](a) @ LAYOUTS[b_layout](b)
    assert_accurate(np.asarray(found), *exactly(a, b))


def test_sizes_by_chance(rng: np.random.Generator) -> None:
    for _ in range(40):
        rows, columns, depth = (int(n) for n in rng.integers((33, 47, 32), (140, 260, 700)))
        a, b = normal(rng, rows, depth), normal(rng, depth, columns)
        layouts = rng.choice(list(LAYOUTS), 2)
        found = LAYOUTS[layouts[0]](a) @ LAYOUTS[layouts[1]](b)
        message = f"{rows} x {columns} x {depth}, {layouts}"
        assert_accurate(np.asarray(found), *exactly(a, b), message=message)


@pytest.mark.parametrize("which", ["row", "column"])
def test_one_row_or_column_repeated(which: str, rng: np.random.Generator) -> None:
    a, b = normal(rng, ROWS, DEPTH), normal(rng, DEPTH, COLUMNS)
    if which == "row":
        x, y = pydl.expand(pydl.tensor(a[:1]), a.shape), pydl.tensor(b)
    else:
        x, y = pydl.tensor(a), pydl.expand(pydl.tensor(b[:, :1]), b.shape)
    assert_accurate(np.asarray(x @ y), *exactly(np.asarray(x), np.asarray(y)))


@pytest.mark.parametrize(
    ("a_shape", "b_shape"),
    [
        ((3, ROWS, DEPTH), (3, DEPTH, COLUMNS)),
        ((5, ROWS, DEPTH), (DEPTH, COLUMNS)),
        ((ROWS, DEPTH), (4, DEPTH, COLUMNS)),
        ((2, 1, ROWS, DEPTH), (3, DEPTH, COLUMNS)),
        ((3, 1, 50, DEPTH), (1, 2, DEPTH, COLUMNS)),
        ((DEPTH,), (2, DEPTH, COLUMNS)),
        ((1, ROWS, DEPTH), (1, DEPTH, COLUMNS)),
    ],
    ids=str,
)
def test_batches(
    a_shape: tuple[int, ...], b_shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    a, b = normal(rng, *a_shape), normal(rng, *b_shape)
    assert_accurate(product(a, b), *exactly(a, b))
    if len(a_shape) > 1:
        swapped = pydl.tensor(np.swapaxes(a, -1, -2).copy()).mT
        assert_accurate(np.asarray(swapped @ pydl.tensor(b)), *exactly(a, b))
    swapped = pydl.tensor(np.swapaxes(b, -1, -2).copy()).mT
    assert_accurate(np.asarray(pydl.tensor(a) @ swapped), *exactly(a, b))


def test_batch_of_which_one_matrix_is_infinite(rng: np.random.Generator) -> None:
    a, b = normal(rng, 3, ROWS, DEPTH), normal(rng, DEPTH, COLUMNS)
    a[1, 17, 3] = np.inf
    found = product(a, b)
    assert_same_special_numbers(found[1, 17], np.sign(b[3]) * np.inf)
    found[1, 17], a[1, 17] = 0, 0
    assert_accurate(found, *exactly(a, b))


# --- linear -------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("weight_layout", PLAIN)
@pytest.mark.parametrize("has_bias", [False, True], ids=["no bias", "bias"])
@pytest.mark.parametrize("has_relu", [False, True], ids=["linear", "relu"])
def test_linear(
    size: tuple[int, int, int],
    weight_layout: str,
    has_bias: bool,
    has_relu: bool,
    rng: np.random.Generator,
) -> None:
    rows, columns, depth = size
    x, weight = normal(rng, rows, depth), normal(rng, columns, depth)
    bias = normal(rng, columns) * 10 if has_bias else np.zeros(columns, np.float32)

    @pydl.compile
    def layer(x: pydl.Tensor, weight: pydl.Tensor, *bias: pydl.Tensor) -> pydl.Tensor:
        y = nn.functional.linear(x, weight, *bias)
        return nn.functional.relu(y) if has_relu else y

    operands = [pydl.tensor(x), LAYOUTS[weight_layout](weight)]
    if has_bias:
        operands.append(pydl.tensor(bias))
    exact, magnitudes = exactly(x, weight.T)
    exact, magnitudes = exact + bias, magnitudes + np.abs(bias)
    if has_relu:
        exact = np.maximum(exact, 0)
    # Sums that begin with the bias are rounded as it is, for each term anew.
    bound = 1e-6 if has_bias else 5e-7
    assert_accurate(np.asarray(layer(*operands)), exact, magnitudes, bound=bound)
    if not has_relu:
        assert_accurate(np.asarray(pydl.linear(*operands)), exact, magnitudes, bound=bound)


def test_linear_of_several_axes_and_of_a_view(rng: np.random.Generator) -> None:
    x, weight, bias = normal(rng, 3, 70, 200), normal(rng, 96, DEPTH), normal(rng, 96)
    view = pydl.tensor(x)[1:, ::2, 9 : 9 + DEPTH]
    exact, magnitudes = exactly(x[1:, ::2, 9 : 9 + DEPTH], weight.T)
    found = pydl.linear(view, pydl.tensor(weight), pydl.tensor(bias))
    assert_accurate(np.asarray(found), exact + bias, magnitudes + np.abs(bias))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_gradients_of_linear(size: tuple[int, int, int], rng: np.random.Generator) -> None:
    rows, columns, depth = size
    x, weight, g = normal(rng, rows, depth), normal(rng, columns, depth), normal(rng, rows, columns)
    tx, tw = (pydl.tensor(a, requires_grad=True) for a in (x, weight))
    pydl.linear(tx, tw).backward(pydl.tensor(g))
    assert_accurate(np.asarray(tx.grad), *exactly(g, weight))
    assert_accurate(np.asarray(tw.grad), *exactly(g.T, x))


@pytest.mark.parametrize("lengths", [None, "different"])
@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_gradients_over_sequences(kind: Any, lengths: str | None, rng: np.random.Generator) -> None:
    """Their sums are added to, step after step."""
    steps, batch = 9, 45
    x = normal(rng, steps, batch, 100)
    counts = rng.integers(1, steps + 1, batch)
    counts[0] = steps
    options = {} if lengths is None else {"lengths": np.sort(counts)[::-1].tolist()}
    layers = [kind(100, 96, dtype=dtype) for dtype in ("float32", "float64")]
    with pydl.no_grad():
        for theirs, ours in zip(*(layer.parameters() for layer in layers), strict=True):
            ours.copy_(theirs.astype(pydl.float64))
    gradients = []
    for layer, dtype in zip(layers, ("float32", "float64"), strict=True):
        tx = pydl.tensor(x, dtype=dtype, requires_grad=True)
        output, _ = layer(tx, **options)
        output.square().sum().backward()
        gradients.append([np.asarray(t.grad) for t in (tx, *layer.parameters())])
    for found, wanted in zip(*gradients, strict=True):
        assert found.dtype == np.float32
        assert np.abs(found - wanted).max() < 1e-5 * np.abs(wanted).max()


# --- accuracy -----------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [33, 100, 512, 1025])
@pytest.mark.parametrize("kind", ["normal", "positive", "of many sizes"])
def test_no_worse_than_summing_one_after_the_other(
    kind: str, depth: int, rng: np.random.Generator
) -> None:
    draw: dict[str, Callable[[int, int], Array]] = {
        "normal": lambda *shape: rng.standard_normal(shape),
        "positive": lambda *shape: rng.uniform(0, 1, shape),
        "of many sizes": lambda *shape: (
            rng.standard_normal(shape) * 10 ** rng.uniform(-4, 4, shape)
        ),
    }
    a, b = draw[kind](96, depth).astype("f"), draw[kind](depth, 128).astype("f")
    exact, magnitudes = exactly(a, b)
    errors = [(y - exact) / magnitudes for y in (product(a, b), by_rank_one_updates(a, b))]
    ours, naive = (np.sqrt(np.square(e).mean()) for e in errors)
    assert ours <= 2 * naive


def test_products_of_two_numbers_are_nearly_exact(rng: np.random.Generator) -> None:
    """One term to a sum: every part of a number counts, down to its last bits."""
    size = 128
    a = np.zeros((size, size), np.float32)
    a[np.arange(size), rng.permutation(size)] = normal(rng, size)
    b = normal(rng, size, size)
    exact, magnitudes = exactly(a, b)
    assert_accurate(product(a, b), exact, magnitudes, bound=2.5e-7)
    assert_accurate(product(b, a), *exactly(b, a), bound=2.5e-7)


def test_ones_give_back_what_they_multiply(rng: np.random.Generator) -> None:
    x = rng.integers(0, 2**32, (160, 96), dtype=np.uint64).astype(np.uint32).view(np.float32)
    x = np.where(np.isfinite(x) & (np.abs(x) > 1e-30), x, 1)
    identity = np.eye(96, dtype=np.float32)
    np.testing.assert_allclose(product(x, identity), x, rtol=1e-7)
    np.testing.assert_allclose(product(identity, np.ascontiguousarray(x.T)), x.T, rtol=1e-7)


def test_whole_numbers_are_exact(rng: np.random.Generator) -> None:
    a, b = (rng.integers(-90, 90, shape).astype("f") for shape in ((ROWS, 512), (512, COLUMNS)))
    np.testing.assert_array_equal(product(a, b), exactly(a, b)[0])


def test_rows_of_very_different_sizes(rng: np.random.Generator) -> None:
    scales = np.float32(10) ** rng.uniform(-20, 20, (ROWS, 1)).astype("f")
    a, b = normal(rng, ROWS, DEPTH) * scales, normal(rng, DEPTH, COLUMNS)
    assert_accurate(product(a, b), *exactly(a, b))
    a, b = np.ascontiguousarray(b.T), np.ascontiguousarray(a.T)
    assert_accurate(product(a, b), *exactly(a, b))


def test_terms_of_very_different_sizes(rng: np.random.Generator) -> None:
    """What one factor is larger, the other is smaller, and all terms count."""
    scales = 10 ** rng.uniform(-20, 20, DEPTH)
    a = (rng.standard_normal((ROWS, DEPTH)) * scales).astype("f")
    b = (rng.standard_normal((DEPTH, COLUMNS)) / scales[:, None]).astype("f")
    assert_accurate(product(a, b), *exactly(a, b))


def test_sums_that_cancel(rng: np.random.Generator) -> None:
    half = DEPTH // 2
    a, b = normal(rng, ROWS, half), normal(rng, half, COLUMNS)
    rest_a, rest_b = normal(rng, ROWS, 1) * 1e-3, normal(rng, 1, COLUMNS)
    a, b = np.concatenate([a, rest_a, a], 1), np.concatenate([b, rest_b, -b], 0)
    exact, magnitudes = exactly(a, b)
    assert np.abs(exact).max() < 1e-2 * magnitudes.max()
    assert_accurate(product(a, b), exact, magnitudes)


# --- special numbers ----------------------------------------------------------------------------


def _places(rng: np.random.Generator, array: Array, values: list[float]) -> Array:
    """The array with each of the values at a place by chance."""
    array = array.copy()
    places = rng.choice(array.size, len(values), replace=False)
    array.reshape(-1)[places] = values
    return array


SPECIAL = {
    "one infinity": [np.inf],
    "one negative infinity": [-np.inf],
    "one nan": [np.nan],
    "several": [np.inf, -np.inf, np.nan, np.inf, -np.inf],
}


@pytest.mark.parametrize("values", SPECIAL.values(), ids=SPECIAL)
@pytest.mark.parametrize("side", ["left", "right", "both"])
@pytest.mark.parametrize("layout", PLAIN)
def test_infinities_and_nan(
    values: list[float], side: str, layout: str, rng: np.random.Generator
) -> None:
    a, b = normal(rng, ROWS, DEPTH), normal(rng, DEPTH, COLUMNS)
    a[5, 7] = b[11, 13] = 0  # infinity times zero is not a number
    if side != "right":
        a = _places(rng, a, values)
    if side != "left":
        b = _places(rng, b, values)
    with np.errstate(invalid="ignore"):
        exact = exactly(a, b)[0]
    found = np.asarray(LAYOUTS[layout](a) @ LAYOUTS[layout](b))
    assert_same_special_numbers(found, exact)
    assert_finite_part_near(found, exact)


def test_infinity_times_zero(rng: np.random.Generator) -> None:
    a, b = normal(rng, ROWS, DEPTH), normal(rng, DEPTH, COLUMNS)
    a[4, 9], b[9] = np.inf, np.abs(b[9])
    b[9, ::3] = 0
    b[9, 1::3] *= -1
    found = product(a, b)
    wanted = np.full(COLUMNS, np.inf)
    wanted[::3], wanted[1::3] = np.nan, -np.inf
    np.testing.assert_array_equal(found[4], wanted)
    assert np.isfinite(np.delete(found, 4, axis=0)).all()


@pytest.mark.parametrize("has_relu", [False, True], ids=["linear", "relu"])
@pytest.mark.parametrize("has_infinity", [False, True], ids=["finite input", "infinite input"])
def test_special_numbers_through_linear(
    has_infinity: bool, has_relu: bool, rng: np.random.Generator
) -> None:
    x, weight, bias = normal(rng, ROWS, DEPTH), normal(rng, COLUMNS, DEPTH), normal(rng, COLUMNS)
    if has_infinity:
        x[3, 5], x[40, 100] = np.inf, np.nan
    bias[[7, 50, 114]] = np.inf, -np.inf, np.nan
    with np.errstate(invalid="ignore"):
        exact = exactly(x, weight.T)[0] + bias
        if has_relu:
            exact = np.maximum(exact, 0)
    operands = [pydl.tensor(a) for a in (x, weight, bias)]
    attrs = {"post": "relu"} if has_relu else {}
    found = np.asarray(_core._apply_with_provider("linear", "cpu", operands, attrs))
    assert_same_special_numbers(found, exact)
    assert_finite_part_near(found, exact)


def test_special_numbers_in_gradients_of_linear(rng: np.random.Generator) -> None:
    x, weight, g = normal(rng, ROWS, DEPTH), normal(rng, 96, DEPTH), normal(rng, ROWS, 96)
    g[8, 9] = np.inf
    tx, tw = (pydl.tensor(a, requires_grad=True) for a in (x, weight))
    pydl.linear(tx, tw).backward(pydl.tensor(g))
    for found, exact in ((tx.grad, exactly(g, weight)[0]), (tw.grad, exactly(g.T, x)[0])):
        assert_same_special_numbers(np.asarray(found), exact)
        assert_finite_part_near(np.asarray(found), exact)


@pytest.mark.parametrize("large", [LARGEST, -LARGEST, 3.39e38, 3.395e38, 1.8e38])
def test_products_with_numbers_near_the_largest(large: float, rng: np.random.Generator) -> None:
    """One such number to a row, and factors that keep some products finite and others not."""
    a, b = normal(rng, ROWS, DEPTH), normal(rng, DEPTH, COLUMNS)
    depth = rng.integers(0, DEPTH, ROWS)
    a[np.arange(ROWS), depth] = np.float32(large)
    a[:4] = normal(rng, 4, DEPTH)
    exact, magnitudes = exactly(a, b)
    near_edge = np.abs(np.abs(exact) / LARGEST - 1) < 1e-5
    overflows = np.abs(exact) > LARGEST
    assert overflows.any()
    wanted = np.where(overflows, np.copysign(np.inf, exact), exact)
    found = product(a, b)
    found[near_edge] = wanted[near_edge] = 0
    assert_same_special_numbers(found, wanted)
    finite = np.isfinite(wanted)
    assert_accurate(found[finite], wanted[finite], magnitudes[finite])


def test_largest_numbers_with_finite_products(rng: np.random.Generator) -> None:
    a = rng.choice(np.array([LARGEST, -LARGEST], np.float32), (ROWS, DEPTH))
    b = normal(rng, DEPTH, COLUMNS) * np.float32(1e-5)
    assert_accurate(product(a, b), *exactly(a, b))
    assert_accurate(product(b.T.copy(), a.T.copy()), *exactly(b.T, a.T))


def _assert_loses_little_but_subnormals(a: Array, b: Array) -> None:
    """Each factor and each sum may lose what is no normal number."""
    exact, magnitudes = exactly(a, b)
    factors = np.abs(a).sum(1, keepdims=True) + np.abs(b).sum(0, keepdims=True)
    lost = 2 * SMALLEST * factors + 16 * a.shape[1] * SMALLEST
    errors = np.abs(product(a, b) - exact)
    assert (errors <= 5e-7 * magnitudes + lost).all()


@pytest.mark.parametrize(
    ("a_scale", "b_scale"),
    [(1e-40, 1), (1, 1e-42), (1e-20, 1e-20), (1e-18, 1e-17), (1e-38, 1e-38), (1e-36, 1)],
)
def test_subnormals(a_scale: float, b_scale: float, rng: np.random.Generator) -> None:
    a, b = rng.standard_normal((ROWS, DEPTH)) * a_scale, rng.standard_normal((DEPTH, COLUMNS))
    _assert_loses_little_but_subnormals(a.astype("f"), (b * b_scale).astype("f"))


def test_some_subnormals_among_others(rng: np.random.Generator) -> None:
    subnormals = [1e-40, -1e-44, SMALLEST / 2, -SMALLEST / 4] * 5
    a = _places(rng, normal(rng, ROWS, DEPTH), subnormals)
    b = _places(rng, normal(rng, DEPTH, COLUMNS), subnormals)
    _assert_loses_little_but_subnormals(a, b)


def test_zeros_of_both_signs(rng: np.random.Generator) -> None:
    zeros = np.where(rng.random((ROWS, DEPTH)) < 0.5, np.float32(0), np.float32(-0.0))
    b = normal(rng, DEPTH, COLUMNS)
    np.testing.assert_array_equal(product(zeros, b), np.zeros((ROWS, COLUMNS)))
    np.testing.assert_array_equal(product(b.T.copy(), zeros.T.copy()), np.zeros((COLUMNS, ROWS)))
    a = normal(rng, ROWS, DEPTH)
    a[rng.random(a.shape) < 0.7] = -0.0
    a[12] = 0
    found = product(a, b)
    assert_accurate(found, *exactly(a, b))
    np.testing.assert_array_equal(found[12], np.zeros(COLUMNS))


def test_every_provider_keeps_infinities(rng: np.random.Generator) -> None:
    """By itself, whichever is asked first."""
    a, b = normal(rng, ROWS, DEPTH), normal(rng, DEPTH, COLUMNS)
    a[90, 132] = -np.inf
    exact = exactly(a, b)[0]
    for provider in _core.info()["providers"]:
        found = _core._apply_with_provider("matmul", provider, [_inside(a), _inside(b.T).T], {})
        if found is not None:
            assert_same_special_numbers(np.asarray(found), exact, provider)
            assert_finite_part_near(np.asarray(found), exact)


# --- threads ------------------------------------------------------------------------------------


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    before = pydl.get_num_threads()
    yield pydl.set_num_threads
    pydl.set_num_threads(before)


@pytest.mark.parametrize("size", [(100, 129, 513), (700, 90, 64), (90, 700, 64)], ids=str)
def test_numbers_of_threads(
    size: tuple[int, int, int], threads: Callable[[int], None], rng: np.random.Generator
) -> None:
    rows, columns, depth = size
    a, b = normal(rng, rows, depth), normal(rng, depth, columns)
    for count in (1, 2, 3, 7):
        threads(count)
        assert_accurate(product(a, b), *exactly(a, b), message=f"{count} threads")


def test_several_threads_at_once(rng: np.random.Generator) -> None:
    a, b = pydl.tensor(normal(rng, ROWS, DEPTH)), pydl.tensor(normal(rng, DEPTH, COLUMNS))
    bias = pydl.tensor(normal(rng, ROWS))
    wanted = np.asarray(a @ b), np.asarray(pydl.linear(b.T, a, bias))

    def work(_: int) -> bool:
        same = True
        for _ in range(40):
            found = np.asarray(a @ b), np.asarray(pydl.linear(b.T, a, bias))
            same = same and all(map(np.array_equal, found, wanted))
        return same

    assert in_threads(work) == [True] * 4


def test_operands_of_their_own_in_several_threads(rng: np.random.Generator) -> None:
    operands = [(normal(rng, 80 + 9 * i, 70 + i), normal(rng, 70 + i, 130)) for i in range(4)]
    operands[2][0][3, 4] = np.inf

    def work(number: int) -> Array:
        for _ in range(20):
            found = product(*operands[number])
        return found

    for number, found in enumerate(in_threads(work)):
        exact, magnitudes = exactly(*operands[number])
        assert_same_special_numbers(found, exact)
        finite = np.isfinite(exact)
        assert_accurate(found[finite], exact[finite], magnitudes[finite])


def _mixed_products(a: Array, b: Array, rounds: int) -> None:
    """Products of float32 and of bfloat16 in turn, of which both use the same registers."""
    x, y = pydl.tensor(a), pydl.tensor(b)
    exact, magnitudes = exactly(a, b)
    halves = [np.asarray(t.astype("bfloat16").astype("float32")) for t in (x, y)]
    rounded, of_halves = exactly(*halves)
    for _ in range(rounds):
        assert_accurate(np.asarray(x @ y), exact, magnitudes)
        with pydl.autocast("bfloat16"):
            half = x @ y
        assert half.dtype == pydl.bfloat16
        errors = np.abs(np.asarray(half.astype("float64")) - rounded)
        assert (errors <= 2**-8 * np.abs(rounded) + 1e-5 * of_halves).all()


@pytest.mark.parametrize("count", [1, 2, 3])
def test_products_of_16_bits_in_between(
    count: int, threads: Callable[[int], None], rng: np.random.Generator
) -> None:
    threads(count)
    _mixed_products(normal(rng, ROWS, DEPTH), normal(rng, DEPTH, COLUMNS), 5)
    _mixed_products(normal(rng, 200, 64), normal(rng, 64, 100), 5)


def test_products_of_16_bits_in_other_threads(rng: np.random.Generator) -> None:
    operands = [(normal(rng, ROWS + i, DEPTH), normal(rng, DEPTH, COLUMNS)) for i in range(4)]
    in_threads(lambda number: _mixed_products(*operands[number], 8))


# --- without it ---------------------------------------------------------------------------------

PROGRAM = """
import sys
import numpy as np
import pydl
arrays = np.load(sys.argv[1])
a, b, bias = (pydl.tensor(arrays[name]) for name in ("a", "b", "bias"))
x, weight = (pydl.tensor(arrays[name]) for name in ("x", "weight"))
results = {"product": a @ b, "linear": pydl.linear(b.T, a, bias),
           "conv": pydl.nn.functional.conv2d(x, weight, stride=2)}
np.savez(sys.argv[2], isa=pydl.info()["instruction_set"],
         **{name: np.asarray(result) for name, result in results.items()})
"""


def run_with_isa(isa: str | None, folder: Path) -> dict[str, Array]:
    package = Path(pydl.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    environment.pop("PYDL_ISA", None)
    if isa:
        environment["PYDL_ISA"] = isa
    found = folder / f"{isa}.npz"
    command = [sys.executable, "-c", PROGRAM, str(folder / "in.npz"), str(found)]
    run = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    with np.load(found) as arrays:
        return dict(arrays)


def test_results_are_near_those_of_other_instruction_sets(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    arrays = {
        "a": normal(rng, ROWS, DEPTH),
        "b": normal(rng, DEPTH, COLUMNS),
        "bias": normal(rng, ROWS),
        "x": normal(rng, 2, 64, 27, 27),
        "weight": normal(rng, 130, 64, 3, 3) / 24,
    }
    np.savez(tmp_path / "in.npz", allow_pickle=False, **arrays)
    wanted = run_with_isa(None, tmp_path)
    sets = ["v3", "baseline"]
    if str(wanted["isa"]) in ("amx", "v4"):
        sets.insert(0, "v4")
    for isa in sets:
        found = run_with_isa(isa, tmp_path)
        assert str(found.pop("isa")) == isa or isa == "v3"
        for name, result in found.items():
            difference = np.abs(result - wanted[name]).max()
            assert difference < 3e-6 * np.abs(wanted[name]).max(), (isa, name)
