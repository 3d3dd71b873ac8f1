"""Callbacks that end a training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydl._core import Tensor, tensor
from pydl._warnings import warn
from pydl.training.callbacks.base import Callback, Logs, checked_count, require_names
from pydl.training.callbacks.monitor import Best, Mode

if TYPE_CHECKING:
    from pydl.training.run import Run

_WEIGHTS = "weights."


class EarlyStopping(Callback):
    """End the training when a quantity no longer improves.

    Parameters
    ----------
    monitor : str, default "val_loss"
        Which of the epoch's values.
    patience : int, default 0
        The training ends after this many epochs in a row without improvement, at least one.
    min_delta : float, default 0.0
        Smaller changes are no improvement.
    mode : {"auto", "min", "max"}, default "auto"
        Which direction is better. By default larger for accuracy, precision, recall, F1 and the
        like, smaller for losses and errors; for other names it must be given, as in Keras.
    restore_best_weights : bool, default False
        Whether the model gets back the parameters of its best epoch.
    baseline : float, optional
        Value to be reached: epochs that are no better than it count as without improvement.
    start_from_epoch : int, default 0
        The first epoch, counted from 0, that is looked at.
    verbose : {0, 1}, default 0
        1 says when the training ends and which weights are restored.

    Attributes
    ----------
    best_epoch : int or None
        The epoch of the best value, counted from 0.
    stopped_epoch : int or None
        The epoch after which it ended the training.

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "mse")
    >>> stop = pydl.training.EarlyStopping("loss", patience=2, min_delta=1e9)
    >>> x, y = pydl.ones((4, 2)), pydl.ones((4, 1))
    >>> model.fit(x, y, epochs=9, callbacks=stop, verbose=0).epochs
    [0, 1, 2]
    >>> stop.best_epoch, stop.stopped_epoch
    (0, 2)
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 0,
        *,
        min_delta: float = 0.0,
        mode: Mode = "auto",
        restore_best_weights: bool = False,
        baseline: float | None = None,
        start_from_epoch: int = 0,
        verbose: int = 0,
    ) -> None:
        self.monitor = monitor
        self.patience = checked_count("EarlyStopping", "patience", patience)
        self.start_from_epoch = checked_count("EarlyStopping", "start_from_epoch", start_from_epoch)
        if not isinstance(min_delta, (int, float)) or not 0 <= min_delta < math.inf:
            raise ValueError(f"EarlyStopping: expected min_delta of at least 0, got {min_delta!r}")
        if baseline is not None and not isinstance(baseline, (int, float)):
            raise ValueError(f"EarlyStopping: expected baseline as a number, got {baseline!r}")
        self.min_delta, self.baseline, self.verbose = min_delta, baseline, verbose
        self.mode: Mode = mode
        self.restore_best_weights = restore_best_weights
        self._resumes = False
        self._forget()

    def _check(self, names: Sequence[str] | None) -> None:
        self._best.check(names, "EarlyStopping")

    def _forget(self) -> None:
        self._best = Best(self.monitor, self.mode, self.min_delta)
        self._waited = 0
        self._state: dict[str, Tensor] = {}
        self.best_epoch: int | None = None
        self.stopped_epoch: int | None = None

    def on_train_begin(self) -> None:
        if not self._resumes:
            self._forget()
        self._resumes = False

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if epoch < self.start_from_epoch:
            self._best.check(list(logs), "EarlyStopping")
            return
        self._waited += 1
        if self._best.improves(logs, "EarlyStopping"):
            self.best_epoch = epoch
            if self.restore_best_weights:
                self._state = {k: v.copy() for k, v in self.model.state_dict().items()}
            if self.baseline is None or self._best.is_better(self._best.value, self.baseline):
                self._waited = 0
            # As in Keras, an epoch that is the best so far never ends the training.
            return
        if self._waited >= self.patience:
            self.stopped_epoch = epoch
            self.trainer.stop_training = True

    def on_train_end(self) -> None:
        if self.verbose and self.stopped_epoch is not None:
            print(f"EarlyStopping: ended after epoch {self.stopped_epoch + 1}")
        if self._state:
            self.model.load_state_dict(self._state)
            if self.verbose and self.best_epoch is not None:
                print(f"EarlyStopping: restored the weights of epoch {self.best_epoch + 1}")

    def state_dict(self) -> dict[str, Tensor]:
        """Return the best value and epoch, the epochs since, and the parameters if kept."""
        weights = {f"{_WEIGHTS}{name}": value for name, value in self._state.items()}
        return {
            "best": tensor(self._best.value, dtype="float64"),
            "best_epoch": tensor(-1 if self.best_epoch is None else self.best_epoch, dtype="int64"),
            "waited": tensor(self._waited, dtype="int64"),
            **weights,
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned: the next `fit` continues from there.

        Raises
        ------
        ValueError
            For a state of another kind of callback.
        """
        weights = {name: value for name, value in state.items() if name.startswith(_WEIGHTS)}
        # Files of earlier versions have no best_epoch.
        names = state.keys() - weights.keys() | {"best_epoch"}
        if not state:
            names = set()
        require_names(self, names, {"best", "best_epoch", "waited"})
        if self.restore_best_weights and not weights and math.isfinite(float(state["best"])):
            raise ValueError(
                "EarlyStopping.load_state_dict: expected the best epoch's parameters, got the "
                "state of a callback with restore_best_weights=False"
            )
        self._forget()
        self._best.value, self._waited = float(state["best"]), int(state["waited"])
        epoch = int(state.get("best_epoch", -1))
        self.best_epoch = None if epoch < 0 else epoch
        if self.restore_best_weights:
            self._state = {name[len(_WEIGHTS) :]: v.copy() for name, v in weights.items()}
        self._resumes = True


class TerminateOnNaN(Callback):
    """End the training after a step whose loss is not finite, as in Keras.

    The model then has what that step made of it. ``fit(on_nan="stop")`` ends before such a step,
    looks at gradients too, and says where it began; it needs no callback.

    Warns
    -----
    RuntimeWarning
        In which step it was.

    Examples
    --------
    >>> import math, warnings
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "mse")
    >>> x, y = pydl.ones((4, 2)), pydl.full((4, 1), math.nan)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     stop = pydl.training.TerminateOnNaN()
    ...     model.fit(x, y, epochs=5, callbacks=stop, verbose=0).epochs
    [0]
    """

    _epoch = 0
    _run: Run | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Copies belong to no training yet.
        return vars(self) | {"_run": None}

    def _prepare(self, run: Run) -> None:
        self._run = run

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int) -> None:
        assert self._run is not None and self._run.averages is not None
        # Not from `logs`, for which the metrics would be computed, too.
        loss = self._run.averages.loss()
        if loss is None or math.isfinite(loss) or self.trainer.stop_training:
            return
        self.trainer.stop_training = True
        warn(
            f"TerminateOnNaN: the loss is {loss} in epoch {self._epoch + 1}, step {batch + 1}: "
            "training ends after this step; fit(on_nan='stop') ends before it",
            RuntimeWarning,
        )
