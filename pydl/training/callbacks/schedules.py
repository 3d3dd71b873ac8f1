"""Callbacks that change or report the learning rate between steps or epochs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydl._core import Tensor, tensor
from pydl.optim.lr_scheduler import LRScheduler
from pydl.optim.lr_scheduler import ReduceLROnPlateau as PlateauSchedule
from pydl.training.callbacks.base import Callback, Logs, checked_count, require_names
from pydl.training.callbacks.monitor import Best, Mode, check_known
from pydl.training.metrics.averages import numbers
from pydl.training.schedule_state import load_schedule, schedule_state

if TYPE_CHECKING:
    from pydl.training.trainer import Trainer

Every = Literal["epoch", "step"]

_RATE = "learning_rate"  # the name in the epoch's values, as in Keras


def rate_of(callback: Callback) -> float:
    """Return the learning rate of the model's optimiser."""
    assert callback.trainer.optimizer is not None
    return callback.trainer.optimizer.lr


def checked_every(owner: str, every: str) -> str:
    """Return "epoch" or "step"; raise `ValueError` for others."""
    if every not in ("epoch", "step"):
        raise ValueError(f"{owner}: expected every to be 'epoch' or 'step', got {every!r}")
    return every


class LearningRateScheduler(Callback):
    """Step a schedule after each epoch or each batch, or set the rate by a function of the epoch.

    A rate that is a function of the number of steps is an argument of `Model.compile` instead.
    The rate of each epoch is in its values, and in the history, as "learning_rate".

    Parameters
    ----------
    schedule : LRScheduler or callable
        One of `pydl.optim.lr_scheduler`, of the model's optimiser; or a function from the number of
        the epoch, from 0, or from this and the rate so far, to the rate of the epoch, as in Keras.
    every : {"epoch", "step"}, default "epoch"
        When a schedule is stepped.
    monitor : str, default "val_loss"
        Which of the epoch's values `ReduceLROnPlateau` gets.

    Raises
    ------
    ValueError
        By `fit`, for a schedule of another optimizer, for a value that does not exist, and where
        `compile` got a function as the learning rate.
    TypeError
        For something else as the schedule.

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> optimizer = pydl.optim.SGD(model.parameters(), lr=0.1)
    >>> model.compile(optimizer, "mse")
    >>> schedule = pydl.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> callback = pydl.training.LearningRateScheduler(schedule)
    >>> x, y = pydl.zeros((4, 2)), pydl.zeros((4, 1))
    >>> _ = model.fit(x, y, epochs=2, callbacks=[callback], verbose=0)
    >>> optimizer.lr
    0.025
    """

    _adds = (_RATE,)

    def __init__(
        self,
        schedule: LRScheduler | Callable[[int], float] | Callable[[int, float], float],
        every: Every = "epoch",
        monitor: str = "val_loss",
    ) -> None:
        self.every = checked_every("LearningRateScheduler", every)
        self.schedule, self.monitor = schedule, monitor
        if isinstance(schedule, LRScheduler):
            if isinstance(schedule, PlateauSchedule) and every == "step":
                raise ValueError("LearningRateScheduler: ReduceLROnPlateau looks at epochs")
        elif not callable(schedule):
            raise TypeError(
                "LearningRateScheduler: expected a schedule or a function, got "
                f"{type(schedule).__name__}"
            )
        elif every == "step":
            raise ValueError(
                "LearningRateScheduler: a function gets the epoch; give one of the step to "
                "compile(learning_rate=...)"
            )
        self._takes_rate = not isinstance(schedule, LRScheduler) and _takes_rate(schedule)

    def _check(self, names: Sequence[str] | None) -> None:
        _require_no_function("LearningRateScheduler", self.trainer)
        if isinstance(self.schedule, LRScheduler):
            if self.schedule.optimizer is not self.trainer.optimizer:
                raise ValueError(
                    "LearningRateScheduler: expected a schedule of the model's optimizer; make the "
                    "optimizer, give it to compile(), and make the schedule with it"
                )
            if isinstance(self.schedule, PlateauSchedule):
                check_known("LearningRateScheduler", self.monitor, names)

    def _needs(self, hook: str) -> bool:
        return hook != "on_train_batch_end" or self.every == "step"

    def on_epoch_begin(self, epoch: int) -> None:
        if not isinstance(self.schedule, LRScheduler):
            assert self.trainer.optimizer is not None
            arguments = (epoch, rate_of(self)) if self._takes_rate else (epoch,)
            function: Callable[..., float] = self.schedule
            self.trainer.optimizer.lr = float(function(*arguments))

    def on_train_batch_end(self, batch: int) -> None:
        if self.every == "step" and isinstance(self.schedule, LRScheduler):
            self.schedule.step()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        logs[_RATE] = rate_of(self)
        if isinstance(self.schedule, PlateauSchedule):
            check_known("LearningRateScheduler", self.monitor, list(numbers(logs)))
            self.schedule.step(logs[self.monitor])
        elif self.every == "epoch" and isinstance(self.schedule, LRScheduler):
            self.schedule.step()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the numbers of the schedule, as float64 tensors by name."""
        if not isinstance(self.schedule, LRScheduler):
            return {}
        return schedule_state(self.schedule)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned; the next `fit` continues from there.

        Raises
        ------
        ValueError
            For a state of another schedule.
        """
        if not isinstance(self.schedule, LRScheduler):
            super().load_state_dict(state)
            return
        try:
            load_schedule(self.schedule, state)
        except ValueError as error:
            raise ValueError(f"LearningRateScheduler.load_state_dict: {error}") from None


def _require_no_function(owner: str, trainer: Trainer) -> None:
    """Raise `ValueError` where a function of the steps would undo each change of the rate."""
    if callable(trainer._learning_rate):
        raise ValueError(
            f"{owner}: compile(learning_rate=...) got a function, which sets the rate before each "
            "step, so that this callback would change nothing; use one of them"
        )


def _takes_rate(function: Callable[..., Any]) -> bool:
    """Whether a function needs two arguments, the epoch and the rate so far."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of functions written in C
        return False
    needed = [p for p in parameters if p.default is p.empty and p.kind <= p.POSITIONAL_OR_KEYWORD]
    return len(needed) >= 2


class ReduceLROnPlateau(Callback):
    """Reduce the learning rate when a quantity no longer improves, with the arguments of Keras.

    It uses `pydl.optim.lr_scheduler.ReduceLROnPlateau`, which counts as PyTorch does: there,
    `patience` and `cooldown` are one less. The rate of each epoch is in its values, and in the
    history, as "learning_rate".

    Parameters
    ----------
    monitor : str, default "val_loss"
        Which of the epoch's values.
    factor : float, default 0.1
        What the rate is multiplied with, below 1.
    patience : int, default 10
        The rate is reduced after this many epochs in a row without improvement, at least one.
    mode : {"auto", "min", "max"}, default "auto"
        Which direction is better; see `EarlyStopping`.
    min_delta : float, default 1e-4
        Smaller changes are no improvement.
    cooldown : int, default 0
        Epochs after a reduction until the counting begins again.
    min_lr : float, default 0.0
        The least rate.
    verbose : {0, 1}, default 0
        1 says when the rate is reduced.

    Raises
    ------
    ValueError
        For options out of their ranges; by `fit`, for a value that does not exist, and where
        `compile` got a function as the learning rate.

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile(pydl.optim.SGD(model.parameters(), lr=0.1), "mse")
    >>> reduce = pydl.training.ReduceLROnPlateau("loss", factor=0.5, patience=2, min_delta=1e9)
    >>> x, y = pydl.ones((4, 2)), pydl.ones((4, 1))
    >>> model.fit(x, y, epochs=4, callbacks=reduce, verbose=0).history["learning_rate"]
    [0.1, 0.1, 0.1, 0.05]
    """

    _adds = (_RATE,)

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        *,
        mode: Mode = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
        verbose: int = 0,
    ) -> None:
        if not isinstance(factor, (int, float)) or not 0 <= factor < 1:
            raise ValueError(f"ReduceLROnPlateau: expected factor in [0, 1), got {factor!r}")
        for name, value in (("min_delta", min_delta), ("min_lr", min_lr)):
            if not isinstance(value, (int, float)) or not value >= 0:
                raise ValueError(f"ReduceLROnPlateau: expected {name} of at least 0, got {value!r}")
        self.monitor, self.factor, self.min_delta, self.min_lr = monitor, factor, min_delta, min_lr
        self.patience = checked_count("ReduceLROnPlateau", "patience", patience)
        self.cooldown = checked_count("ReduceLROnPlateau", "cooldown", cooldown)
        self.verbose = verbose
        self.mode: Mode = mode
        self._best = Best(monitor, mode, min_delta)  # knows direction and messages
        self._schedule: PlateauSchedule | None = None
        self._restored: dict[str, float] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Copies look at the optimiser of the model that they are used with.
        return vars(self) | {"_schedule": None}

    def _check(self, names: Sequence[str] | None) -> None:
        _require_no_function("ReduceLROnPlateau", self.trainer)
        self._best.check(names, "ReduceLROnPlateau")

    def on_train_begin(self) -> None:
        assert self.trainer.optimizer is not None
        self._schedule = PlateauSchedule(
            self.trainer.optimizer,
            self._best.direction,
            self.factor,
            max(self.patience - 1, 0),
            self.min_delta,
            "abs",
            max(self.cooldown - 1, 0),
            self.min_lr,
            eps=0.0,
        )
        if self._restored:
            self._schedule.best = self._restored["best"]
            self._schedule.num_bad_epochs = int(self._restored["waited"])
            self._schedule.cooldown_counter = int(self._restored["cooldown"])
        self._restored = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        assert self._schedule is not None
        value = self._best.current(logs, "ReduceLROnPlateau")
        before = logs[_RATE] = rate_of(self)
        self._schedule.step(value)
        if self.verbose and rate_of(self) < before:
            print(
                f"ReduceLROnPlateau: epoch {epoch + 1}: the learning rate is now {rate_of(self):g}"
            )

    def state_dict(self) -> dict[str, Tensor]:
        """Return the best value, the epochs since, and those that do not count yet."""
        found = self._restored
        if self._schedule is not None and not found:
            of = self._schedule
            found = {
                "best": of.best,
                "waited": of.num_bad_epochs,
                "cooldown": of.cooldown_counter,
            }
        found = found or {"best": self._best.value, "waited": 0, "cooldown": 0}
        return {name: tensor(float(value), dtype="float64") for name, value in found.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned: the next `fit` continues from there.

        Raises
        ------
        ValueError
            For a state of another kind of callback.
        """
        require_names(self, state.keys(), {"best", "waited", "cooldown"})
        self._restored = {name: float(value) for name, value in state.items()}


class LearningRateMonitor(Callback):
    """Put the learning rate of each epoch into its values, and the history, as "learning_rate".

    It is the rate of the epoch's last step, of the optimiser's first group. Callbacks after this
    one see it: loggers, and those that watch a value.

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile(pydl.optim.SGD(model.parameters(), lr=0.25), "mse")
    >>> monitor = pydl.training.LearningRateMonitor()
    >>> x, y = pydl.ones((4, 2)), pydl.ones((4, 1))
    >>> model.fit(x, y, callbacks=monitor, verbose=0).history["learning_rate"]
    [0.25]
    """

    _adds = (_RATE,)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        logs[_RATE] = rate_of(self)
