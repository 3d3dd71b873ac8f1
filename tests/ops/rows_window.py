"""Rows of the views of diagonals and windows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view
from ops.table import Array, BadCall, Row, Sample

import pydl


def _with(*cases: tuple[tuple[int, ...], dict[str, Any]]) -> Callable[..., list[Sample]]:
    return lambda rng: [
        Sample((rng.standard_normal(shape),), keywords) for shape, keywords in cases
    ]


def _windows(x: Array, axis: int, size: int, step: int = 1, dilation: int = 1) -> Array:
    every = sliding_window_view(x, dilation * (size - 1) + 1, axis)[..., ::dilation]
    return np.moveaxis(np.moveaxis(every, axis % x.ndim, 0)[::step], 0, axis % x.ndim)


def _strided(x: Array, shape: tuple[int, ...], strides: tuple[int, ...], offset: int = 0) -> Array:
    flat = np.ascontiguousarray(x).reshape(-1)
    return as_strided(flat[offset:], shape, [s * flat.itemsize for s in strides])


ROWS = [
    Row(
        "diagonal",
        pydl.diagonal,
        lambda x, offset=0, axis1=0, axis2=1: np.diagonal(
            x, max(min(offset, 99), -99), axis1, axis2
        ),
        _with(
            ((4, 4), {}),
            ((3, 5), {"offset": 2}),
            ((3, 5), {"offset": -2}),
            ((3, 5), {"offset": 99}),
            ((3, 5), {"offset": -(2**63)}),
            ((0, 3), {}),
            ((1, 1), {}),
            ((2, 3, 4), {"offset": 1, "axis1": -1, "axis2": 0}),
            ((2, 3, 4, 5), {"offset": -1, "axis1": 1, "axis2": 3}),
            ((40, 50), {"offset": 3}),
        ),
        smooth=(0,),
        torch=lambda torch, x, offset=0, axis1=0, axis2=1: torch.diagonal(
            x, max(min(offset, 9), -9), axis1, axis2
        ),
        bad=(
            BadCall(lambda: pydl.diagonal(pydl.ones(3)), ValueError, "diagonal: .*2 axes"),
            BadCall(lambda: pydl.diagonal(pydl.ones((2, 2)), 0, 1, -1), ValueError, "diagonal: "),
            BadCall(lambda: pydl.diagonal(pydl.ones((2, 2)), 0, 0, 2), IndexError, "diagonal: "),
        ),
    ),
    Row(
        "unfold",
        pydl.unfold,
        _windows,
        _with(
            ((7,), {"axis": 0, "size": 3}),
            ((7,), {"axis": 0, "size": 7, "step": 5}),
            ((9,), {"axis": 0, "size": 2, "step": 4}),
            ((3, 8), {"axis": -1, "size": 3, "step": 2}),
            ((8, 3), {"axis": 0, "size": 3, "step": 2, "dilation": 2}),
            ((2, 9, 3), {"axis": 1, "size": 4, "step": 3}),
            ((0, 4), {"axis": 1, "size": 2}),
            ((3, 200), {"axis": 1, "size": 40, "step": 7}),
        ),
        smooth=(0,),
        bad=(
            BadCall(lambda: pydl.unfold(pydl.ones(3), 0, 4), ValueError, "unfold: .*does not fit"),
            BadCall(lambda: pydl.unfold(pydl.ones(3), 0, 0), ValueError, "at least 1"),
            BadCall(lambda: pydl.unfold(pydl.ones(3), 0, 2, 0), ValueError, "at least 1"),
            BadCall(lambda: pydl.unfold(pydl.ones(3), 1, 2), IndexError, "unfold: axis 1"),
            BadCall(
                lambda: pydl.unfold(pydl.ones(3), 0, 2**40, 1, 2**40), ValueError, "does not fit"
            ),
        ),
    ),
    Row(
        "as_strided",
        pydl.as_strided,
        _strided,
        _with(
            ((5,), {"shape": (3, 3), "strides": (1, 1)}),
            ((5,), {"shape": (2, 4), "strides": (0, 1), "offset": 1}),
            ((3, 4), {"shape": (4, 3), "strides": (1, 4)}),
            ((3, 4), {"shape": (3,), "strides": (-4,), "offset": 11}),
            ((3, 4), {"shape": (), "strides": (), "offset": 5}),
            ((3, 4), {"shape": (0, 2), "strides": (1, 1)}),
            ((3, 4), {"shape": (1, 2), "strides": (2**40, 1)}),
            ((30, 40), {"shape": (20, 20, 3), "strides": (40, 2, 1)}),
        ),
        smooth=(0,),
        bad=(
            BadCall(
                lambda: pydl.as_strided(pydl.ones(4), (3,), (2,)), IndexError, "as_strided: .*4"
            ),
            BadCall(lambda: pydl.as_strided(pydl.ones(4), (2,), (-1,)), IndexError, "as_strided: "),
            BadCall(
                lambda: pydl.as_strided(pydl.ones(4), (2,), (2**62,)), IndexError, "as_strided: "
            ),
            BadCall(
                lambda: pydl.as_strided(pydl.ones(4), (2,), (1, 1)), ValueError, "a stride for"
            ),
            BadCall(
                lambda: pydl.as_strided(pydl.ones(4), (2**40, 2**40), (0, 0)),
                (ValueError, MemoryError),  # type: ignore[arg-type]
                "as_strided: ",
            ),
        ),
    ),
]
