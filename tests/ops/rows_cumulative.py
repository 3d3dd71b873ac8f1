"""Rows of cumulative reductions."""

from __future__ import annotations

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl

_SHAPES: list[tuple[tuple[int, ...], int]] = [
    ((1,), 0),
    ((9,), -1),
    ((4, 5), 0),
    ((3, 90), 1),
    ((2, 13, 70), 1),
    ((0, 3), 1),
    ((2, 0), -1),
]


def _samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((rng.standard_normal(shape),), {"axis": axis, "reverse": reverse})
        for shape, axis in _SHAPES
        for reverse in (False, True)
    ]


def _reference(x: Array, axis: int, reverse: bool) -> Array:
    return np.flip(np.cumsum(np.flip(x, axis), axis), axis) if reverse else np.cumsum(x, axis)


ROWS = [
    Row(
        "cumsum",
        pydl.cumsum,
        _reference,
        _samples,
        smooth=(0,),
        bad=(BadCall(lambda: pydl.cumsum(pydl.ones(3), 1), IndexError, "cumsum: axis 1"),),
    ),
]
