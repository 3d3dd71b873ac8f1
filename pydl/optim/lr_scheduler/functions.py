"""Schedules given as functions of the number of steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydl.optim.lr_scheduler.base import LRScheduler
from pydl.optim.optimizer import Optimizer

Rate = Callable[[int], float]


class LambdaLR(LRScheduler):
    """Multiply the first rate by a function of the number of steps, one for all or for each group.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    lr_lambda : function, or sequence of functions
        From the number of steps to the factor; one for all groups, or one for each.
    last_epoch : int, default -1
        See `LRScheduler`.

    Raises
    ------
    ValueError
        For another number of functions than groups.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 / (1 + step))
    >>> schedule.step()
    >>> optimizer.lr
    0.5
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Rate | Sequence[Rate], last_epoch: int = -1
    ) -> None:
        self.lr_lambdas = _functions("LambdaLR", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def rates(self) -> list[float]:
        """Return the first rates times the values of the functions."""
        pairs = zip(self.base_lrs, self.lr_lambdas, strict=True)
        return [base * function(self.last_epoch) for base, function in pairs]


class MultiplicativeLR(LRScheduler):
    """Multiply the last rate by a function of the number of steps, for all or for each group.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    lr_lambda : function, or sequence of functions
        From the number of steps to the factor; one for all groups, or one for each.
    last_epoch : int, default -1
        See `LRScheduler`.

    Raises
    ------
    ValueError
        For another number of functions than groups.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.MultiplicativeLR(optimizer, lambda step: 0.5)
    >>> rates = []
    >>> for _ in range(3):
    ...     rates.append(round(optimizer.lr, 3))
    ...     schedule.step()
    >>> rates
    [1.0, 0.5, 0.25]
    """

    def __init__(
        self, optimizer: Optimizer, lr_lambda: Rate | Sequence[Rate], last_epoch: int = -1
    ) -> None:
        self.lr_lambdas = _functions("MultiplicativeLR", lr_lambda, optimizer)
        super().__init__(optimizer, last_epoch)

    def rates(self) -> list[float]:
        """Return the last rates times the values of the functions."""
        if self.last_epoch == 0:
            return self._current()
        pairs = zip(self._current(), self.lr_lambdas, strict=True)
        return [rate * function(self.last_epoch) for rate, function in pairs]


def _functions(owner: str, given: Rate | Sequence[Rate], optimizer: Optimizer) -> list[Rate]:
    count = len(optimizer.groups)
    functions: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given] * count
    if len(functions) != count:
        raise ValueError(f"{owner}: expected functions for {count} groups, got {len(functions)}")
    for function in functions:
        if not callable(function):
            raise TypeError(f"{owner}: expected functions, got {type(function).__name__}")
    return functions
