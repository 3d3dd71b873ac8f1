"""Model: a Module that trains, evaluates and predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl._core import Tensor, concat
from pydl.data import DataLoader, TensorDataset
from pydl.grad_mode import no_grad
from pydl.interop.safetensors import load_with_metadata, save
from pydl.nn.module import Module
from pydl.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from pydl.training import losses
from pydl.training.callbacks import Callback, CallbackList
from pydl.training.history import History
from pydl.training.interrupt import StopOnInterrupt
from pydl.training.metrics import Averages, MetricFunction
from pydl.training.metrics import get_all as get_metrics
from pydl.training.mode import in_mode
from pydl.training.progress import Progress, Verbose, make_progress
from pydl.training.steps import Steps

if TYPE_CHECKING:
    import os

    from pydl.programs.saving import Preprocessing
    from pydl.training.saving import Example

_OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}


class Model(Module):
    """A module with the verbs of training; subclasses define `forward`, as of any module.

    Data for `fit` and `evaluate` are arrays x (N, ...) and y (N, ...) as tensors, NumPy arrays or
    lists; a dataset whose samples are tuples, the target last; or a `DataLoader` of such. A tuple x
    means several inputs. Floating arrays are converted to the dtype of the model's parameters.

    Attributes
    ----------
    optimizer : Optimizer or None
        Set by `compile`.
    stop_training : bool
        Set it in a callback to end `fit` after the current epoch.

    Examples
    --------
    >>> import numpy as np
    >>> import pydl
    >>> from pydl import nn
    >>> _ = pydl.manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
    >>> model.compile(pydl.optim.Adam(model.parameters(), lr=0.05), "cross_entropy", ["accuracy"])
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = (x[:, 0] > x[:, 1]).astype(int)
    >>> history = model.fit(x, y, epochs=10, verbose=0)
    >>> model.evaluate(x, y, verbose=0)["accuracy"] > 0.95
    True
    """

    optimizer: Optimizer | None = None
    stop_training: bool = False

    _unguarded = frozenset(
        {
            "optimizer",
            "stop_training",
            "_optimizer_spec",
            "_loss",
            "_metrics",
            "_example",
            "_example_target",
            "_jit",
            "_steps",
        }
    )

    _optimizer_spec: Any = None
    _loss: losses.Loss | None = None
    _metrics: dict[str, MetricFunction] | None = None
    _example: tuple[Example, ...] | None = None  # of the inputs seen last
    _example_target: Example | None = None
    _jit: bool = True
    _steps: Steps | None = None

    def compile(
        self,
        optimizer: str | Optimizer | type[Optimizer] = "adam",
        loss: str | losses.LossFunction = "cross_entropy",
        metrics: Sequence[str | MetricFunction] | None = None,
        *,
        jit: bool = True,
    ) -> None:
        """Choose how the model is trained and measured.

        Parameters
        ----------
        optimizer : str, Optimizer or class, default "adam"
            "sgd", "rmsprop", "adam", "adamw" or a class, with their default options; or an
            instance made with this model's parameters.
        loss : str or callable, default "cross_entropy"
            A module or function (output, target) -> Tensor; one value, or several whose mean
            counts. Names: "cross_entropy" and "binary_cross_entropy_with_logits" take logits;
            "binary_cross_entropy", and Keras's "categorical_crossentropy",
            "sparse_categorical_crossentropy" and "binary_crossentropy", take probabilities;
            "mse", "mae", "mean_squared_error", "mean_absolute_error".
        metrics : sequence of str or callable, optional
            "accuracy" (class indices, one-hot, or binary), "mse", "mae", or functions
            (output, target) -> Tensor with one value, which are averaged over samples.
        jit : bool, default True
            Whether `fit`, `evaluate` and `predict` run each step as a program, made once for each
            shape of batch (`pydl.compile`). Code of the model then runs only when it is traced. A
            step that asks for values of tensors runs eagerly, after a warning.

        Raises
        ------
        ValueError
            For unknown names, and a loss that does not fit the last layer: one of logits after
            Softmax or Sigmoid, one of probabilities after Linear.
        TypeError
            For arguments of another kind.
        """
        known = losses.get(loss)
        losses.check_last_layer(known, loss, self._last_layer())
        chosen = get_metrics(metrics, known)
        self._optimizer_spec = _optimizer_factory(optimizer)
        self._loss, self._metrics, self.optimizer = known, chosen, None
        self._jit, self._steps = jit, None
        if any(True for _ in self.parameters()):
            self._bind_optimizer()

    def _last_layer(self) -> Module | None:
        """Return the layer whose output is the model's, where that is known."""
        return None

    def _bind_optimizer(self) -> Optimizer:
        """Return the optimiser; one chosen by name is made anew when parameters have changed."""
        own = list(self.parameters())
        identities = {id(parameter) for parameter in own}
        if isinstance(self._optimizer_spec, Optimizer):
            self.optimizer = self._optimizer_spec
            if identities.isdisjoint(map(id, self.optimizer.parameters)):
                raise ValueError(
                    f"{type(self).__name__}: the optimizer has none of the model's parameters; "
                    "make it after the model is built and converted"
                )
        elif self.optimizer is None or {id(p) for p in self.optimizer.parameters} != identities:
            self.optimizer = self._optimizer_spec(own)
        assert self.optimizer is not None
        return self.optimizer

    def __getstate__(self) -> dict[str, Any]:
        # Copies compile steps of their own: programs belong to the tensors they were made for.
        return {name: value for name, value in vars(self).items() if name != "_steps"}

    def _parts(self) -> list[Any]:
        """Return what steps read and change beside the batch: loss and metrics may have tensors."""
        loss = None if self._loss is None else self._loss.function
        parts = [self, self.optimizer, loss, *(self._metrics or {}).values()]
        return [part for part in parts if isinstance(part, (Module, Optimizer))]

    def _step(self, verb: str, batch: Any) -> Any:
        """Run a step, as a program where that is possible."""
        state = self._parts()
        steps = self._steps
        if steps is None or [id(part) for part in steps.state] != [id(part) for part in state]:
            functions = {
                "fit": self._train_step,
                "evaluate": self._evaluation_step,
                "predict": self._prediction_step,
            }
            steps = self._steps = Steps(functions, state, self._jit)
        return steps.run(verb, batch)

    def _compiled(self, verb: str) -> tuple[losses.Loss, dict[str, MetricFunction]]:
        if self._loss is None or self._metrics is None:
            raise RuntimeError(
                f"{type(self).__name__}.{verb}: call compile(optimizer, loss, metrics) first"
            )
        return self._loss, self._metrics

    # --- training ---------------------------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        batch_size: int = 32,
        epochs: int = 1,
        validation_data: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        callbacks: Sequence[Callback] | None = None,
        verbose: Verbose | bool = "auto",
        initial_epoch: int = 0,
    ) -> History:
        """Train the model; it is in evaluation mode afterwards.

        Ctrl-C ends the training after the current step: the model keeps what it learnt and the
        history is marked as interrupted. A second Ctrl-C raises at once.

        Parameters
        ----------
        x, y : arrays, or a dataset or DataLoader as x
            See `Model`.
        batch_size : int, default 32
            Samples per step; a DataLoader has its own.
        epochs : int, default 1
            Number of the epoch to end before; with `initial_epoch` 0, how many there are.
        validation_data : tuple (x, y), dataset or DataLoader, optional
            Measured after each epoch.
        validation_split : float, default 0.0
            Part of the arrays, at their end and before shuffling, to measure instead of to learn.
        shuffle : bool, default True
            Whether each epoch has a random order of its own.
        callbacks : sequence of Callback, optional
            Called between steps and epochs.
        verbose : {"auto", 0, 1, 2}, default "auto"
            Nothing (0), a progress bar (1; needs tqdm), one line per epoch (2); by default a bar in
            terminals and notebooks, lines elsewhere.
        initial_epoch : int, default 0
            Number of the first epoch.

        Returns
        -------
        History
            Loss and metrics of each finished epoch.

        Raises
        ------
        RuntimeError
            Before `compile`.
        ValueError, TypeError
            For data that do not fit each other or the model.
        """
        self._compiled("fit")
        self._bind_optimizer()
        if validation_split:
            if validation_data is not None:
                raise ValueError("fit: expected validation_data or validation_split, got both")
            x, y, validation_data = _split_off(x, y, validation_split)
        loader = self._loader(x, y, batch_size, shuffle)
        validation = None
        if validation_data is not None:
            validation = self._loader(*_as_pair(validation_data), batch_size)
        calls = CallbackList(callbacks, self)
        progress = make_progress(verbose)
        history = History()
        self.stop_training = False
        with StopOnInterrupt() as stop:
            try:
                calls.on_train_begin()
                for epoch in range(initial_epoch, epochs):
                    calls.on_epoch_begin(epoch)
                    progress.begin(f"epoch {epoch + 1}/{epochs}", len(loader))
                    logs = self._train_epoch(loader, calls, progress, stop)
                    if validation is not None and not stop.requested:
                        values = self._measure(validation, Progress(), stop)
                        logs.update((f"val_{name}", value) for name, value in values.items())
                    if stop.requested:
                        history.interrupted = True
                        progress.abort()
                        print(f"fit: interrupted in epoch {epoch + 1}; the model keeps its state")
                        break
                    progress.end(logs)
                    history.append(epoch, logs)
                    calls.on_epoch_end(epoch, logs)
                    if self.stop_training:
                        break
                calls.on_train_end()
            finally:
                progress.abort()
                self.eval()
        return history

    def _train_epoch(
        self,
        loader: DataLoader,
        calls: CallbackList,
        progress: Progress,
        stop: StopOnInterrupt,
    ) -> dict[str, float]:
        averages = self._averages()
        self.train()
        for number, batch in enumerate(loader):
            _require_target("fit", batch)
            self._remember(batch[:-1], batch[-1])
            averages.add(self._step("fit", batch), batch[-1].shape[0])
            progress.step(number + 1, averages)
            calls.on_train_batch_end(number)
            if stop.requested:
                break
        return averages.result()

    def _train_step(self, batch: tuple[Tensor, ...]) -> list[Tensor]:
        """Update the parameters by one batch; returns loss and metrics."""
        assert self.optimizer is not None
        output = self(*batch[:-1])
        loss = self._loss_of(output, batch[-1])
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return self._values(loss.detach(), output, batch[-1])

    def _evaluation_step(self, batch: tuple[Tensor, ...]) -> list[Tensor]:
        """Compute loss and metrics of one batch."""
        output = self(*batch[:-1])
        return self._values(self._loss_of(output, batch[-1]), output, batch[-1])

    def _prediction_step(self, inputs: tuple[Tensor, ...]) -> Any:
        """Compute the outputs of one batch."""
        return self(*inputs)

    def _loss_of(self, output: Any, target: Tensor) -> Tensor:
        assert self._loss is not None
        loss = self._loss.function(output, target)
        return loss.mean() if loss.ndim else loss

    def _values(self, loss: Tensor, output: Any, target: Tensor) -> list[Tensor]:
        values = [loss]
        if self._metrics:
            with no_grad():
                values += [metric(output, target) for metric in self._metrics.values()]
        return values

    def _averages(self) -> Averages:
        return Averages(["loss", *(self._metrics or ())])

    # --- using what was learnt --------------------------------------------------------------------

    def evaluate(
        self, x: Any, y: Any = None, *, batch_size: int = 32, verbose: Verbose | bool = "auto"
    ) -> dict[str, float]:
        """Measure loss and metrics in evaluation mode; arguments as of `fit`.

        Returns
        -------
        dict of str to float
            "loss" and each metric, averaged over samples.

        Raises
        ------
        RuntimeError
            Before `compile`.
        """
        self._compiled("evaluate")
        loader = self._loader(x, y, batch_size)
        progress = make_progress(verbose)
        progress.begin("evaluate", len(loader))
        try:
            values = self._measure(loader, progress)
            progress.end(values)
        finally:
            progress.abort()
        return values

    def _measure(
        self, loader: DataLoader, progress: Progress, stop: StopOnInterrupt | None = None
    ) -> dict[str, float]:
        averages = self._averages()
        with in_mode(self, training=False), no_grad():
            for number, batch in enumerate(loader):
                _require_target("evaluate", batch)
                self._remember(batch[:-1], batch[-1])
                averages.add(self._step("evaluate", batch), batch[-1].shape[0])
                progress.step(number + 1, averages)
                if stop is not None and stop.requested:
                    break
        return averages.result()

    def predict(self, x: Any, *, batch_size: int = 256) -> Any:
        """Compute outputs in evaluation mode, batch after batch.

        Parameters
        ----------
        x : array, tuple of arrays, dataset or DataLoader
            Inputs, without targets; shape (N, ...).
        batch_size : int, default 256
            Samples per call of the model.

        Returns
        -------
        Tensor
            Outputs of all samples along axis 0; a tuple of them for a model that returns one.

        Raises
        ------
        ValueError
            Without samples.
        """
        loader = self._loader(x, None, batch_size)
        outputs = []
        with in_mode(self, training=False), no_grad():
            for batch in loader:
                inputs = batch if isinstance(batch, tuple) else (batch,)
                self._remember(inputs)
                outputs.append(self._step("predict", inputs))
        if not outputs:
            raise ValueError("predict: expected at least one sample, got none")
        if isinstance(outputs[0], (tuple, list)):
            return tuple(concat(list(part)) for part in zip(*outputs, strict=True))
        return concat(outputs)

    def _loader(
        self, x: Any, y: Any = None, batch_size: int = 32, shuffle: bool = False
    ) -> DataLoader:
        if isinstance(x, DataLoader) or _is_dataset(x):
            if y is not None:
                raise ValueError("expected targets in the dataset or as y, got both")
            return x if isinstance(x, DataLoader) else DataLoader(x, batch_size, shuffle=shuffle)
        columns = x if isinstance(x, tuple) else (x,)
        if y is not None:
            columns = (*columns, y)
        dtype = next((p.dtype for p in self.parameters() if p.dtype.is_floating), "float32")
        converted = (
            column.astype(dtype) if column.dtype.is_floating else column
            for column in TensorDataset(*map(_as_array, columns)).columns
        )
        return DataLoader(TensorDataset(*converted), batch_size, shuffle=shuffle)

    def _remember(self, inputs: tuple[Any, ...], target: Any = None) -> None:
        """Keep what inputs and targets look like: for `summary` and `save`."""
        if not all(isinstance(tensor, Tensor) for tensor in inputs):
            return
        if self._example is None or isinstance(target, Tensor):
            self._example = tuple((tensor.shape[1:], tensor.dtype) for tensor in inputs)
        if isinstance(target, Tensor):
            self._example_target = (target.shape[1:], target.dtype)

    # --- looking and saving -----------------------------------------------------------------------

    def summary(
        self, input_shape: tuple[int, ...] | Sequence[tuple[int, ...]] | None = None
    ) -> None:
        """Print the layers with their output shapes, parameters, FLOPs and activation memory.

        FLOPs are those of a forward pass, a multiply-add counted as two; activations are the
        results of all operations in evaluation mode, before anything is fused or reused.

        Parameters
        ----------
        input_shape : tuple of int, or tuple of them, optional
            Shape of one sample; of a model of several inputs, one for each. Unless given, that of
            the data seen last; shapes of outputs are left out when there was none.

        Examples
        --------
        >>> import pydl
        >>> from pydl import nn
        >>> nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)).summary((4,))
        layer       output  parameters    MFLOP
        ---------------------------------------
        0 (Linear)  (N, 8)          40  6.4e-05
        1 (ReLU)    (N, 8)           -    8e-06
        2 (Linear)  (N, 3)          27  4.8e-05
        ---------------------------------------
        parameters: 67 (67 trainable), 268 bytes
        forward pass of one sample: 0.00012 MFLOP, activations 76 bytes
        """
        from pydl.training.summary import summarize

        dtype: Any = next((p.dtype for p in self.parameters()), "float32")
        if input_shape is None and self._example is not None:
            input_shape, dtype = self._example[0]
        print(summarize(self, input_shape, dtype))

    def save(
        self,
        path: str | os.PathLike[str],
        example_inputs: Any = None,
        *,
        open_batch: bool = True,
        class_names: Sequence[str] = (),
        preprocessing: Preprocessing | None = None,
    ) -> None:
        """Write parameters and buffers to a safetensors file, atomically.

        With the suffix .pydl the model itself is in the file too, as programs that `pydl.load`
        runs without this class, in Python and in C++: "predict", the outputs in evaluation mode,
        and after `fit` also "train", one step on inputs and target, with the optimiser's state.

        Parameters
        ----------
        path : str or path
            File to write.
        example_inputs : array or tuple of arrays, optional
            Inputs of the model, shape (N, ...): only shapes and dtypes count. By default what `fit`
            or `predict` saw last.
        open_batch : bool, default True
            Whether the programs take batches of any size.
        class_names : sequence of str, optional
            Names of the classes by number, kept in a .pydl file.
        preprocessing : mapping of str to numbers, optional
            Constants such as {"mean": [0.28], "std": [0.35]}, likewise; they are not applied.

        Raises
        ------
        OSError
            When the file cannot be written; an older file is then as it was.
        TraceError
            When the model cannot be traced; see `pydl.compile`.
        ValueError
            For a .pydl file of a model that has not seen data and gets no example; other errors as
            of `pydl.save_program`.

        Examples
        --------
        >>> import os, tempfile
        >>> import pydl
        >>> from pydl import nn
        >>> model = nn.Sequential(nn.Linear(4, 2))
        >>> path = os.path.join(tempfile.mkdtemp(), "model.pydl")
        >>> model.save(path, pydl.zeros((1, 4)), class_names=["no", "yes"])
        >>> pydl.load(path)(pydl.zeros((3, 4))).shape
        (3, 2)
        """
        if not str(path).endswith(".pydl"):
            if example_inputs is not None or class_names or preprocessing:
                raise ValueError(
                    f"{type(self).__name__}.save: only files with the suffix .pydl hold more than "
                    f"parameters, got {path}"
                )
            save(path, self)
            return
        if example_inputs is not None:
            loader = self._loader(example_inputs, None, 1)
            self._remember(next(iter(loader)))
        if self._example is None:
            raise ValueError(
                f"{type(self).__name__}.save: expected example_inputs, because the model has not "
                "seen data yet"
            )
        from pydl.training.saving import save_model

        save_model(
            self,
            path,
            self._example,
            self._example_target,
            open_batch=open_batch,
            class_names=class_names,
            preprocessing=preprocessing or {},
        )

    def load(self, path: str | os.PathLike[str]) -> None:
        """Read parameters and buffers from a safetensors file, such as `save` writes.

        Of a program file these are taken, and what belongs to the optimiser is left.

        Raises
        ------
        OSError
            When the file cannot be read.
        ValueError
            When it is malformed, or its names or shapes are not the model's.
        """
        state, metadata = load_with_metadata(path)
        if "pydl.program" in metadata:
            own = self.state_dict()
            state = {name: tensor for name, tensor in state.items() if name in own}
        self.load_state_dict(state)


def _require_target(verb: str, batch: Any) -> None:
    if not isinstance(batch, tuple) or len(batch) < 2:
        raise ValueError(f"{verb}: expected inputs and targets; give y, or samples (x, y)")


def _optimizer_factory(optimizer: Any) -> Any:
    """Return an instance as it is, and what makes one from parameters otherwise."""
    if isinstance(optimizer, str):
        if optimizer not in _OPTIMIZERS:
            raise ValueError(
                f"compile: expected an optimizer of {', '.join(_OPTIMIZERS)}; got {optimizer!r}"
            )
        return _OPTIMIZERS[optimizer]
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, Optimizer):
        return optimizer
    raise TypeError(
        f"compile: expected an optimizer, its name or class, got {type(optimizer).__name__}"
    )


def _as_pair(data: Any) -> tuple[Any, Any]:
    """Return inputs and targets; a dataset has its targets inside."""
    if not isinstance(data, tuple):
        return data, None
    if len(data) != 2:
        raise ValueError(f"fit: expected validation_data (x, y), got {len(data)} items")
    return data


def _is_dataset(x: Any) -> bool:
    array_like = isinstance(x, (Tensor, np.ndarray, list, tuple)) or hasattr(x, "__array__")
    return not array_like and hasattr(x, "__getitem__") and hasattr(x, "__len__")


def _as_array(x: Any) -> Any:
    return x if isinstance(x, Tensor) else np.asarray(x)


def _split_off(x: Any, y: Any, fraction: float) -> tuple[Any, Any, Any]:
    """Divide arrays into a first part and a last one."""
    if isinstance(x, DataLoader) or _is_dataset(x) or y is None:
        raise ValueError("fit: validation_split needs arrays x and y; use validation_data")
    if not 0.0 < fraction < 1.0:
        raise ValueError(f"fit: expected validation_split in [0, 1), got {fraction}")
    inputs = tuple(map(_as_array, x)) if isinstance(x, tuple) else _as_array(x)
    target = _as_array(y)
    count = int(len(target) * (1.0 - fraction))
    if count == 0 or count == len(target):
        raise ValueError(
            f"fit: validation_split {fraction} leaves one part of {len(target)} samples empty"
        )

    def part(chosen: slice) -> Any:
        return tuple(a[chosen] for a in inputs) if isinstance(inputs, tuple) else inputs[chosen]

    end = slice(count, None)
    return part(slice(count)), target[:count], (part(end), target[end])
