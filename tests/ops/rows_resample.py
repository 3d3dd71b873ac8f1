"""Rows of resampling: the reference writes the linear map of each axis down as a matrix."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

_CASES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 5), {"size": (8,)}),
    ((2, 3, 5), {"size": (11,), "mode": "linear"}),
    ((2, 3, 7), {"size": (3,), "mode": "linear", "align_corners": True}),
    ((2, 3, 4, 3), {"size": (7, 2), "steps": (0.6, 1.4)}),
    ((1, 2, 4, 3), {"size": (8, 6), "mode": "linear"}),
    ((1, 2, 4, 3), {"size": (7, 1), "mode": "linear", "align_corners": True}),
    ((2, 1, 3, 4), {"size": (7, 6), "mode": "linear", "steps": (0.4, 0.7)}),
    ((1, 2, 4, 5), {"size": (9, 3), "mode": "cubic"}),
    ((1, 2, 1, 6), {"size": (3, 11), "mode": "cubic", "align_corners": True}),
    ((1, 2, 7, 5), {"size": (3, 4), "mode": "area"}),
    ((1, 2, 2, 3), {"size": (5, 3), "mode": "area"}),
    ((1, 2, 3, 2, 4), {"size": (2, 3, 7), "mode": "linear"}),
    ((1, 1, 3, 2, 4), {"size": (2, 5, 3), "mode": "area"}),
    ((0, 2, 4), {"size": (8,)}),
    ((2, 40, 9, 10), {"size": (18, 21), "mode": "linear"}),
    ((2, 3, 33, 40), {"size": (66, 50), "mode": "cubic"}),
    ((2, 3, 11), {"size": (4,), "mode": "linear", "antialias": True}),
    ((1, 2, 7, 9), {"size": (3, 13), "mode": "linear", "antialias": True}),
    ((1, 2, 9, 4), {"size": (2, 3), "mode": "linear", "antialias": True, "align_corners": True}),
    ((1, 2, 7, 9), {"size": (3, 13), "mode": "cubic", "antialias": True}),
    ((1, 2, 9, 4), {"size": (4, 2), "mode": "cubic", "antialias": True, "align_corners": True}),
    ((2, 3, 7, 5), {"size": (3, 2), "mode": "linear", "antialias": True, "steps": (2.2, 1.9)}),
    ((1, 1, 6, 2, 5), {"size": (2, 3, 2), "mode": "linear", "antialias": True}),
]


def _cubic(distance: float, a: float = -0.75) -> float:
    """Weight of Keys' kernel."""
    d = abs(distance)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * (d**3 - 5 * d**2 + 8 * d - 4) if d < 2 else 0.0


def _weights(mode: str, size: int, out: int, i: int, align: bool, step: float) -> dict[int, float]:
    """The places of the input that place i of the result is made of, perhaps outside."""
    if mode == "area":
        first, end = i * size // out, -(-(i + 1) * size // out)
        return dict.fromkeys(range(first, end), 1.0 / (end - first))
    if mode == "nearest":
        return {int(np.floor(np.float32(i) * np.float32(step or size / out))): 1.0}
    if align:
        position = i * (size - 1) / (out - 1) if out > 1 else 0.0
    else:
        position = (i + 0.5) * (step or size / out) - 0.5
    left = math.floor(position)
    part = position - left
    if mode == "linear":
        return {left: 1 - part, left + 1: part}
    return {left + k: _cubic(part - k) for k in range(-1, 3)}


def _antialiased(mode: str, size: int, out: int, align: bool, step: float) -> Array:
    """The filter around each place of the result, stretched where the axis shrinks."""
    step = (size - 1) / max(out - 1, 1) * (out > 1) if align else step or size / out
    matrix = np.zeros((out, size))
    for i, place in np.ndindex(out, size):
        d = (place + 0.5 - (i + 0.5) * step) / max(step, 1)
        matrix[i, place] = _cubic(d, -0.5) if mode == "cubic" else max(1 - abs(d), 0)
    return np.asarray(matrix / matrix.sum(1, keepdims=True))


def _matrix(
    size: int,
    out: int,
    mode: str = "nearest",
    align_corners: bool = False,
    antialias: bool = False,
    step: float = 0.0,
) -> Array:
    if antialias:
        return _antialiased(mode, size, out, align_corners, step)
    matrix = np.zeros((out, size))
    for i in range(out):
        for place, weight in _weights(mode, size, out, i, align_corners, step).items():
            matrix[i, min(max(place, 0), size - 1)] += weight
    return matrix


def _mapped(
    x: Array, before: tuple[int, ...], after: tuple[int, ...], transpose: bool, **o: Any
) -> Array:
    steps = o.pop("steps", (0.0,) * len(before))
    for axis, (size, out, step) in enumerate(zip(before, after, steps, strict=True), start=2):
        matrix = _matrix(size, out, step=step, **o)
        x = np.moveaxis(np.tensordot(matrix.T if transpose else matrix, x, (1, axis)), 0, axis)
    return x


def _resample(x: Array, size: tuple[int, ...], **o: Any) -> Array:
    return _mapped(x, x.shape[2:], size, False, **o)


def _resample_backward(g: Array, size: tuple[int, ...], **o: Any) -> Array:
    return _mapped(g, size, g.shape[2:], True, **o)


def _samples(rng: np.random.Generator) -> list[Sample]:
    return [Sample((rng.standard_normal(shape),), options) for shape, options in _CASES]


def _backward_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample(
            (rng.standard_normal((*shape[:2], *options["size"])),),
            {**options, "size": shape[2:]},
        )
        for shape, options in _CASES
    ]


def _torch(torch: Any, x: Any, size: tuple[int, ...], **o: Any) -> Any:
    """What PyTorch lacks, steps for a given size and antialiasing but in 2d, the reference does."""
    antialias = o.get("antialias", False)
    if "steps" in o or 0 in x.shape or (antialias and x.ndim != 4):
        return torch.from_numpy(_resample(x.numpy(), size, **o))
    mode = o.get("mode", "nearest")
    if mode == "linear":
        mode = {3: "linear", 4: "bilinear", 5: "trilinear"}[x.ndim]
    if mode == "cubic":
        mode = "bicubic"
    align = o.get("align_corners", False) if "linear" in mode or "cubic" in mode else None
    return torch.nn.functional.interpolate(
        x, size, mode=mode, align_corners=align, antialias=antialias
    )


def _ones(*shape: int) -> pydl.Tensor:
    return pydl.ones(shape)


ROWS = [
    Row(
        "resample",
        _core.resample,
        _resample,
        _samples,
        smooth=(0,),
        torch=_torch,
        bad=(
            BadCall(lambda: _core.resample(_ones(2, 3), ()), ValueError, "resample: .*spatial"),
            BadCall(lambda: _core.resample(_ones(2, 3, 4), (2, 2)), ValueError, "resample: .*1 sp"),
            BadCall(lambda: _core.resample(_ones(2, 3, 4), 0), ValueError, r"resample: .*\(0,\)"),
            BadCall(lambda: _core.resample(_ones(2, 3, 0), 4), ValueError, r"resample: .*\(0,\)"),
            BadCall(
                lambda: _core.resample(pydl.ones((2, 3, 4), dtype="int64"), 8),
                TypeError,
                "resample: .*int64",
            ),
            BadCall(
                lambda: _core.resample(_ones(2, 3, 4), 8, "sharp"), ValueError, "resample: .*sharp"
            ),
            BadCall(
                lambda: _core.resample(_ones(2, 3, 4), 8, "area", True),
                ValueError,
                "resample: align_corners",
            ),
            BadCall(
                lambda: _core.resample(_ones(2, 3, 4), 8, antialias=True),
                ValueError,
                "resample: antialias",
            ),
            BadCall(
                lambda: _core.resample(_ones(2, 3, 4), 8, steps=(0.5, 0.5)),
                ValueError,
                "resample: expected 1 steps",
            ),
            BadCall(
                lambda: _core.resample(_ones(2, 3, 4), 8, steps=(-0.5,)),
                ValueError,
                "resample: .*-0.5",
            ),
        ),
    ),
    Row(
        "resample_backward",
        _core.resample_backward,
        _resample_backward,
        _backward_samples,
        smooth=(0,),
        bad=(
            BadCall(
                lambda: _core.resample_backward(_ones(2, 3, 4), (2, 2)),
                ValueError,
                "resample_backward: expected 1 sizes",
            ),
        ),
    ),
]
