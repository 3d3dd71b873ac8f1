"""Schedules that follow a cosine."""

from __future__ import annotations

import math

from pydl.optim.lr_scheduler.base import LRScheduler, at_least_one
from pydl.optim.optimizer import Optimizer


def _at_height(schedule: LRScheduler, eta_min: float, position: float) -> list[float]:
    """Return the rates of half a cosine from the first rates, at 0, to `eta_min`, at 1."""
    height = (1 + math.cos(math.pi * position)) / 2
    return [eta_min + (base - eta_min) * height for base in schedule.base_lrs]


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the rate to `eta_min` over `T_max` steps, and back (Loshchilov, 2017).

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    T_max : int
        Steps until the lowest rate.
    eta_min : float, default 0.0
        The lowest rate.
    last_epoch : int, default -1
        See `LRScheduler`.

    Raises
    ------
    ValueError
        For `T_max` below 1.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=4)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates.append(round(optimizer.lr, 3))
    ...     schedule.step()
    >>> rates
    [1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,  # noqa: N803  (PyTorch's name)
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.T_max, self.eta_min = at_least_one("CosineAnnealingLR", "T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def _height(self, number: int) -> float:
        return 1 + math.cos(math.pi * number / self.T_max)

    def rates(self) -> list[float]:
        """Return the last rates, changed by as much as the cosine changes."""
        t, current = self.last_epoch, self._current()
        if t == 0:
            return current
        # After the lowest point, which has no ratio.
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:
            up = (1 - math.cos(math.pi / self.T_max)) / 2
            pairs = zip(current, self.base_lrs, strict=True)
            return [rate + (base - self.eta_min) * up for rate, base in pairs]
        ratio = self._height(t) / self._height(t - 1)
        return [ratio * (rate - self.eta_min) + self.eta_min for rate in current]

    def _closed_rates(self) -> list[float]:
        return _at_height(self, self.eta_min, self.last_epoch / self.T_max)


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from the rate to `eta_min` that starts anew after `T_0` steps.

    Each cycle is `T_mult` times as long as the one before (Loshchilov and Hutter, 2017).

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    T_0 : int
        Steps of the first cycle.
    T_mult : int, default 1
        How many times as long each cycle is as the one before.
    eta_min : float, default 0.0
        The rate that cycles tend to.
    last_epoch : int, default -1
        See `LRScheduler`.

    Raises
    ------
    ValueError
        For `T_0` or `T_mult` below 1.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(optimizer.lr, 3))
    ...     schedule.step()
    >>> rates
    [1.0, 0.5, 1.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,  # noqa: N803
        T_mult: int = 1,  # noqa: N803
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.T_0 = at_least_one("CosineAnnealingWarmRestarts", "T_0", T_0)
        self.T_mult = at_least_one("CosineAnnealingWarmRestarts", "T_mult", T_mult)
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def rates(self) -> list[float]:
        """Return the rates at this position of the cycle."""
        position, length = self.last_epoch, self.T_0
        if self.T_mult == 1:
            position %= length
        while position >= length:
            position, length = position - length, length * self.T_mult
        return _at_height(self, self.eta_min, position / length)


class CosineWithWarmup(LRScheduler):
    """A straight rise over `warmup_steps`, then half a cosine to `eta_min` at `total_steps`.

    Step t has the rate base * t / warmup_steps, from base * `warmup_start`; from `total_steps` on
    it is `eta_min`. This is the usual schedule of transformers, stepped after each optimiser step.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    total_steps : int
        Where the cosine ends.
    warmup_steps : int, default 0
        Where the rise ends.
    eta_min : float, default 0.0
        The last rate.
    warmup_start : float, default 0.0
        Part of the rate that the rise begins with.
    last_epoch : int, default -1
        See `LRScheduler`.

    Raises
    ------
    ValueError
        For numbers of steps that are not in order.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.AdamW([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.CosineWithWarmup(optimizer, 4, warmup_steps=2)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates.append(round(optimizer.lr, 3))
    ...     schedule.step()
    >>> rates
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_steps: int,
        warmup_steps: int = 0,
        *,
        eta_min: float = 0.0,
        warmup_start: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        if not 0 <= warmup_steps < total_steps:
            raise ValueError(
                "CosineWithWarmup: expected 0 <= warmup_steps < total_steps, got "
                f"{warmup_steps} and {total_steps}"
            )
        self.total_steps, self.warmup_steps = total_steps, warmup_steps
        self.eta_min, self.warmup_start = eta_min, warmup_start
        super().__init__(optimizer, last_epoch)

    def rates(self) -> list[float]:
        """Return the rates at this step."""
        t = min(self.last_epoch, self.total_steps)
        if t < self.warmup_steps:
            part = self.warmup_start + (1 - self.warmup_start) * t / self.warmup_steps
            return [base * part for base in self.base_lrs]
        position = (t - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        return _at_height(self, self.eta_min, position)
