"""Schedules that consist of others."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Any

from pydl.optim.lr_scheduler.base import LRScheduler
from pydl.optim.lr_scheduler.plateau import ReduceLROnPlateau
from pydl.optim.optimizer import Optimizer


class _Composite(LRScheduler):
    """A schedule that consists of others."""

    def __init__(self, schedulers: Sequence[LRScheduler]) -> None:
        name = type(self).__name__
        self._schedulers = list(schedulers)
        if not self._schedulers:
            raise ValueError(f"{name}: expected schedulers, got none")
        for schedule in self._schedulers:
            refused = isinstance(schedule, (ReduceLROnPlateau, _Composite))
            if refused or not isinstance(schedule, LRScheduler):
                raise TypeError(f"{name}: {type(schedule).__name__} cannot be part of it")
            if schedule.optimizer is not self._schedulers[0].optimizer:
                raise ValueError(f"{name}: expected schedulers of one optimizer")
        self.optimizer = self._schedulers[0].optimizer
        self.base_lrs = list(self._schedulers[0].base_lrs)
        self.last_epoch = 0

    def state_dict(self) -> dict[str, Any]:
        """Return what changes, with the states of the parts as "schedulers"."""
        return {**super().state_dict(), "schedulers": [s.state_dict() for s in self._schedulers]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` returned, for the same parts.

        Raises
        ------
        ValueError
            For a state of other schedules.
        """
        name = type(self).__name__
        own = {key: value for key, value in state.items() if key != "schedulers"}
        parts = state.get("schedulers", ())
        if len(parts) != len(self._schedulers):
            raise ValueError(
                f"{name}.load_state_dict: expected the states of {len(self._schedulers)} "
                f"schedulers, got {len(parts)}"
            )
        super().load_state_dict(own)
        for schedule, part in zip(self._schedulers, parts, strict=True):
            schedule.load_state_dict(part)


class SequentialLR(_Composite):
    """One schedule after the other: a new one begins at each of the `milestones`.

    Parameters
    ----------
    optimizer : Optimizer
        That of all schedulers.
    schedulers : sequence of LRScheduler
        The parts.
    milestones : sequence of int
        Numbers of steps, one fewer than there are parts.

    Raises
    ------
    ValueError
        For parts of different optimisers, and another number of milestones.

    Examples
    --------
    >>> import pydl
    >>> from pydl.optim.lr_scheduler import ConstantLR, ExponentialLR, SequentialLR
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> parts = [ConstantLR(optimizer, 0.5, total_iters=9), ExponentialLR(optimizer, 0.9)]
    >>> schedule = SequentialLR(optimizer, parts, milestones=[2])
    >>> for _ in range(3):
    ...     schedule.step()
    >>> optimizer.lr
    0.9
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
    ) -> None:
        super().__init__(schedulers)
        if self.optimizer is not optimizer:
            raise ValueError("SequentialLR: expected schedulers of the given optimizer")
        if len(milestones) != len(self._schedulers) - 1:
            raise ValueError(
                f"SequentialLR: expected {len(self._schedulers) - 1} milestones, got "
                f"{len(milestones)}"
            )
        self._milestones = list(milestones)
        for group, base in zip(optimizer.groups, self.base_lrs, strict=True):
            group.lr = base
        first = self._schedulers[0]
        first.last_epoch = -1
        first.step()
        self._last_lr = first.get_last_lr()

    def step(self) -> None:
        """Step the schedule whose turn it is."""
        self._require_no_trace()
        self.last_epoch += 1
        number = bisect_right(self._milestones, self.last_epoch)
        schedule = self._schedulers[number]
        if number > 0 and self._milestones[number - 1] == self.last_epoch:
            schedule._restart()
        else:
            schedule.step()
        self._last_lr = schedule.get_last_lr()


class ChainedScheduler(_Composite):
    """Several schedules at once: each changes the rate that the one before has set.

    Parameters
    ----------
    schedulers : sequence of LRScheduler
        The parts, of one optimiser.
    optimizer : Optimizer, optional
        That of the parts.

    Raises
    ------
    ValueError
        For parts of different optimisers.
    """

    def __init__(
        self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None
    ) -> None:
        super().__init__(schedulers)
        if optimizer is not None and optimizer is not self.optimizer:
            raise ValueError("ChainedScheduler: expected schedulers of the given optimizer")
        self._last_lr = self._current()

    def step(self) -> None:
        """Step all schedules, in order."""
        self._require_no_trace()
        self.last_epoch += 1
        for schedule in self._schedulers:
            schedule.step()
        self._last_lr = self._current()
