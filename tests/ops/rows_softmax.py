"""Rows of the normalised exponentials."""

from __future__ import annotations

import numpy as np
import scipy.special as special
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

_CASES: list[tuple[tuple[int, ...], int]] = [
    ((5,), 0),
    ((3, 4), -1),
    ((3, 4), 0),
    ((2, 3, 4), 1),
    ((0, 4), 1),
    ((1, 1), 1),
    ((20, 300), -1),
]


def _samples(rng: np.random.Generator) -> list[Sample]:
    return [Sample((rng.standard_normal(s) * 3,), {"axis": axis}) for s, axis in _CASES]


def _backward_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample(
            (rng.standard_normal(s), special.softmax(rng.standard_normal(s), axis=axis)),
            {"axis": axis},
        )
        for s, axis in _CASES
        if 0 not in s
    ]


def _softmax_backward(g: Array, y: Array, axis: int) -> Array:
    return y * (g - (g * y).sum(axis, keepdims=True))


def _log_softmax_backward(g: Array, y: Array, axis: int) -> Array:
    return g - np.exp(y) * g.sum(axis, keepdims=True)


ROWS = [
    Row(
        "softmax",
        pydl.softmax,
        lambda x, axis: special.softmax(x, axis=axis) if x.size else x,
        _samples,
        smooth=(0,),
        torch=lambda torch, x, axis: torch.softmax(x, axis),
        bad=(
            BadCall(lambda: pydl.softmax(pydl.ones((2, 3)), axis=2), IndexError, "softmax"),
            BadCall(lambda: pydl.softmax(pydl.tensor([1, 2])), TypeError, "softmax: .*int64"),
        ),
    ),
    Row(
        "log_softmax",
        pydl.log_softmax,
        lambda x, axis: special.log_softmax(x, axis=axis) if x.size else x,
        _samples,
        smooth=(0,),
        torch=lambda torch, x, axis: torch.log_softmax(x, axis),
        bad=(BadCall(lambda: pydl.log_softmax(pydl.ones(()), 0), IndexError, "log_softmax"),),
    ),
    Row(
        "softmax_backward",
        _core.softmax_backward,
        _softmax_backward,
        _backward_samples,
        smooth=(0, 1),
    ),
    Row(
        "log_softmax_backward",
        _core.log_softmax_backward,
        _log_softmax_backward,
        _backward_samples,
        smooth=(0, 1),
        atol=2e-5,
    ),
]
