"""In convolutions, NaN and infinities reach the results of their own window only."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn

F = nn.functional
CONVOLUTIONS = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
# Inputs, outputs and groups that lead to each kernel: few channels on either side, whole and
# partial vectors, depthwise, tiles, Winograd's algorithm.
CHANNELS = [
    *((1, 6, 1), (3, 16, 1), (5, 7, 1), (8, 64, 1), (2, 33, 1), (6, 16, 1), (16, 3, 1)),
    *((32, 32, 1), (64, 16, 1), (12, 12, 12), (24, 24, 24), (16, 32, 4), (130, 70, 1)),
]
WINDOWS = [(3, 1, 1, 1), (3, 2, 1, 1), (5, 1, 2, 1), (2, 1, 0, 1), (3, 1, 2, 2), (1, 1, 0, 1)]
SIZES = {1: (29,), 2: (17, 19), 3: (7, 8, 9)}
CASES = [
    (axes, channels, window)
    for axes, channels, window in itertools.product(SIZES, CHANNELS, WINDOWS)
    if axes == 2 or (window in WINDOWS[:2] and channels[0] < 64)
]


def _reached(marks: np.ndarray[Any, Any], call: Any) -> np.ndarray[Any, Any]:
    """Which results a call with weights of 1 computes from marked elements."""
    return np.asarray(call(pydl.tensor(marks)).detach().numpy() != 0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize(("axes", "channels", "window"), CASES)
def test_windows(
    axes: int, channels: tuple[int, int, int], window: tuple[int, ...], value: float
) -> None:
    inputs, outputs, groups = channels
    kernel, stride, padding, dilation = window
    rng = np.random.default_rng(0)

    def conv(x: pydl.Tensor, weight: pydl.Tensor) -> pydl.Tensor:
        return CONVOLUTIONS[axes](x, weight, None, stride, padding, dilation, groups)

    def gradient(g: pydl.Tensor, weight: pydl.Tensor) -> pydl.Tensor:
        x = pydl.zeros(shape).requires_grad_()
        (found,) = pydl.grad(conv(x, weight), x, g)
        return found

    shape = (2, inputs, *SIZES[axes])
    weight = pydl.tensor(rng.normal(size=(outputs, inputs // groups, *(kernel,) * axes)), "float32")
    ones = pydl.ones(weight.shape)
    for call, size in ((conv, shape), (gradient, conv(pydl.zeros(shape), weight).shape)):
        x = rng.normal(size=size).astype(np.float32)
        place = (1, size[1] // 2, *(n // 2 for n in size[2:]))
        x[place] = value
        marks = np.zeros(size, np.float32)
        marks[place] = 1
        found = ~np.isfinite(call(pydl.tensor(x), weight).detach().numpy())
        np.testing.assert_array_equal(found, _reached(marks, lambda x, call=call: call(x, ones)))
