"""Model: a Module that trains, evaluates and predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydl import optim
from pydl._core import Tensor, concat
from pydl.data import Subset, TensorDataset
from pydl.grad_mode import no_grad
from pydl.interop.safetensors import load_with_metadata, save
from pydl.nn.module import Module
from pydl.optim import Optimizer
from pydl.training import losses
from pydl.training.callbacks import Callback, CallbackList
from pydl.training.checks import check_last_batch
from pydl.training.history import History
from pydl.training.inputs import as_pair, make_loader, positive_integer, split_off
from pydl.training.interrupt import StopOnInterrupt
from pydl.training.metrics import Averages, FunctionMean, Metric, MetricFunction
from pydl.training.mode import in_mode, set_mode
from pydl.training.nonfinite import GuardedStep, OnNaN, Watch, all_finite
from pydl.training.progress import Progress, Verbose, make_progress
from pydl.training.steps import Steps

if TYPE_CHECKING:
    import os

    from pydl.data import DataLoader
    from pydl.programs.saving import Preprocessing
    from pydl.training.saving import Example

_PREDICTED_AT_ONCE = 256

# All optimisers that `fit` can step, by their names in small letters.
_OPTIMIZERS: dict[str, type[Optimizer]] = {
    name.lower(): kind
    for name, kind in vars(optim).items()
    if name in optim.__all__ and isinstance(kind, type) and issubclass(kind, Optimizer)
    if kind is not Optimizer and not kind.needs_closure
}


class Model(Module):
    """A module with the verbs of training; subclasses define `forward`, as of any module.

    Data for `fit` and `evaluate` are arrays x (N, ...) and y (N, ...) as tensors, NumPy arrays,
    lists, data frames or sparse matrices, which become dense batch by batch; a dataset whose
    samples are tuples, the target last; or a `DataLoader` of such. A tuple x means several inputs.
    Floating arrays are converted to the dtype of the model's parameters.

    pydl's losses take targets (N,) for outputs (N, 1), and class indices (N, 1), as in Keras.

    Attributes
    ----------
    optimizer : Optimizer or None
        Set by `compile`.
    stop_training : bool
        Set it in a callback to end `fit` after the current step, as in Keras; what comes at the
        end of an epoch comes then.

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

    _unguarded = Module._unguarded | frozenset(
        {
            "optimizer",
            "stop_training",
            "_optimizer_spec",
            "_learning_rate",
            "_loss",
            "_metrics",
            "_example",
            "_example_target",
            "_jit",
            "_steps",
        }
    )

    _optimizer_spec: Any = None
    _learning_rate: float | Callable[[int], float] | None = None
    _loss: losses.Loss | None = None
    _metrics: dict[str, Metric] | None = None
    _example: tuple[Example, ...] | None = None  # of the inputs seen last
    _example_target: Example | None = None
    _jit: bool = True
    _steps: Steps | None = None

    def compile(
        self,
        optimizer: str | Optimizer | type[Optimizer] = "adam",
        loss: str | losses.LossFunction = "cross_entropy",
        metrics: Sequence[str | MetricFunction | Metric] | None = None,
        *,
        learning_rate: float | Callable[[int], float] | None = None,
        jit: bool = True,
    ) -> None:
        """Choose how the model is trained and measured.

        Parameters
        ----------
        optimizer : str, Optimizer or class, default "adam"
            The name of an optimiser of `pydl.optim` in small letters, such as "sgd", "adamw" or
            "lion", or a class, with its default options; or an instance made with this model's
            parameters.
        loss : str or callable, default "cross_entropy"
            A module or function (output, target) -> Tensor; one value, or several whose mean
            counts. Names: "cross_entropy" and "binary_cross_entropy_with_logits" take logits;
            "binary_cross_entropy", and Keras's "categorical_crossentropy",
            "sparse_categorical_crossentropy" and "binary_crossentropy", take probabilities;
            "mse", "mae", "huber", "smooth_l1", "log_cosh", "msle", "mape", "poisson",
            "cosine_similarity", "hinge" and "squared_hinge" take outputs like the targets;
            "focal_loss" and "sigmoid_focal_loss" logits; "categorical_focal_crossentropy",
            "binary_focal_crossentropy", "dice" and "kl_divergence" probabilities; "nll" their
            logarithms. Some have Keras's long names too, such as "mean_squared_error".
        metrics : sequence of str or callable, optional
            Names, such as "accuracy" (class indices, one-hot, or binary), "precision", "recall",
            "f1_macro", "auc", "mse" and "mae"; objects of `pydl.metrics` (the error
            for an unknown name lists all names); or functions (output, target) -> Tensor,
            whose values are averaged over samples; one value counts for its batch. A function is
            tried once on made-up samples: of one that is no mean over samples, a warning tells.
        learning_rate : float or callable, optional
            Rate instead of the optimiser's, of all groups. A function from the number of updates so
            far, from 0, is called before each step of `fit`; a training that goes on with a saved
            state of the optimiser goes on in the schedule. The schedules of `pydl.optim` go
            to `pydl.training.LearningRateScheduler`.
        jit : bool, default True
            Whether `fit`, `evaluate` and `predict` run each step as a program, made once for each
            shape of batch (`pydl.compile`). Code of the model then runs only when it is traced. A
            step that reads values of tensors runs eagerly, after a warning.

        Raises
        ------
        ValueError
            For unknown names, and a loss that does not fit the last layer: one of logits after
            Softmax or Sigmoid, one of probabilities after Linear.
        TypeError
            For arguments of another kind.
        """
        known = losses.get(loss)
        self._check_layout()
        losses.check_last_layer(known, loss, self._last_layer())
        known = losses.with_last_layer(known, self._last_layer())
        from pydl.training.metrics import get_all  # here: many programs need none of them

        chosen = get_all(metrics, known)
        if not (learning_rate is None or callable(learning_rate)):
            learning_rate = _checked_rate(learning_rate)
        self._optimizer_spec = _optimizer_factory(optimizer)
        self._learning_rate = learning_rate
        if isinstance(learning_rate, float) and isinstance(optimizer, Optimizer):
            optimizer.lr = learning_rate
        self._loss, self._metrics, self.optimizer = known, chosen, None
        self._jit, self._steps = jit, None
        if any(True for _ in self.parameters()):
            self._bind_optimizer()

    def _last_layer(self) -> Module | None:
        """Return the layer whose output is the model's, where that is known."""
        return None

    def _check_layout(self) -> None:
        """Warn of layers that take something else for samples than `fit` does."""

    def _bind_optimizer(self) -> Optimizer:
        """Return the optimiser; one chosen by name is replaced when parameters have changed."""
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
            if isinstance(self._learning_rate, float):
                self.optimizer.lr = self._learning_rate
        assert self.optimizer is not None
        return self.optimizer

    def _set_learning_rate(self) -> None:
        """Set the rate of the next step where it is a function of their number."""
        if callable(self._learning_rate):
            assert self.optimizer is not None
            self.optimizer.lr = float(self._learning_rate(self.optimizer.steps))

    def __getstate__(self) -> dict[str, Any]:
        # Copies compile their own steps: programs belong to the tensors they were made for.
        return {name: value for name, value in vars(self).items() if name != "_steps"}

    def _parts(self) -> list[Any]:
        """Return what steps use besides the batch: loss and metrics may have tensors."""
        loss = None if self._loss is None else self._loss.function
        functions = [m.function for m in self._metrics_list() if isinstance(m, FunctionMean)]
        parts = [self, self.optimizer, loss, *self._metrics_list(), *functions]
        return [part for part in parts if isinstance(part, (Module, Optimizer))]

    def _metrics_list(self) -> list[Metric]:
        return list((self._metrics or {}).values())

    def _step(self, verb: str, batch: Any, *options: Any) -> Any:
        """Run a step, as a program where that is possible."""
        steps = self._steps
        # Loss and metrics change by `compile` only, which drops the steps.
        if steps is None or steps.optimizer is not self.optimizer:
            functions: dict[str, Callable[..., Any]] = {
                "fit": self._train_step,
                "gradients": self._gradient_step,
                "update": self._update_step,
                "evaluate": self._evaluation_step,
                "predict": self._prediction_step,
            }
            steps = self._steps = Steps(functions, self._parts(), self.optimizer, self._jit)
        return steps.run(verb, batch, *options)

    def _compiled(self, verb: str) -> tuple[losses.Loss, dict[str, Metric]]:
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
        batch_size: int | None = None,
        epochs: int = 1,
        validation_data: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        callbacks: Sequence[Callback] | Callback | None = None,
        verbose: Verbose | bool = "auto",
        initial_epoch: int = 0,
        on_nan: OnNaN = "warn",
    ) -> History:
        """Train the model; it is in evaluation mode afterwards.

        What was frozen stays frozen: parameters with `requires_grad` False, submodules with
        `trainable` False, and submodules that were put into evaluation mode by themselves, as by
        ``model.backbone.eval()``. The mode of the model as a whole does not matter.

        Ctrl-C ends the training after the current step: the model keeps its weights and the
        history is marked as interrupted. A second Ctrl-C raises at once.

        Parameters
        ----------
        x, y : arrays, or a dataset or DataLoader as x
            See `Model`.
        batch_size : int, optional
            Samples per step; by default 32. A DataLoader has its own.
        epochs : int, default 1
            Number of the epoch to end before; with `initial_epoch` 0, how many there are.
        validation_data : tuple (x, y), dataset or DataLoader, optional
            Measured after each epoch.
        validation_split : float, default 0.0
            Part of the arrays, at their end and before shuffling, to measure instead of to learn:
            of N samples, the first ``int(N * (1 - validation_split))`` are trained on, as in Keras.
        shuffle : bool, default True
            Whether each epoch has a new random order.
        callbacks : sequence of Callback, optional
            Called between steps and epochs; docs/callbacks.md lists those that there are.
        verbose : {"auto", 0, 1, 2}, default "auto"
            Nothing (0), a progress bar (1), one line per epoch (2); by default a bar in terminals
            and notebooks, lines elsewhere. The bar is tqdm's where that is installed.
        initial_epoch : int, default 0
            Number of the first epoch.
        on_nan : {"warn", "stop", "skip", "ignore"}, default "warn"
            What to do when a loss is not finite. "warn" says once in which layer, parameter or
            batch it began, and goes on. "stop" ends the training before that step, like Keras's
            TerminateOnNaN, and "skip" continues without it: parameters and buffers are as they were
            before, and gradients are checked too. These two compute gradients and update apart,
            which makes steps slower (of small models up to three times).

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

        Warns
        -----
        RuntimeWarning
            For a training that has become not-a-number or infinite; see `on_nan`.
        """
        self._compiled("fit")
        self._bind_optimizer()
        epochs = positive_integer("fit", "epochs", epochs, 0)
        initial_epoch = positive_integer("fit", "initial_epoch", initial_epoch, 0)
        if validation_split:
            if validation_data is not None:
                raise ValueError("fit: expected validation_data or validation_split, got both")
            x, y, validation_data = split_off(x, y, validation_split)
        loader = self._loader("fit", x, y, batch_size, shuffle)
        validation = None
        if validation_data is not None:
            x, y = as_pair(validation_data)
            validation = self._loader("fit: validation_data", x, y, batch_size)
        names = ["loss", *(self._metrics or ())]
        names += [f"val_{name}" for name in names] if validation is not None else []
        calls = CallbackList(callbacks, self, names, loader=loader, epochs=epochs)
        progress = make_progress(verbose)
        watch = Watch(self, on_nan)
        history = History()
        self.stop_training = False
        watch.look_at_start()
        with StopOnInterrupt() as stop:
            try:
                calls.on_train_begin()
                start = calls.first_epoch(initial_epoch)
                for epoch in range(start, epochs):
                    calls.on_epoch_begin(epoch)
                    progress.begin(f"epoch {epoch + 1}/{epochs}", len(loader))
                    watch.epoch, first = epoch, epoch == start
                    logs = self._train_epoch(loader, calls, progress, stop, watch, first)
                    if watch.ended:
                        break
                    if validation is not None and not stop.requested:
                        values = self._measure(validation, Progress(), calls, stop)
                        watch.look_at_validation(values["loss"], validation)
                        logs.update((f"val_{name}", value) for name, value in values.items())
                    if stop.requested:
                        history.interrupted = True
                        progress.abort(logs)
                        print(f"fit: interrupted in epoch {epoch + 1}; the model keeps its state")
                        break
                    progress.end(logs)
                    calls.on_epoch_end(epoch, logs)
                    history.append(epoch, logs)
                    if self.stop_training:
                        break
                watch.look_at_end()
                calls.on_train_end()
            finally:
                history.skipped = watch.skipped
                progress.abort()
                set_mode(self, training=False)
        return history

    def _train_epoch(
        self,
        loader: DataLoader,
        calls: CallbackList,
        progress: Progress,
        stop: StopOnInterrupt,
        watch: Watch,
        first: bool,
    ) -> dict[str, float]:
        averages, guarded, plain = self._averages(), GuardedStep(self), self._has_plain(loader)
        set_mode(self, training=True)
        start = calls.begin_steps(averages)
        for number, batch in enumerate(loader, start):
            _require_target("fit", batch)
            if first and number == start:
                check_last_batch(self, loader, batch[:-1])
            self._remember(batch[:-1], batch[-1])
            calls.on_train_batch_begin(number)
            self._set_learning_rate()
            if watch.guards:
                values, made = guarded(batch)
                if not made:
                    watch.refuse(batch, float(values[0][0]), number)
            else:
                values, made = self._step("fit", batch, plain), True
                watch.look(values, batch, number)
            if watch.ended:
                break
            if made:
                averages.add(values, batch[-1].shape[0])
            progress.step(number + 1, averages)
            calls.on_train_batch_end(number, averages)
            if stop.requested or self.stop_training:
                break
        return averages.result()

    def _has_plain(self, loader: DataLoader) -> bool:
        """Whether all targets are known, and such that steps need not look at them."""
        assert self._loss is not None
        data = loader.dataset
        while isinstance(data, Subset):
            data = data.dataset
        changed = loader.collate_fn is not None or loader.augment is not None
        if changed or not isinstance(data, TensorDataset):
            return False
        return self._loss.is_plain(data.columns[-1])

    def _train_step(self, batch: tuple[Tensor, ...], plain: bool = False) -> list[list[Tensor]]:
        """Update the parameters by one batch; returns what `Averages` takes."""
        values, _ = self._backward(batch, plain)
        self._update_step()
        return values

    def _gradient_step(self, batch: tuple[Tensor, ...]) -> tuple[list[list[Tensor]], Tensor]:
        """Compute the gradients of one batch, and whether they and the loss are finite."""
        values, loss = self._backward(batch)
        return values, all_finite(loss, self.parameters())

    def _update_step(self, _: tuple[()] = ()) -> None:
        """Update the parameters by the gradients that they have."""
        assert self.optimizer is not None
        self.optimizer.step()

    def _backward(
        self, batch: tuple[Tensor, ...], plain: bool = False
    ) -> tuple[list[list[Tensor]], Tensor]:
        assert self.optimizer is not None
        output = self(*batch[:-1])
        loss = self._loss_of(output, batch[-1])
        if not loss.requires_grad:
            raise ValueError(
                "fit: the loss does not depend on a parameter that learns; all are frozen, or the "
                "model or the loss computes with detach(), no_grad() or NumPy"
            )
        self.optimizer.zero_grad()
        loss.backward()
        return self._values(loss.detach(), output, batch[-1], plain), loss.detach()

    def _evaluation_step(
        self, batch: tuple[Tensor, ...], plain: bool = False
    ) -> list[list[Tensor]]:
        """Compute loss and metrics of one batch."""
        output = self(*batch[:-1])
        return self._values(self._loss_of(output, batch[-1]), output, batch[-1], plain)

    def _prediction_step(self, inputs: tuple[Tensor, ...]) -> Any:
        """Compute the outputs of one batch."""
        return self(*inputs)

    def _loss_of(self, output: Any, target: Any) -> Tensor:
        assert self._loss is not None
        loss = self._loss.function(output, self._loss.aligned(output, target))
        if not isinstance(loss, Tensor):
            raise TypeError(
                f"the loss function must return a tensor, got {type(loss).__name__}; compute it "
                "with tensors, without item(), float() or NumPy"
            )
        return loss.mean() if loss.ndim else loss

    def _values(self, loss: Tensor, output: Any, target: Any, plain: bool) -> list[list[Tensor]]:
        """Return the loss, perhaps with the number of targets that count, and the metrics' sums."""
        assert self._loss is not None
        with no_grad():
            counted = self._loss.counted(target, plain)
            values = [[loss] if counted is None else [loss, counted]]
            values += [metric._values(output, target, plain) for metric in self._metrics_list()]
        return values

    def _averages(self) -> Averages:
        return Averages(self._metrics or {})

    # --- using the trained model ------------------------------------------------------------------

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        *,
        batch_size: int | None = None,
        verbose: Verbose | bool = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> dict[str, float]:
        """Measure loss and metrics in evaluation mode; arguments as of `fit`.

        Returns
        -------
        dict of str to float
            "loss", averaged over samples (or over the labels that count), and each metric.

        Raises
        ------
        RuntimeError
            Before `compile`.
        """
        self._compiled("evaluate")
        loader = self._loader("evaluate", x, y, batch_size)
        calls = CallbackList(callbacks, self, verb="evaluate")
        progress = make_progress(verbose)
        progress.begin("evaluate", len(loader))
        try:
            values = self._measure(loader, progress, calls)
            progress.end(values)
        finally:
            progress.abort()
        return values

    def _measure(
        self,
        loader: DataLoader,
        progress: Progress,
        calls: CallbackList,
        stop: StopOnInterrupt | None = None,
    ) -> dict[str, float]:
        averages, plain = self._averages(), self._has_plain(loader)
        calls.on_test_begin()
        with in_mode(self, training=False), no_grad():
            for number, batch in enumerate(loader):
                _require_target("evaluate", batch)
                self._remember(batch[:-1], batch[-1])
                calls.on_test_batch_begin(number)
                averages.add(self._step("evaluate", batch, plain), batch[-1].shape[0])
                progress.step(number + 1, averages)
                calls.on_test_batch_end(number, averages)
                if stop is not None and stop.requested:
                    break
        values = averages.result()
        calls.on_test_end(values)
        return values

    def predict(
        self,
        x: Any,
        *,
        batch_size: int | None = None,
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> Any:
        """Compute outputs in evaluation mode, batch after batch.

        Parameters
        ----------
        x : array, tuple of arrays, dataset or DataLoader
            Inputs, without targets; shape (N, ...).
        batch_size : int, optional
            Samples per call of the model; by default 256.
        callbacks : sequence of Callback, optional
            Called between batches.

        Returns
        -------
        Tensor
            Outputs of all samples along axis 0; a tuple of them for a model that returns one.

        Raises
        ------
        ValueError
            Without samples.
        """
        loader = self._loader("predict", x, None, batch_size)
        calls = CallbackList(callbacks, self, verb="predict")
        outputs: list[Any] = []
        calls.on_predict_begin()
        with in_mode(self, training=False), no_grad():
            for number, batch in enumerate(loader):
                inputs = batch if isinstance(batch, tuple) else (batch,)
                self._remember(inputs)
                calls.on_predict_batch_begin(number)
                outputs.append(self._step("predict", inputs))
                calls.on_predict_batch_end(number, outputs[-1])
        calls.on_predict_end()
        if isinstance(outputs[0], (tuple, list)):
            return tuple(concat(list(part)) for part in zip(*outputs, strict=True))
        return concat(outputs)

    def _loader(
        self, verb: str, x: Any, y: Any, batch_size: int | None, shuffle: bool = False
    ) -> DataLoader:
        dtype = next((p.dtype for p in self.parameters() if p.dtype.is_floating), "float32")
        default = _PREDICTED_AT_ONCE if verb == "predict" else 32
        classes = self._loss is not None and self._loss.ignore_index is not None
        loader = make_loader(
            verb, x, y, batch_size, shuffle, dtype, classes=classes, default=default
        )
        if len(loader) == 0:
            raise ValueError(f"{verb}: expected at least one sample, got none")
        return loader

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
            loader = self._loader("save", example_inputs, None, 1)
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

        Of a program file these are taken, and what belongs to the optimiser is ignored.

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
        try:
            self.load_state_dict(state)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from None


def _require_target(verb: str, batch: Any) -> None:
    if not isinstance(batch, tuple) or len(batch) < 2:
        raise ValueError(f"{verb}: expected inputs and targets; give y, or samples (x, y)")


def _checked_rate(rate: Any) -> float:
    if isinstance(rate, (int, float)) and not isinstance(rate, bool):
        return float(rate)
    advice = ""
    if hasattr(rate, "get_last_lr"):
        advice = "; a schedule goes to the callback pydl.training.LearningRateScheduler"
    raise TypeError(
        "compile: expected learning_rate as a number or a function of the number of steps, got "
        f"{type(rate).__name__}{advice}"
    )


def _optimizer_factory(optimizer: Any) -> Any:
    """Return an instance as it is, and what makes one from parameters otherwise."""
    if isinstance(optimizer, str):
        if optimizer not in _OPTIMIZERS:
            raise ValueError(
                f"compile: expected an optimizer of {', '.join(_OPTIMIZERS)}; got {optimizer!r}"
            )
        return _OPTIMIZERS[optimizer]
    is_class = isinstance(optimizer, type) and issubclass(optimizer, Optimizer)
    if not (is_class or isinstance(optimizer, Optimizer)):
        raise TypeError(
            f"compile: expected an optimizer, its name or class, got {type(optimizer).__name__}"
        )
    if optimizer.needs_closure:
        name = optimizer.__name__ if is_class else type(optimizer).__name__
        raise TypeError(
            f"compile: {name} calls a function that computes the loss, several times in a step, "
            "which fit does not do; call its step(closure) in a loop of your own"
        )
    return optimizer
