"""Erased parts of images, and mixtures of two images with their labels."""

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
from pydl.data.augmentation.geometric import random_boxes

if TYPE_CHECKING:
    import numpy.typing as npt


class Cutout(Augmentation):
    """Overwrite a square at a random position (DeVries and Taylor, 2017).

    Its centre is any pixel: what reaches over the image's edge is left out.

    Parameters
    ----------
    size : int or (int, int)
        Height and width of the square.
    p : float, default 1.0
        Probability for each image.
    fill : float, default 0.0
        What is written, in the images' unit.

    Raises
    ------
    ValueError
        For sizes below 1 and a probability outside [0, 1].

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, Cutout
    >>> images, _ = Augment([Cutout(3)], seed=0)(np.ones((1, 32, 32), np.float32))
    >>> int((images == 0).sum())
    9
    """

    def __init__(self, size: int | Sequence[int], p: float = 1.0, *, fill: float = 0.0) -> None:
        self.size = size_pair(self, size)
        self.p, self.fill = probability(self, "p", p), float(fill)

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        size = np.array(self.size)
        centre = np.floor(draws.uniform(2) * images.shape[1:3]).astype(np.int64)
        boxes = _boxes(centre - size // 2, size)
        return _erased(images, boxes, draws.chosen(self.p), self.fill), labels


class RandomErasing(Augmentation):
    """Overwrite a box of random area and shape (Zhong et al., 2017).

    Parameters
    ----------
    p : float, default 0.5
        Probability for each image.
    scale : (float, float), default (0.02, 0.33)
        Range of the box's area, in areas of the image.
    ratio : (float, float), default (0.3, 3.3)
        Range of the box's width by its height, uniform in the logarithm. A box that is longer than
        the image is cut to it.
    fill : float, default 0.0
        What is written, in the images' unit.

    Raises
    ------
    ValueError
        For a probability outside [0, 1] and ranges that are none.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, RandomErasing
    >>> erase = RandomErasing(1.0, scale=(0.25, 0.25), ratio=(1, 1))
    >>> float(Augment([erase], seed=0)(np.ones((1, 8, 8), np.float32))[0].mean())
    0.75
    """

    def __init__(
        self,
        p: float = 0.5,
        scale: Sequence[float] = (0.02, 0.33),
        ratio: Sequence[float] = (0.3, 3.3),
        *,
        fill: float = 0.0,
    ) -> None:
        self.p, self.fill = probability(self, "p", p), float(fill)
        self.scale = interval(self, "scale", scale, 1e-6, 1.0)
        self.ratio = interval(self, "ratio", ratio, 0.01, 100.0)

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        boxes = _boxes(*random_boxes(images, draws, self.scale, self.ratio))
        return _erased(images, boxes, draws.chosen(self.p), self.fill), labels


class _Mixing(Augmentation):
    """What Mixup and CutMix share: their arguments, partners and soft labels."""

    def __init__(self, alpha: float = 1.0, *, classes: int | None = None, p: float = 1.0) -> None:
        if not 0.0 < alpha < np.inf:
            raise ValueError(f"{type(self).__name__}: expected alpha above 0, got {alpha}")
        if classes is not None and classes < 1:
            raise ValueError(
                f"{type(self).__name__}: expected classes of at least 1, got {classes}"
            )
        self.alpha, self.classes = float(alpha), classes
        self.p = probability(self, "p", p)

    def _drawn(self, draws: Draws) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
        """Draw each image's own weight, and its partner: the next one around a random circle."""
        weight = np.where(draws.chosen(self.p), draws.beta(self.alpha), 1.0)
        circle = np.argsort(draws.uniform(1)[:, 0], kind="stable")
        partner = np.empty_like(circle)
        partner[circle] = np.roll(circle, -1)
        return weight, partner

    def _mixed(
        self,
        labels: npt.NDArray[Any] | None,
        weight: npt.NDArray[np.float64],
        partner: npt.NDArray[np.int64],
    ) -> npt.NDArray[np.float32]:
        own = self._soft(labels)
        part = weight.astype(np.float32)[:, None]
        return own * part + own[partner] * (1 - part)

    def _soft(self, labels: npt.NDArray[Any] | None) -> npt.NDArray[np.float32]:
        """Class probabilities (N, K) of labels."""
        name = type(self).__name__
        if labels is None:
            raise ValueError(f"{name}: expected labels with the images, got none")
        if labels.ndim == 2 and labels.dtype.kind == "f":
            return labels.astype(np.float32)
        if labels.ndim != 1 or labels.dtype.kind not in "iu":
            raise ValueError(
                f"{name}: expected labels of integers (N,) or probabilities (N, K), "
                f"got {labels.dtype.name} of shape {labels.shape}"
            )
        if self.classes is None:
            raise ValueError(f"{name}: expected the argument classes for labels of integers")
        if labels.size and not (labels.min() >= 0 and labels.max() < self.classes):
            raise ValueError(
                f"{name}: expected labels from 0 to {self.classes - 1}, "
                f"got {labels.min()} to {labels.max()}"
            )
        soft = np.zeros((labels.size, self.classes), np.float32)
        soft[np.arange(labels.size), labels] = 1.0
        return soft


class Mixup(_Mixing):
    """Blend each image, and its label, with another one of the batch (Zhang et al., 2018).

    Labels become class probabilities, float32 (N, classes), which `cross_entropy` takes.

    Parameters
    ----------
    alpha : float, default 1.0
        The image's own weight is drawn from Beta(alpha, alpha); small ones blend little.
    classes : int, optional
        Number of classes; not needed where labels are probabilities (N, K) already.
    p : float, default 1.0
        Probability for each image.

    Raises
    ------
    ValueError
        For alpha that is not positive, a probability outside [0, 1], and labels that are neither
        integers of `classes` nor probabilities.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, Mixup
    >>> images = np.stack([np.zeros((4, 4)), np.ones((4, 4))]).astype(np.float32)
    >>> x, y = Augment([Mixup(classes=2)], seed=0)(images, np.array([0, 1]))
    >>> bool(np.allclose(x[:, 0, 0], y[:, 1])), y.sum(axis=1).tolist()
    (True, [1.0, 1.0])
    """

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        weight, partner = self._drawn(draws)
        soft = self._mixed(labels, weight, partner)
        out = np.empty_like(images)
        kernels.blend(images, out, partner, weight)
        return out, soft


class CutMix(_Mixing):
    """Replace a box of each image by that of another one of the batch (Yun et al., 2019).

    Labels become class probabilities, float32 (N, classes), by the area that each image has.

    Parameters
    ----------
    alpha : float, default 1.0
        The image's own part of the area is drawn from Beta(alpha, alpha). A box that reaches over
        the edge is cut, and counts as large as it is then.
    classes : int, optional
        Number of classes; not needed where labels are probabilities (N, K) already.
    p : float, default 1.0
        Probability for each image.

    Raises
    ------
    ValueError
        As for `Mixup`.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, CutMix
    >>> images = np.stack([np.zeros((8, 8)), np.ones((8, 8))]).astype(np.float32)
    >>> x, y = Augment([CutMix(classes=2)], seed=0)(images, np.array([0, 1]))
    >>> bool(np.allclose(x.mean(axis=(1, 2)), y[:, 1]))
    True
    """

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        weight, partner = self._drawn(draws)
        size = np.array(images.shape[1:3])
        lengths = np.rint(size * np.sqrt(1.0 - weight)[:, None]).astype(np.int64)
        centre = np.floor(draws.uniform(2) * size).astype(np.int64)
        boxes = np.clip(_boxes(centre - lengths // 2, lengths), 0, np.repeat(size, 2))
        area = (boxes[:, 1] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 2])
        soft = self._mixed(labels, 1.0 - area / max(int(size.prod()), 1), partner)
        out = np.empty_like(images)
        kernels.paste_boxes(images, out, partner, boxes)
        return out, soft


def _boxes(origin: npt.NDArray[np.int64], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Join (top, left) and (height, width) to (top, bottom, left, right), int64 (N, 4)."""
    end = origin + lengths
    return np.stack([origin[:, 0], end[:, 0], origin[:, 1], end[:, 1]], axis=1)


def _erased(
    images: npt.NDArray[Any],
    boxes: npt.NDArray[np.int64],
    chosen: npt.NDArray[np.bool_],
    fill: float,
) -> npt.NDArray[Any]:
    out = empty_images(images)
    out[...] = images
    kernels.fill_boxes(out, np.where(chosen[:, None], boxes, 0), fill)
    return out
