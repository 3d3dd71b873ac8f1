"""What several models are built from."""

from __future__ import annotations

import math

from pydl import nn
from pydl._core import Tensor


def fan_out_normal(weight: Tensor) -> Tensor:
    """Draw normally with variance 2 / (output channels * window), for weights before ReLU.

    It keeps the size of gradients on their way back (He et al., 2015).

    Examples
    --------
    >>> import pydl
    >>> fan_out_normal(pydl.zeros((8, 3, 5, 5))).shape
    (8, 3, 5, 5)
    """
    outputs = weight.shape[0] * math.prod(weight.shape[2:])
    return nn.init.normal_(weight, std=math.sqrt(2.0 / outputs))


def small_normal(weight: Tensor) -> Tensor:
    """Draw normally with standard deviation 0.01 (Krizhevsky et al., 2012).

    Examples
    --------
    >>> import pydl
    >>> small_normal(pydl.zeros((2, 3))).shape
    (2, 3)
    """
    return nn.init.normal_(weight, std=0.01)


def zero_bias(layer: nn.Linear | nn.Conv2d) -> None:
    """Let the bias of a layer start at zero.

    Examples
    --------
    >>> layer = nn.Linear(2, 3)
    >>> zero_bias(layer)
    >>> layer.bias.tolist()
    [0.0, 0.0, 0.0]
    """
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)


class ConvNormReLU6(nn.Sequential):
    """Convolution that keeps the size (divides it by the stride), batch normalisation, ReLU6.

    Examples
    --------
    >>> import pydl
    >>> ConvNormReLU6(3, 8, stride=2)(pydl.zeros((1, 3, 16, 16))).shape
    (1, 8, 8, 8)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 3,
        stride: int = 1,
        groups: int = 1,
    ) -> None:
        super().__init__(
            nn.Conv2d(
                in_channels,
                out_channels,
                kernel_size,
                stride,
                padding=kernel_size // 2,
                groups=groups,
                bias=False,
                init=fan_out_normal,
            ),
            nn.BatchNorm2d(out_channels),
            nn.ReLU6(),
        )


def round_channels(channels: float, divisor: int = 8) -> int:
    """Round a number of channels to a multiple that processors like, but not down by over 10 %.

    Examples
    --------
    >>> round_channels(0.35 * 32), round_channels(0.75 * 24), round_channels(17)
    (16, 24, 16)
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded
