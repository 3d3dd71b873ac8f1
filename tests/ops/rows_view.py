"""Rows of the views, of structure and of creation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core


def _with(*cases: tuple[tuple[int, ...], dict[str, Any]]) -> Callable[..., list[Sample]]:
    return lambda rng: [
        Sample((rng.standard_normal(shape),), keywords) for shape, keywords in cases
    ]


def _slice_key(
    starts: Sequence[int], sizes: Sequence[int], steps: Sequence[int]
) -> tuple[Array, ...]:
    return np.ix_(*(s + np.arange(n) * t for s, n, t in zip(starts, sizes, steps, strict=True)))


def _slice_reference(
    x: Array, starts: Sequence[int], sizes: Sequence[int], steps: Sequence[int]
) -> Array:
    return x[_slice_key(starts, sizes, steps)] if x.ndim else x


def _slice_backward_reference(
    g: Array, shape: Sequence[int], starts: Sequence[int], steps: Sequence[int]
) -> Array:
    y = np.zeros(shape)
    y[_slice_key(starts, g.shape, steps)] = g
    return y


def _concat(*parts: Any, axis: int) -> Any:
    return pydl.concat(parts, axis=axis)


def _concat_samples(rng: np.random.Generator) -> list[Sample]:
    cases = [
        ([(3,), (2,)], 0),
        ([(2, 3), (2, 1), (2, 0)], 1),
        ([(1, 2, 3), (4, 2, 3)], -3),
        ([(5, 4)], 1),
    ]
    return [
        Sample(tuple(rng.standard_normal(s) for s in shapes), {"axis": axis})
        for shapes, axis in cases
    ]


def _assigned(destination: Any, source: Any) -> Any:
    result = destination.copy()
    result[...] = source
    return result


ROWS = [
    Row(
        "reshape",
        pydl.reshape,
        lambda x, shape: x.reshape(shape),  # the keyword of `np.reshape` has had several names
        _with(
            ((6,), {"shape": (2, 3)}),
            ((2, 3), {"shape": (-1,)}),
            ((2, 3, 4), {"shape": (4, 6)}),
            ((), {"shape": (1, 1)}),
            ((0, 3), {"shape": (3, 0)}),
        ),
        smooth=(0,),
        bad=(
            BadCall(lambda: pydl.reshape(pydl.ones(6), (4, -1)), ValueError, "reshape"),
            BadCall(lambda: pydl.reshape(pydl.ones(6), (-1, -1)), ValueError, "reshape"),
            BadCall(lambda: pydl.reshape(pydl.ones(6), (7,)), ValueError, "reshape: 6 elements"),
        ),
    ),
    Row(
        "permute_dims",
        pydl.permute_dims,
        lambda x, axes: np.transpose(x, axes),
        _with(
            ((2, 3), {"axes": (1, 0)}),
            ((2, 3, 4), {"axes": (2, 0, 1)}),
            ((2, 0, 4), {"axes": (-1, 0, 1)}),
        ),
        smooth=(0,),
        bad=(
            BadCall(lambda: pydl.permute_dims(pydl.ones((2, 3)), (0,)), ValueError, "permute_dims"),
            BadCall(lambda: pydl.permute_dims(pydl.ones((2, 3)), (0, 0)), ValueError, "twice"),
            BadCall(lambda: pydl.permute_dims(pydl.ones((2, 3)), (0, 5)), IndexError, "axis 5"),
        ),
    ),
    Row(
        "expand",
        pydl.expand,
        lambda x, shape: np.broadcast_to(x, shape),
        _with(((1, 3), {"shape": (2, 3)}), ((3,), {"shape": (2, 3)}), ((), {"shape": (2, 2)})),
        smooth=(0,),
        bad=(BadCall(lambda: pydl.expand(pydl.ones(3), (2, 4)), ValueError, "expand"),),
    ),
    Row(
        "slice",
        _core.slice,
        _slice_reference,
        _with(
            ((7,), {"starts": (1,), "sizes": (3,), "steps": (2,)}),
            ((4, 5), {"starts": (3, 0), "sizes": (2, 5), "steps": (-2, 1)}),
            ((4, 5), {"starts": (0, 4), "sizes": (0, 2), "steps": (1, -1)}),
        ),
        smooth=(0,),
        bad=(BadCall(lambda: _core.slice(pydl.ones(3), (2,), (2,), (1,)), IndexError, "slice"),),
    ),
    Row(
        "slice_backward",
        _core.slice_backward,
        _slice_backward_reference,
        _with(
            ((3,), {"shape": (7,), "starts": (1,), "steps": (2,)}),
            ((2, 5), {"shape": (4, 5), "starts": (3, 0), "steps": (-2, 1)}),
        ),
        smooth=(0,),
    ),
    Row(
        "concat",
        _concat,
        lambda *parts, axis: np.concatenate(parts, axis=axis),
        _concat_samples,
        smooth=(0,),
        bad=(
            BadCall(lambda: pydl.concat([]), ValueError, "concat"),
            BadCall(lambda: pydl.concat(pydl.ones(3)), TypeError, "concat"),
            BadCall(
                lambda: pydl.concat([pydl.ones((2, 3)), pydl.ones((3, 2))]), ValueError, "concat"
            ),
            BadCall(lambda: pydl.concat([pydl.ones(2)], axis=1), IndexError, "concat"),
        ),
    ),
    Row(
        "assign",
        _assigned,
        _assigned,
        lambda rng: [
            Sample((rng.standard_normal(a), rng.standard_normal(b)))
            for a, b in [((4,), (4,)), ((3, 4), (4,)), ((2, 3), ()), ((0, 3), (3,))]
        ],
        bad=(
            BadCall(
                lambda: pydl.ones((2, 3)).copy_(pydl.ones((4,))), ValueError, r"\(4,\).*\(2, 3\)"
            ),
        ),
    ),
    Row(
        "full",
        lambda shape: pydl.full(tuple(shape.shape), 2.5, dtype="float64"),
        lambda shape: np.full(shape.shape, 2.5),
        _with(((), {}), ((3, 4), {}), ((0, 2), {})),
        dtypes=("float64",),
        bad=(
            BadCall(lambda: pydl.full((-1,), 0), ValueError, "negative"),
            BadCall(lambda: pydl.full((2,), "x"), TypeError, "full"),
            BadCall(lambda: pydl.zeros((10**12, 10**12)), MemoryError, "memory"),
        ),
    ),
    Row(
        "arange",
        lambda x: pydl.arange(0.5, 0.5 + 0.25 * x.size, 0.25, dtype="float64"),
        lambda x: np.arange(0.5, 0.5 + 0.25 * x.size, 0.25),
        _with(((1,), {}), ((9,), {}), ((3000,), {}), ((0,), {})),
        dtypes=("float64",),
        bad=(BadCall(lambda: pydl.arange(0, 3, 0), ValueError, "arange"),),
    ),
]
