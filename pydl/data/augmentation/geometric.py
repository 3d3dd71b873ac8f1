"""Crops, mirrors, rotations, shifts and zooms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl.data import _augmentation as kernels
from pydl.data.augmentation.base import (
    Augmentation,
    Draws,
    empty_images,
    interval,
    probability,
    size_pair,
)

if TYPE_CHECKING:
    import numpy.typing as npt


class RandomCrop(Augmentation):
    """Cut out a window at a random position, after adding a border.

    Parameters
    ----------
    size : int or (int, int)
        Height and width of the result.
    padding : int, default 0
        Width of the border on each side.
    fill : float, default 0.0
        Value of the border, in the images' unit.

    Raises
    ------
    ValueError
        For sizes below 1, a negative padding, and images smaller than the window.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, RandomCrop
    >>> Augment([RandomCrop(24)], seed=0)(np.zeros((2, 32, 32, 3), np.uint8))[0].shape
    (2, 24, 24, 3)
    """

    def __init__(self, size: int | Sequence[int], padding: int = 0, *, fill: float = 0.0) -> None:
        self.size = size_pair(self, size)
        if padding < 0:
            raise ValueError(f"RandomCrop: expected padding of at least 0, got {padding}")
        self.padding, self.fill = padding, float(fill)

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        places = np.array(images.shape[1:3]) + 2 * self.padding - self.size + 1
        if places.min() < 1:
            raise ValueError(
                f"RandomCrop: expected images of at least {self.size} with their padding, "
                f"got {images.shape[1:3]} and padding {self.padding}"
            )
        origin = np.floor(draws.uniform(2) * places).astype(np.int64) - self.padding
        out = empty_images(images, self.size)
        kernels.window(images, out, origin, np.zeros((len(draws), 2), np.uint8), self.fill)
        return out, labels


class RandomFlip(Augmentation):
    """Mirror images left-right, up-down, or both, by chance.

    Parameters
    ----------
    horizontal, vertical : float, default 0.5 and 0.0
        Probabilities of left-right and of up-down.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, RandomFlip
    >>> images = np.arange(3, dtype=np.uint8).reshape(1, 1, 3)
    >>> Augment([RandomFlip(1.0)], seed=0)(images)[0].tolist()
    [[[2, 1, 0]]]
    """

    def __init__(self, horizontal: float = 0.5, vertical: float = 0.0) -> None:
        self.horizontal = probability(self, "horizontal", horizontal)
        self.vertical = probability(self, "vertical", vertical)

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        flip = (draws.uniform(2) < (self.vertical, self.horizontal)).astype(np.uint8)
        out = empty_images(images)
        kernels.window(images, out, np.zeros((len(draws), 2), np.int64), flip, 0.0)
        return out, labels


class RandomShift(Augmentation):
    """Move images by whole pixels.

    Parameters
    ----------
    vertical, horizontal : float, default 0.1
        Farthest way up or down and left or right, as parts of height and width.
    fill : float, default 0.0
        What comes in from outside, in the images' unit.

    Raises
    ------
    ValueError
        For parts outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, RandomShift
    >>> Augment([RandomShift(0.2, 0.2)], seed=0)(np.zeros((2, 28, 28), np.float32))[0].shape
    (2, 28, 28)
    """

    def __init__(
        self, vertical: float = 0.1, horizontal: float = 0.1, *, fill: float = 0.0
    ) -> None:
        self.vertical = probability(self, "vertical", vertical)
        self.horizontal = probability(self, "horizontal", horizontal)
        self.fill = float(fill)

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        _, height, width, _ = images.shape
        farthest = np.array([self.vertical * height, self.horizontal * width])
        origin = np.rint((2.0 * draws.uniform(2) - 1.0) * farthest).astype(np.int64)
        out = empty_images(images)
        kernels.window(images, out, origin, np.zeros((len(draws), 2), np.uint8), self.fill)
        return out, labels


class RandomRotation(Augmentation):
    """Rotate images about their centre; pixels are interpolated bilinearly.

    Parameters
    ----------
    degrees : float or (float, float)
        The angle is drawn from [-degrees, degrees] or [low, high]; counter-clockwise is positive.
    fill : float, default 0.0
        What lies outside, in the images' unit.

    Raises
    ------
    ValueError
        For a negative number or a pair in the wrong order.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, RandomRotation
    >>> images = np.array([[[1, 2], [3, 4]]], np.uint8)
    >>> Augment([RandomRotation((90, 90))], seed=0)(images)[0].tolist()
    [[[2, 4], [1, 3]]]
    """

    def __init__(self, degrees: float | Sequence[float], *, fill: float = 0.0) -> None:
        if isinstance(degrees, (int, float)):
            if degrees < 0:
                raise ValueError(f"RandomRotation: expected degrees of at least 0, got {degrees}")
            degrees = (-degrees, degrees)
        self.degrees = interval(self, "degrees", degrees, -np.inf)
        self.fill = float(fill)

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        low, high = self.degrees
        angle = np.deg2rad(low + (high - low) * draws.uniform(1)[:, 0])
        cos, sin = np.cos(angle), np.sin(angle)
        return _about_centre(images, (cos, sin, -sin, cos), self.fill), labels


class RandomZoom(Augmentation):
    """Magnify or reduce images about their centre; pixels are interpolated bilinearly.

    Parameters
    ----------
    factor : (float, float), default (0.8, 1.25)
        The factor is drawn from this range, uniformly in its logarithm; above 1 things get larger
        and their borders are lost, below 1 there is `fill` around them.
    fill : float, default 0.0
        What lies outside, in the images' unit.

    Raises
    ------
    ValueError
        For factors outside [0.01, 100] or in the wrong order.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, RandomZoom
    >>> zoomed, _ = Augment([RandomZoom((2, 2))], seed=0)(np.eye(4, dtype=np.float32)[None])
    >>> zoomed.shape
    (1, 4, 4)
    """

    def __init__(self, factor: Sequence[float] = (0.8, 1.25), *, fill: float = 0.0) -> None:
        self.factor = interval(self, "factor", factor, 0.01, 100.0)
        self.fill = float(fill)

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        step = 1.0 / _log_uniform(self.factor, draws.uniform(1)[:, 0])
        nothing = np.zeros_like(step)
        return _about_centre(images, (step, nothing, nothing, step), self.fill), labels


class RandomResizedCrop(Augmentation):
    """Cut out a part of random area and shape and resize it, as is usual for ImageNet.

    Resizing is bilinear, with antialiasing where it reduces, as Pillow's.

    Parameters
    ----------
    size : int or (int, int)
        Height and width of the result.
    scale : (float, float), default (0.08, 1.0)
        Range of the part's area, in areas of the image.
    ratio : (float, float), default (3/4, 4/3)
        Range of the part's width by its height, uniform in the logarithm. A part that is longer
        than the image is cut to it.

    Raises
    ------
    ValueError
        For sizes below 1 and ranges that are none.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, RandomResizedCrop
    >>> Augment([RandomResizedCrop(224)], seed=0)(np.zeros((2, 256, 256, 3), np.uint8))[0].shape
    (2, 224, 224, 3)
    """

    def __init__(
        self,
        size: int | Sequence[int],
        scale: Sequence[float] = (0.08, 1.0),
        ratio: Sequence[float] = (3 / 4, 4 / 3),
    ) -> None:
        self.size = size_pair(self, size)
        self.scale = interval(self, "scale", scale, 1e-6, 1.0)
        self.ratio = interval(self, "ratio", ratio, 0.01, 100.0)

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        out = empty_images(images, self.size)
        whole, lengths = random_boxes(images, draws, self.scale, self.ratio)
        boxes = np.concatenate([whole, lengths], axis=1).astype(np.float64)
        kernels.resized_crop(images, out, boxes)
        return out, labels


def random_boxes(
    images: npt.NDArray[Any],
    draws: Draws,
    scale: tuple[float, float],
    ratio: tuple[float, float],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Draw boxes of whole pixels by area and shape: (top, left) and (height, width), (N, 2)."""
    size = np.array(images.shape[1:3])
    u = draws.uniform(4)
    area = (scale[0] + (scale[1] - scale[0]) * u[:, 0]) * size.prod()
    shape = _log_uniform(ratio, u[:, 1])
    lengths = np.rint(np.sqrt(np.stack([area / shape, area * shape], axis=1)))
    lengths = np.clip(lengths, 1, size).astype(np.int64)
    origin = np.floor(u[:, 2:] * (size - lengths + 1)).astype(np.int64)
    return origin, lengths


def _log_uniform(
    limits: tuple[float, float], u: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    low, high = np.log(limits)
    drawn: npt.NDArray[np.float64] = np.exp(low + (high - low) * u)
    return drawn


def _about_centre(
    images: npt.NDArray[Any], linear: Sequence[npt.NDArray[np.float64]], fill: float
) -> npt.NDArray[Any]:
    """Read position p of the result at centre + linear (p - centre)."""
    a, b, d, e = linear
    cy, cx = (images.shape[1] - 1) / 2, (images.shape[2] - 1) / 2
    rows = [a, b, cy - a * cy - b * cx, d, e, cx - d * cy - e * cx]
    out = empty_images(images)
    kernels.affine(images, out, np.stack(rows, axis=1), fill)
    return out
