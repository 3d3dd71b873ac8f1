"""Fashion-MNIST (Xiao, Rasul and Vollgraf, 2017)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pydl.datasets.files import DataFile, download, find_folder, search_folders, user_cache

if TYPE_CHECKING:
    import numpy.typing as npt

Arrays = tuple["npt.NDArray[np.float32]", "npt.NDArray[np.int64]"]

FASHION_MNIST_CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

_URL = "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
_SYSTEM = "/usr/share/datasets/fashion-mnist"

# Two pins each: of the file at the official address, and of Debian's, which has the same compressed
# data behind a gzip header without the file's name.
_TRAIN_IMAGES = DataFile(
    "train-images-idx3-ubyte.gz",
    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
    "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
)
_TRAIN_LABELS = DataFile(
    "train-labels-idx1-ubyte.gz",
    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
    "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056",
)
_TEST_IMAGES = DataFile(
    "t10k-images-idx3-ubyte.gz",
    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
    "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa",
)
_TEST_LABELS = DataFile(
    "t10k-labels-idx1-ubyte.gz",
    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
    "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05",
)
_FILES = (_TRAIN_IMAGES, _TRAIN_LABELS, _TEST_IMAGES, _TEST_LABELS)


def load_fashion_mnist(
    path: str | os.PathLike[str] | None = None, *, fetch: bool = True
) -> tuple[Arrays, Arrays]:
    """Read 60,000 training and 10,000 test images of clothing, 28x28, in 10 classes.

    The files are looked for in `path`; or else below the folder PYDL_DATA, in the user's cache and
    in the folder of Debian's package dataset-fashion-mnist. Where they are nowhere, they are
    fetched from their official address (31 MB) into the user's cache. All are checked against
    pinned hashes.

    Parameters
    ----------
    path : str or path, optional
        Folder with the four gz files; nothing else is tried then.
    fetch : bool, default True
        Whether to fetch missing files.

    Returns
    -------
    (train_images, train_labels), (test_images, test_labels)
        Images float32 (N, 28, 28) in [0, 1], 0 is background; labels int64 (N,), whose names are in
        `FASHION_MNIST_CLASSES`.

    Raises
    ------
    FileNotFoundError
        When the files are not found and were not fetched; the message lists the paths.
    ValueError
        For a file that is not the pinned one.
    """
    folder = _locate(path, fetch)
    images = [_images(file, folder) for file in (_TRAIN_IMAGES, _TEST_IMAGES)]
    labels = [_labels(file, folder) for file in (_TRAIN_LABELS, _TEST_LABELS)]
    return (images[0], labels[0]), (images[1], labels[1])


def _locate(path: str | os.PathLike[str] | None, fetch: bool) -> Path:
    folders = search_folders("fashion-mnist", [_SYSTEM]) if path is None else [Path(path)]
    folder = find_folder([file.name for file in _FILES], folders)
    if folder is not None:
        return folder
    reason = ""
    if path is None and fetch:
        target = user_cache() / "fashion-mnist"
        try:
            for file in _FILES:
                if not (target / file.name).is_file():
                    download(_URL + file.name, file, target)
        except OSError as error:
            reason = f" Fetching from {_URL} failed: {error}."
        else:
            return target
    raise FileNotFoundError(
        f"Fashion-MNIST: no {_TRAIN_IMAGES.name} and its companions in "
        f"{', '.join(map(str, folders))}.{reason} Install the Debian package "
        "dataset-fashion-mnist, or set PYDL_DATA to a folder that has them."
    )


def _idx(file: DataFile, folder: Path, rank: int) -> npt.NDArray[np.uint8]:
    """Parse an IDX file of bytes: 0, 0, 8, rank; the shape as big-endian uint32; the elements."""
    import gzip

    content = gzip.decompress(file.read(folder / file.name))
    shape = np.frombuffer(content, ">u4", rank, 4).tolist() if len(content) > 4 * rank + 4 else []
    if content[:4] != bytes((0, 0, 8, rank)) or len(content) != 4 * rank + 4 + np.prod(shape):
        raise ValueError(f"{folder / file.name}: expected an IDX file of bytes of rank {rank}")
    return np.frombuffer(content, np.uint8, offset=4 * rank + 4).reshape(shape)


def _images(file: DataFile, folder: Path) -> npt.NDArray[np.float32]:
    images: npt.NDArray[np.float32] = _idx(file, folder, 3).astype(np.float32)
    images /= np.float32(255)
    return images


def _labels(file: DataFile, folder: Path) -> npt.NDArray[np.int64]:
    return _idx(file, folder, 1).astype(np.int64)
