"""Snippets of movie reviews, rated by people (Pang and Lee, 2004; Hutto and Gilbert, 2014)."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from pydl.datasets.archives import read_members
from pydl.datasets.files import DataFile
from pydl.datasets.packages import PackagedFiles

if TYPE_CHECKING:
    import numpy.typing as npt

_MEMBER = "hutto_ICWSM_2014/movieReviewSnippets_GroundTruth.txt"

_SOURCE = PackagedFiles(
    "movie reviews",
    "movie-reviews",
    [
        DataFile(
            "hutto_ICWSM_2014.tar.gz",
            "d5bb07d87474b3eb8d30b4deccbc23f19d742a6c5718fbacc65485b70b95c5fa",
        )
    ],
    package=DataFile(
        "vaderSentiment-3.3.2.tar.gz",
        "5d7c06e027fc8b99238edb0d53d970cf97066ef97654009890b83703849632f9",
    ),
    url="https://files.pythonhosted.org/packages/77/8c/"
    "4a48c10a50f750ae565e341e697d74a38075a3e43ff0df6f1ab72e186902/",
    prefix="vaderSentiment-3.3.2/additional_resources",
    how_to_get=(
        "Run 'pip download --no-deps --no-binary :all: vaderSentiment==3.3.2' and set PYDL_DATA to "
        "the folder with that file; the wheel does not have the data."
    ),
)


def load_movie_reviews(
    path: str | os.PathLike[str] | None = None, *, fetch: bool = True
) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Read 10,605 sentences from movie reviews, with the mean rating by about 15 people.

    The data were published with VADER (Hutto and Gilbert, 2014; MIT licence) on snippets of Pang
    and Lee. The file hutto_ICWSM_2014.tar.gz, or the source distribution of vaderSentiment that
    has it, is looked for at `path`; or else below the folder PYDL_DATA and in the user's cache.
    Where it is nowhere, the source distribution (2.5 MB) is fetched from PyPI and the file kept in
    the user's cache. It is checked against a pinned hash.

    Parameters
    ----------
    path : str or path, optional
        The file, its folder, or the source distribution; nothing else is tried then.
    fetch : bool, default True
        Whether to fetch a missing file.

    Returns
    -------
    texts : list of str
        The sentences.
    ratings : numpy.ndarray
        From -4, extremely negative, to 4, float64 (N,); 0.502 of them are below 0.

    Raises
    ------
    FileNotFoundError
        When the file is not found and was not fetched; the message lists the paths.
    ValueError
        For a file that is not the pinned one.
    """
    (archive,) = _SOURCE.read(path, fetch=fetch)
    (content,) = read_members(archive, [_MEMBER])
    return _parse(content.decode("utf-8"))


def _parse(text: str) -> tuple[list[str], npt.NDArray[np.float64]]:
    """Read lines of number, rating and text between tabs."""
    texts, ratings = [], []
    for number, line in enumerate(text.splitlines(), 1):
        try:
            _, rating, snippet = line.split("\t")
            ratings.append(float(rating))
        except ValueError as error:
            raise ValueError(
                f"{_MEMBER}, line {number}: expected number, rating and text, got {line[:40]!r}"
            ) from error
        texts.append(snippet)
    return texts, np.array(ratings)
