"""Rows of writing and adding to where an index points."""

from __future__ import annotations

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl

# Shape, entries of the index along the axis, axis.
_CASES: list[tuple[tuple[int, ...], int, int]] = [
    ((5,), 3, 0),
    ((4, 3), 2, 0),
    ((4, 3), 5, -1),
    ((2, 3, 4), 6, 1),
    ((2, 300), 7, 0),
    ((2, 3), 0, 1),
]


def _scatter_samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for shape, count, axis in _CASES:
        size = shape[axis]
        part = list(shape)
        part[axis] = count
        index = rng.integers(-size, size, part)
        arrays = (rng.standard_normal(shape), index, rng.standard_normal(part))
        samples.append(Sample(arrays, {"axis": axis}))
    # The index and source cover a part of the other axes, or nothing.
    for part in ((2, 2, 3), (2, 5, 1), (1, 4, 0)):
        arrays = (
            rng.standard_normal((2, 3, 4)), rng.integers(-3, 3, part), rng.standard_normal(part)
        )  # fmt: skip
        samples.append(Sample(arrays, {"axis": 1}))
    return samples


def _index_samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for shape, count, axis in _CASES:
        size = shape[axis]
        part = list(shape)
        part[axis] = count
        arrays = (
            rng.standard_normal(shape),
            rng.integers(-size, size, count),
            rng.standard_normal(part),
        )
        samples.append(Sample(arrays, {"axis": axis}))
    return samples


def _scatter(x: Array, index: Array, source: Array, axis: int, adds: bool) -> Array:
    y = x.copy()
    for position in np.ndindex(*source.shape):
        target = list(position)
        target[axis] = index[position]
        y[tuple(target)] = source[position] + (y[tuple(target)] if adds else 0)
    return y


def _index_add(x: Array, index: Array, source: Array, axis: int) -> Array:
    y = x.copy()
    moved, parts = np.moveaxis(y, axis, 0), np.moveaxis(source, axis, 0)
    for i, target in enumerate(index):
        moved[target] += parts[i]
    return y


def _index_copy(x: Array, index: Array, source: Array, axis: int) -> Array:
    y = x.copy()
    moved, parts = np.moveaxis(y, axis, 0), np.moveaxis(source, axis, 0)
    for i, target in enumerate(index):
        moved[target] = parts[i]
    return y


def _bad(name: str) -> tuple[BadCall, ...]:
    function = getattr(pydl, name)
    x = pydl.ones(3)
    return (
        BadCall(
            lambda: function(x, pydl.tensor([3]), pydl.ones(1)), IndexError, f"{name}: index 3"
        ),
        BadCall(lambda: function(x, pydl.ones(1), pydl.ones(1)), TypeError, f"{name}: expected an"),
        BadCall(lambda: function(x, pydl.tensor([0]), pydl.ones(2)), ValueError, f"{name}: "),
        BadCall(
            lambda: function(
                pydl.ones((2, 3)), pydl.zeros((3, 1), "int64"), pydl.ones((3, 1)), axis=1
            ),
            ValueError,
            f"{name}: ",
        ),
    )


_copied_outside = (
    BadCall(
        lambda: pydl.index_copy(pydl.ones(3), pydl.tensor([3]), pydl.ones(1)),
        IndexError,
        "index_copy: index 3",
    ),
)
ROWS = [
    Row(
        "index_copy",
        pydl.index_copy,
        _index_copy,
        _index_samples,
        smooth=(0, 2),
        bad=_copied_outside,
    ),
    Row(
        "scatter",
        pydl.scatter,
        lambda x, index, source, axis: _scatter(x, index, source, axis, adds=False),
        _scatter_samples,
        smooth=(0, 2),
        bad=_bad("scatter"),
    ),
    Row(
        "scatter_add",
        pydl.scatter_add,
        lambda x, index, source, axis: _scatter(x, index, source, axis, adds=True),
        _scatter_samples,
        smooth=(0, 2),
        bad=_bad("scatter_add"),
        torch=lambda torch, x, index, source, axis: torch.scatter_add(
            x, axis, index % x.shape[axis], source
        ),
    ),
    Row(
        "index_add",
        pydl.index_add,
        _index_add,
        _index_samples,
        smooth=(0, 2),
        bad=_bad("index_add"),
        torch=lambda torch, x, index, source, axis: torch.index_add(
            x, axis, index % x.shape[axis], source
        ),
    ),
]
