"""Trainer: the object that owns the steps of a training, and the loop around them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from pydl._core import Tensor, concat
from pydl.grad_mode import no_grad
from pydl.nn.lazy import is_lazy
from pydl.training.accumulation import AccumulatingStep
from pydl.training.batch_steps import BatchSteps
from pydl.training.callbacks.base import Callback
from pydl.training.callbacks.calls import CallbackList
from pydl.training.checks import check_last_batch
from pydl.training.history import History
from pydl.training.inputs import as_parts, make_source, positive_integer, split_off
from pydl.training.interrupt import StopOnInterrupt
from pydl.training.layout import Layout, example_of, layout_of, takes_keywords
from pydl.training.metrics import Averages
from pydl.training.metrics.averages import Means
from pydl.training.mode import KnownModes, in_mode, set_mode
from pydl.training.nonfinite import GuardedStep, OnNaN, Watch
from pydl.training.progress import Progress, Verbose, make_progress
from pydl.training.run import Run
from pydl.training.sample_weights import ClassWeights
from pydl.training.sources import BatchOf, LoaderSource, Source, StreamSource, WeightedByClass
from pydl.training.state import load_state, resume, state_of
from pydl.training.steps import StepOptions

_PREDICTED_AT_ONCE = 256
# What serves single batches.
_VERBS = {"train_on_batch": "fit", "test_on_batch": "evaluate", "predict_on_batch": "predict"}

Step = Callable[[tuple[Any, ...], Layout], tuple[Any, bool]]


class Trainer(BatchSteps):
    """The steps of a training with their whole state, and the loop around them.

    `Model.fit` is the friendly face of one, which `Model.compile` makes; a trainer of its own
    trains any `Module`. It owns the step: forward, loss, backward, accumulation of gradients,
    clipping, and update, compiled where that is possible.

    A model, or a subclass of the trainer, may override parts of the step: see `train_step`,
    `test_step`, `predict_step` and `compute_loss` of `Model`. Methods of these names that any
    module defines are used.

    Parameters
    ----------
    model : Module
        What is trained.
    optimizer, loss, metrics, loss_weights, weighted_metrics, learning_rate, jit
        As for `Model.compile`.

    Attributes
    ----------
    model : Module
        What is trained.
    optimizer : Optimizer or None
        None before there are parameters, and where the training step has optimisers of its own.
    stop_training : bool
        Set it in a callback to end `fit` after the current step, as in Keras; what comes at the end
        of an epoch comes then.

    Raises
    ------
    ValueError, TypeError
        As for `Model.compile`.

    Examples
    --------
    >>> import numpy as np
    >>> import pydl
    >>> from pydl import nn
    >>> class Regression(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.linear = nn.Linear(3, 1)
    ...     def forward(self, x):
    ...         return self.linear(x)
    >>> _ = pydl.manual_seed(0)
    >>> model = Regression()
    >>> trainer = pydl.training.Trainer(model, pydl.optim.SGD(model.parameters(), lr=0.1), "mse")
    >>> x = np.random.default_rng(0).normal(size=(64, 3))
    >>> history = trainer.fit(x, x.sum(axis=1), epochs=50, verbose=0)
    >>> trainer.evaluate(x, x.sum(axis=1), verbose=0)["loss"] < 0.01
    True
    """

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
        """Train; arguments and results as for `Model.fit`."""
        epochs = positive_integer("fit", "epochs", epochs, 0)
        initial_epoch = positive_integer("fit", "initial_epoch", initial_epoch, 0)
        accumulate = positive_integer("fit", "accumulate", accumulate)
        if validation_split:
            if validation_data is not None:
                raise ValueError("fit: expected validation_data or validation_split, got both")
            first, validation_data = split_off(x, y, sample_weight, validation_split)
            x, y, sample_weight = first
        given = self._source(
            "fit", x, y, sample_weight, batch_size, steps_per_epoch, shuffle, drop_last
        )
        self._bind_optimizer()
        passes = epochs - initial_epoch if steps_per_epoch is None else 1
        if isinstance(given, StreamSource) and given.single_pass and passes > 1:
            raise ValueError(
                f"fit: x is a {type(x).__name__}, which gives one pass, but there are {passes} "
                "epochs; give steps_per_epoch, or an object whose __iter__ begins anew"
            )
        source = given if class_weight is None else self._weighted(given, class_weight)
        if validation_batch_size is None and validation_data is not None:
            validation_batch_size = batch_size
        validation = self._validation(validation_data, validation_batch_size, validation_steps)
        measures = _measures_after(validation_freq)
        _require_passes(validation, validation_data, range(initial_epoch, epochs), measures)

        def with_validation(names: Sequence[str]) -> list[str]:
            more = [f"val_{name}" for name in names] if validation is not None else []
            return [*names, *more]

        names: list[str] | None = None
        known = self._own("train_step") is None and self._own("test_step") is None
        shown_later = known and self._own("compute_loss") is not None  # it may report more
        if known and not shown_later:
            names = with_validation(self._objective.names)
        calls = CallbackList(callbacks, self, names, source=source, epochs=epochs)
        run = Run(source.loader, calls.callbacks)
        run.epoch = initial_epoch
        if shown_later:
            run.look = lambda names: calls.check(with_validation(names))
        progress, watch, history = make_progress(verbose), Watch(self, on_nan), History()
        step = self._make_step(source, accumulate, watch, on_nan)
        run.accumulation = step if isinstance(step, AccumulatingStep) else None
        self.stop_training, self._training = False, run
        watch.look_at_start()
        cast = _autocast(precision)
        before = self._clip(clip_norm, clip_value)
        with cast, StopOnInterrupt() as stop:
            try:
                calls.prepare(run)
                resume(self, run)
                start = run.epoch
                calls.on_train_begin()
                for epoch in range(start, epochs):
                    run.begin_epoch(epoch)
                    calls.on_epoch_begin(epoch)
                    progress.begin(f"epoch {epoch + 1}/{epochs}", source.batches)
                    watch.epoch, first_epoch = epoch, epoch == start
                    logs = self._train_epoch(
                        source, step, calls, run, progress, stop, watch, first_epoch
                    )
                    if watch.ended:
                        break
                    run.has_stepped = not stop.requested
                    if validation is not None and not stop.requested and measures(epoch):
                        values = self._measure(validation, Progress(), calls, stop)
                        watch.look_at_validation(values.get("loss"), validation)
                        logs.update((f"val_{name}", value) for name, value in values.items())
                    if stop.requested:
                        history.interrupted = True
                        progress.abort(logs)
                        print(f"fit: interrupted in epoch {epoch + 1}; the model keeps its state")
                        break
                    progress.end(logs)
                    run.end_epoch()
                    calls.on_epoch_end(epoch, logs)
                    history.append(epoch, logs)  # with what callbacks have added
                    if self.stop_training or source.ended:
                        break
                watch.look_at_end()
                calls.on_train_end()
            finally:
                run.end()
                history.skipped = watch.skipped
                if before is not None and self.optimizer is not None:
                    self.optimizer._set_clipping(*before)
                progress.abort()
                set_mode(self.model, training=False)
        return history

    def _weighted(self, source: Source, class_weight: Any) -> Source:
        """Return batches whose samples have the weights of their classes."""
        return WeightedByClass(source, ClassWeights(class_weight, self._objective))

    def _validation(self, data: Any, batch_size: int | None, steps: int | None) -> Source | None:
        """Return the batches to measure after epochs, if there are some."""
        if data is not None:
            return self._source("fit: validation_data", *as_parts(data), batch_size, steps)
        if steps is not None or batch_size is not None:
            raise ValueError(
                "fit: validation_steps and validation_batch_size need validation_data or "
                "validation_split"
            )
        return None

    def _train_epoch(
        self,
        source: Source,
        step: Step,
        calls: CallbackList,
        run: Run,
        progress: Progress,
        stop: StopOnInterrupt,
        watch: Watch,
        first: bool,
    ) -> dict[str, float]:
        averages = self._averages("train_step", run.look if first else None)
        set_mode(self.model, training=True)
        start = run.begin_steps(averages)
        if run.has_stepped:
            return averages.result()
        number, known, column = start - 1, None, 0
        scheduled = callable(self._learning_rate)
        if run.accumulation is not None:
            run.accumulation.begin(start)
        for number, (columns, layout) in enumerate(source.epoch(start), start):
            if number == start:
                self._check_batch("fit", columns, layout)
                if first:
                    check_last_batch(self, source, columns, layout)
            if layout is not known:  # only once where all batches have the same, to save time
                known, column = layout, layout.size_column()
            if calls.has_train_batch_begin:
                run.begins_step = True
                calls.on_train_batch_begin(number)
                run.begins_step = False
            if scheduled:
                self._set_learning_rate()
            values, made = step(columns, layout)
            if watch.ended:
                break
            if made:
                averages.add(values, columns[column].shape[0])
            run.steps = number + 1
            progress.step(number + 1, averages)
            calls.on_train_batch_end(number, averages)
            if stop.requested or self.stop_training:
                break
        if number < 0:
            raise ValueError("fit: expected at least one batch, got none")
        if run.accumulation is not None and not (stop.requested or self.stop_training):
            run.accumulation.end()
        return averages.result()

    def _make_step(self, source: Source, accumulate: int, watch: Watch, on_nan: OnNaN) -> Step:
        """Return what trains on one batch: the values, and whether the step was made."""
        if self._own("train_step") is not None:
            if accumulate > 1 or watch.guards:
                raise ValueError(
                    f"fit: accumulate and on_nan={on_nan!r} take gradients and update apart, which "
                    "a custom train_step does by itself"
                )
        elif accumulate > 1:
            return AccumulatingStep(self, source, accumulate, watch)
        elif watch.guards:
            return GuardedStep(self, watch)
        options = self._options(source)

        def step(columns: tuple[Any, ...], layout: Layout) -> tuple[Any, bool]:
            values = self._run("fit", columns, options(layout))
            watch.look(values, columns, layout)
            return values, True

        return step

    def _options(self, source: Source) -> Callable[[Layout], StepOptions]:
        """Return a function from the layout of a batch to the options of its step."""
        plain = self._is_plain(source)
        last: StepOptions | None = None

        def options(layout: Layout) -> StepOptions:
            nonlocal last
            if last is None or last.layout is not layout:
                last = StepOptions(layout, takes_keywords(self.model, layout.inputs), plain)
            return last

        return options

    def _is_plain(self, source: Source) -> bool:
        """Whether all targets are known, and such that steps need not look at them."""
        columns = source.columns() if isinstance(source, LoaderSource) else None
        if columns is None or self._own("compute_loss") is not None:
            return False
        assert isinstance(source, LoaderSource)
        layout = source.layout
        if layout is None:
            return len(columns) > 1 and self._objective.is_plain(columns[-1])
        if layout.target is None:
            return False
        return self._objective.is_plain(layout.build(columns)[1])

    def _check_batch(self, verb: str, columns: tuple[Any, ...], layout: Layout) -> None:
        """Look at the first batch of a pass: whether it has targets for all losses."""
        method = "train_step" if verb == "fit" else "test_step"
        if self._own(method) is None:
            if layout.target is None and self._own("compute_loss") is None:
                raise ValueError(f"{verb}: expected inputs and targets; give y, or samples (x, y)")
            if layout.target is not None and not self._objective.own_loss:
                _, targets, weights = layout.build(columns)
                self._objective.check_targets(verb, targets)
                self._objective.check_weights(verb, weights)
        self._remember(columns, layout)

    def _clip(self, norm: float | None, value: float | None) -> Any:
        """Set bounds on gradients for one training; returns those from before, if they change."""
        if norm is None and value is None:
            return None
        if self.optimizer is None:
            raise ValueError("fit: clip_norm and clip_value need an optimizer given to compile")
        if norm is not None and value is not None:
            raise ValueError("fit: expected clip_norm or clip_value, got both")
        before = self.optimizer.clip_norm, self.optimizer.clip_value
        self.optimizer._set_clipping(norm, value)
        return before

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None
    ) -> dict[str, float]:
        """Make one step on a batch; see `Model.train_on_batch`."""
        self._set_learning_rate()
        values, samples = self._on_batch("train_on_batch", (x, y, sample_weight), class_weight)
        return self._logs_of(values, "train_step", samples)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None) -> dict[str, float]:
        """Measure loss and metrics of a batch; see `Model.test_on_batch`."""
        with no_grad():
            values, samples = self._on_batch("test_on_batch", (x, y, sample_weight))
        return self._logs_of(values, "test_step", samples)

    def predict_on_batch(self, x: Any) -> Any:
        """Compute the outputs of a batch; see `Model.predict_on_batch`."""
        with no_grad():
            return self._on_batch("predict_on_batch", (x,))[0]

    def _on_batch(
        self, name: str, parts: tuple[Any, ...], class_weight: Any = None
    ) -> tuple[Any, int]:
        """Run a step on arrays; returns what it returned, and the number of samples."""
        verb = _VERBS[name]
        training = verb == "fit"
        steps = self._steps
        if steps is not None and class_weight is None:
            found = self._known.run(verb, steps.run_known, *parts)
            if found is not None:
                return found
        source = self._whole(name, *parts)
        if training:
            self._bind_optimizer()
            self._set_learning_rate()
        if class_weight is not None:
            source = self._weighted(source, class_weight)
        columns, layout = next(source.epoch())
        if verb == "predict":
            self._remember(columns, layout)
        else:
            self._check_batch(verb, columns, layout)
        options = StepOptions(layout, takes_keywords(self.model, layout.inputs), plain=False)
        with in_mode(self.model, training):
            values = self._run(verb, columns, options)
            modes = KnownModes(self.model)
        if class_weight is None:
            self._known.learn(verb, layout_of(*parts)[0], columns, options, modes)
        return values, layout.size_of(columns)

    def _whole(self, verb: str, x: Any, y: Any = None, sample_weight: Any = None) -> Source:
        """Return a source of one batch: all of the arrays."""
        if isinstance(x, Mapping) and not x:
            raise ValueError(f"{verb}: expected inputs, got an empty dict")
        source = self._source(verb, x, y, sample_weight, sys.maxsize, None)
        if not isinstance(source, LoaderSource) or source.layout is None:
            raise TypeError(f"{verb}: expected arrays, got {type(x).__name__}")
        return source

    def _logs_of(self, values: Any, method: str, samples: int) -> dict[str, float]:
        averages = self._averages(method)
        averages.add_only(values, samples)
        return averages.result()

    def _averages(
        self, method: str, look: Callable[[Sequence[str]], None] | None = None
    ) -> Averages | Means:
        return Averages(self._objective, look) if self._own(method) is None else Means()

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
        """Measure loss and metrics; arguments and results as for `Model.evaluate`."""
        source = self._source("evaluate", x, y, sample_weight, batch_size, steps)
        calls = CallbackList(callbacks, self, verb="evaluate", source=source)
        progress = make_progress(verbose)
        progress.begin("evaluate", source.batches)
        try:
            values = self._measure(source, progress, calls)
            progress.end(values)
        finally:
            progress.abort()
        return values

    def _measure(
        self,
        source: Source,
        progress: Progress,
        calls: CallbackList,
        stop: StopOnInterrupt | None = None,
    ) -> dict[str, float]:
        calls.on_test_begin()
        averages, options, number = self._averages("test_step"), self._options(source), -1
        with in_mode(self.model, training=False), no_grad():
            for number, (columns, layout) in enumerate(source.epoch()):
                if number == 0:
                    self._check_batch("evaluate", columns, layout)
                calls.on_test_batch_begin(number)
                values = self._run("evaluate", columns, options(layout))
                averages.add(values, layout.size_of(columns))
                progress.step(number + 1, averages)
                calls.on_test_batch_end(number, averages)
                if stop is not None and stop.requested:
                    break
        if number < 0:
            what = "evaluate" if stop is None else "fit: validation_data"
            raise ValueError(f"{what}: expected at least one batch, got none")
        logs = averages.result()
        calls.on_test_end(logs)
        return logs

    def predict(
        self,
        x: Any,
        *,
        batch_size: int | None = None,
        steps: int | None = None,
        verbose: Verbose | bool = 0,
        callbacks: Sequence[Callback] | Callback | None = None,
    ) -> Any:
        """Compute outputs, batch after batch; arguments and results as for `Model.predict`."""
        source = self._source("predict", x, None, None, batch_size, steps)
        calls = CallbackList(callbacks, self, verb="predict", source=source)
        options: Any = self._options(source)
        outputs: list[Any] = []
        progress, nothing = make_progress(verbose), Means()
        progress.begin("predict", source.batches)
        calls.on_predict_begin()
        try:
            with in_mode(self.model, training=False), no_grad():
                for number, (columns, layout) in enumerate(source.epoch()):
                    self._remember(columns, layout)
                    calls.on_predict_batch_begin(number)
                    outputs.append(self._run("predict", columns, options(layout)))
                    progress.step(number + 1, nothing)
                    calls.on_predict_batch_end(number, outputs[-1])
            progress.end({})
        finally:
            progress.abort()
        calls.on_predict_end()
        if not outputs:
            raise ValueError("predict: expected at least one batch, got none")
        return _joined(outputs)

    def _source(
        self,
        verb: str,
        x: Any,
        y: Any,
        sample_weight: Any,
        batch_size: int | None,
        steps: int | None,
        shuffle: bool = False,
        drop_last: bool = False,
    ) -> Source:
        parameters = () if is_lazy(self.model) else self.model.parameters()
        dtypes = (p.dtype for p in parameters if p.dtype.is_floating)
        source = make_source(
            verb,
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            shuffle=shuffle,
            drop_last=drop_last,
            steps=steps,
            dtype=next(dtypes, "float32"),
            takes_classes=self._takes_classes(verb),
            default=_PREDICTED_AT_ONCE if verb == "predict" else 32,
        )
        if source.batches == 0 or (isinstance(source, LoaderSource) and not len(source.loader)):
            raise ValueError(f"{verb}: expected at least one sample, got none")
        if isinstance(source, LoaderSource) and source.layout is not None:
            try:
                takes_keywords(self.model, source.layout.inputs)
            except TypeError as error:
                raise TypeError(f"{verb}: {error}") from None
        self._make_lazy_layers(verb, source)
        if isinstance(source, LoaderSource):
            source = source if verb == "fit" else source.first(steps)
            return source.as_inputs() if verb == "predict" else source
        if isinstance(source, StreamSource) and verb != "fit":
            return source.first(steps)
        return source

    def _takes_classes(self, verb: str) -> Callable[[Any], bool]:
        """Return what says whether float targets are class indices; own steps get them as given."""
        method = "train_step" if verb in ("fit", "train_on_batch") else "test_step"
        return self._objective.takes_classes if self._own(method) is None else lambda key: False

    def _remember(self, columns: tuple[Any, ...], layout: Layout) -> None:
        """Keep what inputs and targets look like: for `summary` and `save`."""
        if self._example is not None and self._example[1] is layout:
            return  # of the same shapes, or others: programs with an open batch take all
        example = example_of(columns)
        if example is None:
            return
        if self._example is None or layout.target is not None or self._example[1].target is None:
            self._example = example, layout

    def _see(self, verb: str, x: Any) -> None:
        """Take the shapes of inputs from arrays."""
        columns, layout = next(self._source(verb, x, None, None, 1, None).epoch())
        seen = self._example
        self._remember(columns, layout)
        if seen is not None and seen[1].target is not None and seen[1].inputs == layout.inputs:
            examples = list(seen[0])
            for i, example in zip(layout.input_columns(), example_of(columns) or (), strict=False):
                examples[i] = example
            self._example = tuple(examples), seen[1]

    # --- state ------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Tensor]:
        """Return all that the next step depends on, as copies: tensors by name, for `pydl.save`.

        That is the model; the optimiser, or those that are attributes of the model, and schedules
        that are; a loss that learns; the default generator of random numbers; and of the `fit` that
        runs, or ran last, the epoch, the place in the data, the states of the callbacks (schedules
        among them), and, within an epoch, the values so far and gradients that were accumulated.
        Generators of the user's own, NumPy's, and the place in a generator of batches are not part
        of it.

        Examples
        --------
        >>> import os, tempfile
        >>> import pydl
        >>> def make():
        ...     pydl.manual_seed(0)
        ...     model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
        ...     model.compile("adam", "mse")
        ...     return model
        >>> x, y = pydl.rand((8, 2)), pydl.rand((8, 1))
        >>> model, options = make(), {"batch_size": 2, "verbose": 0}
        >>> _ = model.fit(x, y, epochs=2, **options)
        >>> path = os.path.join(tempfile.mkdtemp(), "training.safetensors")
        >>> pydl.save(path, model.trainer.state_dict())
        >>> _ = model.fit(x, y, epochs=4, initial_epoch=2, **options)
        >>> again = make()
        >>> again.trainer.load_state_dict(pydl.load(path))
        >>> again.fit(x, y, epochs=4, **options).epochs
        [2, 3]
        >>> bool((again[0].weight == model[0].weight).all())
        True
        """
        return {name: value.detach().copy() for name, value in state_of(self).items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take what `state_dict` of a trainer that was made in the same way returned.

        Tensors may have become arrays of NumPy, as in files of it.

        The next `fit`, with the same data and callbacks, goes on where the state was taken: with
        its epoch, or the rest of it. Callbacks are found by the names of their classes, in their
        order; a warning names those that begin anew, and states that are left over.

        Raises
        ------
        ValueError
            For the state of another training; nothing is changed then.
        RuntimeError
            In a callback, while `fit` makes steps.
        """
        if self._training is not None and self._training.is_running:
            raise RuntimeError(
                "Trainer.load_state_dict: fit is running; load the state before fit, which goes on "
                "from it"
            )
        load_state(self, state)

    def _batches_again(self, source: Source) -> Iterator[BatchOf]:
        """Iterate once more over batches, where that is possible."""
        return iter(()) if source.ended or isinstance(source, StreamSource) else source.epoch()


def _autocast(precision: str | None) -> AbstractContextManager[Any]:
    if precision is None:
        return nullcontext()
    from pydl.mixed_precision import autocast

    names = {"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}  # those of Keras
    wanted = names.get(precision, precision)
    if wanted == "float32":
        return nullcontext()
    if wanted not in ("bfloat16", "float16"):
        raise ValueError(
            "fit: expected precision 'float32', 'bfloat16' or 'float16', got "
            f"{precision!r}; for float64, convert the model: model.to('float64')"
        )
    return autocast(wanted)  # type: ignore[return-value]


def _measures_after(frequency: int | Sequence[int]) -> Callable[[int], bool]:
    """Return whether to measure after an epoch, counted from 0."""
    if isinstance(frequency, (list, tuple, set, frozenset, range)):
        chosen = set(frequency)
        return lambda epoch: epoch + 1 in chosen
    every = positive_integer("fit", "validation_freq", frequency)
    return lambda epoch: (epoch + 1) % every == 0


def _require_passes(
    validation: Source | None, data: Any, epochs: range, measures: Callable[[int], bool]
) -> None:
    """Raise `ValueError` for a generator that ends with the first of several validations."""
    count = sum(map(measures, epochs))
    if isinstance(validation, StreamSource) and validation.ends_after_one and count > 1:
        raise ValueError(
            f"fit: validation_data is a {type(data).__name__}, which gives one pass, but it is "
            f"measured after {count} epochs; give validation_steps, or an object whose __iter__ "
            "begins anew"
        )


def _joined(outputs: list[Any]) -> Any:
    """Return outputs of batches along axis 0; nested as those of the model."""
    first = outputs[0]
    if isinstance(first, Mapping):
        return {name: _joined([output[name] for output in outputs]) for name in first}
    if isinstance(first, (tuple, list)):
        return tuple(_joined(list(part)) for part in zip(*outputs, strict=True))
    return concat(outputs)
