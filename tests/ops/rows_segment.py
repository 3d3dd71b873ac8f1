"""Rows of the ops on segments."""

from __future__ import annotations

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

_OFFSETS = [([0], 4), ([0, 2, 2, 5], 7), ([0, 0, 3], 3), ([], 0), ([0, 1], 1)]


def _offsets(values: list[int]) -> Array:
    return np.array(values, dtype=np.int64)


def _ids_samples(_: np.random.Generator) -> list[Sample]:
    return [Sample((_offsets(o),), {"count": count}) for o, count in _OFFSETS]


def _ids_reference(offsets: Array, count: int) -> Array:
    return np.searchsorted(offsets, np.arange(count), side="right") - 1


def _argmax_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((rng.standard_normal((count, width)), _offsets(o)))
        for o, count in _OFFSETS
        for width in (1, 3)
    ]


def _argmax_reference(x: Array, offsets: Array) -> Array:
    ends = [*offsets[1:], len(x)]
    rows = [
        begin + x[begin:end].argmax(0) if begin < end else np.zeros(x.shape[1])
        for begin, end in zip(offsets, ends, strict=bool(len(offsets)))
    ]
    return np.array(rows, dtype=np.int64).reshape(len(offsets), x.shape[1])


def _of_offsets(*values: int) -> pydl.Tensor:
    return _core.segment_ids(pydl.tensor(_offsets(list(values))), 3)


ROWS = [
    Row(
        "segment_ids",
        _core.segment_ids,
        _ids_reference,
        _ids_samples,
        bad=(
            BadCall(lambda: _of_offsets(1, 2), ValueError, "offsets that begin with 0"),
            BadCall(lambda: _of_offsets(), ValueError, "offsets that begin with 0"),
            BadCall(lambda: _of_offsets(0, 2, 1), ValueError, "ascending offsets up to 3"),
            BadCall(lambda: _of_offsets(0, 4), ValueError, "ascending offsets up to 3"),
            BadCall(lambda: _core.segment_ids(pydl.ones(2), 3), TypeError, "offsets of integers"),
        ),
    ),
    Row(
        "segment_argmax",
        _core.segment_argmax,
        _argmax_reference,
        _argmax_samples,
        bad=(
            BadCall(
                lambda: _core.segment_argmax(pydl.ones(3), pydl.tensor([0])),
                ValueError,
                r"x of shape \(count, D\), got \(3,\)",
            ),
        ),
    ),
]
