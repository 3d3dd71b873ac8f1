"""Single convolutions: forward, and the gradients of weight and input."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bench.case import Array, Case, Values
from bench.layers import Conv, Shape, make_weights, operations, output_shape

BARE = "pydl bare oneDNN"  # its primitives alone, in the layouts of their choice
_CONTENDERS = (
    "pydl channels-last",
    "pydl contiguous",
    BARE,
    "torch channels-last",
    "torch contiguous",
    "jax jit",
    "tensorflow graph",
)


class ConvolutionData(NamedTuple):
    """Input (N, C, H, W), weight (O, C / groups, K, K), gradient of the output (N, O, H, W)."""

    x: Array
    weight: Array
    gradient: Array


@dataclass(frozen=True)
class Convolution:
    """One layer without bias; `shape` is that of one example."""

    layer: Conv
    shape: Shape
    batch: int
    input_gradient: bool = True  # else the layer is the first one of a network

    def data(self) -> ConvolutionData:
        rng = np.random.default_rng(0)
        ((weight, _),) = make_weights((self.layer,), self.shape, rng)
        outputs = output_shape(self.layer, self.shape)
        return ConvolutionData(
            rng.standard_normal((self.batch, *self.shape), dtype=np.float32),
            weight,
            rng.standard_normal((self.batch, *outputs), dtype=np.float32),
        )

    @property
    def flops(self) -> float:
        return self.batch * operations((self.layer,), self.shape, self.input_gradient)

    def values(self, y: Array, weight_gradient: Array, input_gradient: Array | None) -> Values:
        """What is compared, of (N, C, H, W) and (O, I, K, K): one array, all of one magnitude."""
        pixels = y.size / y.shape[1]  # as many products are summed in the weight's gradient
        parts = [y, weight_gradient / math.sqrt(pixels)]
        if input_gradient is not None:
            parts.append(input_gradient)
        return np.concatenate([part.ravel() for part in parts])


def cases() -> Iterator[Case]:
    """All cases of this suite."""
    yield _case(Convolution(Conv(64, 3, padding=1), (64, 56, 56), 32))
    yield _case(Convolution(Conv(64, 1), (256, 56, 56), 32))
    yield _case(Convolution(Conv(512, 3, padding=1), (512, 7, 7), 32))
    yield _case(Convolution(Conv(64, 3, padding=1, groups=64), (64, 56, 56), 32))
    yield _case(Convolution(Conv(64, 7, stride=2, padding=3), (3, 224, 224), 32, False))
    yield _case(Convolution(Conv(6, 5, padding=2), (1, 28, 28), 64, False))


def _case(work: Convolution) -> Case:
    layer, (channels, height, width) = work.layer, work.shape
    kind = "depthwise " if layer.groups > 1 else ""
    step = f" stride {layer.stride}" if layer.stride > 1 else ""
    return Case(
        f"{kind}{layer.kernel}x{layer.kernel}{step} {channels}->{layer.channels}, "
        f"{work.batch}x{height}x{width}",
        work,
        _CONTENDERS,
        flops=work.flops,
        bound=BARE,
    )
