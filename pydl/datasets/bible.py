"""The Bible in English and Spanish, verse by verse."""

from __future__ import annotations

import os

from pydl.datasets.files import DataFile
from pydl.datasets.packages import PackagedFiles, debian_hint
from pydl.datasets.sword import plain_text, read_verses

_FOLDER = "usr/share/sword/modules/texts/ztext"


def _source(title: str, module: str, hashes: dict[str, str], package: DataFile) -> PackagedFiles:
    debian = package.name.partition("_")[0]
    return PackagedFiles(
        title,
        "bible",
        [DataFile(f"{module}/{name}", pin) for name, pin in hashes.items()],
        package=package,
        url=f"http://deb.debian.org/debian/pool/main/s/{debian}/",
        prefix=f"./{_FOLDER}",
        system=f"/{_FOLDER}",
        how_to_get=debian_hint(debian),
    )


_ENGLISH = _source(
    "King James Version",
    "engKJV2006eb",
    {
        "ot.bzs": "0d518856e8c6ceae0ca58bef944ba9a2809b5d4489cf81900853ad4af227510b",
        "ot.bzv": "b4fae54cb0b979b7f3f78fe6eaa94bad1f1d408eccb4a40410402b794b5c2f0f",
        "ot.bzz": "69f7e4e9b42ecef2e212ea957a388fccbeed1e3e333a38cf52e1b4064c6ce373",
        "nt.bzs": "e7f9bc653743217cdcdf95890a708f997a03af056161d84bb540efef79e4e638",
        "nt.bzv": "9d1daab8fb6ef43b53642cdd3276c1fa95ecfde08901bbb349be6378d1e1b972",
        "nt.bzz": "135b6e70af49372f3a82c5d9cc3c00278f38dbb2c12af74ea8d4b54c18d0cd56",
    },
    DataFile(
        "sword-text-kjv_14.3-1_all.deb",
        "9f463f28ce665f6f528fc723179722bced880a4c5485f7a41bf742838315de57",
    ),
)
_SPANISH = _source(
    "Reina-Valera 1909",
    "spaRV1909eb",
    {
        "ot.bzs": "0e39106ae15a29cef56feac683f8482be380536a1c456e006867f9fa94c0338e",
        "ot.bzv": "0f23b1ebff5ecdd352a64feda5bb047cba27ce3624fa7b00717f763835d96e20",
        "ot.bzz": "daae868e179e6cc884ad2c9429a9dfaf9745d61caa6dbb9da2a8b24ec3c01337",
        "nt.bzs": "b88dda1e9ab50d158262ab141af7823269acb19c581621683298be5b6e154d58",
        "nt.bzv": "a9583ba1b4c66dfdd8bfb6a0b1833bdaa02f9e2cc3465c5a802cf19cbc2f2533",
        "nt.bzz": "7baf6b1e798b193315fed89d0e84e8e1a033d035316f66c78d456f5fb8c87e20",
    },
    DataFile(
        "sword-text-sparv_2.60-1_all.deb",
        "5c87f9b2bc97457e8a872f5bae7ea7ce59cb3de1dcee73e4d4740451863694cf",
    ),
)


def load_bible_verses(
    path: str | os.PathLike[str] | None = None, *, fetch: bool = True
) -> list[tuple[str, str]]:
    """Read 31,084 pairs of verses: King James Version and Reina-Valera 1909.

    Both texts are in the public domain (the King James Version not in the United Kingdom). They
    come in Debian's packages sword-text-kjv and sword-text-sparv. Their files, in the folders
    engKJV2006eb and spaRV1909eb, or those of the packages, are looked for in `path`; or else below
    the folder PYDL_DATA, in the user's cache and where Debian puts them. What is nowhere (2.8 MB
    each) is fetched from Debian into the user's cache. All are checked against pinned hashes.

    The verses are paired by their numbers. About a dozen chapters are divided differently in
    the Spanish text (Job 39 to 41 for instance), so that about 1 % of the pairs are one or more
    verses apart.

    Parameters
    ----------
    path : str or path, optional
        Folder with both folders, or with both packages; nothing else is tried then.
    fetch : bool, default True
        Whether to fetch missing files.

    Returns
    -------
    list of (str, str)
        English and Spanish, in the order of the books; without verses that one of them lacks.

    Raises
    ------
    FileNotFoundError
        When the files are not found and were not fetched; the message lists the paths.
    ValueError
        For a file that is not the pinned one.
    """
    english, spanish = (_read(source, path, fetch) for source in (_ENGLISH, _SPANISH))
    return [pair for pair in zip(english, spanish, strict=True) if all(pair)]


def _read(source: PackagedFiles, path: str | os.PathLike[str] | None, fetch: bool) -> list[str]:
    files = source.read(path, fetch=fetch)
    verses = read_verses(*files[:3]) + read_verses(*files[3:])
    return [plain_text(verse) for verse in verses]
