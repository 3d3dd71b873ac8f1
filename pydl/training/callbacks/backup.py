"""BackupAndRestore: a training that was killed goes on where it was."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from pydl.interop.safetensors import load, save
from pydl.training.callbacks.base import Callback, Logs, checked_count
from pydl.training.callbacks.files import checked_path, make_folder_of
from pydl.training.state import resume, state_of

if TYPE_CHECKING:
    from pydl.training.run import Run

_FILE = "training.safetensors"


class BackupAndRestore(Callback):
    """Save all that the next step depends on, and go on from there when `fit` is called again.

    That is `Trainer.state_dict`. The weights of a restored training have the bits of those of one
    that was not stopped. Generators of the user's own, and those of NumPy, are not saved. Other
    callbacks than those of the backup begin anew, of which a warning tells.

    The file is written atomically, after all other callbacks were called, and deleted when the
    training has come to its end; not when Ctrl-C or an error ended it.

    Parameters
    ----------
    backup_dir : str or path
        Folder of the backup, made where there is none; of one training at a time.
    save_freq : "epoch" or int, default "epoch"
        After epochs, or after so many steps too: a training that goes on within an epoch makes the
        rest of its steps, and reports the values of the whole epoch.
    delete_checkpoint : bool, default True
        Whether the backup is deleted at the end. One that is kept ends the next `fit` at once.

    Raises
    ------
    ValueError
        By `fit`, for the backup of another model, optimizer, or of other data.
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
        self._next_epoch, self._steps = 0, 0

    @property
    def path(self) -> str:
        """The file of the backup."""
        return os.path.join(os.fspath(self.backup_dir), _FILE)

    def _check(self, names: Sequence[str] | None) -> None:
        make_folder_of("BackupAndRestore", self.path)

    def _prepare(self, run: Run) -> None:
        self._steps = 0
        if run.loader is None:
            raise ValueError(
                "BackupAndRestore: expected arrays, a dataset or a DataLoader as the data of fit; "
                "the position in a generator cannot be restored"
            )
        if os.path.exists(self.path):
            try:
                self.trainer.load_state_dict(load(self.path))
                resume(self.trainer, run)
            except ValueError as error:
                raise ValueError(
                    f"BackupAndRestore: {self.path} is the backup of another training: {error}; "
                    "delete it to begin anew"
                ) from None
        self._next_epoch = run.epoch

    def on_train_batch_end(self, batch: int) -> None:
        save(self.path, state_of(self.trainer))

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        self._next_epoch = epoch + 1
        save(self.path, state_of(self.trainer))

    def on_train_end(self) -> None:
        finished = self._next_epoch >= self.params["epochs"] or self.trainer.stop_training
        if self.delete_checkpoint and finished:
            with contextlib.suppress(FileNotFoundError):
                os.remove(self.path)

    def _needs(self, hook: str) -> bool:
        return hook != "on_train_batch_end" or self.save_freq != "epoch"

    def _is_due(self) -> bool:
        self._steps += 1
        return self._steps % int(self.save_freq) == 0
