"""Convolutions and transposed convolutions, in one, two and three dimensions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydl import _core
from pydl._core import Tensor
from pydl.nn import functional
from pydl.nn import init as initializers
from pydl.nn.module import Module, Parameter

if TYPE_CHECKING:
    from pydl._core import DType

Sizes = int | Sequence[int]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


def spread(layer: str, argument: str, value: Sizes, count: int, least: int) -> tuple[int, ...]:
    """Return one number per axis; a single number stands for all of them."""
    numbers = (value,) * count if isinstance(value, int) else tuple(value)
    if len(numbers) != count or any(number < least for number in numbers):
        raise ValueError(
            f"{layer}: expected {argument} to be one number of at least {least}, or {count} of "
            f"them, got {value}"
        )
    return numbers


class _ConvBase(Module):
    """What all convolutions have: sizes, a weight and perhaps a bias."""

    weight: Parameter
    bias: Parameter | None
    _axes: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        weight_channels: tuple[int, int],
        kernel_size: Sizes,
        stride: Sizes,
        dilation: Sizes,
        groups: int,
        bias: bool,
        init: str | initializers.Initializer | None,
        dtype: DType | str,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if in_channels < 1 or out_channels < 1 or groups < 1:
            raise ValueError(
                f"{name}: expected at least 1 channel and group, got in_channels={in_channels}, "
                f"out_channels={out_channels}, groups={groups}"
            )
        if in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{name}: {in_channels} input and {out_channels} output channels cannot be divided "
                f"into {groups} groups"
            )
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = spread(name, "kernel_size", kernel_size, self._axes, 1)
        self.stride = spread(name, "stride", stride, self._axes, 1)
        self.dilation = spread(name, "dilation", dilation, self._axes, 1)
        self.weight = Parameter(_core.zeros((*weight_channels, *self.kernel_size), dtype=dtype))
        initializers.get(init)(self.weight)
        self.bias = None
        if bias:
            fan_in = weight_channels[1] * math.prod(self.kernel_size)
            self.bias = Parameter(_core.nn.default_bias((out_channels,), fan_in, dtype=dtype))

    def _describe(self, padding: object) -> str:
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={padding!r}, dilation={self.dilation}, "
            f"groups={self.groups}, bias={self.bias is not None}"
        )


class _Conv(_ConvBase):
    padding: str | tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        init: str | initializers.Initializer | None = None,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            (out_channels, in_channels // max(groups, 1)),
            kernel_size,
            stride,
            dilation,
            groups,
            bias,
            init,
            dtype,
        )
        name = type(self).__name__
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(
                    f"{name}: expected padding 'same', 'valid' or numbers, got {padding!r}"
                )
            if padding == "same" and any(step != 1 for step in self.stride):
                raise ValueError(f"{name}: padding 'same' has no meaning with stride {self.stride}")
            self.padding = padding
        else:
            self.padding = spread(name, "padding", padding, self._axes, 0)
        if padding_mode not in _PADDING_MODES:
            raise ValueError(
                f"{name}: expected padding_mode to be one of {_PADDING_MODES}, got {padding_mode!r}"
            )
        self.padding_mode = padding_mode

    def forward(self, x: Tensor) -> Tensor:
        convolve = _CONV[self._axes]
        arguments = (self.weight, self.bias, self.stride)
        if self.padding_mode == "zeros":
            return convolve(x, *arguments, self.padding, self.dilation, self.groups)
        padded = functional.pad(x, self._margins(), mode=self.padding_mode)
        return convolve(padded, *arguments, 0, self.dilation, self.groups)

    def _margins(self) -> tuple[int, ...]:
        # Pairs (before, after), the last axis first, as `functional.pad` takes them.
        margins: list[int] = []
        for axis in reversed(range(self._axes)):
            if isinstance(self.padding, tuple):
                margins += [self.padding[axis], self.padding[axis]]
            else:
                total = self.dilation[axis] * (self.kernel_size[axis] - 1)
                total = total if self.padding == "same" else 0
                margins += [total // 2, total - total // 2]
        return tuple(margins)

    def extra_repr(self) -> str:
        mode = "" if self.padding_mode == "zeros" else f", padding_mode={self.padding_mode!r}"
        return self._describe(self.padding) + mode


class _ConvTranspose(_ConvBase):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes = 0,
        output_padding: Sizes = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Sizes = 1,
        *,
        init: str | initializers.Initializer | None = None,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__(
            in_channels,
            out_channels,
            (in_channels, out_channels // max(groups, 1)),
            kernel_size,
            stride,
            dilation,
            groups,
            bias,
            init,
            dtype,
        )
        name = type(self).__name__
        self.padding = spread(name, "padding", padding, self._axes, 0)
        self.output_padding = spread(name, "output_padding", output_padding, self._axes, 0)

    def forward(self, x: Tensor) -> Tensor:
        return _CONV_TRANSPOSE[self._axes](
            x,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            self.output_padding,
            self.groups,
            self.dilation,
        )

    def extra_repr(self) -> str:
        extra = f", output_padding={self.output_padding}" if any(self.output_padding) else ""
        return self._describe(self.padding) + extra


class Conv1d(_Conv):
    """Convolution (cross-correlation, as networks use it) over (N, C, L), or (C, L).

    Parameters
    ----------
    in_channels, out_channels : int
        C and O, numbers of channels of input and output.
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, default 1
        Step of the window.
    padding : int or tuple of int or {'same', 'valid'}, default 0
        Elements added on both sides of each axis. 'same' keeps the sizes (for stride 1).
    dilation : int or tuple of int, default 1
        Step between the elements of the window.
    groups : int, default 1
        Channels are divided into so many groups that do not see each other; with
        ``groups=in_channels`` the convolution is depthwise.
    bias : bool, default True
        Whether a bias is added to each channel.
    padding_mode : {'zeros', 'reflect', 'replicate', 'circular'}, default 'zeros'
        What the added elements are.
    init : str or callable, optional
        How the weight starts: a name such as "kaiming_normal" or a function of `pydl.nn.init`.
        By default uniform in +-1 / sqrt(fan_in), as in PyTorch; the bias always starts so.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight : Parameter
        Shape (out_channels, in_channels / groups, *kernel_size).
    bias : Parameter or None
        Shape (out_channels,).

    Raises
    ------
    ValueError
        For numbers out of range, and for groups that do not divide the channels; when called,
        for an input with other channels, or smaller than the window.

    Notes
    -----
    The output has the logical shape (N, O, L) and is channels-last in memory.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Conv1d(3, 8, 5, padding=2)(pydl.zeros((2, 3, 10))).shape
    (2, 8, 10)
    """

    _axes = 1


class Conv2d(_Conv):
    """Convolution (cross-correlation, as networks use it) over (N, C, H, W), or (C, H, W).

    Parameters
    ----------
    in_channels, out_channels : int
        C and O, numbers of channels of input and output.
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, default 1
        Step of the window.
    padding : int or tuple of int or {'same', 'valid'}, default 0
        Elements added on both sides of each axis. 'same' keeps the sizes (for stride 1).
    dilation : int or tuple of int, default 1
        Step between the elements of the window.
    groups : int, default 1
        Channels are divided into this many groups, which do not see each other; with
        ``groups=in_channels`` the convolution is depthwise.
    bias : bool, default True
        Whether a bias is added to each channel.
    padding_mode : {'zeros', 'reflect', 'replicate', 'circular'}, default 'zeros'
        What the added elements are.
    init : str or callable, optional
        How the weight starts: a name such as "kaiming_normal" or a function of `pydl.nn.init`.
        By default uniform in +-1 / sqrt(fan_in), as in PyTorch; the bias always starts so.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight : Parameter
        Shape (out_channels, in_channels / groups, *kernel_size).
    bias : Parameter or None
        Shape (out_channels,).

    Raises
    ------
    ValueError
        For numbers out of range, and for groups that do not divide the channels; when called,
        for an input with other channels, or smaller than the window.

    Notes
    -----
    The output has the logical shape (N, O, H, W) and is channels-last in memory, which is what
    the next convolution likes best.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Conv2d(3, 8, 3, padding="same")(pydl.zeros((2, 3, 10, 10))).shape
    (2, 8, 10, 10)
    """

    _axes = 2


class Conv3d(_Conv):
    """Convolution (cross-correlation, as networks use it) over (N, C, D, H, W), or (C, D, H, W).

    Parameters
    ----------
    in_channels, out_channels : int
        C and O, numbers of channels of input and output.
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, default 1
        Step of the window.
    padding : int or tuple of int or {'same', 'valid'}, default 0
        Elements added on both sides of each axis. 'same' keeps the sizes (for stride 1).
    dilation : int or tuple of int, default 1
        Step between the elements of the window.
    groups : int, default 1
        Channels are divided into so many groups that do not see each other; with
        ``groups=in_channels`` the convolution is depthwise.
    bias : bool, default True
        Whether a bias is added to each channel.
    padding_mode : {'zeros', 'reflect', 'replicate', 'circular'}, default 'zeros'
        What the added elements are.
    init : str or callable, optional
        How the weight starts: a name such as "kaiming_normal" or a function of `pydl.nn.init`.
        By default uniform in +-1 / sqrt(fan_in), as in PyTorch; the bias always starts so.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight : Parameter
        Shape (out_channels, in_channels / groups, *kernel_size).
    bias : Parameter or None
        Shape (out_channels,).

    Raises
    ------
    ValueError
        For numbers out of range, and for groups that do not divide the channels; when called,
        for an input with other channels, or smaller than the window.

    Notes
    -----
    The output has the logical shape (N, O, D, H, W) and is channels-last in memory.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Conv3d(3, 8, 2)(pydl.zeros((2, 3, 4, 5, 6))).shape
    (2, 8, 3, 4, 5)
    """

    _axes = 3


class ConvTranspose1d(_ConvTranspose):
    """Transposed convolution over (N, C, L), or (C, L): learned up-sampling.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O, numbers of channels of input and output.
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, default 1
        By how much sizes grow.
    padding : int or tuple of int, default 0
        Elements taken away on both sides of each axis.
    output_padding : int or tuple of int, default 0
        Elements added at each axis's end: it chooses among the sizes that a convolution with this
        stride would map to the same one.
    groups : int, default 1
        Channels are divided into so many groups that do not see each other.
    bias : bool, default True
        Whether a bias is added to each channel.
    dilation : int or tuple of int, default 1
        Step between the elements of the window.
    init : str or callable, optional
        As for `Conv2d`.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight : Parameter
        Shape (in_channels, out_channels / groups, *kernel_size).
    bias : Parameter or None
        Shape (out_channels,).

    Raises
    ------
    ValueError
        For numbers out of range, and for groups that do not divide the channels; when called,
        for an input with other channels, or one from which nothing would be left.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ConvTranspose1d(3, 8, 2, stride=2)(pydl.zeros((2, 3, 10))).shape
    (2, 8, 20)
    """

    _axes = 1


class ConvTranspose2d(_ConvTranspose):
    """Transposed convolution over (N, C, H, W), or (C, H, W): learned up-sampling.

    It is the gradient of a convolution from (N, O, ...) to (N, C, ...) for its input.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O, numbers of channels of input and output.
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, default 1
        By how much sizes grow.
    padding : int or tuple of int, default 0
        Elements taken away on both sides of each axis.
    output_padding : int or tuple of int, default 0
        Elements added at each axis's end: it chooses among the sizes that a convolution with this
        stride would map to the same one.
    groups : int, default 1
        Channels are divided into this many groups, which do not see each other.
    bias : bool, default True
        Whether a bias is added to each channel.
    dilation : int or tuple of int, default 1
        Step between the elements of the window.
    init : str or callable, optional
        As for `Conv2d`.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight : Parameter
        Shape (in_channels, out_channels / groups, *kernel_size).
    bias : Parameter or None
        Shape (out_channels,).

    Raises
    ------
    ValueError
        For numbers out of range, and for groups that do not divide the channels; when called,
        for an input with other channels, or one from which nothing would be left.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ConvTranspose2d(3, 8, 2, stride=2)(pydl.zeros((2, 3, 5, 5))).shape
    (2, 8, 10, 10)
    """

    _axes = 2


class ConvTranspose3d(_ConvTranspose):
    """Transposed convolution over (N, C, D, H, W), or (C, D, H, W): learned up-sampling.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O, numbers of channels of input and output.
    kernel_size : int or tuple of int
        The window.
    stride : int or tuple of int, default 1
        By how much sizes grow.
    padding : int or tuple of int, default 0
        Elements taken away on both sides of each axis.
    output_padding : int or tuple of int, default 0
        Elements added at each axis's end: it chooses among the sizes that a convolution with this
        stride would map to the same one.
    groups : int, default 1
        Channels are divided into so many groups that do not see each other.
    bias : bool, default True
        Whether a bias is added to each channel.
    dilation : int or tuple of int, default 1
        Step between the elements of the window.
    init : str or callable, optional
        As for `Conv2d`.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight : Parameter
        Shape (in_channels, out_channels / groups, *kernel_size).
    bias : Parameter or None
        Shape (out_channels,).

    Raises
    ------
    ValueError
        For numbers out of range, and for groups that do not divide the channels; when called,
        for an input with other channels, or one from which nothing would be left.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ConvTranspose3d(3, 8, 2, stride=2)(pydl.zeros((2, 3, 2, 3, 4))).shape
    (2, 8, 4, 6, 8)
    """

    _axes = 3


_CONV = {1: _core.nn.conv1d, 2: _core.nn.conv2d, 3: _core.nn.conv3d}
_CONV_TRANSPOSE = {
    1: _core.nn.conv_transpose1d,
    2: _core.nn.conv_transpose2d,
    3: _core.nn.conv_transpose3d,
}


class SeparableConv2d(Module):
    """Depthwise convolution of each channel, then a 1x1 convolution across channels.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O.
    kernel_size, stride, padding, dilation
        Of the depthwise convolution, as for `Conv2d`.
    bias : bool, default True
        Whether the 1x1 convolution has a bias; the depthwise one has none.
    dtype : DType or str, default "float32"

    Attributes
    ----------
    depthwise, pointwise : Conv2d

    Notes
    -----
    Chollet, "Xception: deep learning with depthwise separable convolutions", 2017.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.SeparableConv2d(8, 16, 3, padding=1)
    >>> layer(pydl.zeros((2, 8, 10, 10))).shape
    (2, 16, 10, 10)
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        bias: bool = True,
        *,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__()
        self.depthwise = Conv2d(
            in_channels,
            in_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups=in_channels,
            bias=False,
            dtype=dtype,
        )
        self.pointwise = Conv2d(in_channels, out_channels, 1, bias=bias, dtype=dtype)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.pointwise(self.depthwise(x))
        return y
