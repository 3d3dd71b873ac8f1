"""Schedules of learning rates, with the names and the numbers of `torch.optim.lr_scheduler`.

A schedule is made with an optimiser, sets its rate at once, and again at each `step`: after each
epoch, or after each step of the optimiser, as the schedule is meant. The learning rate is an input
of compiled steps, so a new one traces nothing again; `step` itself stays outside of them.

``fit`` steps schedules by the callback `pydl.training.LearningRateScheduler`.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from pydl import _core
from pydl._checked_calls import check_public
from pydl.optim.optimizer import Optimizer

__all__ = [
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CosineWithWarmup",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


class LRScheduler:
    """Base of schedules: subclasses define `rates` for the number `last_epoch`.

    Parameters
    ----------
    optimizer : Optimizer
        Whose learning rates are set.
    last_epoch : int, default -1
        The number of the last step that was made; -1 begins. Another number continues a schedule of
        which nothing else was saved; `load_state_dict` does that with all of it.

    Attributes
    ----------
    base_lrs : list of float
        The rates of the optimiser's groups before its first schedule.
    last_epoch : int
        How often `step` was called.

    Raises
    ------
    TypeError
        For something that is not an optimizer.

    Examples
    --------
    >>> import pydl
    >>> class Halves(pydl.optim.lr_scheduler.LRScheduler):
    ...     def rates(self):
    ...         return [base / 2**self.last_epoch for base in self.base_lrs]
    >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=0.5)
    >>> schedule = Halves(optimizer)
    >>> schedule.step()
    >>> optimizer.lr
    0.25
    """

    _saved: tuple[str, ...] = ("last_epoch", "base_lrs", "_last_lr")

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        name = type(self).__name__
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{name}: expected an optimizer, got {type(optimizer).__name__}")
        self.optimizer = optimizer
        if optimizer._initial_rates is None:
            optimizer._initial_rates = tuple(group.lr for group in optimizer.groups)
        self.base_lrs = list(optimizer._initial_rates)
        self.last_epoch = last_epoch
        self._last_lr: list[float] = []
        self.step()

    def rates(self) -> list[float]:
        """Return the rate of each group after `last_epoch` steps."""
        raise NotImplementedError(f"{type(self).__name__} does not define rates()")

    def _closed_rates(self) -> list[float]:
        """Return the rates by `last_epoch` alone, whatever the last ones were."""
        return self.rates()

    def step(self) -> None:
        """Count on, and set the learning rates of the optimiser.

        Raises
        ------
        TraceError
            In a compiled function, where the rate would become a constant.
        """
        self._require_no_trace()
        self.last_epoch += 1
        self._set(self.rates())

    def _require_no_trace(self) -> None:
        if _core._is_tracing():
            raise _core.TraceError(
                f"{type(self).__name__}.step: schedules are stepped outside of compiled functions; "
                "the learning rate is an input of compiled steps"
            )

    def _restart(self) -> None:
        self.last_epoch = 0
        self._set(self._closed_rates())

    def _set(self, rates: Sequence[float]) -> None:
        for group, rate in zip(self.optimizer.groups, rates, strict=True):
            group.lr = rate
        self._last_lr = [float(rate) for rate in rates]

    def _current(self) -> list[float]:
        return [group.lr for group in self.optimizer.groups]

    def get_last_lr(self) -> list[float]:
        """Return the rates that were set last, one for each group."""
        return list(self._last_lr)

    def state_dict(self) -> dict[str, Any]:
        """Return what changes: numbers and lists of them. Functions and constants are not saved."""
        return {name: getattr(self, name) for name in self._saved}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` of a schedule of the same kind returned.

        The optimiser's own state has its learning rates.

        Raises
        ------
        ValueError
            For a state of another kind of schedule.
        """
        if set(state) != set(self._saved):
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: expected {', '.join(self._saved)}, got "
                f"{', '.join(state) or 'nothing'}"
            )
        for name, value in state.items():
            setattr(self, name, list(value) if isinstance(value, list) else value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(last_epoch={self.last_epoch}, lr={self._last_lr})"


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
        self.step_size, self.gamma = _at_least_one("StepLR", "step_size", step_size), gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        changes = self.last_epoch > 0 and self.last_epoch % self.step_size == 0
        return self.gamma if changes else 1.0

    def _product(self) -> float:
        return float(self.gamma ** (self.last_epoch // self.step_size))


class MultiStepLR(_FactorSchedule):
    """Multiply the rate by `gamma` when one of the `milestones`, numbers of steps, is reached."""

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
    """Multiply the rate by `gamma` at each step."""

    def __init__(self, optimizer: Optimizer, gamma: float, last_epoch: int = -1) -> None:
        self.gamma = gamma
        super().__init__(optimizer, last_epoch)

    def _factor(self) -> float:
        return self.gamma if self.last_epoch > 0 else 1.0

    def _product(self) -> float:
        return float(self.gamma**self.last_epoch)


class ConstantLR(_FactorSchedule):
    """Multiply the rate by `factor` during the first `total_iters` steps."""

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
    """Multiply the rate by `start_factor`, which becomes `end_factor` over `total_iters` steps."""

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
        self.total_iters = _at_least_one("LinearLR", "total_iters", total_iters)
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
    """Multiply the rate by (1 - t / total_iters) ** power at step t; 0 from `total_iters` on."""

    def __init__(
        self,
        optimizer: Optimizer,
        total_iters: int = 5,
        power: float = 1.0,
        last_epoch: int = -1,
    ) -> None:
        self.total_iters = _at_least_one("PolynomialLR", "total_iters", total_iters)
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


class CosineAnnealingLR(LRScheduler):
    """Half a cosine from the rate to `eta_min` over `T_max` steps, and back (Loshchilov, 2017)."""

    def __init__(
        self,
        optimizer: Optimizer,
        T_max: int,  # noqa: N803  (PyTorch's name)
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.T_max, self.eta_min = _at_least_one("CosineAnnealingLR", "T_max", T_max), eta_min
        super().__init__(optimizer, last_epoch)

    def _height(self, number: int) -> float:
        return 1 + math.cos(math.pi * number / self.T_max)

    def rates(self) -> list[float]:
        """Return the last rates, changed by as much as the cosine changes."""
        t, current = self.last_epoch, self._current()
        if t == 0:
            return current
        if (t - 1 - self.T_max) % (
            2 * self.T_max
        ) == 0:  # after the lowest point, which has no ratio
            up = (1 - math.cos(math.pi / self.T_max)) / 2
            pairs = zip(current, self.base_lrs, strict=True)
            return [rate + (base - self.eta_min) * up for rate, base in pairs]
        ratio = self._height(t) / self._height(t - 1)
        return [ratio * (rate - self.eta_min) + self.eta_min for rate in current]

    def _closed_rates(self) -> list[float]:
        height = self._height(self.last_epoch) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """Half a cosine from the rate to `eta_min` that starts anew after `T_0` steps.

    Each cycle is `T_mult` times as long as the one before (Loshchilov and Hutter, 2017).
    """

    def __init__(
        self,
        optimizer: Optimizer,
        T_0: int,  # noqa: N803
        T_mult: int = 1,  # noqa: N803
        eta_min: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.T_0 = _at_least_one("CosineAnnealingWarmRestarts", "T_0", T_0)
        self.T_mult = _at_least_one("CosineAnnealingWarmRestarts", "T_mult", T_mult)
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def rates(self) -> list[float]:
        """Return the rates at this place of the cycle."""
        place, length = self.last_epoch, self.T_0
        if self.T_mult == 1:
            place %= length
        while place >= length:
            place, length = place - length, length * self.T_mult
        height = (1 + math.cos(math.pi * place / length)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]


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
        place = (t - self.warmup_steps) / (self.total_steps - self.warmup_steps)
        height = (1 + math.cos(math.pi * place)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]


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
        self.total_steps = _at_least_one("OneCycleLR", "total_steps", total_steps)
        self.max_lrs = _per_group("OneCycleLR", "max_lr", max_lr, optimizer)
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
                    part = (t - begin) / (end - begin) if end != begin else 1.0
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
        self.least = _per_group("CyclicLR", "base_lr", base_lr, optimizer)
        self.max_lrs = _per_group("CyclicLR", "max_lr", max_lr, optimizer)
        self.up = _at_least_one("CyclicLR", "step_size_up", step_size_up)
        down = self.up if step_size_down is None else step_size_down
        self.down = _at_least_one("CyclicLR", "step_size_down", down)
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


Rate = Callable[[int], float]


class LambdaLR(LRScheduler):
    """Multiply the first rate by a function of the number of steps, one for all or for each group.

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
    """Multiply the last rate by a function of the number of steps, for all or for each group."""

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
        self.min_lrs = _per_group("ReduceLROnPlateau", "min_lr", min_lr, optimizer)

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


def _at_least_one(owner: str, name: str, value: int) -> int:
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ValueError(f"{owner}: expected {name} to be an integer of at least 1, got {value!r}")
    return int(value)


def _per_group(
    owner: str, name: str, value: float | Sequence[float], optimizer: Optimizer
) -> list[float]:
    count = len(optimizer.groups)
    values: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise ValueError(f"{owner}: expected {name} for {count} groups, got {len(values)}")
    return [float(v) for v in values]


def _functions(owner: str, given: Rate | Sequence[Rate], optimizer: Optimizer) -> list[Rate]:
    count = len(optimizer.groups)
    functions: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given] * count
    if len(functions) != count:
        raise ValueError(f"{owner}: expected functions for {count} groups, got {len(functions)}")
    for function in functions:
        if not callable(function):
            raise TypeError(f"{owner}: expected functions, got {type(function).__name__}")
    return functions


check_public(globals())
