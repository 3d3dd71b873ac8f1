"""Six novels of Jane Austen."""

from __future__ import annotations

import os

from pydl.datasets.files import DataFile
from pydl.datasets.packages import PackagedFiles, debian_hint
from pydl.datasets.r_data import read_lazy_load

# Names of the R objects, in the order in which the novels appeared.
_TITLES = {
    "sensesensibility": "Sense & Sensibility",
    "prideprejudice": "Pride & Prejudice",
    "mansfieldpark": "Mansfield Park",
    "emma": "Emma",
    "northangerabbey": "Northanger Abbey",
    "persuasion": "Persuasion",
}

_SOURCE = PackagedFiles(
    "Jane Austen's novels",
    "austen",
    [
        DataFile("Rdata.rdx", "cab8cbe4ce965d3b42b35c03383bafccc0eb78151f70e4748ead45270470c22f"),
        DataFile("Rdata.rdb", "8fb5198960d0da724b1562f96e4221e5c1b41ff455000280b02c55980c3d8f21"),
    ],
    package=DataFile(
        "r-cran-janeaustenr_1.0.0-1_all.deb",
        "df6bddf211906d1ff404f8ff662c21b34e6660e7f54a311084e749050c019c95",
    ),
    url="http://deb.debian.org/debian/pool/main/r/r-cran-janeaustenr/",
    prefix="./usr/lib/R/site-library/janeaustenr/data",
    system="/usr/lib/R/site-library/janeaustenr/data",
    how_to_get=debian_hint("r-cran-janeaustenr"),
)


def load_austen(
    path: str | os.PathLike[str] | None = None, *, fetch: bool = True
) -> dict[str, str]:
    """Read six novels of Jane Austen, 4.03 million characters.

    The texts are in the public domain; they come with the R package janeaustenr (MIT licence). Its
    files Rdata.rdx and Rdata.rdb, or the Debian package's file, are looked for at `path`; or else
    below the folder PYDL_DATA, in the user's cache and where Debian's r-cran-janeaustenr puts
    them. Where they are nowhere, that package (1.6 MB) is fetched from Debian into the user's
    cache. All are checked against pinned hashes.

    Parameters
    ----------
    path : str or path, optional
        Folder with the files, or the file of the package; nothing else is tried then.
    fetch : bool, default True
        Whether to fetch missing files.

    Returns
    -------
    dict of str to str
        Text by title, in the order in which the novels appeared; lines end in a line feed.

    Raises
    ------
    FileNotFoundError
        When the files are not found and were not fetched; the message lists the paths.
    ValueError
        For a file that is not the pinned one.
    """
    novels = read_lazy_load(*_SOURCE.read(path, fetch=fetch))
    return {title: "\n".join([*novels[name], ""]) for name, title in _TITLES.items()}
