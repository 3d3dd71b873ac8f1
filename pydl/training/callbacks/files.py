"""Files that callbacks write: looked at before the first step, and added to."""

from __future__ import annotations

import errno
import os

from pydl import _core


def checked_path(owner: str, name: str, path: str | os.PathLike[str]) -> str | os.PathLike[str]:
    """Return a path that is text; raise `TypeError` for others."""
    if not isinstance(path, (str, os.PathLike)) or not isinstance(os.fspath(path), str):
        raise TypeError(f"{owner}: expected {name} to be text, got {path!r}")
    return path


def make_folder(owner: str, folder: str) -> None:
    """Make a folder where there is none; raise `OSError` where no file can be written in it."""
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        message = f"{owner}: this folder cannot be made: {error.strerror}"
        raise OSError(error.errno, message, folder) from None  # the class follows the number
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


def append(path: str | os.PathLike[str], content: bytes) -> None:
    """Add bytes to a file, which is made where there is none, in one call of the system.

    Only logs are written in this way: all other files are written atomically, as a whole.
    """
    with open(path, "ab") as file:
        file.write(content)


def ends_within_a_line(path: str | os.PathLike[str]) -> bool:
    """Whether a file is not empty, and its last line has no end: a process was killed there."""
    if not os.path.exists(path) or os.path.getsize(path) == 0:
        return False
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def cut(path: str | os.PathLike[str], size: int) -> None:
    """Remove what is after the first `size` bytes of a file, if it has more."""
    if not os.path.exists(path) or os.path.getsize(path) <= size:
        return
    with open(path, "rb") as file:
        content = file.read(size)
    _core.io.write_file(os.fspath(path), content)


def empty(path: str | os.PathLike[str]) -> None:
    """Make a file without content, or remove that of a file."""
    _core.io.write_file(os.fspath(path), b"")
