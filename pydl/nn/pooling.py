"""Pooling: the largest element or the mean of windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from pydl._core import Tensor
from pydl.nn import functional
from pydl.nn.conv import Sizes, spread
from pydl.nn.module import Module

_MAX_POOL = {
    1: functional.max_pool1d,
    2: functional.max_pool2d,
    3: functional.max_pool3d,
}
_AVG_POOL = {
    1: functional.avg_pool1d,
    2: functional.avg_pool2d,
    3: functional.avg_pool3d,
}
_MAX_UNPOOL = {
    1: functional.max_unpool1d,
    2: functional.max_unpool2d,
    3: functional.max_unpool3d,
}
_ADAPTIVE_MAX_POOL = {
    1: functional.adaptive_max_pool1d,
    2: functional.adaptive_max_pool2d,
    3: functional.adaptive_max_pool3d,
}


class _Pool(Module):
    _axes: ClassVar[int]

    def __init__(self, kernel_size: Sizes, stride: Sizes | None, padding: Sizes) -> None:
        super().__init__()
        name = type(self).__name__
        self.kernel_size = spread(name, "kernel_size", kernel_size, self._axes, 1)
        self.stride = self.kernel_size
        if stride is not None:
            self.stride = spread(name, "stride", stride, self._axes, 1)
        self.padding = spread(name, "padding", padding, self._axes, 0)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _MaxPool(_Pool):
    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        self.dilation = spread(type(self).__name__, "dilation", dilation, self._axes, 1)
        self.return_indices, self.ceil_mode = return_indices, ceil_mode

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return _MAX_POOL[self._axes](
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.ceil_mode,
            self.return_indices,
        )


class MaxPool1d(_MaxPool):
    """Largest element of windows of (N, C, L), or (C, L).

    Parameters
    ----------
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, optional
        Step of the window; the kernel size by default.
    padding : int or tuple of int, default 0
        How far windows reach beyond the input, at most half the kernel size.
    dilation : int or tuple of int, default 1
        Step between the elements of a window.
    return_indices : bool, default False
        Whether to return also the places of these elements, for `MaxUnpool1d`.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the input.

    Raises
    ------
    ValueError
        For numbers out of range, and when no window fits into the input.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.MaxPool1d(2)(pydl.tensor([[1.0, 3.0, 2.0, 0.0]])).tolist()
    [[3.0, 2.0]]
    """

    _axes = 1


class MaxPool2d(_MaxPool):
    """Largest element of windows of (N, C, H, W), or (C, H, W).

    Parameters
    ----------
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, optional
        Step of the window; the kernel size by default.
    padding : int or tuple of int, default 0
        How far windows reach beyond the input, at most half the kernel size.
    dilation : int or tuple of int, default 1
        Step between the elements of a window.
    return_indices : bool, default False
        Whether to return also the places of these elements, for `MaxUnpool2d`.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the input.

    Raises
    ------
    ValueError
        For numbers out of range, and when no window fits into the input.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.MaxPool2d(2)(pydl.zeros((8, 3, 28, 28))).shape
    (8, 3, 14, 14)
    """

    _axes = 2


class MaxPool3d(_MaxPool):
    """Largest element of windows of (N, C, D, H, W), or (C, D, H, W).

    Parameters
    ----------
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, optional
        Step of the window; the kernel size by default.
    padding : int or tuple of int, default 0
        How far windows reach beyond the input, at most half the kernel size.
    dilation : int or tuple of int, default 1
        Step between the elements of a window.
    return_indices : bool, default False
        Whether to return also the places of these elements, for `MaxUnpool3d`.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the input.

    Raises
    ------
    ValueError
        For numbers out of range, and when no window fits into the input.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.MaxPool3d(2)(pydl.zeros((8, 3, 4, 6, 8))).shape
    (8, 3, 2, 3, 4)
    """

    _axes = 3


class _AvgPool(_Pool):
    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__(kernel_size, stride, padding)
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad
        self.divisor_override = divisor_override

    def forward(self, x: Tensor) -> Tensor:
        return _AVG_POOL[self._axes](
            x,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool1d(_AvgPool):
    """Mean of windows of (N, C, L), or (C, L).

    Parameters
    ----------
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, optional
        Step of the window; the kernel size by default.
    padding : int or tuple of int, default 0
        Zeros on both sides, at most half the kernel size.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the input.
    count_include_pad : bool, default True
        Whether the zeros count in the divisor.
    divisor_override : int, optional
        What the sums are divided by instead.

    Raises
    ------
    ValueError
        For numbers out of range, and when no window fits into the input.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.AvgPool1d(2)(pydl.tensor([[1.0, 3.0, 2.0, 0.0]])).tolist()
    [[2.0, 1.0]]
    """

    _axes = 1


class AvgPool2d(_AvgPool):
    """Mean of windows of (N, C, H, W), or (C, H, W).

    Parameters
    ----------
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, optional
        Step of the window; the kernel size by default.
    padding : int or tuple of int, default 0
        Zeros on both sides, at most half the kernel size.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the input.
    count_include_pad : bool, default True
        Whether the zeros count in the divisor.
    divisor_override : int, optional
        What the sums are divided by instead.

    Raises
    ------
    ValueError
        For numbers out of range, and when no window fits into the input.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.AvgPool2d(2)(pydl.ones((8, 3, 28, 28))).shape
    (8, 3, 14, 14)
    """

    _axes = 2


class AvgPool3d(_AvgPool):
    """Mean of windows of (N, C, D, H, W), or (C, D, H, W).

    Parameters
    ----------
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, optional
        Step of the window; the kernel size by default.
    padding : int or tuple of int, default 0
        Zeros on both sides, at most half the kernel size.
    ceil_mode : bool, default False
        Whether a last window may reach beyond the input.
    count_include_pad : bool, default True
        Whether the zeros count in the divisor.
    divisor_override : int, optional
        What the sums are divided by instead.

    Raises
    ------
    ValueError
        For numbers out of range, and when no window fits into the input.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.AvgPool3d(2)(pydl.zeros((8, 3, 4, 6, 8))).shape
    (8, 3, 2, 3, 4)
    """

    _axes = 3


class _AdaptiveMaxPool(Module):
    _axes: ClassVar[int]

    def __init__(
        self, output_size: int | Sequence[int | None] | None, return_indices: bool = False
    ) -> None:
        super().__init__()
        self.output_size, self.return_indices = output_size, return_indices

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        return _ADAPTIVE_MAX_POOL[self._axes](x, self.output_size, self.return_indices)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Largest elements of windows that share (N, C, L), or (C, L), out evenly.

    Parameters
    ----------
    output_size : int or tuple of int
        Sizes of the result; None keeps the size of that axis.
    return_indices : bool, default False
        Whether to return also the places of these elements.

    Raises
    ------
    ValueError
        When the number of sizes or axes does not fit, and for sizes below 1.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.AdaptiveMaxPool1d(2)(pydl.tensor([[1.0, 3.0, 2.0, 0.0]])).tolist()
    [[3.0, 2.0]]
    """

    _axes = 1


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Largest elements of windows that share (N, C, H, W), or (C, H, W), out evenly.

    Parameters
    ----------
    output_size : int or tuple of int
        Sizes of the result; None keeps the size of that axis.
    return_indices : bool, default False
        Whether to return also the places of these elements.

    Raises
    ------
    ValueError
        When the number of sizes or axes does not fit, and for sizes below 1.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.AdaptiveMaxPool2d((7, 7))(pydl.zeros((8, 3, 30, 20))).shape
    (8, 3, 7, 7)
    """

    _axes = 2


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Largest elements of windows that share (N, C, D, H, W), or (C, D, H, W), out evenly.

    Parameters
    ----------
    output_size : int or tuple of int
        Sizes of the result; None keeps the size of that axis.
    return_indices : bool, default False
        Whether to return also the places of these elements.

    Raises
    ------
    ValueError
        When the number of sizes or axes does not fit, and for sizes below 1.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.AdaptiveMaxPool3d(1)(pydl.zeros((8, 3, 4, 6, 8))).shape
    (8, 3, 1, 1, 1)
    """

    _axes = 3


class _MaxUnpool(_Pool):
    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0) -> None:
        super().__init__(kernel_size, stride, padding)

    def forward(
        self, x: Tensor, indices: Tensor, output_size: Sequence[int] | None = None
    ) -> Tensor:
        return _MAX_UNPOOL[self._axes](
            x, indices, self.kernel_size, self.stride, self.padding, output_size
        )


class MaxUnpool1d(_MaxUnpool):
    """Inverse of `MaxPool1d`, with zeros for what it dropped.

    Called with the pooled tensor, the indices that ``MaxPool1d(..., return_indices=True)`` gave,
    and perhaps the size of the original.

    Parameters
    ----------
    kernel_size : int or tuple of int
        The window of the pooling.
    stride : int or tuple of int, optional
        Its step; the kernel size by default.
    padding : int or tuple of int, default 0
        How far its windows reached beyond the input.

    Raises
    ------
    ValueError
        For numbers out of range; when called, for indices of another shape, and for an
        `output_size` that the pooling would not have made so small.
    IndexError
        For indices outside of the result.

    Examples
    --------
    >>> import pydl
    >>> y, indices = pydl.nn.MaxPool1d(2, return_indices=True)(pydl.tensor([[1.0, 3.0]]))
    >>> pydl.nn.MaxUnpool1d(2)(y, indices).tolist()
    [[0.0, 3.0]]
    """

    _axes = 1


class MaxUnpool2d(_MaxUnpool):
    """Inverse of `MaxPool2d`, with zeros for what it dropped.

    Called with the pooled tensor, the indices that ``MaxPool2d(..., return_indices=True)`` gave,
    and perhaps the size of the original.

    Parameters
    ----------
    kernel_size : int or tuple of int
        The window of the pooling.
    stride : int or tuple of int, optional
        Its step; the kernel size by default.
    padding : int or tuple of int, default 0
        How far its windows reached beyond the input.

    Raises
    ------
    ValueError
        For numbers out of range; when called, for indices of another shape, and for an
        `output_size` that the pooling would not have made so small.
    IndexError
        For indices outside of the result.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> y, indices = pydl.nn.MaxPool2d(2, return_indices=True)(x)
    >>> pydl.nn.MaxUnpool2d(2)(y, indices).tolist()
    [[[[0.0, 0.0], [0.0, 4.0]]]]
    """

    _axes = 2


class MaxUnpool3d(_MaxUnpool):
    """Inverse of `MaxPool3d`, with zeros for what it dropped.

    Called with the pooled tensor, the indices that ``MaxPool3d(..., return_indices=True)`` gave,
    and perhaps the size of the original.

    Parameters
    ----------
    kernel_size : int or tuple of int
        The window of the pooling.
    stride : int or tuple of int, optional
        Its step; the kernel size by default.
    padding : int or tuple of int, default 0
        How far its windows reached beyond the input.

    Raises
    ------
    ValueError
        For numbers out of range; when called, for indices of another shape, and for an
        `output_size` that the pooling would not have made so small.
    IndexError
        For indices outside of the result.

    Examples
    --------
    >>> import pydl
    >>> y, indices = pydl.nn.MaxPool3d(2, return_indices=True)(pydl.ones((1, 3, 4, 6, 8)))
    >>> pydl.nn.MaxUnpool3d(2)(y, indices).shape
    (1, 3, 4, 6, 8)
    """

    _axes = 3
