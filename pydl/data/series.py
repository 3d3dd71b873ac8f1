"""SeriesWindows: windows over long series, gathered into batches."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl._core import Tensor, asarray, empty
from pydl.data._batching import gather_windows
from pydl.data.dataset import Dataset
from pydl.data.time_axis import as_series_list, fill_forward

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]
    Flags = npt.NDArray[np.bool_]
    Rows = npt.NDArray[np.int64]

Columns = int | Sequence[int] | None
PlainColumns = int | tuple[int, ...] | None


class SeriesWindows(Dataset):
    """Windows over one or several series; sample i is (x, y), a window and what follows it.

    The windows are not stored. A single series that is C-contiguous, of `dtype` and used with all
    of its columns is not copied at all; from others one array of rows is made. Windows never cross
    from one series to the next, and those that touch a gap are left out.

    Parameters
    ----------
    series : array, or list of arrays
        Shapes (T, C), or (T,) for one channel; rows are equally spaced in time (see
        `regular_grid`). Series of a list may have different lengths, but have the same channels.
    length : int
        Rows in a window.
    horizon : int, sequence of int, or None, default 1
        Which rows are the targets: so many steps of the series after the last row of the window.
        A sequence such as ``range(1, 25)`` gives several, on an additional axis; numbers from 0
        down are rows of the window's own time. With None a sample is x alone.
    inputs, targets : int, sequence of int, or None
        Columns of x and of y. A number takes the axis of channels away, None takes all columns.
    stride : int, default 1
        Steps from the start of one window to the next.
    sampling_rate : int, default 1
        Steps from one row of a window to its next.
    missing : array of bool, or list of them, optional
        Rows (T,) that are gaps, True; rows with NaN in a column that is used always are.
    fill_limit : int, default 0
        Gaps in x are filled with the last value before them, per column, for at most so many
        rows. Targets are never filled.
    dtype : dtype, default "float32"
        Of x and y.

    Attributes
    ----------
    series_numbers : numpy.ndarray
        Which series each window is from, int64 (N,).
    starts : numpy.ndarray
        First row of each window in its series, int64 (N,).
    target_rows : numpy.ndarray or None
        Rows of its targets in its series, int64 (N,), or (N, H) for a sequence of horizons.

    Raises
    ------
    ValueError
        For series of other shapes, for numbers out of range, and where no window is left.

    Examples
    --------
    >>> import numpy as np
    >>> import pydl
    >>> series = np.arange(20.0).reshape(10, 2)
    >>> windows = pydl.data.SeriesWindows(series, length=3, targets=0)
    >>> x, y = windows[0]
    >>> x.tolist(), y.item()
    ([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], 6.0)
    >>> x, y = next(iter(pydl.data.DataLoader(windows, batch_size=4)))
    >>> x.shape, y.shape
    ((4, 3, 2), (4,))

    Text as numbers, cut into pieces; the targets are the next character at every step:

    >>> text = np.frombuffer(b"time goes by", np.uint8)
    >>> pieces = pydl.data.SeriesWindows(
    ...     text, 4, horizon=range(-2, 2), inputs=0, targets=0, stride=4, dtype="int64"
    ... )
    >>> [bytes(part.tolist()) for part in pieces[1]]
    [b' goe', b'goes']
    """

    def __init__(
        self,
        series: Any,
        length: int,
        *,
        horizon: int | Sequence[int] | None = 1,
        inputs: Columns = None,
        targets: Columns = None,
        stride: int = 1,
        sampling_rate: int = 1,
        missing: Any = None,
        fill_limit: int = 0,
        dtype: Any = "float32",
    ) -> None:
        for name, value, least in (
            ("length", length, 1),
            ("stride", stride, 1),
            ("sampling_rate", sampling_rate, 1),
            ("fill_limit", fill_limit, 0),
        ):
            if value < least:
                raise ValueError(f"SeriesWindows: expected {name} of at least {least}, got {value}")
        arrays = as_series_list("SeriesWindows", series)
        gaps = _gap_flags(missing, arrays)
        horizon, inputs, targets = (_numbers(value) for value in (horizon, inputs, targets))
        self.length, self.sampling_rate = length, sampling_rate
        self._dtype = np.dtype(getattr(dtype, "name", dtype)).name
        self._input_offsets = np.arange(length, dtype=np.int64) * sampling_rate
        self._target_offsets = _target_offsets(horizon, int(self._input_offsets[-1]))
        self._several_horizons = horizon is not None and not isinstance(horizon, int)

        self._inputs, bad_inputs = _rows(arrays, gaps, inputs, "inputs", self._dtype, fill_limit)
        self._targets, bad_targets = self._inputs, bad_inputs
        if self._target_offsets.size and (targets != inputs or fill_limit > 0):
            self._targets, bad_targets = _rows(arrays, gaps, targets, "targets", self._dtype, 0)
        self._place([len(array) for array in arrays], stride)
        self._leave_out_gaps(bad_inputs, bad_targets)

    def _place(self, lengths: list[int], stride: int) -> None:
        """Put windows into each series, as many as fit."""
        reach = 1 + max(self._input_offsets[-1], *self._target_offsets, 0)
        starts = [np.arange(0, rows - reach + 1, stride, dtype=np.int64) for rows in lengths]
        self.starts: Rows = np.concatenate(starts)
        counts = [len(part) for part in starts]
        self.series_numbers: Rows = np.repeat(np.arange(len(lengths), dtype=np.int64), counts)
        bases = np.cumsum([0, *lengths[:-1]])
        self._first_rows: Rows = self.starts + bases[self.series_numbers]
        if self.starts.size == 0:
            raise ValueError(
                f"SeriesWindows: windows and their targets span {reach} rows, the longest series "
                f"has {max(lengths)}"
            )

    def _leave_out_gaps(self, bad_inputs: Flags, bad_targets: Flags) -> None:
        clean = ~_touched(bad_inputs, self._first_rows, self.length, self.sampling_rate)
        for offset in self._target_offsets:
            clean &= ~bad_targets[self._first_rows + offset]
        if not clean.any():
            raise ValueError(f"SeriesWindows: each of the {clean.size} windows touches a gap")
        if not clean.all():
            self.starts, self.series_numbers = self.starts[clean], self.series_numbers[clean]
            self._first_rows = self._first_rows[clean]

    @property
    def target_rows(self) -> Rows | None:
        if self._target_offsets.size == 0:
            return None
        rows = self.starts[:, None] + self._target_offsets
        return rows if self._several_horizons else rows[:, 0]

    def __len__(self) -> int:
        return int(self.starts.size)

    def __getitem__(self, number: int) -> Tensor | tuple[Tensor, Tensor]:
        row = int(self._first_rows[number])
        stop = row + int(self._input_offsets[-1]) + 1
        x = asarray(self._inputs[row : stop : self.sampling_rate])
        if self._target_offsets.size == 0:
            return x
        rows = self._target_offsets + row
        return x, asarray(np.asarray(self._targets[rows if self._several_horizons else rows[0]]))

    def get_batch(self, indices: npt.NDArray[np.integer[Any]]) -> Tensor | tuple[Tensor, Tensor]:
        """Gather samples into a batch.

        Parameters
        ----------
        indices : numpy.ndarray
            Numbers of the samples, integers (B,).

        Returns
        -------
        Tensor or (Tensor, Tensor)
            x (B, length, channels), and y (B, horizons, channels) or without the axes that
            `horizon` and `targets` take away.
        """
        first = self._first_rows[indices]
        x = self._gather(self._inputs, first, self._input_offsets, keep_axis=True)
        if self._target_offsets.size == 0:
            return x
        keep = self._several_horizons
        return x, self._gather(self._targets, first, self._target_offsets, keep_axis=keep)

    def _gather(self, source: Array, first: Rows, offsets: Rows, *, keep_axis: bool) -> Tensor:
        axis = (offsets.size,) if keep_axis else ()
        batch = empty((first.size, *axis, *source.shape[1:]), dtype=self._dtype)
        gather_windows(source, first, offsets, batch)
        return batch


def _numbers(value: int | Sequence[int] | None) -> int | tuple[int, ...] | None:
    """Make plain numbers, that can be compared, of NumPy's, of ranges and of lists."""
    if value is None:
        return None
    return index(value) if hasattr(value, "__index__") else tuple(map(index, value))


def _target_offsets(horizon: int | tuple[int, ...] | None, last: int) -> Rows:
    """Rows of the targets, counted from the start of the window whose last row is `last`."""
    if horizon is None:
        return np.empty(0, np.int64)
    steps = [horizon] if isinstance(horizon, int) else horizon
    if not steps or min(steps) < -last:
        raise ValueError(
            f"SeriesWindows: expected a horizon of at least {-last}, the start of the window, "
            f"got {horizon}"
        )
    return np.array(steps, np.int64) + last


def _gap_flags(missing: Any, arrays: list[Array]) -> list[Flags]:
    if missing is None:
        return [np.zeros(len(array), bool) for array in arrays]
    listed = missing if isinstance(missing, (list, tuple)) else [missing]
    flags = [np.asarray(part) for part in listed]
    shapes, expected = [part.shape for part in flags], [(len(array),) for array in arrays]
    if shapes != expected or any(part.dtype != bool for part in flags):
        raise ValueError(
            f"SeriesWindows: expected missing to be bool, one flag for each row, {expected}, got "
            f"{shapes} of {[str(part.dtype) for part in flags]}"
        )
    return flags


def _rows(
    arrays: list[Array],
    gaps: list[Flags],
    columns: PlainColumns,
    name: str,
    dtype: str,
    fill_limit: int,
) -> tuple[Array, Flags]:
    """Return the rows of all series one after the other, and which of them are gaps."""
    chosen = [_chosen(array, columns, name) for array in arrays]
    flags = []
    for number, (array, gap) in enumerate(zip(chosen, gaps, strict=True)):
        observed = np.repeat(~gap[:, None], array.shape[1], axis=1)
        if array.dtype.kind == "f":
            observed &= ~np.isnan(array)
        if fill_limit > 0 and not observed.all():
            chosen[number], observed = fill_forward(array, observed, fill_limit)
        flags.append(~observed.all(axis=1))
    with np.errstate(invalid="ignore"):  # NaN has no integer; these rows are gaps
        converted = [np.ascontiguousarray(array, dtype) for array in chosen]
    rows = converted[0] if len(converted) == 1 else np.concatenate(converted)
    return rows[:, 0] if isinstance(columns, int) else rows, np.concatenate(flags)


def _chosen(array: Array, columns: PlainColumns, name: str) -> Array:
    if columns is None:
        return array
    numbers = [columns] if isinstance(columns, int) else list(columns)
    count = array.shape[1]
    if not numbers or not all(-count <= number < count for number in numbers):
        raise ValueError(f"SeriesWindows: expected {name} among {count} columns, got {columns}")
    return array[:, numbers]


def _touched(bad: Flags, starts: Rows, length: int, rate: int) -> Flags:
    """Tell which windows have a bad row: sums that run down each phase of the sampling."""
    if not bad.any():
        return np.zeros(starts.size, bool)
    padded = np.zeros(-(-bad.size // rate) * rate, np.int64)
    padded[: bad.size] = bad
    running = np.cumsum(padded.reshape(-1, rate), axis=0).ravel()
    before = np.where(starts >= rate, running[starts - rate], 0)
    return np.asarray(running[starts + (length - 1) * rate] > before)
