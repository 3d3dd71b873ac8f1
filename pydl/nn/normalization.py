"""Normalisation layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pydl import _core
from pydl._core import Tensor
from pydl.nn.module import Buffer, Module, Parameter

if TYPE_CHECKING:
    from pydl._core import DType


class _ChannelNorm(Module):
    """What the layers share that normalise channels and may keep running moments of them."""

    weight: Parameter | None
    bias: Parameter | None
    running_mean: Buffer | None
    running_var: Buffer | None
    num_batches_tracked: Buffer | None

    _axes: tuple[int, ...] = ()  # how many axes inputs may have
    _layout: str = ""

    def __init__(
        self,
        num_features: int,
        eps: float,
        momentum: float | None,
        affine: bool,
        track_running_stats: bool,
        bias: bool,
        dtype: DType | str,
    ) -> None:
        super().__init__()
        if num_features < 1:
            raise ValueError(
                f"{type(self).__name__}: expected num_features of at least 1, got {num_features}"
            )
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = self.bias = None
        self.running_mean = self.running_var = self.num_batches_tracked = None
        if affine:
            self.weight = Parameter(_core.ones((num_features,), dtype=dtype))
        if affine and bias:
            self.bias = Parameter(_core.zeros((num_features,), dtype=dtype))
        if track_running_stats:
            # In 16 bits, running moments would hardly move.
            wide = "float64" if self._is_double(dtype) else "float32"
            self.running_mean = Buffer(_core.zeros((num_features,), dtype=wide))
            self.running_var = Buffer(_core.ones((num_features,), dtype=wide))
            self.num_batches_tracked = Buffer(_core.zeros((), dtype="int64"))

    @staticmethod
    def _is_double(dtype: DType | str) -> bool:
        return _core.zeros((), dtype=dtype).dtype == "float64"

    def _check_input(self, x: Tensor) -> None:
        if x.ndim not in self._axes or x.shape[1] != self.num_features:
            raise ValueError(
                f"{type(self).__name__}: expected input of shape {self._layout} with "
                f"C={self.num_features}, got {x.shape}"
            )

    @property
    def _learns(self) -> bool:
        """Whether moments of the batch count: frozen by `trainable`, layers only infer."""
        return self.training and self._trainable

    def _normalize(
        self, function: Callable[..., Tensor], x: Tensor, momentum: float | Tensor | None
    ) -> Tensor:
        return function(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            self._learns or not self.track_running_stats,
            0.0 if momentum is None else momentum,
            self.eps,
        )

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, track_running_stats={self.track_running_stats}"
        )


class _BatchNorm(_ChannelNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        self._check_input(x)
        if not self._learns or self.num_batches_tracked is None:
            return self._normalize(_core.nn.batch_norm, x, self.momentum)
        count = self.num_batches_tracked + 1
        # Without momentum, all batches count the same.
        share = 1.0 / count.to("float32") if self.momentum is None else self.momentum
        y = self._normalize(_core.nn.batch_norm, x, share)
        self.num_batches_tracked.copy_(count)
        return y


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (N, C) or (N, C, L), by channel (Ioffe and Szegedy, 2015).

    In training, with mean and variance of the batch, which also enter the running ones; in
    evaluation mode with the running ones.

    Parameters
    ----------
    num_features : int
        Channels C.
    eps : float, default 1e-5
        Added to the variance.
    momentum : float or None, default 0.1
        Weight of the batch in the running moments; None: all batches count the same.
    affine : bool, default True
        Whether the result is scaled and shifted by parameters.
    track_running_stats : bool, default True
        Whether there are running moments; without, those of the batch are always used.
    bias : bool, default True
        Whether it is shifted, where it is scaled.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight, bias : Parameter or None
        Shape (C,).
    running_mean, running_var : Buffer or None
        Shape (C,), float32 (float64 for float64 parameters).
    num_batches_tracked : Buffer or None
        int64, shape ().

    Raises
    ------
    ValueError
        For input of another shape, and in training for one value per channel.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.BatchNorm1d(3)
    >>> layer(pydl.ones((2, 3, 4))).shape
    (2, 3, 4)
    """

    _axes, _layout = (2, 3), "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (N, C, H, W), by channel (Ioffe and Szegedy, 2015).

    In training, with mean and variance of the batch, which also enter the running ones; in
    evaluation mode with the running ones.

    Parameters
    ----------
    num_features : int
        Channels C.
    eps : float, default 1e-5
        Added to the variance.
    momentum : float or None, default 0.1
        Weight of the batch in the running moments; None: all batches count the same.
    affine : bool, default True
        Whether the result is scaled and shifted by parameters.
    track_running_stats : bool, default True
        Whether there are running moments; without, those of the batch are always used.
    bias : bool, default True
        Whether it is shifted, where it is scaled.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight, bias : Parameter or None
        Shape (C,).
    running_mean, running_var : Buffer or None
        Shape (C,), float32 (float64 for float64 parameters).
    num_batches_tracked : Buffer or None
        int64, shape ().

    Raises
    ------
    ValueError
        For input of another shape, and in training for one value per channel.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.BatchNorm2d(3)
    >>> layer(pydl.ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    _axes, _layout = (4,), "(N, C, H, W)"


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (N, C, D, H, W), by channel (Ioffe and Szegedy, 2015).

    In training, with mean and variance of the batch, which also enter the running ones; in
    evaluation mode with the running ones.

    Parameters
    ----------
    num_features : int
        Channels C.
    eps : float, default 1e-5
        Added to the variance.
    momentum : float or None, default 0.1
        Weight of the batch in the running moments; None: all batches count the same.
    affine : bool, default True
        Whether the result is scaled and shifted by parameters.
    track_running_stats : bool, default True
        Whether there are running moments; without, those of the batch are always used.
    bias : bool, default True
        Whether it is shifted, where it is scaled.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight, bias : Parameter or None
        Shape (C,).
    running_mean, running_var : Buffer or None
        Shape (C,), float32 (float64 for float64 parameters).
    num_batches_tracked : Buffer or None
        int64, shape ().

    Raises
    ------
    ValueError
        For input of another shape, and in training for one value per channel.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.BatchNorm3d(3)
    >>> layer(pydl.ones((2, 3, 4, 4, 4))).shape
    (2, 3, 4, 4, 4)
    """

    _axes, _layout = (5,), "(N, C, D, H, W)"


class _InstanceNorm(_ChannelNorm):
    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        *,
        bias: bool = True,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, bias, dtype)

    def forward(self, x: Tensor) -> Tensor:
        without_batch = x.ndim + 1 in self._axes
        samples = x.reshape((1, *x.shape)) if without_batch else x
        self._check_input(samples)
        y = self._normalize(_core.nn.instance_norm, samples, self.momentum)
        return y.reshape(x.shape) if without_batch else y


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of (N, C, L): each channel of each sample separately.

    Input without a batch axis is taken as one sample. See Ulyanov et al. (2016).

    Parameters
    ----------
    num_features : int
        Channels C.
    eps : float, default 1e-5
        Added to the variance.
    momentum : float, default 0.1
        Weight of the batch in the running moments.
    affine : bool, default False
        Whether the result is scaled and shifted by parameters.
    track_running_stats : bool, default False
        Whether moments, averaged over samples, are kept and used in evaluation mode.
    bias : bool, default True
        Whether it is shifted, where it is scaled.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight, bias : Parameter or None
        Shape (C,).
    running_mean, running_var : Buffer or None
        Shape (C,), float32 (float64 for float64 parameters).
    num_batches_tracked : Buffer or None
        int64, shape (): always 0, as in PyTorch.

    Raises
    ------
    ValueError
        For input of another shape, and for one value per channel and sample.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.InstanceNorm1d(3)
    >>> layer(pydl.ones((2, 3, 4))).shape
    (2, 3, 4)
    """

    _axes, _layout = (3,), "(N, C, L)"


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of (N, C, H, W): each channel of each sample separately.

    Input without a batch axis is taken as one sample. See Ulyanov et al. (2016).

    Parameters
    ----------
    num_features : int
        Channels C.
    eps : float, default 1e-5
        Added to the variance.
    momentum : float, default 0.1
        Weight of the batch in the running moments.
    affine : bool, default False
        Whether the result is scaled and shifted by parameters.
    track_running_stats : bool, default False
        Whether moments, averaged over samples, are kept and used in evaluation mode.
    bias : bool, default True
        Whether it is shifted, where it is scaled.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight, bias : Parameter or None
        Shape (C,).
    running_mean, running_var : Buffer or None
        Shape (C,), float32 (float64 for float64 parameters).
    num_batches_tracked : Buffer or None
        int64, shape (): always 0, as in PyTorch.

    Raises
    ------
    ValueError
        For input of another shape, and for one value per channel and sample.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.InstanceNorm2d(3)
    >>> layer(pydl.ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    _axes, _layout = (4,), "(N, C, H, W)"


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of (N, C, D, H, W): each channel of each sample separately.

    Input without a batch axis is taken as one sample. See Ulyanov et al. (2016).

    Parameters
    ----------
    num_features : int
        Channels C.
    eps : float, default 1e-5
        Added to the variance.
    momentum : float, default 0.1
        Weight of the batch in the running moments.
    affine : bool, default False
        Whether the result is scaled and shifted by parameters.
    track_running_stats : bool, default False
        Whether moments, averaged over samples, are kept and used in evaluation mode.
    bias : bool, default True
        Whether it is shifted, where it is scaled.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight, bias : Parameter or None
        Shape (C,).
    running_mean, running_var : Buffer or None
        Shape (C,), float32 (float64 for float64 parameters).
    num_batches_tracked : Buffer or None
        int64, shape (): always 0, as in PyTorch.

    Raises
    ------
    ValueError
        For input of another shape, and for one value per channel and sample.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.InstanceNorm3d(3)
    >>> layer(pydl.ones((2, 3, 4, 4, 4))).shape
    (2, 3, 4, 4, 4)
    """

    _axes, _layout = (5,), "(N, C, D, H, W)"


def _shape_of(layer: str, normalized_shape: int | Sequence[int]) -> tuple[int, ...]:
    shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
    if not shape or min(shape) < 1:
        raise ValueError(f"{layer}: expected sizes of at least 1, got {normalized_shape}")
    return shape


class LayerNorm(Module):
    """Layer normalisation over the last axes, of shape `normalized_shape` (Ba et al., 2016).

    Parameters
    ----------
    normalized_shape : int or sequence of int
        Sizes of the axes that are normalised together.
    eps : float, default 1e-5
        Added to the variance.
    elementwise_affine : bool, default True
        Whether the result is scaled and shifted by parameters.
    bias : bool, default True
        Whether it is shifted, where it is scaled.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight, bias : Parameter or None
        Shape normalized_shape.

    Raises
    ------
    ValueError
        For sizes below 1, and for input whose last axes have other sizes.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.LayerNorm(4)
    >>> layer(pydl.ones((2, 3, 4))).shape
    (2, 3, 4)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape_of("LayerNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = self.bias = None
        if elementwise_affine:
            self.weight = Parameter(_core.ones(self.normalized_shape, dtype=dtype))
        if elementwise_affine and bias:
            self.bias = Parameter(_core.zeros(self.normalized_shape, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        return _core.nn.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class RMSNorm(Module):
    """Division by the root mean square of the last axes (Zhang and Sennrich, 2019).

    Parameters
    ----------
    normalized_shape : int or sequence of int
        Sizes of the axes that are normalised together.
    eps : float, optional
        Added to the mean square; by default the machine epsilon of the dtype.
    elementwise_affine : bool, default True
        Whether the result is scaled by a parameter.
    dtype : DType or str, default "float32"
        Dtype of the parameter.

    Attributes
    ----------
    weight : Parameter or None
        Shape normalized_shape.

    Raises
    ------
    ValueError
        For sizes below 1, and for input whose last axes have other sizes.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.RMSNorm(2)(pydl.tensor([3.0, 3.0])).tolist()
    [1.0, 1.0]
    """

    weight: Parameter | None

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        *,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__()
        self.normalized_shape = _shape_of("RMSNorm", normalized_shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        self.weight = None
        if elementwise_affine:
            self.weight = Parameter(_core.ones(self.normalized_shape, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        return _core.nn.rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
        )


class GroupNorm(Module):
    """Group normalisation of (N, C, ...): groups of channels of each sample (Wu and He, 2018).

    Parameters
    ----------
    num_groups : int
        Groups of channels; divides num_channels.
    num_channels : int
        Channels C.
    eps : float, default 1e-5
        Added to the variance.
    affine : bool, default True
        Whether the result is scaled and shifted by parameters.
    bias : bool, default True
        Whether it is shifted, where it is scaled.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight, bias : Parameter or None
        Shape (C,).

    Raises
    ------
    ValueError
        For groups that do not divide the channels, and for input of another shape.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.GroupNorm(2, 4)(pydl.ones((1, 4, 5, 5))).shape
    (1, 4, 5, 5)
    """

    weight: Parameter | None
    bias: Parameter | None

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels < 1 or num_channels % num_groups != 0:
            raise ValueError(
                "GroupNorm: expected num_groups that divide num_channels, "
                f"got {num_groups} and {num_channels}"
            )
        self.num_groups, self.num_channels = num_groups, num_channels
        self.eps, self.affine = eps, affine
        self.weight = self.bias = None
        if affine:
            self.weight = Parameter(_core.ones((num_channels,), dtype=dtype))
        if affine and bias:
            self.bias = Parameter(_core.zeros((num_channels,), dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise ValueError(
                "GroupNorm: expected input of shape (N, C, ...) with "
                f"C={self.num_channels}, got {x.shape}"
            )
        return _core.nn.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"


class LocalResponseNorm(Module):
    """Division by the response of neighbouring channels, as in AlexNet and GoogLeNet.

    y = x / (k + alpha * mean of squares over `size` channels around)**beta (Krizhevsky et al.,
    2012). Beyond the first and the last channel are zeros, which count in the mean.

    Parameters
    ----------
    size : int
        Channels of a window.
    alpha : float, default 1e-4
    beta : float, default 0.75
    k : float, default 1.0

    Raises
    ------
    ValueError
        For a size below 1, and for input without channels.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.LocalResponseNorm(5)(pydl.ones((2, 8, 3, 3))).shape
    (2, 8, 3, 3)
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        if size < 1:
            raise ValueError(f"LocalResponseNorm: expected a size of at least 1, got {size}")
        self.size, self.alpha, self.beta, self.k = size, alpha, beta, k

    def forward(self, x: Tensor) -> Tensor:
        return _core.nn.local_response_norm(x, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
