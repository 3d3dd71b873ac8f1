"""A schedule for averages of weights."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from pydl.optim.lr_scheduler.base import LRScheduler, per_group
from pydl.optim.optimizer import Optimizer


class SWALR(LRScheduler):
    """From the rate that there is to `swa_lr`, where it stays (Izmailov et al., 2018).

    Weights that are averaged (`pydl.nn.AveragedModel`) should go on to move, at a constant rate.
    The schedule may take over from another one: its first step begins at the rate of that time.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    swa_lr : float or sequence of float
        The last rate; one for each group.
    anneal_epochs : int, default 10
        Steps on the way; 0 sets the rate at once.
    anneal_strategy : {"cos", "linear"}, default "cos"
        The form of the way.
    last_epoch : int, default -1
        See `LRScheduler`.

    Raises
    ------
    ValueError
        For a negative rate or number of steps, and another strategy.

    Examples
    --------
    >>> import pydl
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
    >>> schedule = pydl.optim.lr_scheduler.SWALR(optimizer, 0.5, 2, "linear")
    >>> for _ in range(3):
    ...     schedule.step()
    ...     print(optimizer.lr)
    0.75
    0.5
    0.5
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        last_epoch: int = -1,
    ) -> None:
        if isinstance(anneal_epochs, bool) or anneal_epochs != int(anneal_epochs):
            raise ValueError(
                f"SWALR: expected anneal_epochs to be an integer, got {anneal_epochs!r}"
            )
        if anneal_epochs < 0:
            raise ValueError(f"SWALR: expected anneal_epochs of at least 0, got {anneal_epochs}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"SWALR: expected anneal_strategy 'cos' or 'linear', got {anneal_strategy!r}"
            )
        self.anneal_epochs, self.anneal_strategy = int(anneal_epochs), anneal_strategy
        self.swa_lrs = per_group("SWALR", "swa_lr", swa_lr, optimizer)
        if not all(0 <= rate < math.inf for rate in self.swa_lrs):
            raise ValueError(f"SWALR: expected swa_lr of at least 0, got {swa_lr}")
        super().__init__(optimizer, last_epoch)

    def rates(self) -> list[float]:
        """Return the rates at this step, from those of the step before."""
        before, now = self._part(self.last_epoch - 1), self._part(self.last_epoch)
        pairs = zip(self._current(), self.swa_lrs, strict=True)
        return [
            last if now == 1.0 else last * now + (rate - before * last) / (1 - before) * (1 - now)
            for rate, last in pairs
        ]

    def _part(self, step: int) -> float:
        """Return how much of the way is made."""
        if self.anneal_epochs == 0:
            return float(step >= 0)
        place = max(0.0, min(1.0, step / self.anneal_epochs))
        return place if self.anneal_strategy == "linear" else (1 - math.cos(math.pi * place)) / 2
