"""Rows of cumulative reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample, joined

import pydl

_SHAPES: list[tuple[tuple[int, ...], int]] = [
    ((1,), 0),
    ((9,), -1),
    ((4, 5), 0),
    ((3, 90), 1),
    ((19, 11), 1),
    ((2, 13, 70), 1),
    ((0, 3), 1),
    ((2, 0), -1),
]
_FEW: list[tuple[tuple[int, ...], int]] = [*_SHAPES[:3], ((10, 6), 1), *_SHAPES[-2:]]


def _samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((rng.standard_normal(shape),), {"axis": axis, "reverse": reverse})
        for shape, axis in _SHAPES
        for reverse in (False, True)
    ]


def _factor_samples(rng: np.random.Generator) -> list[Sample]:
    """Products neither vanish nor explode, and some contain a zero."""
    samples = []
    for shape, axis in _FEW:
        x = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
        for zero in (False, True):
            if zero and x.size:
                x = np.where(np.arange(x.size).reshape(shape) % 4 == 2, 0.0, x)
            samples.append(Sample((x,), {"axis": axis, "reverse": zero}))
    return samples


def _distinct_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample(
            (rng.permutation(int(np.prod(shape))).reshape(shape) * 0.5 - 3.0,),
            {"axis": axis, "reverse": reverse},
        )
        for shape, axis in _SHAPES
        for reverse in (False, True)
    ]


def _recurrence_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample(
            (rng.uniform(-1, 1, shape), rng.standard_normal(shape)),
            {"axis": axis, "reverse": reverse},
        )
        for shape, axis in _SHAPES
        for reverse in (False, True)
    ]


def _either_way(function: Callable[..., Any]) -> Callable[..., Array]:
    """The function of arrays and an axis, with the argument `reverse`."""

    def reference(*arrays: Array, axis: int, reverse: bool) -> Array:
        if not reverse:
            return np.asarray(function(*arrays, axis=axis))
        flipped = function(*(np.flip(array, axis) for array in arrays), axis=axis)
        return np.flip(flipped, axis)

    return reference


def _recurrence(a: Array, x: Array, axis: int) -> Array:
    factors, added = np.moveaxis(a, axis, 0), np.moveaxis(x, axis, 0)
    result = added.copy()
    for i in range(1, len(added)):
        result[i] = factors[i] * result[i - 1] + added[i]
    return np.moveaxis(result, 0, axis)


def _extrema(function: np.ufunc) -> Callable[..., Array]:
    """Values and indices in one array, as `joined` returns them."""

    def reference(x: Array, axis: int, reverse: bool) -> Array:
        values = _either_way(function.accumulate)(x, axis=axis, reverse=reverse)
        sizes = [-1 if i == axis % x.ndim else 1 for i in range(x.ndim)]
        numbers = np.broadcast_to(np.arange(x.shape[axis]).reshape(sizes), x.shape)
        # All elements differ: an extremum is where the element equals it.
        places = np.where(values == x, numbers, x.shape[axis] if reverse else -1)
        find = np.minimum if reverse else np.maximum
        indices = _either_way(find.accumulate)(places, axis=axis, reverse=reverse)
        return np.concatenate([values.reshape(-1), indices.reshape(-1)])

    return reference


def _bad(name: str) -> tuple[BadCall, ...]:
    function = getattr(pydl, name)
    return (
        BadCall(lambda: function(pydl.ones(3), 1), IndexError, f"{name}: axis 1"),
        BadCall(lambda: function(pydl.ones(3)), TypeError, f"{name}: .*'axis'"),
    )


ROWS = [
    Row(
        "cumsum",
        pydl.cumsum,
        _either_way(np.cumsum),
        _samples,
        smooth=(0,),
        bad=_bad("cumsum"),
    ),
    Row(
        "cumprod",
        pydl.cumprod,
        _either_way(np.cumprod),
        _factor_samples,
        smooth=(0,),
        bad=_bad("cumprod"),
        torch=lambda torch, x, axis, reverse: (
            x.flip(axis).cumprod(axis).flip(axis) if reverse else x.cumprod(axis)
        ),
    ),
    Row(
        "cummax",
        lambda x, **keywords: joined(*pydl.cummax(x, **keywords)),
        _extrema(np.maximum),
        _distinct_samples,
        smooth=(0,),
        bad=_bad("cummax"),
    ),
    Row(
        "cummin",
        lambda x, **keywords: joined(*pydl.cummin(x, **keywords)),
        _extrema(np.minimum),
        _distinct_samples,
        smooth=(0,),
        bad=_bad("cummin"),
    ),
    Row(
        "logcumsumexp",
        pydl.logcumsumexp,
        _either_way(np.logaddexp.accumulate),
        _samples,
        smooth=(0,),
        bad=_bad("logcumsumexp"),
        torch=lambda torch, x, axis, reverse: (
            x.flip(axis).logcumsumexp(axis).flip(axis) if reverse else x.logcumsumexp(axis)
        ),
    ),
    Row(
        "linear_recurrence",
        pydl.linear_recurrence,
        _either_way(_recurrence),
        _recurrence_samples,
        smooth=(0, 1),
        bad=(
            BadCall(
                lambda: pydl.linear_recurrence(pydl.ones(3), pydl.ones(3), 1),
                IndexError,
                "linear_recurrence: axis 1",
            ),
            BadCall(
                lambda: pydl.linear_recurrence(pydl.ones(3), pydl.ones(2), 0),
                ValueError,
                r"linear_recurrence: .*\(3,\) and \(2,\)",
            ),
        ),
    ),
]
