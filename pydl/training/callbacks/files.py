"""Files that callbacks write: looked at before the first step of a training."""

from __future__ import annotations

import errno
import os


def checked_path(owner: str, name: str, path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return a path that is text; raise `TypeError` for others."""
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise TypeError(f"{owner}: expected {name} to be text, got {path!r}")
    return path


def make_folder(owner: str, folder: str) -> None:
    """Make a folder where there is none; raise `OSError` where no file can be written in it."""
    os.makedirs(folder, exist_ok=True)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(
            errno.EACCES, f"{owner}: no file can be written in this folder", folder
        )


def make_folder_of(owner: str, path: str) -> None:
    """Make the folder of a file; raise `OSError` where the file cannot be written."""
    make_folder(owner, os.path.dirname(path) or os.curdir)
    if os.path.isdir(path):
        raise IsADirectoryError(
            errno.EISDIR, f"{owner}: expected a file to write, got a folder", path
        )
