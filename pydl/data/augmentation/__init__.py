"""Augmentation of image batches: seeded, in Cython, without the interpreter lock."""

from pydl._checked_calls import check_public
from pydl.data.augmentation.base import Augment, Augmentation, Draws
from pydl.data.augmentation.color import ColorJitter, ToFloat
from pydl.data.augmentation.geometric import (
    RandomCrop,
    RandomFlip,
    RandomResizedCrop,
    RandomRotation,
    RandomShift,
    RandomZoom,
)
from pydl.data.augmentation.mixing import CutMix, Cutout, Mixup, RandomErasing

__all__ = [
    "Augment",
    "Augmentation",
    "ColorJitter",
    "CutMix",
    "Cutout",
    "Draws",
    "Mixup",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomShift",
    "RandomZoom",
    "ToFloat",
]

check_public(globals())
