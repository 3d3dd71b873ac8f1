"""Orders: equal elements, special numbers, every dtype, long and short lines, against NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from ops.table import Array

import pydl
from pydl import _core

DTYPES = [
    "float16", "float32", "float64", "bfloat16",
    "int8", "int16", "int32", "int64", "uint8", "bool",
]  # fmt: skip
LENGTHS = [1, 2, 31, 95, 96, 257, 1000, 5000]


def _draw(rng: np.random.Generator, dtype: str, shape: tuple[int, ...]) -> pydl.Tensor:
    """Few different values, and what is special of the dtype."""
    if dtype == "bool":
        return pydl.tensor(rng.integers(0, 2, shape).astype(bool))
    if "float" in dtype:
        special = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-40, -1e30, 3.0]
        values = np.where(
            rng.random(shape) < 0.3, rng.choice(special, shape), rng.normal(size=shape)
        )
        return pydl.tensor(values.astype(np.float32)).astype(dtype)
    low, high = (0, 255) if dtype == "uint8" else (-100, 100)
    values = rng.integers(low, high, shape)
    if dtype == "int64":
        values = values * (2**55)
    return pydl.tensor(values, dtype=dtype)


def _order(values: Array, descending: bool) -> Array:
    """A stable order by definition: NaN is the largest, -0 equals 0."""
    lines = values.reshape(-1, values.shape[-1])
    orders = []
    for line in lines:
        items = line.tolist()
        key = [(x != x, 0.0 if x != x else x + 0) for x in items]
        if descending:
            key = [(not nan, -x) for nan, x in key]
        orders.append(sorted(range(len(items)), key=key.__getitem__))
    return np.array(orders).reshape(values.shape)


def _values(x: pydl.Tensor) -> Array:
    exact = x.astype("float32") if x.dtype == "bfloat16" else x
    return exact.numpy().astype(np.float64 if x.dtype.is_floating else np.int64)


@pytest.mark.parametrize("provider", ["ref", "cpu"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_orders(dtype: str, provider: str) -> None:
    rng = np.random.default_rng()
    for length in LENGTHS:
        x = _draw(rng, dtype, (3, length))
        for descending in (False, True):
            order = _order(_values(x), descending)
            attrs = {"axis": 1, "descending": descending}
            values, indices = _core._apply_with_provider("sort_with_indices", provider, [x], attrs)
            np.testing.assert_array_equal(indices.numpy(), order)
            expected = np.take_along_axis(_values(x), order, 1)
            np.testing.assert_array_equal(_values(values), expected)
            for k in sorted(
                {0, 1, min(length, 7), min(length, 40), length // 10, length // 3, length}
            ):
                attrs = {"k": k, "axis": 1, "largest": descending}
                found = _core._apply_with_provider("topk", provider, [x], attrs)
                if found is None:  # nothing to do
                    continue
                np.testing.assert_array_equal(found[1].numpy(), order[:, :k])
                np.testing.assert_array_equal(_values(found[0]), expected[:, :k])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("different", [1, 20, 10**6])
def test_best_of_many(dtype: str, different: int) -> None:
    """With and without elements that are equal to the last one that is kept."""
    rng = np.random.default_rng()
    for length in (64, 200, 1000, 3001):
        x = rng.integers(0, different, (5, length)).astype(dtype)
        for largest in (False, True):
            order = np.argsort(-x if largest else x, axis=1, kind="stable")
            for k in (length // 32, length // 32 + 1, length // 10, length // 2, length // 2 + 1):
                values, indices = pydl.topk(pydl.tensor(x), k, largest=largest)
                np.testing.assert_array_equal(indices.numpy(), order[:, :k])
                np.testing.assert_array_equal(
                    values.numpy(), np.take_along_axis(x, order[:, :k], 1)
                )


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("lines", [5, 16, 37])
def test_many_lines(dtype: str, lines: int) -> None:
    """They are sorted side by side."""
    rng = np.random.default_rng()
    for length in (2, 3, 7, 8, 9, 31, 33, 64, 100, 257, 1000):
        x = _draw(rng, dtype, (lines, length))
        for descending in (False, True):
            order = _order(_values(x), descending)
            for tensor, axis in ((x, 1), (x.T, 0), (x.T.copy(), 0)):
                values, indices = pydl.sort_with_indices(tensor, axis, descending)
                found = indices.T if axis == 0 else indices
                np.testing.assert_array_equal(found.numpy(), order)
                expected = np.take_along_axis(_values(x), order, 1)
                np.testing.assert_array_equal(_values(values.T if axis == 0 else values), expected)


@pytest.mark.parametrize("length", [50, 3000, 20000])
def test_integers_of_every_range(length: int) -> None:
    """Keys and positions share a word where they fit."""
    rng = np.random.default_rng(length)
    least, most = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    for low, high in ((7, 8), (-3, 300), (-(10**12), 10**12), (least, most), (most - 9, most)):
        x = rng.integers(low, high, length, endpoint=True)
        x[length // 2 :: 7] = low
        order = np.argsort(x, kind="stable")
        tensor = pydl.tensor(x)
        np.testing.assert_array_equal(pydl.argsort(tensor).numpy(), order)
        np.testing.assert_array_equal(pydl.sort(tensor).numpy(), x[order])
        values, indices = pydl.topk(tensor, length // 10, largest=False)
        np.testing.assert_array_equal(indices.numpy(), order[: length // 10])
        np.testing.assert_array_equal(values.numpy(), x[order[: length // 10]])


def _arrangements(rng: np.random.Generator, length: int) -> dict[str, Array]:
    """Numbers whose order is hard on a sort that divides at a pivot."""
    rising = np.arange(length)
    organ_pipe = np.minimum(rising, rising[::-1])
    few = rng.integers(0, 3, length)
    return {
        "random": rng.permutation(length),
        "sorted": rising,
        "reversed": rising[::-1].copy(),
        "organ pipe": organ_pipe,
        "saw": rising % 17,
        "few values": few,
        "one value": np.full(length, 5),
        "one other value": np.where(rising == length // 2, -1, 5),
        "mostly the largest": np.where(few == 0, rising, np.iinfo(np.int32).max),
        "mostly the least": np.where(few == 0, rising, np.iinfo(np.int32).min),
    }


# Around the sizes of what is sorted in registers, and of how samples are taken.
_SIZES = [
    1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 66, 127, 128, 129, 130, 191, 192,
    255, 256, 257, 258, 383, 511, 512, 513, 1000, 2047, 2048, 2049, 4097, 70001,
]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_values_in_every_arrangement(dtype: str) -> None:
    rng = np.random.default_rng()
    for length in _SIZES:
        for name, numbers in _arrangements(rng, length).items():
            line = numbers.astype(dtype)
            for lines in (1, 40) if length < 300 else (1,):
                x = np.tile(line, (lines, 1))
                expected = np.tile(np.sort(line), (lines, 1))
                for descending in (False, True):
                    found = pydl.sort(pydl.tensor(x), axis=1, descending=descending).numpy()
                    wanted = expected[:, ::-1] if descending else expected
                    np.testing.assert_array_equal(found, wanted, f"{name}, {lines} x {length}")


def _worst_for_samples(length: int, lanes: int) -> Array:
    """The samples of every pivot are the least numbers that are left, which hardly divides."""
    numbers = np.full(length, -1)
    left = np.arange(length)
    assigned = 0
    while len(left) > 8 * lanes * 2:
        rows = 4 if len(left) < 2048 else 8
        starts = (2 * np.arange(rows) + 1) * (len(left) - lanes) // (2 * rows)
        samples = left[(starts[:, None] + np.arange(lanes)).reshape(-1)]
        new = samples[numbers[samples] < 0]
        numbers[new] = assigned + np.arange(len(new))
        assigned += len(new)
        pivot = np.sort(numbers[samples])[len(samples) // 2]
        left = left[(numbers[left] < 0) | (numbers[left] >= pivot)]
    numbers[numbers < 0] = np.arange(assigned, length)
    return numbers


@pytest.mark.parametrize("lanes", [8, 16])
def test_pivots_that_do_not_divide(lanes: int) -> None:
    """After too many of them, keys are sorted by their digits."""
    dtype = "int32" if lanes == 16 else "int64"
    for length in (3000, 50000):
        x = _worst_for_samples(length, lanes).astype(dtype)
        for line in (x, x.astype(dtype.replace("int", "float"))):
            for descending in (False, True):
                found = pydl.sort(pydl.tensor(line), descending=descending).numpy()
                wanted = np.arange(length)[:: -1 if descending else 1]
                np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_keep_their_bits(dtype: str) -> None:
    """Zeros of both signs, and NaN with other bits, in the order of their positions."""
    rng = np.random.default_rng()
    bits = np.dtype(dtype.replace("float", "uint"))
    sign = 1 << (8 * bits.itemsize - 1)
    infinity = int(np.array(np.inf, dtype).view(bits))
    special = np.array(
        [
            *(0, sign, 1, infinity, infinity | sign),
            *(infinity + 1, (infinity + 5) | sign, sign - 1, 2 * sign - 1),
        ],
        bits,
    )
    for length in (1, 16, 65, 130, 257, 1000, 5000):
        anything = rng.integers(0, 2 * sign, length, bits)
        only_nan = special[rng.integers(5, 9, length)]
        mixed = np.where(rng.random(length) < 0.5, rng.choice(special, length), anything)
        for line in (anything, only_nan, mixed):
            for descending in (False, True):
                order = _order(line.view(dtype), descending)
                found = pydl.sort(pydl.tensor(line.view(dtype)), descending=descending)
                np.testing.assert_array_equal(found.numpy().view(bits), line[order])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_axes_and_views(axis: int) -> None:
    x = np.random.default_rng().standard_normal((40, 130, 6)).astype(np.float32)
    views = ((x, pydl.tensor(x)), (x.T, pydl.permute_dims(pydl.tensor(x), (2, 1, 0))))
    for array, tensor in views:
        values, indices = pydl.sort(tensor, axis=axis), pydl.argsort(tensor, axis=axis)
        np.testing.assert_array_equal(values.numpy(), np.sort(array, axis=axis))
        np.testing.assert_array_equal(indices.numpy(), np.argsort(array, axis=axis, kind="stable"))


def test_any_number_of_threads() -> None:
    x = pydl.randn((500, 400))
    before = pydl.get_num_threads()
    try:
        found = []
        for threads in (1, 2, 3):
            pydl.set_num_threads(threads)
            found.append(
                [t.numpy().tobytes() for t in (pydl.sort(x), pydl.argsort(x), *pydl.topk(x, 5))]
            )
    finally:
        pydl.set_num_threads(before)
    assert found[0] == found[1] == found[2]


def test_sorting_gives_values_as_in_numpy() -> None:
    x = pydl.tensor([[3.0, 1.0], [2.0, 4.0]], requires_grad=True)
    y = pydl.sort(x, axis=0, descending=True)
    assert y.tolist() == [[3.0, 4.0], [2.0, 1.0]]
    (y * pydl.tensor([[1.0, 2.0], [3.0, 4.0]])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[1.0, 4.0], [3.0, 2.0]]
    compiled = pydl.compile(lambda a: pydl.sort(a, descending=True))
    assert compiled(x.detach()).tolist() == [[3.0, 1.0], [4.0, 2.0]]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
def test_short_lines_of_every_length(dtype: str) -> None:
    """The same bits as those at the positions that `sort_with_indices` finds, zeros and NaN too."""
    rng = np.random.default_rng(0)
    for length in (*range(1, 36), 63, 64, 65, 129):
        x = (rng.standard_normal((int(rng.integers(4, 40)), length)) * 10).astype(dtype)
        extremes = (
            [np.nan, 0.0, -0.0, np.inf, -np.inf]
            if dtype.startswith("float")
            else [np.iinfo(dtype).min, np.iinfo(dtype).max]
        )
        for extreme in extremes:
            x[rng.random(x.shape) < 0.06] = extreme
        for descending in (False, True):
            values = pydl.sort(pydl.tensor(x), axis=1, descending=descending).numpy()
            positions = pydl.argsort(pydl.tensor(x), axis=1, descending=descending).numpy()
            assert values.tobytes() == np.take_along_axis(x, positions, 1).tobytes()
