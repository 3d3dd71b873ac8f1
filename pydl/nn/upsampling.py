"""Layers that change the number of pixels: up-sampling, and pixels in exchange for channels."""

from __future__ import annotations

from collections.abc import Sequence

from pydl._core import Tensor
from pydl.nn import functional
from pydl.nn.module import Module

Sizes = int | Sequence[int]
Factors = float | Sequence[float]


class Upsample(Module):
    """Resize the spatial axes of (N, C, L), (N, C, H, W) or (N, C, D, H, W).

    Parameters
    ----------
    size : int or sequence of int, optional
        Spatial sizes of the result.
    scale_factor : float or sequence of float, optional
        Instead of `size`: by how much each axis grows; sizes are rounded down.
    mode : {"nearest", "linear", "bilinear", "trilinear", "bicubic", "area"}, default "nearest"
        See `pydl.nn.functional.interpolate`.
    align_corners : bool, optional
        For linear and cubic modes: whether the centres of the corners coincide.

    Raises
    ------
    ValueError
        When called with a shape that does not suit the mode, or with neither or both of `size` and
        `scale_factor`.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Upsample(scale_factor=2, mode="bilinear")(pydl.zeros((8, 3, 16, 16))).shape
    (8, 3, 32, 32)
    """

    def __init__(
        self,
        size: Sizes | None = None,
        scale_factor: Factors | None = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
    ) -> None:
        super().__init__()
        self.size, self.scale_factor = size, scale_factor
        self.mode, self.align_corners = mode, align_corners

    def forward(self, x: Tensor) -> Tensor:
        return functional.interpolate(
            x, self.size, self.scale_factor, self.mode, self.align_corners
        )

    def extra_repr(self) -> str:
        given = f"size={self.size}"
        if self.scale_factor is not None:
            given = f"scale_factor={self.scale_factor}"
        return f"{given}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Resize (N, C, H, W) by repeating pixels: `Upsample` in mode "nearest".

    Parameters
    ----------
    size : int or tuple of int, optional
        Height and width of the result.
    scale_factor : float or tuple of float, optional
        Instead of `size`: by how much height and width grow; sizes are rounded down.

    Raises
    ------
    ValueError
        When called with another number of axes, or with neither or both of `size` and
        `scale_factor`.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.UpsamplingNearest2d(scale_factor=2)(pydl.zeros((8, 3, 16, 16))).shape
    (8, 3, 32, 32)
    """

    def __init__(self, size: Sizes | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor, "nearest")


class UpsamplingBilinear2d(Upsample):
    """Resize (N, C, H, W) linearly, with corners aligned: `Upsample` in mode "bilinear".

    Parameters
    ----------
    size : int or tuple of int, optional
        Height and width of the result.
    scale_factor : float or tuple of float, optional
        Instead of `size`: by how much height and width grow; sizes are rounded down.

    Raises
    ------
    ValueError
        When called with another number of axes, or with neither or both of `size` and
        `scale_factor`.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.UpsamplingBilinear2d(size=(5, 3))(pydl.zeros((8, 3, 16, 16))).shape
    (8, 3, 5, 3)
    """

    def __init__(self, size: Sizes | None = None, scale_factor: Factors | None = None) -> None:
        super().__init__(size, scale_factor, "bilinear", align_corners=True)


class PixelShuffle(Module):
    """Channels become pixels: (..., C * r * r, H, W) to (..., C, H * r, W * r) (Shi et al., 2016).

    Parameters
    ----------
    upscale_factor : int
        The factor r.

    Raises
    ------
    ValueError
        When the channels cannot be divided by r * r.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.PixelShuffle(2)(pydl.zeros((8, 12, 5, 5))).shape
    (8, 3, 10, 10)
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        if upscale_factor < 1:
            raise ValueError(
                f"PixelShuffle: expected upscale_factor of at least 1, got {upscale_factor}"
            )
        self.upscale_factor = upscale_factor

    def forward(self, x: Tensor) -> Tensor:
        return functional.pixel_shuffle(x, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """Pixels become channels: the inverse of `PixelShuffle`.

    Parameters
    ----------
    downscale_factor : int
        The factor r of (..., C, H * r, W * r) to (..., C * r * r, H, W).

    Raises
    ------
    ValueError
        When height or width cannot be divided by r.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.PixelUnshuffle(2)(pydl.zeros((8, 3, 10, 10))).shape
    (8, 12, 5, 5)
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        if downscale_factor < 1:
            raise ValueError(
                f"PixelUnshuffle: expected downscale_factor of at least 1, got {downscale_factor}"
            )
        self.downscale_factor = downscale_factor

    def forward(self, x: Tensor) -> Tensor:
        return functional.pixel_unshuffle(x, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Mix the channels of groups: (N, C, ...) in the order of a transposed (groups, C / groups).

    Between grouped convolutions, it lets each group see all the others (Zhang et al., 2018).

    Parameters
    ----------
    groups : int
        Number of groups.

    Raises
    ------
    ValueError
        When the channels cannot be divided into the groups.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ChannelShuffle(2)(pydl.arange(4).reshape(1, 4, 1)).flatten().tolist()
    [0, 2, 1, 3]
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        if groups < 1:
            raise ValueError(f"ChannelShuffle: expected groups of at least 1, got {groups}")
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        return functional.channel_shuffle(x, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
