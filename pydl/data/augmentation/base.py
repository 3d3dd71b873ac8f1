"""Augment: a list of random changes, applied to whole batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pydl._core import Tensor, asarray, randint
from pydl.data import _augmentation as kernels

if TYPE_CHECKING:
    import numpy.typing as npt

Layout = Literal["NHW", "NHWC", "NCHW"]

# Draws that one augmentation may make before it would meet the numbers of the next one.
_CALLS_PER_STEP = 256
_CHANNELS = (1, 2, 3, 4)


class Draws:
    """Random numbers of one augmentation for one batch: those of a sample depend on no other.

    They follow from the seed, the epoch, the number of the augmentation in its list and the number
    of the sample, and from how many draws were made before.

    Parameters
    ----------
    seed, epoch, step : int
        Seed, number of the pass over the data, number of the augmentation.
    indices : numpy.ndarray
        Numbers of the batch's samples, int64 (N,).

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data.augmentation import Draws
    >>> both = Draws(0, 0, 0, np.array([3, 8])).uniform(1)
    >>> bool(both[1, 0] == Draws(0, 0, 0, np.array([8])).uniform(1)[0, 0])
    True
    """

    def __init__(self, seed: int, epoch: int, step: int, indices: npt.NDArray[np.int64]) -> None:
        self._key = (seed % 2**64, epoch % 2**32)
        self._next = step * _CALLS_PER_STEP
        self._indices = np.ascontiguousarray(indices, np.int64)

    def __len__(self) -> int:
        return self._indices.size

    def _stream(self) -> int:
        self._next += 1
        return self._next - 1

    def uniform(self, count: int) -> npt.NDArray[np.float64]:
        """Draw `count` numbers in [0, 1) per sample, float64 (N, count)."""
        out = np.empty((len(self), count))
        kernels.uniform(*self._key, self._stream(), self._indices, out)
        return out

    def chosen(self, p: float) -> npt.NDArray[np.bool_]:
        """Choose each sample with probability `p`, bool (N,)."""
        below: npt.NDArray[np.bool_] = self.uniform(1)[:, 0] < p
        return below

    def beta(self, alpha: float) -> npt.NDArray[np.float64]:
        """Draw from Beta(alpha, alpha) per sample, float64 (N,)."""
        out = np.empty(len(self))
        kernels.beta(*self._key, self._stream(), self._indices, alpha, out)
        return out


class Augmentation:
    """Base of augmentations: `apply` changes a batch.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, Augmentation
    >>> class Invert(Augmentation):
    ...     def apply(self, images, labels, draws):
    ...         chosen = draws.chosen(0.5)[:, None, None, None]
    ...         return np.where(chosen, 255 - images, images), labels
    >>> augment = Augment([Invert()], seed=0)
    >>> images, _ = augment(np.zeros((8, 5, 5, 3), np.uint8))
    >>> np.unique(images).tolist()
    [0, 255]
    """

    # Layout of the result where it is not that of the batch.
    layout: Layout | None = None

    def apply(
        self, images: npt.NDArray[Any], labels: npt.NDArray[Any] | None, draws: Draws
    ) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
        """Change a batch; what is given stays as it is.

        Parameters
        ----------
        images : numpy.ndarray
            uint8 or float32 (N, H, W, C), of any strides: (N, C, H, W) arrays are seen so.
        labels : numpy.ndarray or None
            What was given with the images.
        draws : Draws
            Source of random numbers.

        Returns
        -------
        images, labels
            Of the same axes.
        """
        raise NotImplementedError(f"{type(self).__name__} does not define apply()")


class Augment:
    """Apply augmentations one after the other to batches of images.

    The numbers drawn for a sample follow from the seed, the epoch, the sample's number and the
    place in the list: not from threads, from the size of batches, or from what came before. (Mixup
    and CutMix choose partners within a batch, so their results depend on what is in it.) Pixels
    are computed without the interpreter lock.

    Parameters
    ----------
    augmentations : sequence of Augmentation
        Applied in this order.
    seed : int, optional
        For the same numbers each time; by default the default generator chooses it.
    layout : {"NHWC", "NCHW"}, optional
        Order of the axes of images of rank 4; by default the channels are the axis, of the second
        and the last, that has at most 4 elements.

    Raises
    ------
    TypeError
        For something that is no Augmentation; when called, for dtypes but uint8 and float32.
    ValueError
        For an unknown layout; when called, for images that are not (N, H, W), (N, H, W, C) or
        (N, C, H, W), labels or indices of another number, and a layout that is not clear.

    Examples
    --------
    >>> import numpy as np
    >>> from pydl.data import Augment, DataLoader, RandomCrop, RandomFlip, ToFloat
    >>> images, labels = np.zeros((6, 32, 32, 3), np.uint8), np.arange(6)
    >>> augment = Augment([RandomCrop(32, padding=4), RandomFlip(), ToFloat()], seed=0)
    >>> x, y = augment(images, labels)
    >>> x.shape, x.dtype.name
    ((6, 3, 32, 32), 'float32')

    In a loader it runs in the background; each pass draws its own numbers:

    >>> for x, y in DataLoader((images, labels), 4, shuffle=True, seed=0, augment=augment):
    ...     print(x.shape)
    (4, 3, 32, 32)
    (2, 3, 32, 32)
    """

    def __init__(
        self,
        augmentations: Sequence[Augmentation],
        seed: int | None = None,
        *,
        layout: Literal["NHWC", "NCHW"] | None = None,
    ) -> None:
        self.augmentations = tuple(augmentations)
        for step in self.augmentations:
            if not isinstance(step, Augmentation):
                given = step.__name__ if isinstance(step, type) else type(step).__name__
                raise TypeError(f"Augment: expected instances of Augmentation, got {given}")
        if layout not in (None, "NHWC", "NCHW"):
            raise ValueError(f"Augment: expected layout NHWC, NCHW or None, got {layout!r}")
        self.layout = layout
        self.seed = int(randint(0, 2**53, ())) if seed is None else int(seed)

    def __repr__(self) -> str:
        names = ", ".join(type(step).__name__ for step in self.augmentations)
        return f"Augment([{names}], seed={self.seed})"

    def __call__(
        self,
        images: Tensor | npt.NDArray[Any],
        labels: Any = None,
        *,
        indices: npt.NDArray[np.integer[Any]] | Sequence[int] | None = None,
        epoch: int = 0,
    ) -> tuple[Any, Any]:
        """Change a batch.

        Parameters
        ----------
        images : Tensor or numpy.ndarray
            uint8 or float32 of shape (N, H, W), (N, H, W, C) or (N, C, H, W). Bytes lie in
            [0, 255]; floats in [0, 1] where colours are changed.
        labels : Tensor or numpy.ndarray, optional
            Shape (N, ...); only mixtures look at them.
        indices : sequence of int, optional
            Numbers of the samples; by default 0 to N - 1.
        epoch : int, default 0
            Number of the pass over the data. The same numbers give the same images.

        Returns
        -------
        images, labels
            Tensors where tensors were given, else arrays; the layout stays unless an augmentation,
            such as `ToFloat`, says otherwise.
        """
        pixels = np.asarray(images)
        layout = _layout(pixels, self.layout)
        if pixels.dtype not in (np.uint8, np.float32):
            raise TypeError(f"Augment: expected uint8 or float32 images, got {pixels.dtype.name}")
        count = pixels.shape[0]
        numbers = np.arange(count) if indices is None else np.asarray(indices)
        if numbers.shape != (count,):
            raise ValueError(f"Augment: expected {count} indices, got shape {numbers.shape}")
        targets = None if labels is None else np.asarray(labels)
        if targets is not None and targets.shape[:1] != (count,):
            raise ValueError(f"Augment: expected {count} labels, got shape {targets.shape}")
        view, changed = _to_nhwc(pixels, layout), targets
        for place, step in enumerate(self.augmentations):
            draws = Draws(self.seed, epoch, place, numbers)
            view, changed = step.apply(view, changed, draws)
            layout = step.layout or layout
        result = np.ascontiguousarray(_from_nhwc(view, layout))
        if changed is not targets:
            labels = asarray(changed) if isinstance(labels, Tensor) else changed
        return asarray(result) if isinstance(images, Tensor) else result, labels


def _layout(images: npt.NDArray[Any], given: Literal["NHWC", "NCHW"] | None) -> Layout:
    if images.ndim == 3:
        return "NHW"
    if images.ndim != 4:
        raise ValueError(
            "Augment: expected images (N, H, W), (N, H, W, C) or (N, C, H, W), "
            f"got shape {images.shape}"
        )
    if given is not None:
        return given
    first, last = images.shape[1] in _CHANNELS, images.shape[3] in _CHANNELS
    if first == last:
        raise ValueError(
            f"Augment: which axis of shape {images.shape} are the channels is not clear; "
            "give layout='NHWC' or 'NCHW'"
        )
    return "NCHW" if first else "NHWC"


def _to_nhwc(images: npt.NDArray[Any], layout: Layout) -> npt.NDArray[Any]:
    if layout == "NHW":
        return images[..., None]
    return images.transpose(0, 2, 3, 1) if layout == "NCHW" else images


def _from_nhwc(images: npt.NDArray[Any], layout: Layout) -> npt.NDArray[Any]:
    if layout == "NHW":
        return images[..., 0]
    return images.transpose(0, 3, 1, 2) if layout == "NCHW" else images


def empty_images(images: npt.NDArray[Any], size: tuple[int, int] | None = None) -> npt.NDArray[Any]:
    """Make an array (N, H, W, C) for results, in memory ordered as the given (N, H, W, C) view."""
    count, height, width, channels = images.shape
    height, width = (height, width) if size is None else size
    planar = images.strides[3] > images.strides[2]
    shape = (count, channels, height, width) if planar else (count, height, width, channels)
    out: npt.NDArray[Any] = np.empty(shape, images.dtype)
    return _to_nhwc(out, "NCHW" if planar else "NHWC")


def probability(owner: object, name: str, value: float) -> float:
    """Check a probability.

    Raises
    ------
    ValueError
        For one outside [0, 1].
    """
    if not 0.0 <= value <= 1.0:
        raise ValueError(f"{type(owner).__name__}: expected {name} in [0, 1], got {value}")
    return float(value)


def interval(
    owner: object, name: str, value: Sequence[float], least: float, most: float = np.inf
) -> tuple[float, float]:
    """Check a pair (low, high) of finite numbers, both at least `least` and at most `most`.

    Raises
    ------
    ValueError
        For another number of numbers, and numbers that are not so.
    """
    pair = tuple(float(number) for number in value)
    if len(pair) != 2 or not least <= pair[0] <= pair[1] <= most or not np.isfinite(pair).all():
        limits = f"{least:g} <= low <= high" + ("" if most == np.inf else f" <= {most:g}")
        raise ValueError(
            f"{type(owner).__name__}: expected {name} (low, high), {limits}; got {value}"
        )
    return pair[0], pair[1]


def size_pair(owner: object, size: int | Sequence[int]) -> tuple[int, int]:
    """Check a size: a number for squares, or (height, width).

    Raises
    ------
    ValueError
        For other things, and sizes below 1.
    """
    pair = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(pair) != 2 or not all(isinstance(part, int) and part >= 1 for part in pair):
        raise ValueError(
            f"{type(owner).__name__}: expected a size of at least 1, or (height, width), got {size}"
        )
    return pair[0], pair[1]
