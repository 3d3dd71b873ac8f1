"""Schedules that go up and down again."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

from pydl.optim.lr_scheduler.base import LRScheduler, at_least_one, per_group
from pydl.optim.optimizer import Optimizer


class OneCycleLR(LRScheduler):
    """Up to `max_lr` and down to almost nothing, over all steps of a training (Smith, 2018).

    Unlike PyTorch's, it leaves momentum and betas, constants of compiled steps, as they are.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    max_lr : float or sequence of float
        The largest rate; one for each group.
    total_steps : int, optional
        Steps of the whole cycle.
    epochs, steps_per_epoch : int, optional
        Their product, instead of `total_steps`.
    pct_start : float, default 0.3
        Part of the steps that rise.
    anneal_strategy : {"cos", "linear"}, default "cos"
        The form of rise and fall.
    div_factor : float, default 25.0
        The first rate is `max_lr` divided by this.
    final_div_factor : float, default 10000.0
        The last rate is the first one divided by this.
    three_phase : bool, default False
        Fall to the first rate as long as it rose, and then to the last one.
    last_epoch : int, default -1
        See `LRScheduler`.

    Raises
    ------
    ValueError
        Without a number of steps, for `pct_start` outside [0, 1], and for another strategy. By
        `step`, after `total_steps`.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: Literal["cos", "linear"] = "cos",
        *,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        if total_steps is None:
            if epochs is None or steps_per_epoch is None:
                raise ValueError("OneCycleLR: expected total_steps, or epochs and steps_per_epoch")
            total_steps = epochs * steps_per_epoch
        if not 0 <= pct_start <= 1:
            raise ValueError(f"OneCycleLR: expected pct_start in [0, 1], got {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"OneCycleLR: expected anneal_strategy 'cos' or 'linear', got {anneal_strategy!r}"
            )
        self.total_steps = at_least_one("OneCycleLR", "total_steps", total_steps)
        self.max_lrs = per_group("OneCycleLR", "max_lr", max_lr, optimizer)
        self.div_factor, self.final_div_factor = div_factor, final_div_factor
        self.anneal_strategy, self.three_phase = anneal_strategy, three_phase
        rise = float(pct_start * total_steps) - 1
        falls = [2 * rise, total_steps - 1] if three_phase else [total_steps - 1]
        self._ends = [rise, *falls]
        super().__init__(optimizer, last_epoch)

    def _between(self, start: float, end: float, part: float) -> float:
        if self.anneal_strategy == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)

    def rates(self) -> list[float]:
        """Return the rates at this step."""
        t = self.last_epoch
        if t > self.total_steps:
            raise ValueError(
                f"OneCycleLR.step: expected at most {self.total_steps} steps, its total_steps; "
                f"this is step {t}"
            )
        result = []
        for most in self.max_lrs:
            first = most / self.div_factor
            last = first / self.final_div_factor
            heights = [first, most, first, last] if self.three_phase else [first, most, last]
            begin = 0.0
            for i, end in enumerate(self._ends):
                if t <= end or i == len(self._ends) - 1:
                    # The step after the last one keeps its rate.
                    part = min(1.0, (t - begin) / (end - begin)) if end != begin else 1.0
                    result.append(self._between(heights[i], heights[i + 1], part))
                    break
                begin = end
        return result


class CyclicLR(LRScheduler):
    """Up from `base_lr` to `max_lr` and down again, over and over (Smith, 2017).

    Unlike PyTorch's, it leaves momentum and betas, constants of compiled steps, as they are.

    Parameters
    ----------
    optimizer : Optimizer
        See `LRScheduler`.
    base_lr, max_lr : float or sequence of float
        The least and the largest rate; one for each group.
    step_size_up : int, default 2000
        Steps of the rise.
    step_size_down : int, optional
        Steps of the fall; by default as many.
    mode : {"triangular", "triangular2", "exp_range"}, default "triangular"
        Whether all cycles are equally high, each half as high as the one before, or lower by
        `gamma` with each step.
    gamma : float, default 1.0
        For "exp_range".
    scale_fn : callable, optional
        Function from a number to a part of the height, instead of `mode`.
    scale_mode : {"cycle", "iterations"}, default "cycle"
        What `scale_fn` gets: the number of the cycle, from 1, or that of the step.
    last_epoch : int, default -1
        See `LRScheduler`.

    Raises
    ------
    ValueError
        For another mode.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        base_lr: float | Sequence[float],
        max_lr: float | Sequence[float],
        step_size_up: int = 2000,
        step_size_down: int | None = None,
        mode: Literal["triangular", "triangular2", "exp_range"] = "triangular",
        gamma: float = 1.0,
        scale_fn: Callable[[float], float] | None = None,
        scale_mode: Literal["cycle", "iterations"] = "cycle",
        *,
        last_epoch: int = -1,
    ) -> None:
        if mode not in ("triangular", "triangular2", "exp_range"):
            raise ValueError(
                f"CyclicLR: expected mode 'triangular', 'triangular2' or 'exp_range', got {mode!r}"
            )
        if scale_mode not in ("cycle", "iterations"):
            raise ValueError(
                f"CyclicLR: expected scale_mode 'cycle' or 'iterations', got {scale_mode!r}"
            )
        self.least = per_group("CyclicLR", "base_lr", base_lr, optimizer)
        self.max_lrs = per_group("CyclicLR", "max_lr", max_lr, optimizer)
        self.up = at_least_one("CyclicLR", "step_size_up", step_size_up)
        down = self.up if step_size_down is None else step_size_down
        self.down = at_least_one("CyclicLR", "step_size_down", down)
        self.mode, self.gamma = mode, gamma
        self.scale_fn, self.scale_mode = scale_fn, scale_mode
        super().__init__(optimizer, last_epoch)

    def _scale(self, cycle: int) -> float:
        if self.scale_fn is not None:
            return self.scale_fn(cycle if self.scale_mode == "cycle" else self.last_epoch)
        if self.mode == "triangular":
            return 1.0
        return 0.5 ** (cycle - 1) if self.mode == "triangular2" else self.gamma**self.last_epoch

    def rates(self) -> list[float]:
        """Return the rates at this place of the cycle."""
        length = self.up + self.down
        cycle, place = divmod(self.last_epoch, length)
        part = place / self.up if place <= self.up else (length - place) / self.down
        scale = self._scale(cycle + 1)
        pairs = zip(self.least, self.max_lrs, strict=True)
        return [low + (high - low) * part * scale for low, high in pairs]
