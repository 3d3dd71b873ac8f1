"""BackupAndRestore: a training that was killed goes on where it was."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydl._core import Tensor, get_rng_state, set_rng_state, tensor
from pydl.interop.safetensors import load_with_metadata, save
from pydl.training.callbacks.base import Callback, Logs, checked_count
from pydl.training.callbacks.files import checked_path, make_folder_of

if TYPE_CHECKING:
    from pydl.data import DataLoader
    from pydl.training.callbacks.calls import CallbackList

_FILE = "training.safetensors"


class BackupAndRestore(Callback):
    """Save all that the next step depends on, and go on from there when `fit` is called again.

    That is what docs/resuming.md lists: parameters and buffers, the optimiser, the default
    generator of random numbers, the order of the data and the position in it, and the states of the
    other callbacks, which must be given in the same order. The weights of a restored training have
    the bits of those of one that was not stopped. Generators of the user's own, and those of NumPy,
    are not saved.

    The file is written atomically, after all other callbacks were called, and deleted when the
    training has come to its end; not when Ctrl-C or an error ended it.

    Parameters
    ----------
    backup_dir : str or path
        Folder of the backup, made where there is none; of one training at a time.
    save_freq : "epoch" or int, default "epoch"
        After epochs, or also after every n steps: a training that goes on within an epoch makes the
        rest of its steps, and reports the values of the whole epoch. With `accumulate`, it saves
        after the next update.
    delete_checkpoint : bool, default True
        Whether the backup is deleted at the end. One that is kept ends the next `fit` at once.

    Raises
    ------
    ValueError
        By `fit`, for the backup of another model, optimizer, or of other callbacks.
    OSError
        By `fit`, for a folder where no file can be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import pydl
    >>> folder = tempfile.mkdtemp()
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "mse")
    >>> backup = pydl.training.BackupAndRestore(folder)
    >>> x, y = pydl.ones((4, 2)), pydl.ones((4, 1))
    >>> _ = model.fit(x, y, epochs=3, callbacks=backup, verbose=0)
    >>> os.listdir(folder)
    []
    """

    _comes_last = True

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        *,
        save_freq: Literal["epoch"] | int = "epoch",
        delete_checkpoint: bool = True,
    ) -> None:
        self.backup_dir = checked_path("BackupAndRestore", "backup_dir", backup_dir)
        if save_freq != "epoch":
            checked_count("BackupAndRestore", "save_freq, unless 'epoch',", save_freq, 1)
        self.save_freq, self.delete_checkpoint = save_freq, delete_checkpoint
        self._epoch, self._next_epoch, self._steps = 0, 0, 0
        self._waits = False
        self._calls: CallbackList | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Copies belong to no training yet.
        return vars(self) | {"_calls": None}

    @property
    def path(self) -> str:
        """The file of the backup."""
        return os.path.join(os.fspath(self.backup_dir), _FILE)

    def _check(self, names: Sequence[str] | None) -> None:
        make_folder_of("BackupAndRestore", self.path)

    def _prepare(self, calls: CallbackList) -> None:
        self._calls, self._steps = calls, 0
        if calls.loader is None:
            raise ValueError(
                "BackupAndRestore: expected arrays, a dataset or a DataLoader as the data of fit; "
                "the position in a generator cannot be restored"
            )
        if os.path.exists(self.path):
            self._restore(calls)

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int) -> None:
        assert self._calls is not None
        if self._calls.loader is not None and not _has_rest(self._calls.loader):
            return  # the end of the epoch comes next, and is saved
        if self._calls.is_within_group():
            self._waits = True  # for the update: gradients are not saved
            return
        self._save(self._calls, self._epoch, within=True)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._next_epoch = epoch + 1
        assert self._calls is not None
        self._save(self._calls, epoch + 1)

    def on_train_end(self) -> None:
        finished = self._next_epoch >= self.params["epochs"] or self.trainer.stop_training
        if self.delete_checkpoint and finished:
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.path)
        self._calls = None

    def _needs(self, hook: str) -> bool:
        return hook != "on_train_batch_end" or self.save_freq != "epoch"

    def _is_due(self) -> bool:
        self._steps += 1
        due = self._waits or self._steps % int(self.save_freq) == 0
        self._waits = False
        return due

    def _parts(self, calls: CallbackList) -> Iterator[tuple[str, Any]]:
        """All that has a state, by the beginning of its names in the file."""
        yield "model", self.model
        yield "optimizer", self.trainer.optimizer
        if calls.loader is not None:
            yield "loader", calls.loader
        others = (callback for callback in calls.callbacks if callback is not self)
        for number, callback in enumerate(others):
            yield f"callback {number} {type(callback).__name__}", callback

    def _save(self, calls: CallbackList, next_epoch: int, *, within: bool = False) -> None:
        state = {"random": get_rng_state(), "epoch": tensor(next_epoch, dtype="int64")}
        parts = dict(self._parts(calls))
        kinds = [name for name in parts if name.startswith("callback")]
        if within:
            parts["averages"] = calls.averages
        for name, part in parts.items():
            state |= {f"{name}.{key}": value for key, value in part.state_dict().items()}
        save(self.path, state, {"callbacks": "\n".join(kinds)})

    def _restore(self, calls: CallbackList) -> None:
        state, metadata = load_with_metadata(self.path)
        kinds = [name for name, _ in self._parts(calls) if name.startswith("callback")]
        saved = metadata.get("callbacks", "")
        if saved != "\n".join(kinds):
            raise ValueError(
                f"BackupAndRestore: {self.path} is the backup of a training with other callbacks "
                f"({_listed(saved)}), got ({_listed(chr(10).join(kinds))}); give these, or delete "
                "the file"
            )
        for name, part in self._parts(calls):
            try:
                part.load_state_dict(_below(state, f"{name}."))
            except ValueError as error:
                raise ValueError(
                    f"BackupAndRestore: {self.path} is the backup of another training: {error}; "
                    "delete it to begin anew"
                ) from None
        # Last, because restoring the others may draw from it.
        set_rng_state(state["random"])
        self._next_epoch = calls.restored_epoch = int(state["epoch"])
        calls.restored_averages = _below(state, "averages.")


def _has_rest(loader: DataLoader) -> bool:
    return int(loader.state_dict()["position"]) < len(loader)


def _below(state: Mapping[str, Tensor], start: str) -> dict[str, Tensor]:
    return {key[len(start) :]: value for key, value in state.items() if key.startswith(start)}


def _listed(kinds: str) -> str:
    return ", ".join(kind.split(" ")[-1] for kind in kinds.splitlines()) or "none"
