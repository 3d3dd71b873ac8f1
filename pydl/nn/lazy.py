"""Layers that find the size of their input at the first call, and then are ordinary ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydl import _core
from pydl._core import Tensor
from pydl.nn import init as initializers
from pydl.nn.conv import (
    Conv1d,
    Conv2d,
    Conv3d,
    ConvTranspose1d,
    ConvTranspose2d,
    ConvTranspose3d,
    Sizes,
)
from pydl.nn.linear import Linear
from pydl.nn.module import Module
from pydl.nn.normalization import BatchNorm1d, BatchNorm2d, BatchNorm3d

if TYPE_CHECKING:
    from pydl._core import DType


class _Lazy(Module):
    """What the layers share: before the first call they have settings, but no parameters."""

    # The class that a layer becomes, and the axis whose size is missing.
    _becomes: ClassVar[Any]
    _axis: ClassVar[int]

    def _keep(self, *arguments: Any, **options: Any) -> None:
        vars(self)["_lazy_arguments"] = (arguments, options)

    def _check_made(self) -> None:
        raise RuntimeError(
            f"{type(self).__name__} has no parameters yet: it finds the size of its input at the "
            "first call; call the model with a batch before its parameters are needed"
        )

    def forward(self, x: Tensor) -> Tensor:
        name = type(self).__name__
        if _core._is_tracing():
            raise RuntimeError(
                f"{name}: the first call makes parameters, which a compiled function cannot; call "
                "the model once before"
            )
        if x.ndim < max(-self._axis, self._axis + 1):
            raise ValueError(f"{name}: input of shape {x.shape} has no axis {self._axis}")
        arguments, options = vars(self)["_lazy_arguments"]
        kind = self._becomes
        layer = kind(x.shape[self._axis], *arguments, **options)
        if not self._trainable:
            layer.trainable = False
        del vars(self)["_lazy_arguments"]
        vars(self).update({k: v for k, v in vars(layer).items() if k not in vars(self)})
        self.__class__ = kind
        result: Tensor = kind.forward(self, x)
        return result

    def extra_repr(self) -> str:
        arguments, options = vars(self)["_lazy_arguments"]
        return ", ".join([*map(repr, arguments), *(f"{k}={v!r}" for k, v in options.items())])


def is_lazy(module: Module) -> bool:
    """Whether some layer does not know its sizes yet."""
    return any(isinstance(part, _Lazy) for _, part in module._walk("", set()))


class LazyLinear(_Lazy, Linear):
    """`Linear` whose in_features are the size of the last axis of the first input.

    Until then the layer has no parameters: `parameters`, `state_dict` and what needs them raise
    `RuntimeError`. The first call makes them, and the layer a `Linear`. `fit` and the other verbs
    of a model do that with their first batch; call the model once yourself before you make an
    optimiser.

    Parameters
    ----------
    out_features, bias, init, dtype
        As for `Linear`, which raises its errors at the first call.

    Raises
    ------
    RuntimeError
        When the first call is that of a compiled function, which makes no parameters.

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Flatten(), pydl.nn.LazyLinear(3))
    >>> model(pydl.zeros((2, 4, 5))).shape
    (2, 3)
    >>> model[1]
    Linear(in_features=20, out_features=3, bias=True)
    """

    _becomes = Linear
    _axis = -1

    def __init__(
        self,
        out_features: int,
        bias: bool = True,
        *,
        init: str | initializers.Initializer | None = None,
        dtype: DType | str = "float32",
    ) -> None:
        Module.__init__(self)
        self._keep(out_features, bias=bias, init=init, dtype=dtype)


class _LazyConv(_Lazy):
    """The settings of convolutions, the same for any number of axes."""

    def __init__(
        self,
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
        Module.__init__(self)
        self._keep(
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            padding_mode=padding_mode,
            init=init,
            dtype=dtype,
        )


class _LazyConvTranspose(_Lazy):
    """The settings of transposed convolutions."""

    def __init__(
        self,
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
        Module.__init__(self)
        self._keep(
            out_channels,
            kernel_size,
            stride=stride,
            padding=padding,
            output_padding=output_padding,
            groups=groups,
            bias=bias,
            dilation=dilation,
            init=init,
            dtype=dtype,
        )


class _LazyBatchNorm(_Lazy):
    """The settings of batch norms."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: DType | str = "float32",
    ) -> None:
        Module.__init__(self)
        self._keep(
            eps=eps,
            momentum=momentum,
            affine=affine,
            track_running_stats=track_running_stats,
            bias=bias,
            dtype=dtype,
        )


class LazyConv1d(_LazyConv, Conv1d):
    """`Conv1d` whose in_channels are those of the first input; see `LazyLinear`.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, init, dtype
        As of `Conv1d`, which raises its errors at the first call, with (N, C, L).

    Raises
    ------
    RuntimeError
        When the first call is that of a compiled function, which makes no parameters.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.LazyConv1d(8, 3)
    >>> layer(pydl.zeros((2, 3, 5))).shape
    (2, 8, 3)
    >>> layer.in_channels
    3
    """

    _becomes = Conv1d
    _axis = -2


class LazyConv2d(_LazyConv, Conv2d):
    """`Conv2d` whose in_channels are those of the first input; see `LazyLinear`.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, init, dtype
        As of `Conv2d`, which raises its errors at the first call, with (N, C, H, W).

    Raises
    ------
    RuntimeError
        When the first call is that of a compiled function, which makes no parameters.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.LazyConv2d(8, 3)
    >>> layer(pydl.zeros((2, 3, 5, 5))).shape
    (2, 8, 3, 3)
    >>> layer.in_channels
    3
    """

    _becomes = Conv2d
    _axis = -3


class LazyConv3d(_LazyConv, Conv3d):
    """`Conv3d` whose in_channels are those of the first input; see `LazyLinear`.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode, init, dtype
        As of `Conv3d`, which raises its errors at the first call, with (N, C, D, H, W).

    Raises
    ------
    RuntimeError
        When the first call is that of a compiled function, which makes no parameters.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.LazyConv3d(8, 3)
    >>> layer(pydl.zeros((2, 3, 5, 5, 5))).shape
    (2, 8, 3, 3, 3)
    >>> layer.in_channels
    3
    """

    _becomes = Conv3d
    _axis = -4


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """`ConvTranspose1d` whose in_channels are those of the first input; see `LazyLinear`.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation, init, dtype
        As of `ConvTranspose1d`, which raises its errors at the first call, with (N, C, L).

    Raises
    ------
    RuntimeError
        When the first call is that of a compiled function, which makes no parameters.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.LazyConvTranspose1d(8, 2, stride=2)
    >>> layer(pydl.zeros((2, 3, 2))).shape
    (2, 8, 4)
    """

    _becomes = ConvTranspose1d
    _axis = -2


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """`ConvTranspose2d` whose in_channels are those of the first input; see `LazyLinear`.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation, init, dtype
        As of `ConvTranspose2d`, which raises its errors at the first call, with (N, C, H, W).

    Raises
    ------
    RuntimeError
        When the first call is that of a compiled function, which makes no parameters.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.LazyConvTranspose2d(8, 2, stride=2)
    >>> layer(pydl.zeros((2, 3, 2, 2))).shape
    (2, 8, 4, 4)
    """

    _becomes = ConvTranspose2d
    _axis = -3


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """`ConvTranspose3d` whose in_channels are those of the first input; see `LazyLinear`.

    Parameters
    ----------
    out_channels, kernel_size, stride, padding, output_padding, groups, bias, dilation, init, dtype
        As of `ConvTranspose3d`, which raises its errors at the first call, with (N, C, D, H, W).

    Raises
    ------
    RuntimeError
        When the first call is that of a compiled function, which makes no parameters.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.LazyConvTranspose3d(8, 2, stride=2)
    >>> layer(pydl.zeros((2, 3, 2, 2, 2))).shape
    (2, 8, 4, 4, 4)
    """

    _becomes = ConvTranspose3d
    _axis = -4


class LazyBatchNorm1d(_LazyBatchNorm, BatchNorm1d):
    """`BatchNorm1d` whose num_features are the channels of the first input; see `LazyLinear`.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, dtype
        As of `BatchNorm1d`, which raises its errors at the first call.

    Raises
    ------
    RuntimeError
        When the first call is that of a compiled function, which makes no parameters.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.LazyBatchNorm1d()
    >>> layer(pydl.ones((2, 3, 5))).shape
    (2, 3, 5)
    >>> layer.num_features
    3
    """

    _becomes = BatchNorm1d
    _axis = 1


class LazyBatchNorm2d(_LazyBatchNorm, BatchNorm2d):
    """`BatchNorm2d` whose num_features are the channels of the first input; see `LazyLinear`.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, dtype
        As of `BatchNorm2d`, which raises its errors at the first call.

    Raises
    ------
    RuntimeError
        When the first call is that of a compiled function, which makes no parameters.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.LazyBatchNorm2d()
    >>> layer(pydl.ones((2, 3, 5, 5))).shape
    (2, 3, 5, 5)
    >>> layer.num_features
    3
    """

    _becomes = BatchNorm2d
    _axis = 1


class LazyBatchNorm3d(_LazyBatchNorm, BatchNorm3d):
    """`BatchNorm3d` whose num_features are the channels of the first input; see `LazyLinear`.

    Parameters
    ----------
    eps, momentum, affine, track_running_stats, bias, dtype
        As of `BatchNorm3d`, which raises its errors at the first call.

    Raises
    ------
    RuntimeError
        When the first call is that of a compiled function, which makes no parameters.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.LazyBatchNorm3d()
    >>> layer(pydl.ones((2, 3, 5, 5, 5))).shape
    (2, 3, 5, 5, 5)
    >>> layer.num_features
    3
    """

    _becomes = BatchNorm3d
    _axis = 1
