"""Colours, and the conversion to what networks take."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl.data import _augmentation as kernels
from pydl.data.augmentation.base import Augmentation, Draws, Layout

if TYPE_CHECKING:
    import numpy.typing as npt


class ColorJitter(Augmentation):
    """Change brightness, contrast, saturation and hue by chance, in this order.

    Values are clipped to [0, 255] (uint8) or [0, 1] (float32): put it before a normalisation.

    Parameters
    ----------
    brightness, contrast, saturation : float, default 0.0
        Strength s: a factor is drawn from [max(0, 1 - s), 1 + s]. It multiplies the values, their
        distance from the image's mean grey, and their distance from the pixel's grey.
    hue : float, default 0.0
        The hue is turned by a part of the circle from [-hue, hue], at most 0.5.

    Raises
    ------
    ValueError
        For negative strengths, a hue above 0.5, images of other than 1 or 3 channels, and for
        saturation or hue of images of one channel.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, ColorJitter
    >>> augment = Augment([ColorJitter(0.4, 0.4, 0.4, 0.1)], seed=0)
    >>> augment(np.full((2, 8, 8, 3), 100, np.uint8))[0].shape
    (2, 8, 8, 3)
    """

    def __init__(
        self,
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        hue: float = 0.0,
    ) -> None:
        strengths = {"brightness": brightness, "contrast": contrast, "saturation": saturation}
        for name, value in strengths.items():
            if not 0.0 <= value < np.inf:
                raise ValueError(f"ColorJitter: expected {name} of at least 0, got {value}")
        if not 0.0 <= hue <= 0.5:
            raise ValueError(f"ColorJitter: expected hue in [0, 0.5], got {hue}")
        self.strengths = (float(brightness), float(contrast), float(saturation))
        self.hue = float(hue)

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        channels = images.shape[3]
        colours = self.strengths[2] > 0 or self.hue > 0
        if channels != 3 and (channels != 1 or colours):
            raise ValueError(
                f"ColorJitter: expected 3 channels{'' if colours else ' or 1'}, got {channels}"
            )
        high = 1.0 + np.array([*self.strengths, self.hue])
        low = np.maximum(2.0 - high, 0.0)
        factors = low + (high - low) * draws.uniform(4)
        factors[:, 3] -= 1.0
        out = np.empty_like(images)
        kernels.color_jitter(images, out, factors)
        return out, labels


class ToFloat(Augmentation):
    """Make what networks take of images: float32 (N, C, H, W), in [0, 1] or normalised.

    Bytes are divided by 255; then `(value - mean) / std` for each channel. It draws nothing, so it
    serves for validation data, too.

    Parameters
    ----------
    mean, std : float or sequence of float, optional
        Of each channel, of values in [0, 1].

    Raises
    ------
    ValueError
        For std that is not positive, or another number of channels than the images have.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, ToFloat
    >>> x, _ = Augment([ToFloat(mean=0.5, std=0.5)])(np.full((1, 8, 8, 3), 255, np.uint8))
    >>> x.shape, float(x.max())
    ((1, 3, 8, 8), 1.0)
    """

    layout: Layout | None = "NCHW"

    def __init__(
        self, mean: float | Sequence[float] = 0.0, std: float | Sequence[float] = 1.0
    ) -> None:
        self.mean, self.std = (np.atleast_1d(np.asarray(v, np.float64)) for v in (mean, std))
        if not (self.std > 0).all():
            raise ValueError(f"ToFloat: expected std above 0, got {std}")

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        count, height, width, channels = images.shape
        for name, values in (("mean", self.mean), ("std", self.std)):
            if values.shape not in ((1,), (channels,)):
                raise ValueError(
                    f"ToFloat: expected a number for each of {channels} channels as {name}, "
                    f"got {values.size}"
                )
        unit = 255.0 if images.dtype == np.uint8 else 1.0
        factor = np.broadcast_to(1.0 / (unit * self.std), channels).copy()
        offset = np.broadcast_to(-self.mean / self.std, channels).copy()
        out = np.empty((count, channels, height, width), np.float32).transpose(0, 2, 3, 1)
        kernels.scale(images, out, factor, offset)
        return out, labels
