"""What schedules of learning rates share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from pydl import _core
from pydl.optim.optimizer import Optimizer


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

    def rates_ahead(self, steps: int) -> list[list[float]]:
        """Return the rates now and after each of the next steps; nothing changes.

        Parameters
        ----------
        steps : int
            How many steps to look ahead.

        Returns
        -------
        list of list of float
            steps + 1 times one rate for each group.

        Examples
        --------
        >>> import pydl
        >>> optimizer = pydl.optim.SGD([pydl.nn.Parameter(pydl.ones(1))], lr=1.0)
        >>> schedule = pydl.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
        >>> schedule.rates_ahead(3)
        [[1.0], [0.5], [0.25], [0.125]]
        """
        views = self.optimizer.param_groups
        options = [{name: view[name] for name in view if name != "params"} for view in views]
        state = deepcopy(self.state_dict())
        found = [self._current()]
        try:
            for _ in range(steps):
                self.step()
                found.append(self._current())
        finally:
            self.load_state_dict(state)
            for view, before in zip(views, options, strict=True):
                for name, value in before.items():
                    if view[name] != value:
                        view[name] = value
        return found

    def plot(self, steps: int) -> Any:
        """Draw the rates of the next steps, a line for each group; needs matplotlib.

        Parameters
        ----------
        steps : int
            How many steps to look ahead.

        Returns
        -------
        matplotlib.axes.Axes

        Raises
        ------
        ImportError
            Without matplotlib.
        """
        from matplotlib import pyplot

        rates = self.rates_ahead(steps)
        first = max(self.last_epoch, 0)
        _, axes = pyplot.subplots()
        axes.plot(range(first, first + len(rates)), rates)
        axes.set(xlabel="step of the schedule", ylabel="learning rate")
        if len(rates[0]) > 1:
            axes.legend([f"group {number}" for number in range(len(rates[0]))])
        return axes

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


def at_least_one(owner: str, name: str, value: int) -> int:
    """Return a number of steps."""
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise ValueError(f"{owner}: expected {name} to be an integer of at least 1, got {value!r}")
    return int(value)


def per_group(
    owner: str, name: str, value: float | Sequence[float], optimizer: Optimizer
) -> list[float]:
    """Return one number for each group of the optimiser."""
    count = len(optimizer.groups)
    values: list[Any] = list(value) if isinstance(value, (list, tuple)) else [value] * count
    if len(values) != count:
        raise ValueError(f"{owner}: expected {name} for {count} groups, got {len(values)}")
    return [float(v) for v in values]
