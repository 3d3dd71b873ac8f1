"""The time axis of series: even spacing, filled gaps, parts in the order of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

# How far a time may be from its grid point, in steps.
_TOLERANCE = 1e-3


def as_series_list(caller: str, series: Any) -> list[Array]:
    """Return series as arrays (T, C) of the same channels.

    Raises
    ------
    ValueError
        For series of other shapes and for an empty list.
    """
    arrays = [
        np.asarray(one) for one in (series if isinstance(series, (list, tuple)) else [series])
    ]
    shapes = [array.shape for array in arrays]
    arrays = [array[:, None] if array.ndim == 1 else array for array in arrays]
    if not arrays or any(array.ndim != 2 for array in arrays):
        raise ValueError(f"{caller}: expected series of shape (T, C) or (T,), got {shapes}")
    if len({array.shape[1] for array in arrays}) != 1:
        raise ValueError(f"{caller}: expected series with the same channels, got shapes {shapes}")
    return arrays


def fill_forward(
    values: Array, observed: npt.NDArray[np.bool_], limit: int
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Fill gaps with the last observed value of the column, for at most `limit` rows.

    Values and flags have shape (T, C); returns the filled values and which are now there.
    """
    rows = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(observed, rows, -1), axis=0)
    present = (last >= 0) & (rows - last <= limit)
    return np.take_along_axis(values, np.maximum(last, 0), axis=0), present


def regular_grid(times: Any, values: Any, step: Any = None) -> tuple[Array, Array]:
    """Put rows on a grid of equally spaced times; times without a row get NaN.

    Parameters
    ----------
    times : array
        Time of each row, (T,), increasing: datetime64 or numbers.
    values : array
        Shape (T,) or (T, C); integers become float64.
    step : number or timedelta64, optional
        Spacing of the grid; by default the smallest difference between neighbours.

    Returns
    -------
    times, values : numpy.ndarray
        Of shapes (G,) and (G,) or (G, C), from the first time to the last.

    Raises
    ------
    ValueError
        For times that do not increase or are not on the grid, and for shapes that do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> import pydl
    >>> hours = np.array(["2024-05-01T00", "2024-05-01T01", "2024-05-01T03"], "datetime64[h]")
    >>> pydl.data.regular_grid(hours, [8.0, 9.0, 12.0])[1].tolist()
    [8.0, 9.0, nan, 12.0]
    """
    times, values = np.asarray(times), np.asarray(values)
    if times.ndim != 1 or values.ndim not in (1, 2) or len(values) != len(times) or not len(times):
        raise ValueError(
            "regular_grid: expected times (T,) and values (T,) or (T, C), got shapes "
            f"{times.shape} and {values.shape}"
        )
    differences = np.diff(times)
    # Of the same unit: NumPy 2.4 deprecates timedeltas without one.
    nothing, one = np.zeros((), differences.dtype)[()], np.ones((), differences.dtype)[()]
    if not (differences > nothing).all():
        row = int(np.argmin(differences > nothing)) + 1
        raise ValueError(f"regular_grid: expected times that increase, row {row} does not")
    if step is None:
        step = differences.min() if differences.size else one
    if not step > nothing:
        raise ValueError(f"regular_grid: expected a step above 0, got {step}")
    exact = (times - times[0]) / step
    places = np.rint(exact).astype(np.int64)
    off = np.abs(exact - places) > _TOLERANCE
    if off.any() or np.unique(places).size != places.size:
        row = int(np.argmax(off)) if off.any() else int(np.argmin(np.diff(places))) + 1
        raise ValueError(
            f"regular_grid: the time of row {row}, {times[row]}, is not on the grid that starts at "
            f"{times[0]} in steps of {step}"
        )
    dtype = values.dtype if values.dtype.kind == "f" else np.dtype(np.float64)
    grid = np.full((int(places[-1]) + 1, *values.shape[1:]), np.nan, dtype)
    grid[places] = values
    return times[0] + np.arange(len(grid)) * step, grid


def chronological_split(
    series: Any,
    fractions: Sequence[float] | None = None,
    *,
    indices: Sequence[int] | None = None,
    gap: int = 0,
) -> list[Any]:
    """Divide series into earlier and later parts, from which windows are then made separately.

    So no window straddles a border, and a later part never lends rows to an earlier one.

    Parameters
    ----------
    series : array, or list of arrays
        Shapes (T, ...), the first axis is time. Each series of a list is divided.
    fractions : sequence of float, optional
        Parts of the rows, which add up to 1.
    indices : sequence of int, optional
        Instead of fractions, the rows at which the second and later parts begin.
    gap : int, default 0
        Rows left out at the beginning of the second and later parts: an embargo, where targets
        far ahead or slow changes would make neighbours of the border too alike.

    Returns
    -------
    list
        The parts, each an array or a list of arrays like `series`; views, not copies.

    Raises
    ------
    ValueError
        For fractions that do not add up to 1, for both fractions and indices or neither, and for a
        part that would have no rows.

    Examples
    --------
    >>> import numpy as np
    >>> import pydl
    >>> train, test = pydl.data.chronological_split(np.arange(10), [0.7, 0.3], gap=1)
    >>> train.tolist(), test.tolist()
    ([0, 1, 2, 3, 4, 5, 6], [8, 9])
    """
    if (fractions is None) == (indices is None):
        raise ValueError("chronological_split: expected either fractions or indices")
    if gap < 0:
        raise ValueError(f"chronological_split: expected a gap of at least 0, got {gap}")
    if fractions is not None and (abs(sum(fractions) - 1.0) > 1e-6 or min(fractions) <= 0):
        raise ValueError(
            f"chronological_split: expected fractions that add up to 1, got {list(fractions)}"
        )
    if not isinstance(series, (list, tuple)):
        return _split_one(np.asarray(series), fractions, indices, gap)
    parts = [_split_one(np.asarray(one), fractions, indices, gap) for one in series]
    return [list(part) for part in zip(*parts, strict=True)]


def _split_one(
    array: Array, fractions: Sequence[float] | None, indices: Sequence[int] | None, gap: int
) -> list[Array]:
    rows = len(array)
    if fractions is not None:
        borders = [round(rows * float(total)) for total in np.cumsum(fractions)[:-1]]
    else:
        borders = [int(index) for index in indices or ()]
    begins = [0, *(border + gap for border in borders)]
    ends = [*borders, rows]
    if any(begin < 0 or begin >= end for begin, end in zip(begins, ends, strict=True)):
        raise ValueError(
            f"chronological_split: borders {borders} with a gap of {gap} leave a part of a series "
            f"of {rows} rows empty"
        )
    return [array[begin:end] for begin, end in zip(begins, ends, strict=True)]
