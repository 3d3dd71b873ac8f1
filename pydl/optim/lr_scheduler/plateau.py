"""A schedule that reduces the rate where a quantity stops improving."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydl.optim.lr_scheduler.base import LRScheduler, per_group
from pydl.optim.optimizer import Optimizer


class ReduceLROnPlateau(LRScheduler):
    """Multiply the rate by `factor` when a quantity has not improved for `patience` steps.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    mode : {"min", "max"}, default "min"
        Whether less or more is better.
    factor : float, default 0.1
        Below 1.
    patience : int, default 10
        Steps without improvement that are allowed.
    threshold : float, default 1e-4
        Smaller changes are no improvement.
    threshold_mode : {"rel", "abs"}, default "rel"
        Whether the threshold is a part of the best value.
    cooldown : int, default 0
        Steps after a reduction that do not count.
    min_lr : float or sequence of float, default 0.0
        The least rate; one for each group.
    eps : float, default 1e-8
        Changes of the rate that are not larger are not made.

    Raises
    ------
    ValueError
        For a factor that is not below 1, and for other modes.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5)
    >>> for loss in (3.0, 3.0, 3.0):
    ...     schedule.step(loss)
    >>> optimizer.lr
    0.5
    """

    _saved = ("last_epoch", "base_lrs", "_last_lr", "best", "num_bad_epochs", "cooldown_counter")

    def __init__(
        self,
        optimizer: Optimizer,
        mode: Literal["min", "max"] = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: Literal["rel", "abs"] = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0.0,
        eps: float = 1e-8,
    ) -> None:
        if not 0 <= factor < 1:
            raise ValueError(f"ReduceLROnPlateau: expected factor in [0, 1), got {factor}")
        if mode not in ("min", "max"):
            raise ValueError(f"ReduceLROnPlateau: expected mode 'min' or 'max', got {mode!r}")
        if threshold_mode not in ("rel", "abs"):
            raise ValueError(
                f"ReduceLROnPlateau: expected threshold_mode 'rel' or 'abs', got {threshold_mode!r}"
            )
        self.mode, self.factor, self.patience = mode, factor, patience
        self.threshold, self.threshold_mode = threshold, threshold_mode
        self.cooldown, self.eps = cooldown, eps
        self.best = math.inf if mode == "min" else -math.inf
        self.num_bad_epochs = self.cooldown_counter = 0
        super().__init__(optimizer)
        self.min_lrs = per_group("ReduceLROnPlateau", "min_lr", min_lr, optimizer)

    def rates(self) -> list[float]:
        """Return the rates as they are."""
        return self._current()

    def _improves(self, value: float) -> bool:
        if self.threshold_mode == "rel":
            sign = -1 if self.mode == "min" else 1
            bound = self.best * (1 + sign * self.threshold)
        else:
            bound = self.best + (-self.threshold if self.mode == "min" else self.threshold)
        return value < bound if self.mode == "min" else value > bound

    def step(self, metrics: Any = None) -> None:
        """Look at the quantity, a number or a tensor with one element.

        Raises
        ------
        TypeError
            Without a value.
        """
        if metrics is None:
            if self.last_epoch >= 0:
                raise TypeError("ReduceLROnPlateau.step: expected the value to watch, got none")
            super().step()  # by the constructor
            return
        self._require_no_trace()
        value = float(metrics)
        self.last_epoch += 1
        if self._improves(value):
            self.best, self.num_bad_epochs = value, 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter, self.num_bad_epochs = self.cooldown, 0
        self._last_lr = self._current()

    def _reduce(self) -> None:
        for group, least in zip(self.optimizer.groups, self.min_lrs, strict=True):
            old = group.lr
            new = max(old * self.factor, least)
            if old - new > self.eps:
                group.lr = new
