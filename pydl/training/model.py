"""Model: a Module that trains, evaluates and predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from pydl._core import Tensor
from pydl.interop.safetensors import load_with_metadata, save
from pydl.nn.module import Module
from pydl.optim import Optimizer

if TYPE_CHECKING:
    import os

    # At the first use: many programs never train, and `import pydl` is quick.
    from pydl.programs.saving import Preprocessing
    from pydl.training.batch_steps import PerOutput
    from pydl.training.callbacks.base import Callback
    from pydl.training.history import History
    from pydl.training.nonfinite import OnNaN
    from pydl.training.progress import Verbose
    from pydl.training.trainer import Trainer


class Model(Module):
    """A module with the verbs of training; subclasses define `forward`, as for any module.

    Data for `fit` and `evaluate` are one of

    - arrays x (N, ...) and y (N, ...): tensors, NumPy arrays, lists, data frames or sparse
      matrices, which become dense batch by batch. A tuple x means several inputs, the arguments of
      `forward`; a dict x its keyword arguments, or its only argument where the names differ. A
      tuple or dict y means targets for several outputs;
    - a dataset or a `DataLoader` of such, whose samples are tuples of inputs and, last, the target;
      or (x, y) or (x, y, sample_weight) where x is itself a tuple or a dict;
    - a generator, or any other iterable, of batches of these forms.

    Floating arrays are converted to the dtype of the model's parameters.

    pydl's losses take targets (N,) for outputs (N, 1), and class indices (N, 1), as in Keras. A
    loss or metric of your own gets targets in the shape of the outputs where it would otherwise
    combine each sample with each by broadcasting, after a warning.

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

    _unguarded = Module._unguarded | frozenset({"_trainer"})

    _trainer: Trainer | None = None

    @property
    def trainer(self) -> Trainer:
        """The object that owns the steps and their state, made by `compile`.

        Raises
        ------
        RuntimeError
            Before `compile`.
        """
        return self._compiled("trainer")

    @property
    def optimizer(self) -> Optimizer | None:
        """The optimiser; None before `compile`."""
        return None if self._trainer is None else self._trainer.optimizer

    @property
    def stop_training(self) -> bool:
        """Set it in a callback to end `fit` after the current step."""
        return self._trainer is not None and self._trainer.stop_training

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self._predictor().stop_training = bool(value)

    def compile(
        self,
        optimizer: str | Optimizer | type[Optimizer] | None = "adam",
        loss: PerOutput = "cross_entropy",
        metrics: PerOutput = None,
        *,
        loss_weights: PerOutput = None,
        weighted_metrics: PerOutput = None,
        learning_rate: float | Callable[[int], float] | None = None,
        jit: bool = True,
    ) -> None:
        """Choose how the model is trained and measured.

        Parameters
        ----------
        optimizer : str, Optimizer or class, default "adam"
            The name of an optimiser of `pydl.optim` in small letters, such as "sgd", "adamw" or
            "lion", or a class, with its default options; or an instance made with this model's
            parameters. None for a model whose `train_step` has optimisers of its own.
        loss : str, callable, dict or list, default "cross_entropy"
            A module or function (output, target) -> Tensor; one value, or several whose mean
            counts. For a model of several outputs a dict of losses by the names of the outputs, or
            a list in their order; None for an output that is not trained. What is minimised is then
            their sum, weighted by `loss_weights`. Names: "cross_entropy" and
            "binary_cross_entropy_with_logits" take logits; "binary_cross_entropy", and Keras's
            "categorical_crossentropy", "sparse_categorical_crossentropy" and "binary_crossentropy",
            take probabilities; "mse", "mae", "huber", "smooth_l1", "log_cosh", "msle", "mape",
            "poisson", "cosine_similarity", "hinge" and "squared_hinge" take outputs like the
            targets; "focal_loss" and "sigmoid_focal_loss" logits; "categorical_focal_crossentropy",
            "binary_focal_crossentropy", "dice" and "kl_divergence" probabilities; "nll" their
            logarithms. Some have Keras's long names too, such as "mean_squared_error".
        metrics : sequence of str or callable, optional
            Names, such as "accuracy" (class indices, one-hot, or binary), "precision", "recall",
            "f1_macro", "auc", "mse" and "mae"; objects of `pydl.metrics` (the error
            for an unknown name lists all names); or functions (output, target) -> Tensor,
            whose values are averaged over samples; one value counts for its batch. A function is
            tried once on made-up samples, and a warning tells if it is not a mean over samples.
            For several outputs, a dict or list of such sequences; their names are reported as
            "<output>_<metric>".
        loss_weights : dict or list of float, optional
            How much the loss of each output counts; by default 1.
        weighted_metrics : sequence, dict or list, optional
            Metrics that are weighted by `sample_weight` and `class_weight`, as `metrics` are not.
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
        from pydl.training.trainer import Trainer

        self._check_layout()
        before = self._trainer
        self._trainer = Trainer(
            self,
            optimizer,
            loss,
            metrics,
            loss_weights=loss_weights,
            weighted_metrics=weighted_metrics,
            learning_rate=learning_rate,
            jit=jit,
        )
        if before is not None:
            self._trainer._example = before._example

    def _last_layer(self) -> Module | None:
        """Return the layer whose output is the model's, where that is known."""
        return None

    def _check_layout(self) -> None:
        """Warn of layers that take something else for samples than `fit` does."""

    def _compiled(self, verb: str) -> Trainer:
        if self._trainer is None or not self._trainer._trains:
            raise RuntimeError(
                f"{type(self).__name__}.{verb}: call compile(optimizer, loss, metrics) first"
            )
        return self._trainer

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
        class_weight: Any = None,
        sample_weight: Any = None,
        callbacks: Sequence[Callback] | Callback | None = None,
        verbose: Verbose | bool = "auto",
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        drop_last: bool = False,
        accumulate: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        precision: str | None = None,
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
        x, y : arrays, or a dataset, DataLoader or iterable as x
            See `Model`.
        batch_size : int, optional
            Samples per step; by default 32. A DataLoader has its own.
        epochs : int, default 1
            Number of the epoch to end before; with `initial_epoch` 0, how many there are.
        validation_data : tuple (x, y) or (x, y, sample_weight), dataset or DataLoader, optional
            Measured after each epoch.
        validation_split : float, default 0.0
            Part of the arrays, at their end and before shuffling, to measure instead of to learn:
            of N samples, the first ``int(N * (1 - validation_split))`` are trained on, as in Keras.
        shuffle : bool, default True
            Whether each epoch has a new random order.
        class_weight : dict of int to float, optional
            Weights of samples by the class of their target, as in Keras: classes that are not named
            have 1.
        sample_weight : array or dict of arrays, optional
            How much each sample counts, shape (N,), or the first axes of the losses' shape; for
            several outputs one array for all, or one for each. The weighted losses are added and
            divided by the number of samples, as in Keras.
        callbacks : sequence of Callback, optional
            Called between steps and epochs; docs/callbacks.md lists those that there are.
        verbose : {"auto", 0, 1, 2}, default "auto"
            Nothing (0), a progress bar (1), one line per epoch (2); by default a bar in terminals
            and notebooks, lines elsewhere. The bar is tqdm's where that is installed.
        initial_epoch : int, default 0
            Number of the first epoch.
        steps_per_epoch : int, optional
            Batches in an epoch, in place of one pass over the data; the next epoch goes on where
            this one ended. Generators that never end need it.
        validation_steps : int, optional
            Most batches to measure of the validation data.
        validation_batch_size : int, optional
            By default `batch_size`.
        validation_freq : int or sequence of int, default 1
            Measure every n epochs, or after the epochs of these numbers, from 1.
        drop_last : bool, default False
            Whether a smaller last batch is left out.
        accumulate : int, default 1
            Batches whose gradients are added before an update, which is that of one large batch:
            also where the last one is smaller, and where the loss ignores labels or weighs classes.
        clip_norm, clip_value : float, optional
            Bound on the joint norm, or on the elements, of the gradients in this training, as of
            the options of optimisers with these names.
        precision : {"float32", "bfloat16", "float16"}, optional
            Compute products and convolutions in 16 bits; see `pydl.autocast`.
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
            For a training that has become NaN or infinite; see `on_nan`.
        """
        return self._compiled("fit").fit(
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            validation_data=validation_data,
            validation_split=validation_split,
            shuffle=shuffle,
            class_weight=class_weight,
            sample_weight=sample_weight,
            callbacks=callbacks,
            verbose=verbose,
            initial_epoch=initial_epoch,
            steps_per_epoch=steps_per_epoch,
            validation_steps=validation_steps,
            validation_batch_size=validation_batch_size,
            validation_freq=validation_freq,
            drop_last=drop_last,
            accumulate=accumulate,
            clip_norm=clip_norm,
            clip_value=clip_value,
            precision=precision,
            on_nan=on_nan,
        )

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None
    ) -> dict[str, float]:
        """Make one training step on a batch.

        The modes of the model are afterwards as before.

        Parameters
        ----------
        x, y, sample_weight, class_weight
            Arrays as for `fit`; all of their samples are the batch.

        Returns
        -------
        dict of str to float
            "loss", before the update, and each metric, of this batch alone.

        Raises
        ------
        RuntimeError
            Before `compile`.
        ValueError, TypeError
            As for `fit`.

        Examples
        --------
        >>> import pydl
        >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
        >>> model.compile("sgd", "mse")
        >>> list(model.train_on_batch(pydl.ones((4, 2)), pydl.ones((4, 1))))
        ['loss']
        """
        return self._compiled("train_on_batch").train_on_batch(x, y, sample_weight, class_weight)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """Measure loss and metrics of one batch in evaluation mode, as `evaluate` does.

        Raises
        ------
        RuntimeError
            Before `compile`.
        """
        return self._compiled("test_on_batch").test_on_batch(x, y, sample_weight)

    def predict_on_batch(self, x: Any) -> Any:
        """Compute the outputs of one batch in evaluation mode, in one call of the model."""
        return self._predictor().predict_on_batch(x)

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Train on one batch; override it for a training step of your own.

        `fit` runs it compiled, as it runs its own. Optimisers, losses and metrics that are
        attributes of the model may be used; so may be several optimisers, each with parameters of
        its own, as in a GAN. Then `accumulate` and ``on_nan="skip"`` of `fit` are not available.

        Parameters
        ----------
        data : Tensor or tuple
            As in Keras: x, (x, y) or (x, y, sample_weight), whatever `fit` was given.

        Returns
        -------
        dict of str to Tensor
            Numbers to report by name: their means over all samples of an epoch.

        Examples
        --------
        >>> import pydl
        >>> from pydl import nn
        >>> class Denoiser(nn.Sequential):
        ...     def train_step(self, data):
        ...         noisy = data + 0.1 * pydl.randn(data.shape)
        ...         loss = nn.functional.mse_loss(self(noisy), data)
        ...         self.optimizer.zero_grad()
        ...         loss.backward()
        ...         self.optimizer.step()
        ...         return {"loss": loss}
        >>> model = Denoiser(nn.Linear(4, 4))
        >>> model.compile("adam")
        >>> history = model.fit(pydl.ones((64, 4)), epochs=2, verbose=0)
        >>> list(history.history)
        ['loss']
        """
        logs: dict[str, Tensor] = self._compiled("train_step")._usual_step("train_step", data)
        return logs

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Measure one batch; override it to let `evaluate` and validation report your own numbers.

        Arguments and results as for `train_step`.
        """
        logs: dict[str, Tensor] = self._compiled("test_step")._usual_step("test_step", data)
        return logs

    def predict_step(self, data: Any) -> Any:
        """Return what `predict` returns for the inputs of one batch; override it for more."""
        return self._predictor()._usual_step("predict_step", data)

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return what training minimises; override it for a loss of more than output and target.

        Parameters
        ----------
        x, y, sample_weight
            The batch, as `fit` was given it; None for what is absent. `sample_weight` may be left
            out where there are no weights. Only targets (N,) for outputs (N, 1), and the reverse,
            are reshaped where each sample would otherwise be combined with each.
        y_pred : Tensor, tuple or dict
            Outputs of the model.

        Returns
        -------
        Tensor, or dict of str to Tensor
            One number, or several whose mean counts; of an epoch, the mean over samples is
            reported. A dict has it as "loss", and other numbers to report in the same way: in
            history, progress bar and callbacks, and of the validation.

        Examples
        --------
        >>> import pydl
        >>> from pydl import nn
        >>> class Sparse(nn.Sequential):
        ...     def compute_loss(self, x, y, y_pred, sample_weight=None):
        ...         loss = super().compute_loss(x, y, y_pred, sample_weight)
        ...         return loss + 0.01 * self[0].weight.abs().sum()
        >>> model = Sparse(nn.Linear(4, 1))
        >>> model.compile("adam", "mse")
        >>> list(model.fit(pydl.ones((8, 4)), pydl.ones((8, 1)), verbose=0).history)
        ['loss']
        """
        trainer = self._compiled("compute_loss")
        loss: Tensor = trainer._usual_step("compute_loss", x, y, y_pred, sample_weight)
        return loss

    # --- using the trained model ------------------------------------------------------------------

    def evaluate(
        self,
        x: Any,
        y: Any = None,
        *,
        batch_size: int | None = None,
        sample_weight: Any = None,
        steps: int | None = None,
        verbose: Verbose | bool = "auto",
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> dict[str, float]:
        """Measure loss and metrics in evaluation mode; arguments as for `fit`.

        Parameters
        ----------
        x, y, batch_size, sample_weight, verbose, callbacks
            As for `fit`.
        steps : int, optional
            Most batches to measure; by default all.

        Returns
        -------
        dict of str to float
            "loss", averaged over samples (or over the labels that count), and each metric.

        Raises
        ------
        RuntimeError
            Before `compile`.
        """
        return self._compiled("evaluate").evaluate(
            x,
            y,
            batch_size=batch_size,
            sample_weight=sample_weight,
            steps=steps,
            verbose=verbose,
            callbacks=callbacks,
        )

    def predict(
        self,
        x: Any,
        *,
        batch_size: int | None = None,
        steps: int | None = None,
        verbose: Verbose | bool = 0,
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> Any:
        """Compute outputs in evaluation mode, batch after batch.

        Parameters
        ----------
        x : array, tuple of arrays, dataset or DataLoader
            Inputs, without targets; shape (N, ...).
        batch_size : int, optional
            Samples per call of the model; by default 256.
        steps : int, optional
            Most batches to compute; by default all.
        verbose : {0, "auto", 1, 2}, default 0
            What is shown, as for `fit`; by default nothing.
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
        return self._predictor().predict(
            x, batch_size=batch_size, steps=steps, verbose=verbose, callbacks=callbacks
        )

    def _predictor(self) -> Trainer:
        """Return the trainer, or, before `compile`, one that only predicts."""
        if self._trainer is None:
            from pydl.training.predictor import Predictor

            self._trainer = Predictor(self, None, "mse")
        return self._trainer

    # --- looking and saving -----------------------------------------------------------------------

    def summary(
        self,
        input_shape: Any = None,
        *,
        dtype: Any = None,
        example: Any = None,
        depth: int | None = None,
        show_graph: bool = False,
    ) -> None:
        """Print the layers with their output shapes, parameters, FLOPs and activation memory.

        FLOPs are those of a forward pass, a multiply-add counted as two; activations are the
        results of all operations in evaluation mode, before anything is fused or reused.

        Parameters
        ----------
        input_shape : tuple of int, or tuple or dict of them, optional
            Shape of one sample; of a model of several inputs, one for each. Unless given, that of
            the data seen last; shapes of outputs are left out when there was none.
        dtype, example, depth, show_graph
            As for `pydl.training.summarize`.

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
        from pydl.training.layout import Layout
        from pydl.training.summary import summarize

        seen = None if self._trainer is None else self._trainer._example
        if input_shape is None and example is None and seen is not None:
            layout = Layout(seen[1].inputs)
            input_shape = layout.build([shape for shape, _ in seen[0]])[0]
            dtype = layout.build([dtype for _, dtype in seen[0]])[0]
        text = summarize(
            self, input_shape, dtype, example=example, depth=depth, show_graph=show_graph
        )
        print(text)

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
        trainer = self._predictor()
        if example_inputs is not None:
            trainer._see("save", example_inputs)
        if trainer._example is None:
            raise ValueError(
                f"{type(self).__name__}.save: expected example_inputs, because the model has not "
                "seen data yet"
            )
        from pydl.training.saving import save_model

        save_model(
            trainer,
            path,
            open_batch=open_batch,
            class_names=class_names,
            preprocessing=preprocessing or {},
        )

    def load(self, path: str | os.PathLike[str]) -> None:
        """Read parameters and buffers from a safetensors file, such as `save` writes.

        In a program file, the state of the optimiser is ignored.

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
