"""Where data files are looked for, checked against pinned hashes, and fetched."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydl import _core

# The largest file that a download may grow to, in bytes; hashes are checked only at its end.
_MOST_BYTES = 256 * 1024 * 1024
_TIMEOUT_SECONDS = 30


class DataFile:
    """A file by its name, and the SHA-256 of each form in which it is distributed."""

    def __init__(self, name: str, *hashes: str) -> None:
        self.name, self.hashes = name, hashes

    def read(self, path: Path) -> bytes:
        """Read the file at `path`.

        Raises
        ------
        ValueError
            When the content is not the pinned one.
        """
        return self.checked(path.read_bytes(), path)

    def checked(self, content: bytes, path: str | os.PathLike[str]) -> bytes:
        """Return the content of the file at `path` if it is the pinned one.

        Raises
        ------
        ValueError
            When it is not.
        """
        from hashlib import sha256

        found = sha256(content).hexdigest()
        if found not in self.hashes:
            raise ValueError(
                f"{path}: expected SHA-256 {' or '.join(self.hashes)}, got {found}; the file is "
                "damaged or another one: remove it and try again"
            )
        return content


def user_cache() -> Path:
    """Folder of the user's cached data, by the platform's convention; it may not exist yet."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "pydl"


def search_folders(dataset: str, system: Sequence[str | os.PathLike[str]] = ()) -> list[Path]:
    """Folders in which a dataset may be: below PYDL_DATA, in the user's cache, in the system."""
    folders = []
    if root := os.environ.get("PYDL_DATA"):
        folders += [Path(root) / dataset, Path(root)]
    return [*folders, user_cache() / dataset, *map(Path, system)]


def find_folder(names: Sequence[str], folders: Sequence[Path]) -> Path | None:
    """Return the first folder that has all of the files."""
    for folder in folders:
        if all((folder / name).is_file() for name in names):
            return folder
    return None


def write_file(path: Path, content: bytes) -> None:
    """Write a file completely or not at all; folders are created."""
    path.parent.mkdir(parents=True, exist_ok=True)
    _core.io.write_file(path, content)


def download(url: str, file: DataFile, folder: Path) -> Path:
    """Fetch a file into `folder`, under its name and only if its hash is the pinned one.

    Raises
    ------
    OSError
        When the address cannot be reached or the file cannot be written.
    ValueError
        When the content is not the pinned one; nothing is kept then.
    """
    from hashlib import sha256
    from urllib.request import urlopen

    folder.mkdir(parents=True, exist_ok=True)
    digest, size = sha256(), 0
    with (
        urlopen(url, timeout=_TIMEOUT_SECONDS) as source,
        _core.io.OutputFile(folder / file.name) as target,
    ):
        while chunk := source.read(1 << 20):
            size += len(chunk)
            if size > _MOST_BYTES:
                raise ValueError(f"{url}: more than {_MOST_BYTES} bytes")
            digest.update(chunk)
            target.write(chunk)
        if digest.hexdigest() not in file.hashes:
            raise ValueError(
                f"{url}: expected SHA-256 {' or '.join(file.hashes)}, got {digest.hexdigest()}"
            )
    return folder / file.name
