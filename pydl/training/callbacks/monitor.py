"""Watching a value: which direction is better, and what the best one was."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from pydl.training.metrics.averages import numbers

Mode = Literal["auto", "min", "max"]

# Endings of the names of values of which more, or less, is better.
_LARGER = (
    *("accuracy", "acc", "precision", "recall", "specificity", "f1", "auc", "iou", "dice", "r2"),
    *("bleu", "correlation", "kappa", "similarity", "_micro", "_macro", "_weighted"),
)
_SMALLER = (
    *("loss", "error", "mse", "mae", "rmse", "mape", "msle", "cross_entropy", "perplexity"),
    "distance",
)


class Best:
    """Remembers the best value of a quantity.

    Parameters
    ----------
    monitor : str
        The name of the quantity.
    mode : {"auto", "min", "max"}
        Which direction is better; "auto" knows it from the name.
    min_delta : float, default 0.0
        Smaller changes are no improvement.

    Raises
    ------
    ValueError
        For other modes, and for names that say nothing of the direction.
    """

    def __init__(self, monitor: str, mode: Mode, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode: expected 'auto', 'min' or 'max', got {mode!r}")
        name = monitor.lower()
        larger = mode == "max" or (mode == "auto" and name.endswith(_LARGER))
        if mode == "auto" and not (larger or name.endswith(_SMALLER)):
            raise ValueError(
                f"mode: whether {monitor!r} shall be large or small is not known from its name; "
                "give mode='max' or 'min'"
            )
        self._sign = 1.0 if larger else -1.0
        self._monitor, self._min_delta = monitor, min_delta
        self._value = -math.inf

    @property
    def direction(self) -> Literal["min", "max"]:
        """Which direction is better."""
        return "max" if self._sign > 0 else "min"

    def check(self, names: Sequence[str] | None, owner: str) -> None:
        """Raise `ValueError` where the quantity is not one of those; None knows none."""
        if names is None or self._monitor in names:
            return
        hint = ""
        if self._monitor.startswith("val_") and self._monitor.removeprefix("val_") in names:
            hint = "; values with val_ need validation_data or validation_split"
        raise ValueError(
            f"{owner}: expected monitor to be one of {', '.join(names)}; got {self._monitor!r}"
            f"{hint}"
        )

    def current(self, logs: Mapping[str, float], owner: str) -> float:
        """Return the value of an epoch."""
        self.check(list(numbers(logs)), owner)
        return logs[self._monitor]

    def improves(self, logs: Mapping[str, float], owner: str) -> bool:
        """Whether the value of an epoch is the best so far, which is then remembered."""
        value = self.current(logs, owner)
        if not self.is_better(value, self.value):
            return False
        self.value = value
        return True

    def is_better(self, value: float, than: float) -> bool:
        """Compare two values; NaN is never better."""
        return self._sign * value > self._sign * than + self._min_delta

    @property
    def value(self) -> float:
        """The best value; infinite before the first one."""
        return self._sign * self._value

    @value.setter
    def value(self, value: float) -> None:
        self._value = self._sign * value


def check_known(owner: str, monitor: str, names: Sequence[str] | None) -> None:
    """Raise `ValueError` where a value does not exist, of which no direction is needed."""
    Best(monitor, "min").check(names, owner)
