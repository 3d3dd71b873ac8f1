"""WeightAveraging: averages of the weights of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydl._core import Tensor
from pydl.training.callbacks.base import Callback, Logs, checked_count
from pydl.training.callbacks.schedules import Every, checked_every

if TYPE_CHECKING:
    from pydl.nn import AveragedModel


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
        self.averaged, self.every = averaged, checked_every("WeightAveraging", every)
        self.start_epoch = checked_count("WeightAveraging", "start_epoch", start_epoch)
        self._epoch = 0

    def _needs(self, hook: str) -> bool:
        return hook != "on_train_batch_end" or self.every == "step"

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int) -> None:
        if self.every == "step" and self._epoch >= self.start_epoch:
            self.averaged.update(self.model)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.every == "epoch" and epoch >= self.start_epoch:
            self.averaged.update(self.model)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the averages."""
        return dict(self.averaged.state_dict())

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Restore the state that `state_dict` returned.

        Raises
        ------
        ValueError
            For the averages of another model.
        """
        self.averaged.load_state_dict(dict(state))
