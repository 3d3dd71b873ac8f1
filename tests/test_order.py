"""Order, search and sets against NumPy, with derivatives, and compiled where shapes allow it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from ops.table import Array

import pydl
from pydl.testing import check_gradients

NAN = float("nan")
DTYPES = ["float32", "float64", "int8", "int32", "int64", "uint8", "bool"]


def _few(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    """Few different values, so that many are equal."""
    low, high = {"bool": (0, 2), "uint8": (250, 256)}.get(dtype, (-3, 4))
    values = np.random.default_rng(seed).integers(low, high, shape)
    return values.astype(dtype) if dtype != "float32" else (values / 2).astype(dtype)


def _distinct(shape: tuple[int, ...]) -> Array:
    count = int(np.prod(shape))
    return (np.random.default_rng(0).permutation(count) * 0.5 - 3).reshape(shape)


# --- order ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("k", [1, 3, 40, 50])
def test_kthvalue(k: int, keepdims: bool) -> None:
    x = _distinct((3, 50, 2))
    values, indices = pydl.kthvalue(pydl.tensor(x), k, axis=1, keepdims=keepdims)
    order = np.argsort(x, axis=1)[:, k - 1 : k]
    expected = np.take_along_axis(x, order, 1)
    np.testing.assert_array_equal(indices.numpy(), order if keepdims else order[:, 0])
    np.testing.assert_array_equal(values.numpy(), expected if keepdims else expected[:, 0])
    compiled = pydl.compile(lambda x: pydl.kthvalue(x, k, 1, keepdims)[0])
    np.testing.assert_array_equal(compiled(pydl.tensor(x)).numpy(), values.numpy())


@pytest.mark.parametrize("dtype", DTYPES)
def test_mode(dtype: str) -> None:
    x = _few((6, 21), dtype)
    values, indices = pydl.mode(pydl.tensor(x), axis=1)
    for row, value, index in zip(x, values.tolist(), indices.tolist(), strict=True):
        known, counts = np.unique(row, return_counts=True)
        assert value == known[counts.argmax()]
        assert index == np.flatnonzero(row == value)[-1]
    compiled = pydl.compile(lambda x: pydl.mode(x, 1, True)[0])
    assert compiled(pydl.tensor(x)).squeeze(1).tolist() == values.tolist()


def test_derivatives() -> None:
    x = _distinct((4, 7))
    check_gradients(lambda t: pydl.kthvalue(t, 3)[0], [x], order=2)
    check_gradients(lambda t: pydl.mode(t, axis=0)[0], [x], order=2)
    check_gradients(lambda t: pydl.sort_with_indices(t, 0, True)[0], [x], order=2)
    check_gradients(lambda t: pydl.topk(t, 2)[0], [x], order=2)
    t = pydl.tensor([3.0, 1.0, 3.0], requires_grad=True)
    (pydl.unique(t) * pydl.tensor([2.0, 5.0])).sum().backward()
    assert t.grad is not None
    assert sum(t.grad.tolist()) == 7
    assert t.grad.tolist()[1] == 2


def test_lexsort() -> None:
    keys = [_few((5, 30), "int32", seed) for seed in range(3)]
    for axis in (0, -1):
        found = pydl.lexsort([pydl.tensor(key) for key in keys], axis=axis)
        np.testing.assert_array_equal(found.numpy(), np.lexsort(keys, axis=axis))
    assert pydl.lexsort(pydl.tensor([[2, 1, 0], [0, 0, 1]])).tolist() == [1, 0, 2]


def test_methods_are_the_functions() -> None:
    x = pydl.tensor(_distinct((4, 5)))
    assert x.sort(0, descending=True).tolist() == pydl.sort(x, 0, True).tolist()
    assert x.argsort(axis=0).tolist() == pydl.argsort(x, 0).tolist()
    assert [t.tolist() for t in x.topk(2)] == [t.tolist() for t in pydl.topk(x, 2)]
    assert [t.tolist() for t in x.kthvalue(2)] == [t.tolist() for t in pydl.kthvalue(x, 2)]
    assert [t.tolist() for t in x.mode(0)] == [t.tolist() for t in pydl.mode(x, 0)]
    assert x.unique(return_counts=True)[1].tolist() == [1] * 20
    line = pydl.tensor([1.0, 2.0, 3.0])
    assert line.searchsorted(2.0, side="right").item() == 2
    assert np.searchsorted(line, 2.5).item() == 2
    np.testing.assert_array_equal(np.argsort(x), np.argsort(x.numpy()))


# --- search ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("right", [False, True])
def test_searchsorted(dtype: str, right: bool) -> None:
    side = "right" if right else "left"
    known, wanted = np.sort(_few((33,), dtype)), _few((4, 9), dtype, 1)
    expected = np.searchsorted(known, wanted, side=side)
    found = pydl.searchsorted(pydl.tensor(known), pydl.tensor(wanted), side=side)
    np.testing.assert_array_equal(found.numpy(), expected)
    assert found.dtype == "int64"
    mixed = np.random.default_rng(2).permutation(33)
    unsorted = known[mixed]
    order = pydl.argsort(pydl.tensor(unsorted))
    again = pydl.searchsorted(pydl.tensor(unsorted), pydl.tensor(wanted), side=side, sorter=order)
    np.testing.assert_array_equal(again.numpy(), expected)
    compiled = pydl.compile(lambda k, w: pydl.searchsorted(k, w, side=side))
    np.testing.assert_array_equal(
        compiled(pydl.tensor(known), pydl.tensor(wanted)).numpy(), expected
    )


def test_searchsorted_in_batches_and_with_special_numbers() -> None:
    known = pydl.tensor(np.sort(_few((2, 3, 8), "float64"), -1))
    wanted = pydl.tensor(_few((2, 3, 5), "float64", 1))
    found = pydl.searchsorted(known, wanted)
    for i in range(2):
        for j in range(3):
            expected = np.searchsorted(known.numpy()[i, j], wanted.numpy()[i, j])
            np.testing.assert_array_equal(found.numpy()[i, j], expected)
    special = pydl.tensor([-np.inf, -0.0, 0.0, 1.0, np.inf, NAN])
    assert pydl.searchsorted(special, special).tolist() == [0, 1, 1, 3, 4, 5]
    assert pydl.searchsorted(special, special, "right").tolist() == [1, 3, 3, 4, 5, 6]
    assert pydl.searchsorted(pydl.zeros(0), pydl.ones(2)).tolist() == [0, 0]
    assert pydl.searchsorted(pydl.tensor([1, 3]), 2.5).item() == 1
    # A number between two integers, and dtypes that are promoted.
    assert pydl.searchsorted(pydl.tensor([1, 3]), pydl.tensor([2.5, 3.5])).tolist() == [1, 2]


@pytest.mark.parametrize("right", [False, True])
@pytest.mark.parametrize(
    "known",
    [
        np.linspace(-3, 4, 50),
        np.linspace(-3, 4, 50, dtype="float32"),
        np.linspace(-3, 4, 2),
        np.linspace(-3, 4, 50, dtype="float16"),
        np.linspace(-3, 4, 50) + np.random.default_rng(0).uniform(-0.02, 0.02, 50),
        np.arange(-100, 100, 7),
        np.array([-2.0, 2.0, 2.0, 6.0]),
        np.array([1.0, 1.0, 1.0]),
        np.linspace(1, 1 + 2**-48, 17),
        np.array([-1e308, 0.0, 1e308]),
    ],
)
def test_search_in_evenly_spaced_numbers(known: Array, right: bool) -> None:
    rng = np.random.default_rng(1)
    width = float(known[-1]) / 2 - float(known[0]) / 2
    middle = float(known[0]) / 2 + float(known[-1]) / 2
    around = middle + rng.uniform(-1.2, 1.2, 3000) * width
    wanted = np.concatenate([around.astype(known.dtype), known, known[1:]])
    if known.dtype.kind == "f":
        beside = [np.nextafter(known, known.dtype.type(to)) for to in (-np.inf, np.inf)]
        special = np.array([-np.inf, -0.0, np.inf, np.nan], known.dtype)
        wanted = np.concatenate([wanted, *beside, special])
    side = "right" if right else "left"
    expected = np.searchsorted(known, wanted, side=side)
    found = pydl.searchsorted(pydl.tensor(known), pydl.tensor(wanted), side=side)
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("right", [False, True])
def test_bucketize_and_digitize(right: bool) -> None:
    edges, x = np.array([-1.0, 0.0, 1.5]), _few((4, 5), "float64")
    expected = np.digitize(x, edges, right=right)
    found = pydl.digitize(pydl.tensor(x), pydl.tensor(edges), right=right)
    np.testing.assert_array_equal(found.numpy(), expected)
    found = pydl.bucketize(pydl.tensor(x), pydl.tensor(edges), right=not right)
    np.testing.assert_array_equal(found.numpy(), expected)


@pytest.mark.parametrize("dtype", DTYPES)
def test_isin(dtype: str) -> None:
    x, values = _few((5, 7), dtype), _few((2, 2), dtype, 3)
    for invert in (False, True):
        found = pydl.isin(pydl.tensor(x), pydl.tensor(values), invert=invert)
        np.testing.assert_array_equal(found.numpy(), np.isin(x, values, invert=invert))
    compiled = pydl.compile(pydl.isin)(pydl.tensor(x), pydl.tensor(values))
    np.testing.assert_array_equal(compiled.numpy(), np.isin(x, values))
    assert pydl.isin(pydl.tensor([1, 2]), pydl.zeros(0, dtype="int64")).tolist() == [False, False]
    assert pydl.isin(pydl.tensor([NAN, 1.0]), pydl.tensor([NAN, 1.0])).tolist() == [False, True]


@pytest.mark.parametrize("sizes", [(5000, 300), (300, 5000), (6, 900)])
def test_isin_of_special_numbers(sizes: tuple[int, int]) -> None:
    """A table is for integers that are not far apart, and not at the ends of int64."""
    rng = np.random.default_rng(0)
    least, most = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    few = np.array([least, least + 1, -1, 0, 1, 2**32, -(2**32), most - 1, most])
    wide = [rng.choice(few, sizes[0]), rng.choice(few[::2], sizes[1])]
    real = [rng.integers(-300, 300, size) * 0.25 for size in sizes]
    for x in real:
        x[::5] = NAN
        x[1::5] = -0.0 if x is real[0] else 0.0
    cases = [wide, real]
    for low, high in ((least, most), (least, least + 90), (most - 90, most), (-50, 900)):
        drawn = [rng.integers(low, high, size, endpoint=True) for size in sizes]
        cases += [drawn, [np.where(rng.random(sizes[0]) < 0.5, drawn[0], least), drawn[1]]]
    for x, values in cases:
        found = pydl.isin(pydl.tensor(x), pydl.tensor(values))
        np.testing.assert_array_equal(found.numpy(), np.isin(x, values))


# --- sets -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(), (0,), (1,), (40,), (6, 7)])
@pytest.mark.parametrize("dtype", DTYPES)
def test_unique(dtype: str, shape: tuple[int, ...]) -> None:
    x = _few(shape, dtype)
    tensor = pydl.tensor(x)
    expected = np.unique(x, return_index=True, return_inverse=True, return_counts=True)
    found = pydl.unique(tensor, return_index=True, return_inverse=True, return_counts=True)
    assert found[2].shape == shape
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.numpy().reshape(-1), theirs.reshape(-1))
        assert ours.dtype == (dtype if theirs is expected[0] else "int64")
    np.testing.assert_array_equal(pydl.unique(tensor).numpy(), expected[0])
    np.testing.assert_array_equal(pydl.unique_values(tensor).numpy(), expected[0])
    for ours, theirs in zip(pydl.unique_all(tensor), found, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
    assert pydl.unique_counts(tensor)[1].tolist() == found[3].tolist()
    assert pydl.unique_inverse(tensor)[1].tolist() == found[2].tolist()


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_unique_slices(axis: int) -> None:
    x = np.random.default_rng(0).integers(0, 2, (7, 2, 6))
    expected = np.unique(x, return_index=True, return_inverse=True, return_counts=True, axis=axis)
    found = pydl.unique(
        pydl.tensor(x), return_index=True, return_inverse=True, return_counts=True, axis=axis
    )
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.tolist() == (theirs if ours is found[0] else theirs.reshape(-1)).tolist()
    assert pydl.unique(pydl.zeros((3, 0)), axis=0).shape == (1, 0)
    assert pydl.unique(pydl.zeros((0, 3)), axis=0).shape == (0, 3)


def test_nan_in_sets() -> None:
    x = pydl.tensor([NAN, 1.0, NAN, -0.0, 0.0])
    assert len(pydl.unique(x).tolist()) == 3
    assert len(pydl.unique(x, equal_nan=False).tolist()) == 4
    assert len(pydl.unique_values(x).tolist()) == 4
    assert pydl.unique(x, return_counts=True)[1].tolist() == [2, 1, 2]
    assert pydl.unique(pydl.tensor([[NAN, 1.0], [NAN, 1.0]]), axis=0).shape == (1, 2)
    assert pydl.intersect1d(x, x).tolist() == [0, 1]
    assert pydl.setdiff1d(pydl.tensor([1.0, 2.0]), x).tolist() == [2]


@pytest.mark.parametrize("dtype", DTYPES)
def test_sets(dtype: str) -> None:
    a, b = _few((5, 3), dtype), _few((2,), dtype, 5)
    for ours, theirs in (
        (pydl.intersect1d, np.intersect1d),
        (pydl.union1d, np.union1d),
        (pydl.setdiff1d, np.setdiff1d),
    ):
        for first, second in ((a, b), (b, a), (a, b[:0]), (b[:0], a)):
            found = ours(pydl.tensor(first), pydl.tensor(second))
            assert found.tolist() == theirs(first, second).tolist()
            assert found.dtype == dtype


@pytest.mark.parametrize(
    "name",
    ["unique", "unique_values", "unique_all", "unique_counts", "unique_inverse", "intersect1d",
     "union1d", "setdiff1d"],
)  # fmt: skip
def test_sizes_that_depend_on_values_are_not_compiled(name: str) -> None:
    function: Callable[..., Any] = getattr(pydl, name)
    arguments = [pydl.ones(3)] * (2 if name.endswith("1d") else 1)
    with pytest.raises(pydl.TraceError, match=rf"{name}: how many .*use sort, isin, or histogram"):
        pydl.compile(lambda *x: function(*x))(*arguments)


WRONG: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: pydl.kthvalue(pydl.ones(3), 0), ValueError, "kthvalue: expected k from 1 to the 3"),
    (lambda: pydl.kthvalue(pydl.ones(3), 4), ValueError, "kthvalue: expected k from 1 to the 3"),
    (lambda: pydl.mode(pydl.ones((2, 0))), ValueError, "mode: no elements"),
    (lambda: pydl.mode(pydl.ones(())), IndexError, "mode: "),
    (lambda: pydl.lexsort([]), ValueError, "lexsort: expected at least one key"),
    (lambda: pydl.lexsort([pydl.ones(2), pydl.ones(3)]), ValueError, "lexsort: keys of shapes"),
    (lambda: pydl.searchsorted(pydl.ones(2), 1.0, "middle"), ValueError,
     "searchsorted: .*'middle'"),
    (lambda: pydl.searchsorted(pydl.ones(()), 1.0), ValueError, "searchsorted: "),
    (lambda: pydl.searchsorted(pydl.ones(2), 1.0, sorter=pydl.tensor([0, 5])), IndexError,
     "searchsorted: index 5"),
    (lambda: pydl.bucketize(pydl.ones(2), pydl.ones((2, 2))), ValueError, "bucketize: .*one axis"),
    (lambda: pydl.digitize(pydl.ones(2), pydl.ones((2, 2))), ValueError, "digitize: .*one axis"),
    (lambda: pydl.unique(pydl.ones(2), axis=1), IndexError, "unique: axis 1"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_wrong_calls(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
