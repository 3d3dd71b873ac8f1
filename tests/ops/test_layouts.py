"""Inputs of several threads, blocks and tiles, in every layout."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import scipy.special as special
from ops.table import Array

import pydl

ROWS, COLUMNS = 517, 1031


def _permuted(x: Array) -> Array:
    return np.ascontiguousarray(x.T).T


def _gapped(x: Array) -> Array:
    return np.repeat(x, 2, axis=1)[:, ::2]


def _backwards(x: Array) -> Array:
    return x[::-1, ::-1].copy()[::-1, ::-1]


# NumPy's own broadcast arrays are read-only, so rows and columns are repeated by pydl.
LAYOUTS: dict[str, Callable[[Array], pydl.Tensor]] = {
    "contiguous": pydl.asarray,
    "permuted": lambda x: pydl.asarray(_permuted(x)),
    "gapped": lambda x: pydl.asarray(_gapped(x)),
    "backwards": lambda x: pydl.asarray(_backwards(x)),
    "one row": lambda x: pydl.expand(pydl.tensor(x[:1]), x.shape),
    "one column": lambda x: pydl.expand(pydl.tensor(x[:, :1]), x.shape),
}
EVERY_SEVENTH = pydl.tensor(np.arange(COLUMNS)[::-7].copy())
CASES: dict[str, tuple[Callable[[Any], Any], Callable[[Array], Any]]] = {
    "exp": (pydl.exp, np.exp),
    "tanh": (pydl.tanh, np.tanh),
    "relu": (pydl.relu, lambda x: np.maximum(x, 0)),
    "greater": (lambda x: pydl.greater(x, 0), lambda x: x > 0),
    "astype": (lambda x: pydl.astype(x, "float64"), lambda x: x),
    "copy": (pydl.copy, np.copy),
    "sum 0": (lambda x: pydl.sum(x, axis=0), lambda x: x.sum(0)),
    "sum 1": (lambda x: pydl.sum(x, axis=1), lambda x: x.sum(1)),
    "sum": (pydl.sum, np.sum),
    "mean": (pydl.mean, np.mean),
    "var 0": (lambda x: pydl.var(x, axis=0), lambda x: x.var(0)),
    "max 1": (lambda x: pydl.max(x, axis=1), lambda x: x.max(1)),
    "min 0": (lambda x: pydl.min(x, axis=0), lambda x: x.min(0)),
    "argmax 0": (lambda x: pydl.argmax(x, axis=0), lambda x: x.argmax(0)),
    "argmin 1": (lambda x: pydl.argmin(x, axis=1), lambda x: x.argmin(1)),
    "softmax 0": (lambda x: pydl.softmax(x, 0), lambda x: special.softmax(x, 0)),
    "softmax 1": (lambda x: pydl.softmax(x, 1), lambda x: special.softmax(x, 1)),
    "log_softmax 1": (lambda x: pydl.log_softmax(x, 1), lambda x: special.log_softmax(x, 1)),
    "take": (lambda x: pydl.take(x, EVERY_SEVENTH, 1), lambda x: x[:, ::-7]),
    "concat": (lambda x: pydl.concat([x, x[1:], x], 0), lambda x: np.concatenate([x, x[1:], x])),
    "matmul": (lambda x: x @ x.T, lambda x: x @ x.T),
    "matmul of parts": (lambda x: x.T @ x[:, :40], lambda x: x.T @ x[:, :40]),
    "row added": (lambda x: x + x[:1], lambda x: x + x[:1]),
    "column times": (lambda x: x * x[:, :1], lambda x: x * x[:, :1]),
    "plus transposed": (
        lambda x: x[:, :ROWS] + x[:, :ROWS].T,
        lambda x: x[:, :ROWS] + x[:, :ROWS].T,
    ),
    "reshape": (lambda x: x.reshape(-1, ROWS), lambda x: x.reshape(-1, ROWS)),
}


def _check(name: str, x: pydl.Tensor) -> None:
    function, reference = CASES[name]
    found, wanted = function(x).numpy(), reference(x.numpy().astype(np.float64))
    assert found.shape == np.shape(wanted)
    np.testing.assert_allclose(found, wanted, rtol=2e-5, atol=2e-3 if "mat" in name else 2e-5)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", CASES)
def test_layout(name: str, layout: str) -> None:
    # Distinct values, so that there is one largest; a sum that does not cancel.
    order = np.random.default_rng(0).permutation(ROWS * COLUMNS)
    values = (order / len(order) * 6 - 2).reshape(ROWS, COLUMNS).astype(np.float32)
    _check(name, LAYOUTS[layout](values))


@pytest.fixture(params=[1, 2, 5])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = pydl.get_num_threads()
    pydl.set_num_threads(request.param)
    yield request.param
    pydl.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("name", ["exp", "sum", "sum 0", "sum 1", "softmax 0", "softmax 1", "take"])
def test_number_of_threads(name: str) -> None:
    values = np.random.default_rng(1).uniform(-2, 4, (ROWS, COLUMNS)).astype(np.float32)
    _check(name, pydl.asarray(values))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 1023, 1025, 4097])
def test_sizes_around_registers_and_tiles(size: int, dtype: str) -> None:
    rng = np.random.default_rng(size)
    a, b = (rng.standard_normal(size).astype(dtype) for _ in range(2))
    ta, tb = pydl.tensor(a), pydl.tensor(b)
    np.testing.assert_array_equal((ta + tb).numpy(), a + b)
    np.testing.assert_array_equal((ta[::-1] * tb).numpy(), a[::-1] * b)
    np.testing.assert_array_equal(pydl.maximum(ta, 0.5).numpy(), np.maximum(a, 0.5))
    assert ta.sum().item() == pytest.approx(a.sum(dtype="float64"), rel=1e-5, abs=1e-5)
    assert ta.max().item() == a.max()
    assert ta.argmin().item() == a.argmin()
    np.testing.assert_allclose((ta @ tb).numpy(), a @ b, rtol=1e-4, atol=1e-4)


def test_writing_a_part_leaves_what_is_around_it() -> None:
    whole = np.full((40, 50), 7.0, np.float32)
    pydl.from_numpy(whole)[3:36:2, 5:41:3] = pydl.zeros((17, 12))
    expected = np.full((40, 50), 7.0, np.float32)
    expected[3:36:2, 5:41:3] = 0
    np.testing.assert_array_equal(whole, expected)


def test_overlapping_assignment_reads_before_it_writes() -> None:
    x = pydl.arange(5000)
    x[1:] = x[:-1]
    assert x.tolist() == [0, *range(4999)]
    y = pydl.arange(5000)
    y[...] = y[::-1]
    assert y.tolist() == list(range(4999, -1, -1))
    z = pydl.arange(90_000).reshape(300, 300)
    z[...] = z.T
    np.testing.assert_array_equal(z.numpy(), np.arange(90_000).reshape(300, 300).T)


def test_eight_axes() -> None:
    x = np.random.default_rng(2).standard_normal((2, 3, 1, 2, 4, 1, 3, 2))
    axes = (7, 2, 0, 5, 3, 1, 6, 4)
    t = pydl.tensor(x)
    moved, wanted = pydl.permute_dims(t, axes), np.transpose(x, axes)
    np.testing.assert_array_equal((moved * 2).numpy(), wanted * 2)
    np.testing.assert_allclose(moved.sum(axis=(0, 3, 6)).numpy(), wanted.sum((0, 3, 6)))
    np.testing.assert_array_equal(moved.max(axis=(1, 7)).numpy(), wanted.max((1, 7)))
    np.testing.assert_array_equal(moved.flatten().numpy(), wanted.reshape(-1))
    np.testing.assert_array_equal((t + t[:, :1]).numpy(), x + x[:, :1])
    with pytest.raises(ValueError, match="8"):
        pydl.expand_dims(t, 0)
