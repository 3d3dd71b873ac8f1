"""ModelCheckpoint: the model's parameters in files, after epochs or steps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Literal

from pydl._core import Tensor, tensor
from pydl.training.callbacks.base import Callback, Logs, checked_count, require_names
from pydl.training.callbacks.files import checked_path, make_folder_of
from pydl.training.callbacks.monitor import Best, Mode


class ModelCheckpoint(Callback):
    """Save the model's parameters after epochs, or every n steps.

    Path and monitor are checked before the first step, and folders that do not exist are made.

    Parameters
    ----------
    path : str or path
        File, overwritten atomically; may contain "{epoch}" and "{batch}", counted from 1, and names
        of values, as in "model-{epoch}-{val_loss:.3f}.safetensors".
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
    save_freq : "epoch" or int, default "epoch"
        After epochs, or after every n steps, which are counted over epochs. Values are then those
        of the epoch so far, without the validation's and without metrics that keep every sample,
        such as the AUC; "{batch}" is the step within the epoch.
    every_n_epochs : int, default 1
        After which epochs: those whose number, counted from 1, it divides.
    save_last : bool, default False
        Whether each saved state, the best or not, is also written to "last" beside `path`, with its
        suffix: the best and the last of a training with `save_best_only`.
    verbose : {0, 1}, default 0
        1 says what was saved.

    Raises
    ------
    ValueError
        By `fit`, for a path with other names in braces, or a monitor that does not exist.
    OSError
        By `fit`, for a path where no file can be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import pydl
    >>> folder = tempfile.mkdtemp()
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "mse")
    >>> save = pydl.training.ModelCheckpoint(
    ...     os.path.join(folder, "best.safetensors"), "loss", save_best_only=True, save_last=True
    ... )
    >>> _ = model.fit(pydl.ones((4, 2)), pydl.ones((4, 1)), callbacks=save, verbose=0)
    >>> sorted(os.listdir(folder))
    ['best.safetensors', 'last.safetensors']
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        monitor: str = "val_loss",
        *,
        save_best_only: bool = False,
        mode: Mode = "auto",
        initial_value_threshold: float | None = None,
        save_freq: Literal["epoch"] | int = "epoch",
        every_n_epochs: int = 1,
        save_last: bool = False,
        verbose: int = 0,
    ) -> None:
        self.path = checked_path("ModelCheckpoint", "path", path)
        self.save_best_only, self.save_last, self.verbose = save_best_only, save_last, verbose
        if save_freq != "epoch":
            checked_count("ModelCheckpoint", "save_freq, unless 'epoch',", save_freq, 1)
        self.save_freq = save_freq
        self.every_n_epochs = checked_count("ModelCheckpoint", "every_n_epochs", every_n_epochs, 1)
        if save_freq != "epoch" and every_n_epochs != 1:
            raise ValueError("ModelCheckpoint: expected save_freq or every_n_epochs, got both")
        self.monitor = monitor
        # What is not compared needs no direction.
        self._best = Best(monitor, mode if save_best_only or mode != "auto" else "min")
        if initial_value_threshold is not None:
            self._best.value = initial_value_threshold
        self._epoch = self._steps = 0

    # --- before the first step --------------------------------------------------------------------

    def _check(self, names: Sequence[str] | None) -> None:
        if names is not None and self.save_freq != "epoch":
            names = [name for name in names if not name.startswith("val_")]
        if self.save_best_only:
            self._best.check(names, "ModelCheckpoint")
        if names is not None:
            self._check_placeholders(names)
            path = self._name(0, 0, dict.fromkeys(names, 0.5))
            make_folder_of("ModelCheckpoint", path)
            if self.save_last and os.path.normpath(path) == os.path.normpath(_last(path)):
                raise ValueError(
                    f"ModelCheckpoint: path {path!r} is where save_last writes; name it otherwise"
                )

    def _check_placeholders(self, names: Sequence[str]) -> None:
        path, known = os.fspath(self.path), ["epoch", *names]
        if self.save_freq != "epoch":
            known.insert(1, "batch")
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
            self._name(0, 0, dict.fromkeys(names, 0.5))
        except (ValueError, TypeError, KeyError, IndexError) as error:
            raise ValueError(f"ModelCheckpoint: path {path!r}: {error}") from None

    def _name(self, epoch: int, batch: int, logs: Logs) -> str:
        return os.fspath(self.path).format(epoch=epoch + 1, batch=batch + 1, **logs)

    # --- saving -----------------------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._save(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        if self.save_freq == "epoch" and (epoch + 1) % self.every_n_epochs == 0:
            self._save(epoch, 0, logs)

    def _save(self, epoch: int, batch: int, logs: Logs) -> None:
        self._check_placeholders(list(logs))
        path = self._name(epoch, batch, logs)
        make_folder_of("ModelCheckpoint", path)
        if not self.save_best_only or self._best.improves(logs, "ModelCheckpoint"):
            self.model.save(path)
            if self.verbose:
                best = f", {self.monitor}={self._best.value:.4g}" if self.save_best_only else ""
                print(f"ModelCheckpoint: saved {path}{best}")
        if self.save_last:
            self.model.save(_last(path))

    def _needs(self, hook: str) -> bool:
        return hook != "on_train_batch_end" or self.save_freq != "epoch"

    def _is_due(self) -> bool:
        self._steps += 1
        return self._steps % int(self.save_freq) == 0

    def state_dict(self) -> dict[str, Tensor]:
        """Return the best value so far, and the number of steps where they are counted."""
        state = {"best": tensor(self._best.value, dtype="float64")}
        if self.save_freq != "epoch":
            state["steps"] = tensor(self._steps, dtype="int64")
        return state

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned: only better values are saved as the best.

        Raises
        ------
        ValueError
            For a state of another kind of callback.
        """
        require_names(self, state.keys(), set(self.state_dict()))
        self._best.value = float(state["best"])
        self._steps = int(state.get("steps", 0))


def _last(path: str) -> str:
    return os.path.join(os.path.dirname(path), f"last{os.path.splitext(path)[1]}")
