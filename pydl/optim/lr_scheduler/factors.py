"""Schedules that multiply the last rate by factors known in advance."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable

from pydl.optim.lr_scheduler.base import LRScheduler, at_least_one
from pydl.optim.optimizer import Optimizer


class _FactorSchedule(LRScheduler):
    """Schedules that multiply the last rate, and know the product of all factors."""

    def _factor(self) -> float:
        """Return the factor of this step."""
        raise NotImplementedError

    def _product(self) -> float:
        """Return the product of all factors up to this step."""
        raise NotImplementedError

    def rates(self) -> list[float]:
        """Return the last rates times the factor of this step."""
        factor = self._factor()
        return [rate * factor for rate in self._current()]

    def _closed_rates(self) -> list[float]:
        return [base * self._product() for base in self.base_lrs]


class StepLR(_FactorSchedule):
    """Multiply the rate by `gamma` after every `step_size` steps.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    step_size : int
        Steps between changes.
    gamma : float, default 0.1
        The factor.
    last_epoch : int, default -1
        See `LRScheduler`.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.StepLR(optimizer, 2, gamma=0.5)
    >>> for _ in range(2):
    ...     schedule.step()
    >>> schedule.get_last_lr()
    [0.5]
    """

    def __init__(
        self, optimizer: Optimizer, step_size: int, gamma: float = 0.1, last_epoch: int = -1
    ) -> None:
        self.step_size, self.gamma = at_least_one("StepLR", "step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        changes = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self.gamma if changes else 1.0

    def _product(self) -> float:
        return float(self.gamma ** (self.last_epoch // self.step_size))


class MultiStepLR(_FactorSchedule):
    """Multiply the rate by `gamma` when one of the `milestones`, numbers of steps, is reached.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    milestones : iterable of int
        Numbers of steps.
    gamma : float, default 0.1
        The factor.
    last_epoch : int, default -1
        See `LRScheduler`.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.MultiStepLR(optimizer, [1, 3], gamma=0.5)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(optimizer.lr, 3))
    ...     schedule.step()
    >>> rates
    [1.0, 0.5, 0.5, 0.25]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        milestones: Iterable[int],
        gamma: float = 0.1,
        last_epoch: int = -1,
    ) -> None:
        self.milestones, self.gamma = Counter(milestones), gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        return float(self.gamma ** self.milestones[self.last_epoch])

    def _product(self) -> float:
        passed = bisect_right(sorted(self.milestones.elements()), self.last_epoch)
        return float(self.gamma**passed)


class ExponentialLR(_FactorSchedule):
    """Multiply the rate by `gamma` at each step.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    gamma : float
        The factor.
    last_epoch : int, default -1
        See `LRScheduler`.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> rates = []
    >>> for _ in range(3):
    ...     rates.append(round(optimizer.lr, 3))
    ...     schedule.step()
    >>> rates
    [1.0, 0.5, 0.25]
    """

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        return self.gamma if self.last_epoch > 0 else 1.0

    def _product(self) -> float:
        return float(self.gamma**self.last_epoch)


class ConstantLR(_FactorSchedule):
    """Multiply the rate by `factor` during the first `total_iters` steps.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    factor : float, default 1/3
        The factor, in (0, 1].
    total_iters : int, default 5
        Steps until the full rate.
    last_epoch : int, default -1
        See `LRScheduler`.

    Raises
    ------
    ValueError
        For a factor outside (0, 1].

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.ConstantLR(optimizer, factor=0.5, total_iters=2)
    >>> rates = []
    >>> for _ in range(3):
    ...     rates.append(round(optimizer.lr, 3))
    ...     schedule.step()
    >>> rates
    [0.5, 0.5, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        factor: float = 1.0 / 3,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < factor <= 1:
            raise ValueError(f"ConstantLR: expected factor in (0, 1], got {factor}")
        self.factor, self.total_iters = factor, total_iters
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        if self.last_epoch == 0:
            return self.factor
        return 1.0 / self.factor if self.last_epoch == self.total_iters else 1.0

    def _product(self) -> float:
        return self.factor if self.last_epoch < self.total_iters else 1.0


class LinearLR(_FactorSchedule):
    """Multiply the rate by `start_factor`, which becomes `end_factor` over `total_iters` steps.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    start_factor : float, default 1/3
        The first factor, in (0, 1].
    end_factor : float, default 1.0
        The last factor, in [0, 1].
    total_iters : int, default 5
        Steps from one to the other.
    last_epoch : int, default -1
        See `LRScheduler`.

    Raises
    ------
    ValueError
        For factors out of their ranges, and `total_iters` below 1.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.LinearLR(optimizer, start_factor=0.5, total_iters=2)
    >>> rates = []
    >>> for _ in range(4):
    ...     rates.append(round(optimizer.lr, 3))
    ...     schedule.step()
    >>> rates
    [0.5, 0.75, 1.0, 1.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        start_factor: float = 1.0 / 3,
        end_factor: float = 1.0,
        total_iters: int = 5,
        last_epoch: int = -1,
    ) -> None:
        if not 0 < start_factor <= 1:
            raise ValueError(f"LinearLR: expected start_factor in (0, 1], got {start_factor}")
        if not 0 <= end_factor <= 1:
            raise ValueError(f"LinearLR: expected end_factor in [0, 1], got {end_factor}")
        self.start_factor, self.end_factor = start_factor, end_factor
        self.total_iters = at_least_one("LinearLR", "total_iters", total_iters)
        super().__init__(optimizer, last_epoch)

    def _at(self, number: int) -> float:
        part = min(number, self.total_iters) / self.total_iters
        return self.start_factor + (self.end_factor - self.start_factor) * part

    def _factor(self) -> float:
        if self.last_epoch == 0:
            return self.start_factor
        if self.last_epoch > self.total_iters:
            return 1.0
        return self._at(self.last_epoch) / self._at(self.last_epoch - 1)

    def _product(self) -> float:
        return self._at(self.last_epoch)


class PolynomialLR(_FactorSchedule):
    """Multiply the rate by (1 - t / total_iters) ** power at step t; 0 from `total_iters` on.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    total_iters : int, default 5
        Steps until the rate is 0.
    power : float, default 1.0
        The exponent: 1 for a straight line.
    last_epoch : int, default -1
        See `LRScheduler`.

    Raises
    ------
    ValueError
        For `total_iters` below 1.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=4, power=2.0)
    >>> rates = []
    >>> for _ in range(5):
    ...     rates.append(round(optimizer.lr, 3))
    ...     schedule.step()
    >>> rates
    [1.0, 0.562, 0.25, 0.062, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters = at_least_one("PolynomialLR", "total_iters", total_iters)
        self.power = power
        super().__init__(optimizer, last_epoch)

    def _at(self, number: int) -> float:
        return float((1.0 - min(number, self.total_iters) / self.total_iters) ** self.power)

    def _factor(self) -> float:
        if not 0 < self.last_epoch <= self.total_iters:
            return 1.0
        return self._at(self.last_epoch) / self._at(self.last_epoch - 1)

    def _product(self) -> float:
        return self._at(self.last_epoch)
