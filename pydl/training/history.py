"""History: what `fit` returns."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydl import _core

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


class History:
    """Loss and metrics of each epoch.

    Attributes
    ----------
    history : dict of str to list of float
        One value per finished epoch: "loss", each metric, the same with "val_" in front, and what
        callbacks added to the values. Metrics of several values have arrays of NumPy.
    epochs : list of int
        Numbers of the finished epochs, from 0.
    interrupted : bool
        Whether Ctrl-C ended the training.
    skipped : int
        Steps that were not made because they were not finite; see `on_nan` of `Model.fit`.
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epochs: list[int] = []
        self.interrupted = False
        self.skipped = 0

    def append(self, epoch: int, logs: dict[str, float]) -> None:
        """Add the values of one epoch."""
        self.epochs.append(epoch)
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw loss and metrics that are numbers over epochs, the validation's dashed.

        Parameters
        ----------
        path : str or path, optional
            Where to save the picture, atomically; the suffix decides the format, PNG without one.
            Without a path, the figure belongs to pyplot, which shows it.

        Raises
        ------
        ImportError
            Without matplotlib.
        OSError
            When the file cannot be written.
        ValueError
            For an ending that is not a format of matplotlib's.
        """
        try:
            from matplotlib.figure import Figure
            from matplotlib.ticker import MaxNLocator
        except ImportError as error:
            raise ImportError(
                "History.plot needs matplotlib: pip install 'pydl-core[plot]'"
            ) from error
        panels = self._panels()
        size = (5.0 * len(panels), 3.5)
        if path is None:
            from matplotlib import pyplot

            figure: Figure = pyplot.figure(figsize=size, layout="constrained")
        else:
            figure = Figure(figsize=size, layout="constrained")
        for number, (title, names) in enumerate(panels.items(), start=1):
            axes: Any = figure.add_subplot(1, len(panels), number)
            for name in names:
                values = self.history[name]
                style = "o--" if name.startswith("val_") else "o-"
                epochs = [epoch + 1 for epoch in self.epochs[-len(values) :]]
                axes.plot(epochs, values, style, label=name, markersize=3)
            axes.set(xlabel="epoch", ylabel=title)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.legend()
            axes.grid(alpha=0.3)
        if path is not None:
            _save(figure, os.fspath(path))
        return figure

    def to_frame(self) -> pd.DataFrame:
        """Return the values as a data frame of pandas: a row per epoch, from 0, a column per name.

        What an epoch lacks is NaN. Columns of arrays have objects.

        Raises
        ------
        ImportError
            Without pandas.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("History.to_frame needs pandas: pip install pandas") from error
        columns = {
            name: pd.Series(
                values,
                self.epochs[len(self.epochs) - len(values) :],
                dtype="float64" if _are_numbers(values) else object,
            )
            for name, values in self.history.items()
        }
        return pd.DataFrame(columns, index=pd.Index(self.epochs, name="epoch"))

    def _panels(self) -> dict[str, list[str]]:
        """One panel for each quantity, its validation included."""
        panels: dict[str, list[str]] = {"loss": []}
        for name in filter(lambda name: _are_numbers(self.history[name]), self.history):
            panels.setdefault(name.removeprefix("val_"), []).append(name)
        return panels

    def __repr__(self) -> str:
        last = ", ".join(
            f"{name}={values[-1]:.4g}"
            for name, values in self.history.items()
            if _are_numbers(values)
        )
        mark = ", interrupted" if self.interrupted else ""
        return f"History({len(self.epochs)} epochs{mark}{': ' + last if last else ''})"


def _are_numbers(values: Sequence[Any]) -> bool:
    return not any(hasattr(value, "shape") and value.shape for value in values)


def _save(figure: Figure, path: str) -> None:
    """Write a picture, atomically, in the format of the path's ending; without one, as a PNG."""
    ending = os.path.splitext(path)[1]
    picture = io.BytesIO()
    figure.savefig(picture, format=ending[1:].lower() or "png", dpi=120)
    _core.io.write_file(path, picture.getbuffer())
