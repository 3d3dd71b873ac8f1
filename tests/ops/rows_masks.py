"""Rows of the ops that read and write where a mask is true."""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.table import BadCall, Row, Sample

import pydl
from pydl import _core

# Shape of x, number of axes of the mask, share of true elements.
_CASES: list[tuple[tuple[int, ...], int, float]] = [
    ((5,), 1, 0.5),
    ((4, 3), 2, 0.5),
    ((4, 3), 1, 0.5),
    ((2, 3, 5), 2, 0.7),
    ((40,), 1, 1.0),
    ((40,), 1, 0.0),
    ((0, 3), 1, 0.5),
    ((3, 0), 1, 0.5),
    ((60, 70), 2, 0.1),
    ((300, 400), 2, 0.5),
    ((900, 60), 1, 0.5),
]


def _samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for shape, axes, share in _CASES:
        # The same mask for each seed, because the shape of the result depends on it.
        mask = np.random.default_rng(len(samples)).random(shape[:axes]) < share
        samples.append(Sample((rng.standard_normal(shape), mask), {"count": int(mask.sum())}))
    return samples


def _fill_samples(rng: np.random.Generator) -> list[Sample]:
    return [Sample((*sample.arrays, rng.standard_normal(()))) for sample in _samples(rng)]


def _filled(destination: Any, mask: Any, value: Any) -> Any:
    result = destination.copy()
    result[mask] = value
    return result


ROWS = [
    Row(
        "compress",
        _core.compress,
        lambda x, mask, count: x[mask],
        _samples,
        smooth=(0,),
        bad=(
            BadCall(
                lambda: _core.compress(pydl.ones(2), pydl.tensor([True, True]), 1),
                ValueError,
                "compress: 2 elements are true, not 1",
            ),
            BadCall(
                lambda: _core.compress(pydl.ones(2), pydl.tensor([True]), 1), ValueError, "fit"
            ),
            BadCall(
                lambda: _core.compress(pydl.ones(2), pydl.tensor([1, 0]), 1), TypeError, "bool"
            ),
            BadCall(
                lambda: _core.compress(pydl.ones(2), pydl.tensor([True, True]), 3),
                ValueError,
                "cannot",
            ),
        ),
    ),
    Row("fill_where", _filled, _filled, _fill_samples),
]
