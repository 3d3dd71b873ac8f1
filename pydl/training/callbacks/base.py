"""Callback: the base of what `fit`, `evaluate` and `predict` call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any

from pydl._core import Tensor

if TYPE_CHECKING:
    from pydl.training.run import Run
    from pydl.training.trainer import Trainer

Logs = dict[str, float]


def _with_or_without_logs(hook: Callable[..., None]) -> Callable[..., None]:
    """Tell type checkers that subclasses may leave out the last argument."""
    return hook


class Callback:
    """Base of callbacks: subclasses define the methods that they need, and those only are called.

    Methods whose name ends with `logs` may be written without it. Of a batch, `logs` has loss and
    metrics over the batches so far; they are computed for callbacks that take them only.

    Attributes
    ----------
    model : Module
        The model that is trained.
    trainer : Trainer
        What trains it: its optimiser is `trainer.optimizer`. Set `trainer.stop_training`, or, of a
        `Model`, `model.stop_training`, to end after the current step, or after the epoch where no
        step is being made.
    params : dict
        "epochs", the number of the epoch to end before; "steps", how many an epoch has; and
        "samples", how many it has of them, None where that is not known.

    Examples
    --------
    >>> import pydl
    >>> class Halve(pydl.training.Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         self.model.optimizer.lr = self.model.optimizer.lr / 2
    """

    model: Any
    _trainer: Trainer | None = None
    params: Mapping[str, Any] = {}

    # Names of the values that this one adds to `logs` at the end of an epoch.
    _adds: tuple[str, ...] = ()
    # Whether it is called after all others: what it saves includes what they did.
    _comes_last = False

    @property
    def trainer(self) -> Trainer:
        """What calls it; before that, the trainer of the model."""
        known: Trainer = self.model._predictor() if self._trainer is None else self._trainer
        return known

    @_with_or_without_logs
    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Before the first epoch of `fit`."""

    @_with_or_without_logs
    def on_train_end(self, logs: Logs | None = None) -> None:
        """After the last epoch, also of an interrupted training; `logs` are the last epoch's."""

    @_with_or_without_logs
    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Before an epoch, counted from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After an epoch; `logs` has loss and metrics, the validation's as "val_...".

        What is added to `logs` is seen by the callbacks after this one, and by the history.
        """

    @_with_or_without_logs
    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a step, counted from 0 within the epoch."""

    @_with_or_without_logs
    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a step, counted from 0 within the epoch."""

    @_with_or_without_logs
    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Before `evaluate`, and before the validation of an epoch of `fit`."""

    @_with_or_without_logs
    def on_test_end(self, logs: Logs | None = None) -> None:
        """After `evaluate`, and after a validation; `logs` has its values, without "val_"."""

    @_with_or_without_logs
    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before a batch is measured, counted from 0."""

    @_with_or_without_logs
    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """After a batch was measured."""

    @_with_or_without_logs
    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Before `predict`."""

    @_with_or_without_logs
    def on_predict_end(self, logs: Logs | None = None) -> None:
        """After `predict`."""

    @_with_or_without_logs
    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Before the outputs of a batch are computed, counted from 0."""

    @_with_or_without_logs
    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """After the outputs of a batch were computed; `logs` has them as "outputs"."""

    def state_dict(self) -> dict[str, Tensor]:
        """Return what a resumed training needs of it, such as the best value so far."""
        return {}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned; the next `fit` continues from there.

        Raises
        ------
        ValueError
            For a state of another kind of callback.
        """
        if state:
            raise ValueError(
                f"{type(self).__name__}.load_state_dict: expected no state, got {', '.join(state)}"
            )

    def _check(self, names: Sequence[str] | None) -> None:
        """Raise an error for what would fail at the end of an epoch.

        `names` are those of the values that `on_epoch_end` will get; None where they are not known,
        because a callback of the user's own may add some.
        """

    def _needs(self, hook: str) -> bool:
        """Whether a method that the class defines is of use with the options of this one."""
        return True

    def _is_due(self) -> bool:
        """Count a step, and say whether `on_train_batch_end` shall be called after it."""
        return True

    def _prepare(self, run: Run) -> None:
        """Do what comes before all calls of `fit`, such as restoring a training."""


HOOKS = tuple(name for name in vars(Callback) if name.startswith("on_"))


def require_names(callback: Callback, names: Set[str], expected: Set[str]) -> None:
    """Raise `ValueError` for the state of another kind of callback."""
    if names != expected:
        raise ValueError(
            f"{type(callback).__name__}.load_state_dict: expected {', '.join(sorted(expected))}, "
            f"got {', '.join(sorted(names)) or 'nothing'}"
        )


def checked_count(owner: str, name: str, value: Any, least: int = 0) -> int:
    """Return an integer of at least `least`; raise `ValueError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(
            f"{owner}: expected {name} to be an integer of at least {least}, got {value!r}"
        )
    return value


# What callbacks of older Keras and of Lightning have, and what to write instead.
INSTEAD = {
    "on_batch_begin": "on_train_batch_begin",
    "on_batch_end": "on_train_batch_end",
    "on_train_batch_start": "on_train_batch_begin",
    "on_fit_start": "on_train_begin",
    "on_fit_end": "on_train_end",
    "on_train_start": "on_train_begin",
    "on_epoch_start": "on_epoch_begin",
    "on_train_epoch_start": "on_epoch_begin",
    "on_train_epoch_end": "on_epoch_end",
    "on_validation_start": "on_test_begin",
    "on_validation_end": "on_test_end",
    "on_validation_epoch_start": "on_test_begin",
    "on_validation_epoch_end": "on_test_end",
    "on_validation_batch_start": "on_test_batch_begin",
    "on_validation_batch_end": "on_test_batch_end",
    "on_test_start": "on_test_begin",
    "on_test_epoch_start": "on_test_begin",
    "on_test_epoch_end": "on_test_end",
    "on_test_batch_start": "on_test_batch_begin",
    "on_predict_start": "on_predict_begin",
    "on_predict_epoch_start": "on_predict_begin",
    "on_predict_epoch_end": "on_predict_end",
    "on_predict_batch_start": "on_predict_batch_begin",
    "on_save_checkpoint": "state_dict",
    "on_load_checkpoint": "load_state_dict",
}
