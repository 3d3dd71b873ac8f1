"""Average pooling to a given size, and to one number per channel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydl._core import Tensor
from pydl.nn import functional
from pydl.nn.module import Module

_ADAPTIVE_AVG_POOL = {
    1: functional.adaptive_avg_pool1d,
    2: functional.adaptive_avg_pool2d,
    3: functional.adaptive_avg_pool3d,
}


class _AdaptiveAvgPool(Module):
    _axes: ClassVar[int]

    def __init__(self, output_size: int | Sequence[int | None] | None) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, x: Tensor) -> Tensor:
        return _ADAPTIVE_AVG_POOL[self._axes](x, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptiveAvgPool):
    """Means of windows that share (N, C, L), or (C, L), out evenly.

    Parameters
    ----------
    output_size : int or tuple of int
        Sizes of the result; None keeps the size of that axis.

    Raises
    ------
    ValueError
        When the number of sizes or axes does not fit, and for sizes below 1.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.AdaptiveAvgPool1d(2)(pydl.tensor([[1.0, 2.0, 3.0, 4.0]])).tolist()
    [[1.5, 3.5]]
    """

    _axes = 1


class AdaptiveAvgPool2d(_AdaptiveAvgPool):
    """Means of windows that share (N, C, H, W), or (C, H, W), out evenly.

    Parameters
    ----------
    output_size : int or tuple of int
        Sizes of the result; None keeps the size of that axis.

    Raises
    ------
    ValueError
        When the number of sizes or axes does not fit, and for sizes below 1.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.AdaptiveAvgPool2d((7, None))(pydl.zeros((8, 3, 30, 20))).shape
    (8, 3, 7, 20)
    """

    _axes = 2


class AdaptiveAvgPool3d(_AdaptiveAvgPool):
    """Means of windows that share (N, C, D, H, W), or (C, D, H, W), out evenly.

    Parameters
    ----------
    output_size : int or tuple of int
        Sizes of the result; None keeps the size of that axis.

    Raises
    ------
    ValueError
        When the number of sizes or axes does not fit, and for sizes below 1.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.AdaptiveAvgPool3d(1)(pydl.zeros((8, 3, 4, 5, 6))).shape
    (8, 3, 1, 1, 1)
    """

    _axes = 3


class _GlobalAvgPool(Module):
    _axes: ClassVar[int]

    def __init__(self, keepdims: bool = False) -> None:
        super().__init__()
        self.keepdims = keepdims

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim not in (self._axes + 1, self._axes + 2):
            raise ValueError(
                f"{type(self).__name__}: expected a batch axis, channels and {self._axes} spatial "
                f"axes, or the same without the batch, got shape {x.shape}"
            )
        return x.mean(axis=tuple(range(-self._axes, 0)), keepdims=self.keepdims)

    def extra_repr(self) -> str:
        return f"keepdims={self.keepdims}"


class GlobalAvgPool1d(_GlobalAvgPool):
    """Mean of each channel of (N, C, L), or (C, L): (N, C), or (C,).

    Parameters
    ----------
    keepdims : bool, default False
        Whether the spatial axes stay, with size 1.

    Raises
    ------
    ValueError
        For another number of axes.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.GlobalAvgPool1d()(pydl.tensor([[[1.0, 2.0], [3.0, 4.0]]])).tolist()
    [[1.5, 3.5]]
    """

    _axes = 1


class GlobalAvgPool2d(_GlobalAvgPool):
    """Mean of each channel of (N, C, H, W), or (C, H, W): (N, C), or (C,).

    Parameters
    ----------
    keepdims : bool, default False
        Whether the spatial axes stay, with size 1.

    Raises
    ------
    ValueError
        For another number of axes.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.GlobalAvgPool2d()(pydl.zeros((8, 3, 30, 20))).shape
    (8, 3)
    """

    _axes = 2


class GlobalAvgPool3d(_GlobalAvgPool):
    """Mean of each channel of (N, C, D, H, W), or (C, D, H, W): (N, C), or (C,).

    Parameters
    ----------
    keepdims : bool, default False
        Whether the spatial axes stay, with size 1.

    Raises
    ------
    ValueError
        For another number of axes.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.GlobalAvgPool3d(keepdims=True)(pydl.zeros((8, 3, 4, 5, 6))).shape
    (8, 3, 1, 1, 1)
    """

    _axes = 3
