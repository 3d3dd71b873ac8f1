"""Rows of the ops that count."""

from __future__ import annotations

import numpy as np
from ops.table import Array, BadCall, Row, Sample, joined

import pydl
from pydl import _core

_EDGES = ([0.0, 1.0], [-1.0, -0.25, 0.5, 2.0], [-2.0, -1.0, 0.0, 1.0, 2.0], [0.5, 0.5, 0.5])


def _bins_samples(rng: np.random.Generator) -> list[Sample]:
    values = [np.round(rng.uniform(-3, 3, shape) * 4) / 4 for shape in ((), (0,), (7,), (50, 60))]
    return [Sample((each, np.array(edges))) for each in values for edges in _EDGES]


def _bins(values: Array, edges: Array) -> Array:
    return np.histogram(values, edges)[0]


def _integers_samples(rng: np.random.Generator) -> list[Sample]:
    shapes = ((0,), (1,), (9,), (40, 500))
    return [
        Sample((rng.integers(-3, 30, shape),), {"size": size})
        for shape in shapes
        for size in (0, 5, 40, 2000)
    ]


def _integers(x: Array, size: int) -> Array:
    counts = np.bincount(x[(x >= 0) & (x < size)].ravel(), minlength=size)[:size]
    return np.concatenate([counts, [x.min(), x.max()] if x.size else [0, -1]])


ROWS = [
    Row(
        "count_in_bins",
        _core.count_in_bins,
        _bins,
        _bins_samples,
        bad=(
            BadCall(
                lambda: _core.count_in_bins(pydl.ones(3), pydl.ones(1)), ValueError, "at least 2"
            ),
            BadCall(
                lambda: _core.count_in_bins(pydl.ones(3), pydl.ones(2, "float64")),
                TypeError,
                "count_in_bins",
            ),
        ),
    ),
    Row(
        "count_integers",
        lambda x, size: joined(*_core.count_integers(x, size)),
        _integers,
        _integers_samples,
        bad=(
            BadCall(lambda: _core.count_integers(pydl.ones(3), 2), TypeError, "expected int64"),
            BadCall(lambda: _core.count_integers(pydl.arange(3), -1), ValueError, "count_integers"),
        ),
        dtypes=("float64",),
    ),
]
