"""Loggers: the values of each epoch as lines of a file."""

from __future__ import annotations

import csv
import errno
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pydl._core import Tensor, tensor
from pydl.training.callbacks.base import Callback, Logs, require_names
from pydl.training.callbacks.files import (
    append,
    checked_path,
    cut,
    empty,
    ends_within_a_line,
    make_folder_of,
)


class _LineLogger(Callback):
    """What writes a line after each epoch; nothing is kept open, so nothing is lost.

    A training that is resumed with the state of the logger goes on in the file, after the lines
    that were there when the state was made.
    """

    def __init__(self, path: str | os.PathLike[str], append: bool) -> None:
        self.path, self.append = checked_path(type(self).__name__, "path", path), append
        self._size: int | None = None  # of the file, as a restored state knows it

    def _check(self, names: Sequence[str] | None) -> None:
        make_folder_of(type(self).__name__, os.fspath(self.path))
        if os.path.exists(self.path) and not os.access(self.path, os.W_OK):
            raise PermissionError(
                errno.EACCES,
                f"{type(self).__name__}: this file cannot be written",
                os.fspath(self.path),
            )

    def on_train_begin(self) -> None:
        if self._size is not None:
            cut(self.path, self._size)
        elif not self.append:
            empty(self.path)
        self._size = None

    def _write(self, text: str) -> None:
        start = "\n" if ends_within_a_line(self.path) else ""
        append(self.path, f"{start}{text}".encode())

    def state_dict(self) -> dict[str, Tensor]:
        """Return the size of the file."""
        size = os.path.getsize(self.path) if os.path.exists(self.path) else 0
        return {"size": tensor(size if self._size is None else self._size, dtype="int64")}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned: the next `fit` goes on after the lines of that time.

        Raises
        ------
        ValueError
            For a state of another kind of callback.
        """
        require_names(self, state.keys(), {"size"})
        self._size = int(state["size"])


class CSVLogger(_LineLogger):
    """Write the values of each epoch to a table: a line of names, then one line per epoch.

    Values that are arrays, as a confusion matrix is, are written as lists in brackets.

    Parameters
    ----------
    path : str or path
        File in UTF-8; its folder is made where there is none.
    separator : str, default ","
        One character between the columns.
    append : bool, default False
        Whether lines are added to a file that exists, which keeps its columns. Otherwise the file
        is emptied when training begins, unless it is resumed with the state of the logger.

    Raises
    ------
    ValueError
        By `fit`, for values that the columns of an existing file lack.
    OSError
        By `fit`, where the file cannot be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import pydl
    >>> path = os.path.join(tempfile.mkdtemp(), "log.csv")
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "mse", ["mae"])
    >>> logger = pydl.training.CSVLogger(path)
    >>> _ = model.fit(pydl.ones((4, 2)), pydl.ones((4, 1)), callbacks=logger, verbose=0)
    >>> print(open(path).readline().strip())
    epoch,loss,mae
    """

    def __init__(
        self, path: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__(path, append)
        if not isinstance(separator, str) or len(separator) != 1 or separator in '"\r\n':
            raise ValueError(f"CSVLogger: expected separator as one character, got {separator!r}")
        self.separator = separator
        self._columns: list[str] = []

    def _check(self, names: Sequence[str] | None) -> None:
        super()._check(names)
        if self._goes_on() and (columns := self._read_columns()) and names is not None:
            self._require_columns(columns, ["epoch", *names])

    def _goes_on(self) -> bool:
        return self.append or bool(self._size)

    def _read_columns(self) -> list[str]:
        """Return the columns of the file; none where there is none, or an empty one."""
        if not os.path.exists(self.path):
            return []
        with open(self.path, encoding="utf-8", newline="") as file:
            return next(csv.reader(file, delimiter=self.separator), [])

    def _require_columns(self, columns: Sequence[str], names: Sequence[str]) -> None:
        missing = [name for name in names if name not in columns]
        if missing:
            raise ValueError(
                f"CSVLogger: expected values among the columns of {os.fspath(self.path)!r}, "
                f"{', '.join(columns)}; got {', '.join(missing)} too; choose another file, or "
                "append=False"
            )

    def on_train_begin(self) -> None:
        super().on_train_begin()
        self._columns = self._read_columns()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if not self._columns:
            self._columns = ["epoch", *logs]
            self._write(self._line(self._columns))
        self._require_columns(self._columns, list(logs))
        row = {"epoch": epoch, **{name: _plain(value) for name, value in logs.items()}}
        self._write(self._line([row.get(name, "NA") for name in self._columns]))

    def _line(self, values: Sequence[Any]) -> str:
        text = io.StringIO()
        csv.writer(text, delimiter=self.separator, lineterminator="\n").writerow(values)
        return text.getvalue()


class JSONLinesLogger(_LineLogger):
    """Write the values of each epoch as an object of JSON, one per line.

    NaN and infinite values, which JSON lacks, are null. Arrays are lists.

    Parameters
    ----------
    path : str or path
        File in UTF-8; its folder is made where there is none.
    append : bool, default False
        Whether lines are added to a file that exists. Otherwise it is emptied when training begins,
        unless it is resumed with the state of the logger.

    Raises
    ------
    OSError
        By `fit`, where the file cannot be written.

    Examples
    --------
    >>> import json, os, tempfile
    >>> import pydl
    >>> path = os.path.join(tempfile.mkdtemp(), "log.jsonl")
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "mse")
    >>> logger = pydl.training.JSONLinesLogger(path)
    >>> x, y = pydl.ones((4, 2)), pydl.ones((4, 1))
    >>> _ = model.fit(x, y, epochs=2, callbacks=logger, verbose=0)
    >>> [json.loads(line)["epoch"] for line in open(path)]
    [0, 1]
    """

    def __init__(self, path: str | os.PathLike[str], append: bool = False) -> None:
        super().__init__(path, append)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        values = {name: _finite(_plain(value)) for name, value in logs.items()}
        self._write(json.dumps({"epoch": epoch, **values}, ensure_ascii=False) + "\n")


def _plain(value: Any) -> Any:
    """Return a number, or a nested list of an array's."""
    return value.tolist() if isinstance(value, np.ndarray) else value


def _finite(value: Any) -> Any:
    """Return numbers, of which those that are not finite are None."""
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return float(value) if math.isfinite(value) else None
