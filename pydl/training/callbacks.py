"""Callbacks: what `fit` calls between steps and epochs."""

from __future__ import annotations

import errno
import math
import os
from collections.abc import Mapping, Sequence, Set
from string import Formatter
from typing import TYPE_CHECKING, Any, Literal

from pydl._core import Tensor, tensor

if TYPE_CHECKING:
    from pydl.training.model import Model


class Callback:
    """Base of callbacks: subclasses define what they need.

    Attributes
    ----------
    model : Model
        The model that is trained; set `model.stop_training` to end after the current epoch.

    Examples
    --------
    >>> import pydl
    >>> class Halve(pydl.training.Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         self.model.optimizer.lr = self.model.optimizer.lr / 2
    """

    model: Model

    def on_train_begin(self) -> None:
        """Before the first epoch."""

    def on_train_end(self) -> None:
        """After the last epoch, also of an interrupted training."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before an epoch, counted from 0."""

    def on_train_batch_end(self, step: int) -> None:
        """After a step, counted from 0 within the epoch."""

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """After an epoch; `logs` has loss and metrics, the validation's as "val_..."."""

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


# What callbacks of Keras and Lightning have, and `fit` does not call.
_NEVER_CALLED = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_start",
    "on_test_begin",
    "on_test_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_predict_begin",
    "on_predict_end",
    "on_predict_batch_begin",
    "on_predict_batch_end",
    "on_fit_start",
    "on_fit_end",
    "on_train_start",
    "on_train_epoch_start",
    "on_train_epoch_end",
    "on_validation_start",
    "on_validation_end",
    "on_validation_epoch_end",
)


def _require_callback(callback: object) -> Callback:
    if isinstance(callback, type) and issubclass(callback, Callback):
        raise TypeError(
            f"fit: expected callbacks, got the class {callback.__name__}; write "
            f"{callback.__name__}()"
        )
    if not isinstance(callback, Callback):
        raise TypeError(f"fit: expected callbacks, got {type(callback).__name__}")
    for name in _NEVER_CALLED:
        if hasattr(callback, name):
            called = ", ".join(n for n in vars(Callback) if n.startswith("on_"))
            raise TypeError(
                f"fit: {type(callback).__name__}.{name} would never be called; fit calls {called}"
            )
    return callback


class CallbackList:
    """Callbacks called one after the other; those without a step function cost steps nothing.

    `names` are those of the values of an epoch. What would fail at its end fails here.
    """

    def __init__(
        self,
        callbacks: Sequence[Callback] | Callback | None,
        model: Any,
        names: Sequence[str] | None,
    ) -> None:
        given: Any = callbacks
        if isinstance(given, Callback) or not (given is None or hasattr(given, "__iter__")):
            given = [given]
        self._callbacks = [_require_callback(callback) for callback in given or ()]
        known: Sequence[str] | None = names
        for callback in self._callbacks:
            callback.model = model
            callback._check(known)
            if not type(callback).__module__.startswith("pydl."):
                known = None  # it may add values
        self._per_step = [
            callback
            for callback in self._callbacks
            if type(callback).on_train_batch_end is not Callback.on_train_batch_end
        ]

    def on_train_begin(self) -> None:
        for callback in self._callbacks:
            callback.on_train_begin()

    def on_train_end(self) -> None:
        for callback in self._callbacks:
            callback.on_train_end()

    def on_epoch_begin(self, epoch: int) -> None:
        for callback in self._callbacks:
            callback.on_epoch_begin(epoch)

    def on_train_batch_end(self, step: int) -> None:
        for callback in self._per_step:
            callback.on_train_batch_end(step)

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        for callback in self._callbacks:
            callback.on_epoch_end(epoch, logs)


Mode = Literal["auto", "min", "max"]


# Endings of the names of values of which more, or less, is better.
_LARGER = (
    *("accuracy", "acc", "precision", "recall", "specificity", "f1", "auc", "iou", "dice", "r2"),
    *("bleu", "correlation", "kappa", "similarity", "_micro", "_macro", "_weighted"),
)
_SMALLER = (
    *("loss", "error", "mse", "mae", "rmse", "mape", "msle", "cross_entropy", "perplexity"),
    "distance",
)


class _Best:
    """Remembers the best value of a quantity."""

    def __init__(self, monitor: str, mode: Mode, min_delta: float = 0.0) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f"mode: expected 'auto', 'min' or 'max', got {mode!r}")
        name = monitor.lower()
        larger = mode == "max" or (mode == "auto" and name.endswith(_LARGER))
        if mode == "auto" and not (larger or name.endswith(_SMALLER)):
            raise ValueError(
                f"mode: whether {monitor!r} shall be large or small is not known from its name; "
                "give mode='max' or 'min'"
            )
        self._sign = 1.0 if larger else -1.0
        self._monitor, self._min_delta = monitor, min_delta
        self._value = -math.inf

    def check(self, names: Sequence[str] | None, owner: str) -> None:
        if names is None or self._monitor in names:
            return
        hint = ""
        if self._monitor.startswith("val_") and self._monitor.removeprefix("val_") in names:
            hint = "; values with val_ need validation_data or validation_split"
        raise ValueError(
            f"{owner}: expected monitor to be one of {', '.join(names)}; got {self._monitor!r}"
            f"{hint}"
        )

    def improves(self, logs: dict[str, float], owner: str) -> bool:
        self.check(list(logs), owner)
        value = self._sign * logs[self._monitor]
        if not value > self._value + self._min_delta:
            return False
        self._value = value
        return True

    @property
    def value(self) -> float:
        """The best value; infinite before the first one."""
        return self._sign * self._value

    @value.setter
    def value(self, value: float) -> None:
        self._value = self._sign * value


_WEIGHTS = "weights."


def _require_names(callback: Callback, names: Set[str], expected: Set[str]) -> None:
    if names != expected:
        raise ValueError(
            f"{type(callback).__name__}.load_state_dict: expected {', '.join(sorted(expected))}, "
            f"got {', '.join(sorted(names)) or 'nothing'}"
        )


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
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        patience: int = 0,
        *,
        min_delta: float = 0.0,
        mode: Mode = "auto",
        restore_best_weights: bool = False,
    ) -> None:
        if isinstance(patience, bool) or not isinstance(patience, int) or patience < 0:
            raise ValueError(
                f"EarlyStopping: expected patience to be an integer of at least 0, got {patience!r}"
            )
        if not isinstance(min_delta, (int, float)) or not 0 <= min_delta < math.inf:
            raise ValueError(f"EarlyStopping: expected min_delta of at least 0, got {min_delta!r}")
        self.monitor, self.patience, self.min_delta = monitor, patience, min_delta
        self.mode: Mode = mode
        self.restore_best_weights = restore_best_weights
        self._resumes = False
        self._forget()

    def _check(self, names: Sequence[str] | None) -> None:
        _Best(self.monitor, self.mode).check(names, "EarlyStopping")

    def _forget(self) -> None:
        self._best = _Best(self.monitor, self.mode, self.min_delta)
        self._waited = 0
        self._state: dict[str, Tensor] = {}

    def on_train_begin(self) -> None:
        if not self._resumes:
            self._forget()
        self._resumes = False

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if self._best.improves(logs, "EarlyStopping"):
            self._waited = 0
            if self.restore_best_weights:
                self._state = {k: v.copy() for k, v in self.model.state_dict().items()}
            return
        self._waited += 1
        if self._waited >= self.patience:
            self.model.stop_training = True

    def on_train_end(self) -> None:
        if self._state:
            self.model.load_state_dict(self._state)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the best value, the epochs since, and the best epoch's parameters if kept."""
        weights = {f"{_WEIGHTS}{name}": value for name, value in self._state.items()}
        return {
            "best": tensor(self._best.value, dtype="float64"),
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
        _require_names(self, state.keys() - weights.keys(), {"best", "waited"})
        if self.restore_best_weights and not weights and math.isfinite(float(state["best"])):
            raise ValueError(
                "EarlyStopping.load_state_dict: expected the best epoch's parameters, got the "
                "state of a callback with restore_best_weights=False"
            )
        self._forget()
        self._best.value, self._waited = float(state["best"]), int(state["waited"])
        if self.restore_best_weights:
            self._state = {name[len(_WEIGHTS) :]: v.copy() for name, v in weights.items()}
        self._resumes = True


class ModelCheckpoint(Callback):
    """Save the model's parameters after epochs.

    Path and monitor are checked before the first step, and folders that do not exist are made.

    Parameters
    ----------
    path : str or path
        File, overwritten atomically; may contain "{epoch}", counted from 1, and names of values, as
        in "model-{epoch}-{val_loss:.3f}.safetensors".
    monitor : str, default "val_loss"
        Which value decides what is best.
    save_best_only : bool, default False
        Whether only improvements are saved.
    mode : {"auto", "min", "max"}, default "auto"
        Which direction is better. By default larger for accuracy, precision, recall, F1 and the
        like, smaller for losses and errors; for other names it must be given, as in Keras.
    initial_value_threshold : float, optional
        Value that an earlier training reached: with `save_best_only`, only better ones are saved,
        so that a resumed training does not overwrite its best file by a worse one. `state_dict` has
        the best value too.

    Raises
    ------
    ValueError
        By `fit`, for a path with other names in braces, or a monitor that does not exist.
    OSError
        By `fit`, for a path where no file can be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        *,
        save_best_only: bool = False,
        mode: Mode = "auto",
        initial_value_threshold: float | None = None,
    ) -> None:
        if not isinstance(os.fspath(path), str):
            raise TypeError(f"ModelCheckpoint: expected path to be text, got {path!r}")
        self.path, self.save_best_only = path, save_best_only
        # What is not compared needs no direction.
        self._best = _Best(monitor, mode if save_best_only or mode != "auto" else "min")
        if initial_value_threshold is not None:
            self._best.value = initial_value_threshold

    def _check(self, names: Sequence[str] | None) -> None:
        if self.save_best_only:
            self._best.check(names, "ModelCheckpoint")
        if names is not None:
            self._check_placeholders(names)
            self._make_folder(self._name(0, dict.fromkeys(names, 0.5)))

    def _check_placeholders(self, names: Sequence[str]) -> None:
        path, known = os.fspath(self.path), ["epoch", *names]
        try:
            wanted = [name for _, name, _, _ in Formatter().parse(path) if name is not None]
        except ValueError as error:
            raise ValueError(f"ModelCheckpoint: path {path!r}: {error}") from None
        for name in wanted:
            if name not in known:
                raise ValueError(
                    f"ModelCheckpoint: path {path!r}: expected one of {', '.join(known)} in "
                    f"braces, got {name!r}; values with val_ need validation data"
                )
        try:
            self._name(0, dict.fromkeys(names, 0.5))
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise ValueError(f"ModelCheckpoint: path {path!r}: {error}") from None

    def _name(self, epoch: int, logs: dict[str, float]) -> str:
        return os.fspath(self.path).format(epoch=epoch + 1, **logs)

    def _make_folder(self, path: str) -> None:
        folder = os.path.dirname(path) or os.curdir
        os.makedirs(folder, exist_ok=True)
        if os.path.isdir(path):
            raise IsADirectoryError(
                errno.EISDIR, "ModelCheckpoint: expected a file to write, got a folder", path
            )
        if not os.access(folder, os.W_OK):
            raise PermissionError(
                errno.EACCES, "ModelCheckpoint: no file can be written in this folder", folder
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        if not self.save_best_only or self._best.improves(logs, "ModelCheckpoint"):
            self._check_placeholders(list(logs))
            path = self._name(epoch, logs)
            self._make_folder(path)
            self.model.save(path)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the best value so far."""
        return {"best": tensor(self._best.value, dtype="float64")}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned: only better values are saved as the best.

        Raises
        ------
        ValueError
            For a state of another kind of callback.
        """
        _require_names(self, state.keys(), {"best"})
        self._best.value = float(state["best"])
