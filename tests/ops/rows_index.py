"""Rows of indexing by tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

_GATHER: list[tuple[tuple[int, ...], tuple[int, ...], int]] = [
    ((5,), (3,), 0),
    ((4, 3), (2, 3), 0),
    ((4, 3), (4, 5), -1),
    ((2, 3, 4), (2, 6, 4), 1),
    ((2, 3), (2, 0), 1),
]
_TAKE: list[tuple[tuple[int, ...], tuple[int, ...], int]] = [
    ((5,), (3,), 0),
    ((4, 3), (), 0),
    ((4, 3), (2, 2), 1),
    ((2, 3, 4), (5,), -1),
    ((4, 3), (0,), 0),
    ((60, 70), (90,), 0),
]


def _gather_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((rng.standard_normal(s), rng.integers(-s[axis], s[axis], i)), {"axis": axis})
        for s, i, axis in _GATHER
    ]


def _take_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((rng.standard_normal(s), rng.integers(-s[axis], s[axis], i)), {"axis": axis})
        for s, i, axis in _TAKE
    ]


def _gather_backward_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample(
            (rng.standard_normal(i), rng.integers(0, s[axis], i)),
            {"axis": axis, "size": s[axis]},
        )
        for s, i, axis in _GATHER
    ]


def _take_backward_samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for shape, index, axis in _TAKE:
        axis %= len(shape)
        gradient = (*shape[:axis], *index, *shape[axis + 1 :])
        samples.append(
            Sample(
                (rng.standard_normal(gradient), rng.integers(0, shape[axis], index)),
                {"axis": axis, "size": shape[axis]},
            )
        )
        skipped = {**samples[-1].keywords, "skip": -1}
        samples.append(Sample(samples[-1].arrays, skipped))
    return samples


def _take_reference(x: Array, index: Array, axis: int) -> Array:
    return np.take(x, index % x.shape[axis], axis=axis)


def _gather_backward_reference(g: Array, index: Array, axis: int, size: int) -> Array:
    shape = list(g.shape)
    shape[axis] = size
    y = np.zeros(shape)
    for position in np.ndindex(*g.shape):
        target: list[Any] = list(position)
        target[axis] = index[position]
        y[tuple(target)] += g[position]
    return y


def _take_backward_reference(
    g: Array, index: Array, axis: int, size: int, skip: int | None = None
) -> Array:
    rest: Sequence[int] = (*g.shape[:axis], size, *g.shape[axis + index.ndim :])
    y = np.zeros(rest)
    moved = np.moveaxis(y, axis, 0)
    parts = np.moveaxis(
        g.reshape(*g.shape[:axis], index.size, *g.shape[axis + index.ndim :]), axis, 0
    )
    np.add.at(moved, index.reshape(-1), parts)
    if skip is not None:
        moved[skip] = 0
    return y


ROWS = [
    Row(
        "gather",
        pydl.gather,
        lambda x, index, axis: np.take_along_axis(x, index % x.shape[axis], axis),
        _gather_samples,
        smooth=(0,),
        torch=lambda torch, x, index, axis: torch.gather(x, axis, index % x.shape[axis]),
        bad=(
            BadCall(
                lambda: pydl.gather(pydl.ones((2, 3)), pydl.tensor([[3]] * 2), 1),
                IndexError,
                "gather: index 3",
            ),
            BadCall(lambda: pydl.gather(pydl.ones(3), pydl.ones(3), 0), TypeError, "gather"),
            BadCall(
                lambda: pydl.gather(pydl.ones((2, 3)), pydl.tensor([0]), 0), ValueError, "gather"
            ),
        ),
    ),
    Row(
        "gather_backward",
        _core.gather_backward,
        _gather_backward_reference,
        _gather_backward_samples,
        smooth=(0,),
    ),
    Row(
        "take",
        pydl.take,
        _take_reference,
        _take_samples,
        smooth=(0,),
        bad=(
            BadCall(lambda: pydl.take(pydl.ones(5), pydl.tensor([7])), IndexError, "take: index 7"),
            BadCall(lambda: pydl.take(pydl.ones(5), pydl.ones(2)), TypeError, "take"),
            BadCall(lambda: pydl.take(pydl.ones(5), pydl.tensor([0]), 1), IndexError, "take: axis"),
        ),
    ),
    Row(
        "take_backward",
        _core.take_backward,
        _take_backward_reference,
        _take_backward_samples,
        smooth=(0,),
        bad=(
            BadCall(
                lambda: _core.take_backward(pydl.ones(1), pydl.tensor([0]), 0, 3, 3),
                IndexError,
                "slice 3 to skip is outside an axis of size 3",
            ),
        ),
    ),
]
