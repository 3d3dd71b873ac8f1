"""The row of combining elements that an index sends to the same position."""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl

_COMBINE = {
    "sum": np.sum,
    "prod": np.prod,
    "mean": np.mean,
    "amin": np.min,
    "amax": np.max,
}
# Shape, entries of the index along the axis, axis.
_CASES: list[tuple[tuple[int, ...], int, int]] = [
    ((5,), 7, 0),
    ((4, 3), 2, 0),
    ((4, 3), 5, -1),
    ((2, 3, 4), 6, 1),
    ((2, 300), 7, 0),
    ((2, 3), 0, 1),
]


def _samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for shape, count, axis in _CASES:
        part = list(shape)
        part[axis] = count
        for reduce in _COMBINE:
            for include_self in (True, False):
                x = rng.permutation(np.prod(shape, dtype=int)).reshape(shape) / 7 - 1
                source = rng.permutation(np.prod(part, dtype=int)).reshape(part) / 11 - 0.9
                index = rng.integers(-shape[axis], shape[axis], part)
                keywords = {"reduce": reduce, "axis": axis, "include_self": include_self}
                samples.append(Sample((x, index, source), keywords))
                if len(shape) > 1:
                    slices = rng.integers(-shape[axis], shape[axis], count)
                    samples.append(Sample((x, slices, source), keywords))
    return samples


def scatter_reduce(
    x: Array, index: Array, source: Array, reduce: str, axis: int, include_self: bool = True
) -> Array:
    if index.ndim < x.ndim:  # an entry per slice
        line = [1] * x.ndim
        line[axis] = len(index)
        index = np.broadcast_to(index.reshape(line), source.shape)
    groups: dict[tuple[int, ...], list[Any]] = {}
    for position in np.ndindex(*source.shape):
        target = list(position)
        target[axis] = index[position] % x.shape[axis]
        groups.setdefault(tuple(target), []).append(source[position])
    y = x.copy()
    for target, values in groups.items():
        y[target] = _COMBINE[reduce]([x[target], *values] if include_self else values)
    return y


def _with_torch(
    torch: Any, x: Any, index: Any, source: Any, reduce: str, axis: int, include_self: bool
) -> Any:
    index = index % x.shape[axis]
    if index.ndim < x.ndim:
        line = [1] * x.ndim
        line[axis] = len(index)
        index = index.reshape(line).expand(source.shape)
    return torch.scatter_reduce(x, axis, index, source, reduce, include_self=include_self)


def _bad(reduce: str) -> tuple[BadCall, ...]:
    x = pydl.ones(3)
    name = "scatter_reduce: "
    return (
        BadCall(
            lambda: pydl.scatter_reduce(x, pydl.tensor([3]), pydl.ones(1), reduce),
            IndexError,
            f"{name}index 3",
        ),
        BadCall(
            lambda: pydl.scatter_reduce(x, pydl.ones(1), pydl.ones(1), reduce), TypeError, name
        ),
        BadCall(
            lambda: pydl.scatter_reduce(x, pydl.tensor([0]), pydl.ones(2), reduce),
            ValueError,
            name,
        ),
    )


ROWS = [
    Row(
        "scatter_reduce",
        pydl.scatter_reduce,
        scatter_reduce,
        _samples,
        smooth=(0, 2),
        torch=_with_torch,
        bad=(
            *_bad("prod"),
            *_bad("sum"),
            BadCall(
                lambda: pydl.scatter_reduce(pydl.ones(3), pydl.tensor([0]), pydl.ones(1), "median"),
                ValueError,
                "scatter_reduce: expected reduce 'sum'",
            ),
        ),
    ),
]
