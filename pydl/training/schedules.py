"""Callbacks that change the learning rate and average weights between steps or epochs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydl._core import Tensor, tensor
from pydl.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from pydl.training.callbacks import Callback

if TYPE_CHECKING:
    from pydl.nn import AveragedModel

Every = Literal["epoch", "step"]


def _checked_every(owner: str, every: str) -> str:
    if every not in ("epoch", "step"):
        raise ValueError(f"{owner}: expected every to be 'epoch' or 'step', got {every!r}")
    return every


class LearningRateScheduler(Callback):
    """Step a schedule after each epoch or each batch, or set the rate by a function of the epoch.

    A rate that is a function of the number of steps is an argument of `Model.compile` instead.

    Parameters
    ----------
    schedule : LRScheduler or callable
        One of `pydl.optim.lr_scheduler`, of the model's optimiser; or a function from the number of
        the epoch, from 0, to its learning rate, as in Keras.
    every : {"epoch", "step"}, default "epoch"
        When a schedule is stepped.
    monitor : str, default "val_loss"
        Which of the epoch's values `ReduceLROnPlateau` gets.

    Raises
    ------
    ValueError
        By `fit`, for a schedule of another optimizer, and for a value that does not exist.
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

    def __init__(
        self,
        schedule: LRScheduler | Callable[[int], float],
        every: Every = "epoch",
        monitor: str = "val_loss",
    ) -> None:
        self.every = _checked_every("LearningRateScheduler", every)
        self.schedule, self.monitor = schedule, monitor
        if isinstance(schedule, LRScheduler):
            if isinstance(schedule, ReduceLROnPlateau) and every == "step":
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

    def _check(self, names: Sequence[str] | None) -> None:
        if isinstance(self.schedule, LRScheduler):
            if self.schedule.optimizer is not self.model.optimizer:
                raise ValueError(
                    "LearningRateScheduler: expected a schedule of the model's optimizer; make the "
                    "optimizer, give it to compile(), and make the schedule with it"
                )
            watches = isinstance(self.schedule, ReduceLROnPlateau)
            if watches and names is not None and self.monitor not in names:
                raise ValueError(
                    f"LearningRateScheduler: expected monitor to be one of {', '.join(names)}; got "
                    f"{self.monitor!r}"
                )

    def on_epoch_begin(self, epoch: int) -> None:
        if not isinstance(self.schedule, LRScheduler):
            assert self.model.optimizer is not None
            self.model.optimizer.lr = float(self.schedule(epoch))

    def on_train_batch_end(self, step: int) -> None:
        if self.every == "step" and isinstance(self.schedule, LRScheduler):
            self.schedule.step()

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(logs[self.monitor])
        elif self.every == "epoch" and isinstance(self.schedule, LRScheduler):
            self.schedule.step()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the numbers of the schedule, as float64 tensors by name."""
        if not isinstance(self.schedule, LRScheduler):
            return {}
        return dict(_flat("", self.schedule.state_dict()))

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
        own = self.schedule.state_dict()
        expected = [name for name, _ in _flat("", own)]
        if set(expected) != set(state):
            raise ValueError(
                f"LearningRateScheduler.load_state_dict: expected {', '.join(expected)}, got "
                f"{', '.join(state) or 'nothing'}"
            )
        self.schedule.load_state_dict(_filled("", own, state))


def _flat(prefix: str, value: Any) -> list[tuple[str, Tensor]]:
    """Return the numbers of a nested state by their place in it."""
    if isinstance(value, dict):
        return [item for key, part in value.items() for item in _flat(f"{prefix}{key}.", part)]
    if isinstance(value, list):
        return [item for i, part in enumerate(value) for item in _flat(f"{prefix}{i}.", part)]
    return [(prefix[:-1], tensor(float(value), dtype="float64"))]


def _filled(prefix: str, value: Any, state: Mapping[str, Tensor]) -> Any:
    """Return a state like `value` with the numbers of `_flat`."""
    if isinstance(value, dict):
        return {key: _filled(f"{prefix}{key}.", part, state) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(f"{prefix}{i}.", part, state) for i, part in enumerate(value)]
    number = float(state[prefix[:-1]])
    return int(number) if isinstance(value, int) else number


class WeightAveraging(Callback):
    """Take the model's weights into an average after each step or epoch.

    Parameters
    ----------
    averaged : pydl.nn.AveragedModel
        What was made of the model that is trained.
    every : {"epoch", "step"}, default "step"
        When it is updated.
    start_epoch : int, default 0
        The first epoch, counted from 0, whose weights count.

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "mse")
    >>> averaged = pydl.nn.AveragedModel(model, decay=0.99)
    >>> callback = pydl.training.WeightAveraging(averaged)
    >>> x, y = pydl.zeros((64, 2)), pydl.zeros((64, 1))
    >>> _ = model.fit(x, y, batch_size=32, callbacks=[callback], verbose=0)
    >>> averaged.n_averaged.item()
    2
    """

    def __init__(
        self, averaged: AveragedModel, every: Every = "step", start_epoch: int = 0
    ) -> None:
        self.averaged, self.every = averaged, _checked_every("WeightAveraging", every)
        self.start_epoch, self._epoch = start_epoch, 0

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, step: int) -> None:
        if self.every == "step" and self._epoch >= self.start_epoch:
            self.averaged.update(self.model)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if self.every == "epoch" and epoch >= self.start_epoch:
            self.averaged.update(self.model)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averages."""
        return dict(self.averaged.state_dict())

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned.

        Raises
        ------
        ValueError
            For the averages of another model.
        """
        self.averaged.load_state_dict(dict(state))
