"""Datasets, images, series, augmentation, and batches of them."""

from typing import TYPE_CHECKING

from pydl._checked_calls import check_public
from pydl._later import import_later
from pydl.data.dataset import Dataset, Subset, TensorDataset, random_split, stratified_split
from pydl.data.loader import DataLoader

if TYPE_CHECKING:
    from pydl.data.augmentation import (
        Augment,
        Augmentation,
        ColorJitter,
        CutMix,
        Cutout,
        Mixup,
        RandomCrop,
        RandomErasing,
        RandomFlip,
        RandomResizedCrop,
        RandomRotation,
        RandomShift,
        RandomZoom,
        ToFloat,
    )
    from pydl.data.folder import ImageFolder
    from pydl.data.image import (
        IMAGENET_MEAN,
        IMAGENET_STD,
        center_crop,
        load_image,
        normalize,
        preprocess,
        resize,
        to_float,
    )
    from pydl.data.samplers import WeightedRandomSampler
    from pydl.data.series import SeriesWindows
    from pydl.data.standardizer import Standardizer
    from pydl.data.time_axis import chronological_split, regular_grid
else:
    __getattr__ = import_later(
        globals(),
        {
            "pydl.data.augmentation": [
                *("Augment", "Augmentation", "ColorJitter", "CutMix", "Cutout", "Mixup"),
                *("RandomCrop", "RandomErasing", "RandomFlip", "RandomResizedCrop"),
                *("RandomRotation", "RandomShift", "RandomZoom", "ToFloat"),
            ],
            "pydl.data.folder": ["ImageFolder"],
            "pydl.data.image": [
                *("IMAGENET_MEAN", "IMAGENET_STD", "center_crop", "load_image", "normalize"),
                *("preprocess", "resize", "to_float"),
            ],
            "pydl.data.samplers": ["WeightedRandomSampler"],
            "pydl.data.series": ["SeriesWindows"],
            "pydl.data.standardizer": ["Standardizer"],
            "pydl.data.time_axis": ["chronological_split", "regular_grid"],
        },
    )

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "Augment",
    "Augmentation",
    "ColorJitter",
    "CutMix",
    "Cutout",
    "DataLoader",
    "Dataset",
    "ImageFolder",
    "Mixup",
    "RandomCrop",
    "RandomErasing",
    "RandomFlip",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomShift",
    "RandomZoom",
    "SeriesWindows",
    "Standardizer",
    "Subset",
    "TensorDataset",
    "ToFloat",
    "WeightedRandomSampler",
    "center_crop",
    "chronological_split",
    "load_image",
    "normalize",
    "preprocess",
    "random_split",
    "regular_grid",
    "resize",
    "stratified_split",
    "to_float",
]

check_public(globals())
