"""Rows of indexing by several tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.table import BadCall, Row, Sample

import pydl
from pydl import _core

# Shape of x, shape of the indices, how many there are.
_CASES: list[tuple[tuple[int, ...], tuple[int, ...], int]] = [
    ((5,), (3,), 1),
    ((4, 3), (6,), 2),
    ((4, 3, 5), (2, 2), 2),
    ((4, 3, 5), (), 2),
    ((2, 3, 2, 4), (7,), 3),
    ((4, 3), (0,), 2),
    ((40, 30, 50), (90,), 2),
]


def _samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for shape, index, count in _CASES:
        indices = [rng.integers(-size, size, index) for size in shape[:count]]
        samples.append(Sample((rng.standard_normal(shape), *indices)))
    return samples


def _assign_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((sample.arrays[0], rng.standard_normal(source.shape), *sample.arrays[1:]))
        for sample in _samples(rng)
        for source in [sample.arrays[0][tuple(sample.arrays[1:])]]
    ]


def _assigned(destination: Any, source: Any, *indices: Any) -> Any:
    result = destination.copy()
    result[indices] = source
    return result


ROWS = [
    Row(
        "index",
        lambda x, *indices: _core.index(x, list(indices)),
        lambda x, *indices: x[indices],
        _samples,
        smooth=(0,),
        torch=lambda torch, x, *indices: x[indices],
        bad=(
            BadCall(
                lambda: _core.index(pydl.ones((2, 3)), [pydl.tensor([0]), pydl.tensor([3])]),
                IndexError,
                "index: index 3 of index tensor 1 is outside an axis of size 3",
            ),
            BadCall(lambda: _core.index(pydl.ones(2), [pydl.ones(1)]), TypeError, "index: .*int64"),
            BadCall(lambda: _core.index(pydl.ones(2), []), (TypeError, ValueError), "index"),
            BadCall(
                lambda: _core.index(pydl.ones(2), [pydl.tensor([0])] * 2), ValueError, "2 indices"
            ),
            BadCall(
                lambda: _core.index(pydl.ones((2, 2)), [pydl.tensor([0]), pydl.tensor([0, 1])]),
                ValueError,
                "differ",
            ),
        ),
    ),
    Row(
        "index_assign",
        _assigned,
        _assigned,
        _assign_samples,
        bad=(
            BadCall(
                lambda: _assigned(pydl.ones(2), pydl.ones(1), pydl.tensor([2])),
                IndexError,
                "index 2 of index tensor 0 is outside an axis of size 2",
            ),
        ),
    ),
]
