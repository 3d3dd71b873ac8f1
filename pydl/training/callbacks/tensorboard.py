"""TensorBoard: values, weights, pictures and layers of a training in event files."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from pydl._core import Tensor, tensor
from pydl.training.callbacks import event_files
from pydl.training.callbacks.base import Callback, Logs, checked_count, require_names
from pydl.training.callbacks.files import checked_path, make_folder
from pydl.training.callbacks.schedules import rate_of
from pydl.training.metrics.averages import numbers

if TYPE_CHECKING:
    from pydl.nn.module import Module

_TRAIN, _VALIDATION = "train", "validation"


class TensorBoard(Callback):
    """Write event files, which ``tensorboard --logdir logs`` shows while the training runs.

    The values of epochs are named as Keras names them: "epoch_loss" and so on, at the number of the
    epoch, those of the validation in a run of their own, and "epoch_learning_rate". Nothing but
    pydl is needed to write the files. Each training makes new files in the folders "train" and
    "validation" of `log_dir`; give each its own `log_dir` to compare them.

    Parameters
    ----------
    log_dir : str or path, default "logs"
        Folder of the files, made where there is none.
    histogram_freq : int, default 0
        After every how many epochs the distributions of the parameters are written; 0 for never.
    write_graph : bool, default True
        Whether the layers are written as a graph. How they are connected is known of those of a
        `Sequential`.
    write_steps_per_second : bool, default False
        Whether the number of steps per second of each epoch is written.
    update_freq : "epoch", "batch" or int, default "epoch"
        After every how many steps loss and metrics of the epoch so far are written too, as
        "batch_loss" and so on; "batch" means 1.
    hparams : mapping of str to number, bool or str, optional
        Hyperparameters, for TensorBoard's table of them.

    Raises
    ------
    ValueError
        For options out of their ranges.
    OSError
        By `fit`, where no file can be written.

    Examples
    --------
    >>> import os, tempfile
    >>> import pydl
    >>> folder = tempfile.mkdtemp()
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "mse")
    >>> board = pydl.training.TensorBoard(folder, histogram_freq=1, hparams={"layers": 1})
    >>> _ = model.fit(pydl.ones((4, 2)), pydl.ones((4, 1)), callbacks=board, verbose=0)
    >>> os.listdir(folder)
    ['train']
    >>> board.add_image("noise", pydl.rand((3, 8, 8)))
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        *,
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_steps_per_second: bool = False,
        update_freq: Literal["epoch", "batch"] | int = "epoch",
        hparams: Mapping[str, Any] | None = None,
    ) -> None:
        self.log_dir = checked_path("TensorBoard", "log_dir", log_dir)
        self.histogram_freq = checked_count("TensorBoard", "histogram_freq", histogram_freq)
        if update_freq not in ("epoch", "batch"):
            checked_count("TensorBoard", "update_freq, unless 'epoch' or 'batch',", update_freq, 1)
        self.update_freq = update_freq
        self.write_graph, self.write_steps_per_second = write_graph, write_steps_per_second
        if hparams is not None and not isinstance(hparams, Mapping):
            raise ValueError(
                f"TensorBoard: expected hparams as a mapping, got {type(hparams).__name__}"
            )
        self.hparams = None if hparams is None else dict(hparams)
        # Steps between two that are written; 0 for none.
        self._every = (
            0 if update_freq == "epoch" else 1 if update_freq == "batch" else int(update_freq)
        )
        self._steps, self._epoch_steps, self._epoch_start = 0, 0, 0.0
        self._in_training, self._resumes = False, False
        self._writers: dict[str, event_files.EventWriter] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Copies write files of their own.
        return vars(self) | {"_writers": {}}

    def _writer(self, run: str) -> event_files.EventWriter:
        if run not in self._writers:
            folder = os.path.join(os.fspath(self.log_dir), run)
            self._writers[run] = event_files.EventWriter(folder)
        return self._writers[run]

    # --- called by fit and evaluate ---------------------------------------------------------------

    def _check(self, names: Sequence[str] | None) -> None:
        make_folder("TensorBoard", os.fspath(self.log_dir))

    def _needs(self, hook: str) -> bool:
        return hook != "on_train_batch_end" or self._every != 0

    def _is_due(self) -> bool:
        self._steps += 1
        return self._steps % int(self._every) == 0

    def on_train_begin(self) -> None:
        self._in_training, self._writers = True, {}
        if not self._resumes:
            self._steps = 0
        self._resumes = False
        events = []
        if self.write_graph:
            name = type(self.model).__name__
            events.append(event_files.event(0, event_files.graph(_nodes(self.model, name))))
        if self.hparams is not None:
            start = event_files.hyperparameters(self.hparams)
            events.append(event_files.event(0, event_files.summary([start])))
        if events:
            self._writer(_TRAIN).write(*events)

    def on_train_end(self) -> None:
        self._in_training = False

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch_start = time.perf_counter()
        self._epoch_steps = self._optimizer_steps()

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        values = {f"batch_{name}": value for name, value in (logs or {}).items()}
        self._write_scalars(_TRAIN, values, self._steps)

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        measured = {k.removeprefix("val_"): v for k, v in logs.items() if k.startswith("val_")}
        trained = {name: value for name, value in logs.items() if not name.startswith("val_")}
        trained.setdefault("learning_rate", rate_of(self))
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_start
            steps = self._optimizer_steps() - self._epoch_steps
            trained["steps_per_second"] = steps / max(seconds, 1e-9)
        self._write_scalars(_TRAIN, {f"epoch_{k}": v for k, v in trained.items()}, epoch)
        self._write_scalars(_VALIDATION, {f"epoch_{k}": v for k, v in measured.items()}, epoch)
        if self.histogram_freq and (epoch + 1) % self.histogram_freq == 0:
            self._write_weights(epoch)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._in_training:
            values = {f"evaluation_{k}_vs_iterations": v for k, v in (logs or {}).items()}
            self._write_scalars(_VALIDATION, values, self._optimizer_steps())

    def _optimizer_steps(self) -> int:
        return 0 if self.trainer.optimizer is None else int(self.trainer.optimizer.steps)

    def _write_scalars(self, run: str, values: Mapping[str, float], step: int) -> None:
        if values := numbers(values):
            encoded = [event_files.scalar(name, value) for name, value in values.items()]
            self._writer(run).write(event_files.event(step, event_files.summary(encoded)))

    def _write_weights(self, epoch: int) -> None:
        encoded = [
            event_files.histogram(f"{name}/histogram", _array(value))
            for name, value in self.model.named_parameters()
        ]
        self._writer(_TRAIN).write(event_files.event(epoch, event_files.summary(encoded)))

    # --- called by the user -----------------------------------------------------------------------

    def _add(self, value: bytes, step: int) -> None:
        self._writer(_TRAIN).write(event_files.event(step, event_files.summary([value])))

    def add_scalar(self, tag: str, value: float, step: int = 0) -> None:
        """Write a number."""
        self._add(event_files.scalar(tag, float(value)), step)

    def add_histogram(self, tag: str, values: Any, step: int = 0) -> None:
        """Write the distribution of the numbers of an array of any shape."""
        self._add(event_files.histogram(tag, _array(values)), step)

    def add_text(self, tag: str, text: str, step: int = 0) -> None:
        """Write a text, which is shown as Markdown."""
        self._add(event_files.text(tag, text), step)

    def add_image(self, tag: str, image: Any, step: int = 0) -> None:
        """Write a picture.

        Parameters
        ----------
        tag : str
            Its name.
        image : array
            Shape (H, W), or (C, H, W) with 1 to 4 channels: grey, grey and alpha, RGB, or RGB and
            alpha. Integers from 0 to 255, or floats from 0 to 1; what is beyond is cut off.
        step : int, default 0
            Where it is shown.

        Raises
        ------
        ValueError
            For other shapes.
        """
        pixels = _array(image)
        if pixels.ndim == 2:
            pixels = pixels[None]
        if pixels.ndim != 3 or not 1 <= pixels.shape[0] <= 4 or 0 in pixels.shape:
            raise ValueError(
                "TensorBoard.add_image: expected an image (H, W) or (C, H, W) with 1 to 4 channels,"
                f" got shape {tuple(pixels.shape)}"
            )
        if pixels.dtype == np.bool_ or np.issubdtype(pixels.dtype, np.floating):
            pixels = np.nan_to_num(np.asarray(pixels, np.float64)) * 255 + 0.5
        pixels = np.clip(pixels, 0, 255).astype(np.uint8)
        self._add(event_files.image(tag, np.ascontiguousarray(pixels.transpose(1, 2, 0))), step)

    def state_dict(self) -> dict[str, Tensor]:
        """Return the number of steps, at which the values of steps are written."""
        return {"steps": tensor(self._steps, dtype="int64")}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned: the next `fit` goes on counting.

        Raises
        ------
        ValueError
            For a state of another kind of callback.
        """
        require_names(self, state.keys(), {"steps"})
        self._steps, self._resumes = int(state["steps"]), True


def _array(values: Any) -> npt.NDArray[Any]:
    if isinstance(values, Tensor):
        values = values.detach()
        if values.dtype.is_floating:
            values = values.to("float64")  # NumPy lacks bfloat16
    array: npt.NDArray[Any] = np.asarray(values)
    return array


_Node = tuple[str, str, list[str]]


def _nodes(model: Module, name: str) -> list[_Node]:
    """Return name, kind and inputs of all layers, with a node for the model's input."""
    nodes: list[_Node] = [(f"{name}/input", "Placeholder", [])]
    nodes += _layer(model, name, [f"{name}/input"])
    return nodes


def _layer(module: Module, path: str, inputs: list[str]) -> Iterator[_Node]:
    from pydl.nn import Sequential  # here: it is a Model itself

    children = list(module.named_children())
    if not children:
        yield path, type(module).__name__, inputs
        return
    in_order = isinstance(module, Sequential)
    ends, before = [], inputs
    for child, layer in children:
        # Which other layers take what is not known: they are shown as what the output takes.
        nodes = list(_layer(layer, f"{path}/{child}", before if in_order else []))
        yield from nodes
        before = [nodes[-1][0]]
        ends += before
    if not in_order:
        yield f"{path}/output", type(module).__name__, [*inputs, *ends]
