"""Standardizer: columns with mean 0 and standard deviation 1, by the training part alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl._core import Tensor, asarray
from pydl.data.time_axis import as_series_list

if TYPE_CHECKING:
    import numpy.typing as npt

    Statistics = npt.NDArray[np.float64]

Columns = int | Sequence[int] | None


class Standardizer:
    """Subtract each column's mean and divide by its standard deviation, and back.

    Fit it on the training part only: statistics of later rows would tell of the future.

    Attributes
    ----------
    mean, scale : numpy.ndarray
        Per column, float64 (C,); a column that does not vary has scale 1.

    Examples
    --------
    >>> import numpy as np
    >>> import pydl
    >>> train, test = np.array([[0.0, 5.0], [2.0, 5.0]]), np.array([[4.0, 6.0]])
    >>> standardizer = pydl.data.Standardizer().fit(train)
    >>> standardizer.transform(test).tolist()
    [[3.0, 1.0]]
    >>> standardizer.inverse(np.array([3.0]), columns=0).tolist()
    [4.0]
    >>> pydl.save("scale.safetensors", standardizer.state_dict())
    >>> again = pydl.data.Standardizer()
    >>> again.load_state_dict(pydl.load("scale.safetensors"))
    >>> again.mean.tolist()
    [1.0, 5.0]
    """

    def __init__(self) -> None:
        self._mean: Statistics | None = None
        self._scale: Statistics | None = None

    def fit(self, series: Any) -> Standardizer:
        """Take the statistics of a series, or of several together.

        Parameters
        ----------
        series : array, or list of arrays
            Shapes (T, C) or (T,). NaN are left out.

        Returns
        -------
        Standardizer
            Itself.

        Raises
        ------
        ValueError
            For series of other shapes, and a column without a finite value.
        """
        arrays = [np.asarray(a, np.float64) for a in as_series_list("Standardizer", series)]
        counts = sum(np.isfinite(array).sum(axis=0) for array in arrays)
        if not np.all(counts):
            column = int(np.argmin(counts))
            raise ValueError(f"Standardizer: column {column} has no finite value")
        mean = sum(np.where(np.isfinite(a), a, 0.0).sum(axis=0) for a in arrays) / counts
        squares = sum((np.where(np.isfinite(a), a - mean, 0.0) ** 2).sum(axis=0) for a in arrays)
        deviation = np.sqrt(squares / counts)
        self._mean, self._scale = mean, np.where(deviation > 0.0, deviation, 1.0)
        return self

    @property
    def mean(self) -> Statistics:
        return self._fitted(self._mean)

    @property
    def scale(self) -> Statistics:
        return self._fitted(self._scale)

    def transform(self, values: Any, columns: Columns = None) -> Any:
        """Standardise values: ``(values - mean) / scale``.

        Parameters
        ----------
        values : array, Tensor, or list of arrays
            Shapes (..., C), or (T,) of one channel. Integers become float32.
        columns : int or sequence of int, optional
            Which columns the last axis holds, if not all; with a number there is no such axis.

        Returns
        -------
        numpy.ndarray, Tensor or list
            Like `values`.

        Raises
        ------
        RuntimeError
            Before `fit`.
        ValueError
            For a last axis of another size.
        """
        if isinstance(values, (list, tuple)):
            return [self.transform(one, columns) for one in values]
        values, mean, scale = self._operands("transform", values, columns)
        return (values - mean) / scale

    def inverse(self, values: Any, columns: Columns = None) -> Any:
        """Turn standardised values back: ``values * scale + mean``.

        Parameters, results and errors are those of `transform`; `columns` as for the targets of
        `SeriesWindows`.
        """
        if isinstance(values, (list, tuple)):
            return [self.inverse(one, columns) for one in values]
        values, mean, scale = self._operands("inverse", values, columns)
        return values * scale + mean

    def state_dict(self) -> dict[str, Statistics]:
        """Return mean and scale, to be saved."""
        return {"mean": self.mean, "scale": self.scale}

    def load_state_dict(self, state: Mapping[str, Tensor | npt.NDArray[Any]]) -> None:
        """Take mean and scale from `state_dict`, or from what `pydl.load` read.

        Raises
        ------
        ValueError
            For other names and shapes.
        """
        if set(state) != {"mean", "scale"}:
            raise ValueError(f"Standardizer: expected mean and scale, got {sorted(state)}")
        mean, scale = (np.array(np.asarray(state[key]), np.float64) for key in ("mean", "scale"))
        if mean.ndim != 1 or mean.shape != scale.shape:
            raise ValueError(
                f"Standardizer: expected mean and scale (C,), got {mean.shape} and {scale.shape}"
            )
        self._mean, self._scale = mean, scale

    def _fitted(self, statistics: Statistics | None) -> Statistics:
        if statistics is None:
            raise RuntimeError("Standardizer: not fitted yet, call fit() with the training part")
        return statistics

    def _operands(self, caller: str, values: Any, columns: Columns) -> tuple[Any, Any, Any]:
        """Return floating values, and mean and scale of their dtype that broadcast with them."""
        mean, scale = self.mean, self.scale
        if columns is not None:
            chosen = columns if isinstance(columns, int) else list(columns)
            mean, scale = np.asarray(mean[chosen]), np.asarray(scale[chosen])
        if not isinstance(values, Tensor):
            values = np.asarray(values)
        one_channel = values.ndim == 1 and mean.shape == (1,) and columns is None
        if mean.ndim and not one_channel and tuple(values.shape[-1:]) != mean.shape:
            raise ValueError(
                f"Standardizer.{caller}: expected a last axis of {mean.size} columns, got shape "
                f"{tuple(values.shape)}"
            )
        if isinstance(values, Tensor):
            values = values if values.dtype.is_floating else values.to("float32")
            return values, asarray(mean).to(values.dtype), asarray(scale).to(values.dtype)
        values = values if values.dtype.kind == "f" else values.astype(np.float32)
        return values, mean.astype(values.dtype), scale.astype(values.dtype)
