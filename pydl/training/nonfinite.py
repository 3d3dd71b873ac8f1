"""Trainings that become NaN or infinite: noticing them, and saying where it began."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Literal

from pydl import _core
from pydl._core import Tensor
from pydl._warnings import warn
from pydl.autograd import detect_anomaly
from pydl.grad_mode import no_grad
from pydl.training.hooks import BEFORE, observed
from pydl.training.layout import Layout, takes_keywords
from pydl.training.mode import in_mode
from pydl.training.sources import BatchOf, Source
from pydl.training.steps import StepOptions

if TYPE_CHECKING:
    from pydl.nn.module import Module
    from pydl.training.objective import Values
    from pydl.training.trainer import Trainer

OnNaN = Literal["warn", "stop", "skip", "ignore"]


class Watch:
    """Looks at the loss of every step, and warns once.

    Reading a loss takes less than a tenth of a microsecond, so this costs nothing that could be
    measured.
    """

    def __init__(self, trainer: Trainer, on_nan: OnNaN) -> None:
        if on_nan not in ("warn", "stop", "skip", "ignore"):
            raise ValueError(
                f"fit: expected on_nan 'warn', 'stop', 'skip' or 'ignore', got {on_nan!r}"
            )
        self._trainer, self._model, self._on_nan = trainer, trainer.model, on_nan
        self._looks = on_nan == "warn"
        self._before: BatchOf | None = None  # the last batch whose loss was finite
        self._epoch, self._step = 0, 0
        self.skipped = 0
        self.ended = False

    @property
    def epoch(self) -> int:
        """The number of the epoch, from 0; set when one begins."""
        return self._epoch

    @epoch.setter
    def epoch(self, value: int) -> None:
        self._epoch, self._step = value, 0

    @property
    def guards(self) -> bool:
        """Whether a step that is not finite must leave the model as it was."""
        return self._on_nan in ("stop", "skip")

    def look(self, values: Any, columns: tuple[Any, ...], layout: Layout) -> None:
        """Check the values that an ordinary step returned."""
        self._step += 1
        if not self._looks:
            return
        if values.__class__ is dict:  # of a custom train_step
            loss = float(values.get("loss", next(iter(values.values()))))
        else:
            loss = float(values[0][0])
        if math.isfinite(loss) or (
            values.__class__ is list and self._trainer._objective.counts_nothing(values)
        ):
            self._before = columns, layout
            return
        self._looks = False
        cause = _bad_batch(columns, layout, "this batch")
        if cause is None and self._before is not None:
            cause = _bad_batch(*self._before, "the batch before")
        cause = cause or diagnose(self._trainer, columns, layout, training=True)
        self._warn(f"the loss is {loss} in epoch {self.epoch + 1}, step {self._step}: {cause}")

    def refuse(self, columns: tuple[Any, ...], layout: Layout, loss: float) -> None:
        """Record a step that was not made, because its loss or gradients are not finite."""
        self._step += 1
        self.skipped += 1
        self.ended = self._on_nan == "stop"
        if self.skipped == 1:
            what = f"the loss is {loss}" if not math.isfinite(loss) else "a gradient is not finite"
            done = "training ends before" if self.ended else "training goes on without"
            cause = diagnose(self._trainer, columns, layout, training=True)
            self._warn(
                f"{what} in epoch {self.epoch + 1}, step {self._step}: {cause}; {done} this step"
            )

    def accept(self) -> None:
        """Record a step that was made."""
        self._step += 1

    def look_at_validation(self, loss: float | None, source: Source) -> None:
        """Check the loss of a validation; its batches are computed again to find the cause."""
        if self._on_nan == "ignore" or (not self._looks and not self.guards):
            return
        if loss is None or math.isfinite(loss):
            return
        self._looks = False
        batches = self._trainer._batches_again(source)
        causes = (diagnose(self._trainer, *batch, training=False) for batch in batches)
        cause = _NOTHING
        for found in causes:
            if found not in (_NOTHING, _UNCOUNTED):
                cause = found
                break
            cause = _UNCOUNTED if found == _UNCOUNTED else cause
        self._warn(f"val_loss is {loss} in epoch {self.epoch + 1}: {cause}")

    def look_at_start(self) -> None:
        """Check the parameters before training."""
        if self._on_nan != "ignore":
            cause = _bad_state(self._model)
            if cause:
                self._looks = False
                self._warn(f"before training, {cause}")

    def look_at_end(self) -> None:
        """Check the parameters after training: the loss does not show all that is wrong."""
        if self._looks or (self.guards and self.skipped == 0):
            cause = _bad_state(self._model)
            if cause:
                self._warn(f"after training, {cause}")

    def _warn(self, message: str) -> None:
        hint = "" if self.guards else "; on_nan='stop' ends before such a step"
        warn(
            f"fit: {message}. Look at the data, lower the learning rate, or clip gradients{hint}",
            RuntimeWarning,
        )


_NOTHING = (
    "when computed again, everything is finite (random numbers, such as those of dropout, differ)"
)

_UNCOUNTED = "an output has no target that counts: all are the loss's ignore_index"


def diagnose(trainer: Trainer, columns: tuple[Any, ...], layout: Layout, training: bool) -> str:
    """Compute a batch again, eagerly, and say where something first was not finite.

    The model, gradients included, is afterwards as it was.
    """
    cause = _bad_batch(columns, layout, "this batch") or _bad_state(trainer.model)
    if cause is None and trainer._own("train_step") is not None:
        return "in the model's train_step; pydl.autograd.detect_anomaly() finds where"
    return cause or _run_again(trainer, layout.build(columns), training) or _NOTHING


def _bad_batch(columns: tuple[Any, ...], layout: Layout, which: str) -> str | None:
    inputs, targets = layout.input_columns(), layout.target_columns()
    for i, value in enumerate(columns):
        if i in inputs:
            name = "the input" if len(inputs) == 1 else f"the input {layout.names()[i]}"
        elif i in targets:
            name = "the target" if len(targets) == 1 else f"the target {layout.names()[i]}"
        else:
            name = "a weight of samples"
        for tensor in _tensors(value):
            if not _is_finite(tensor):
                return f"{name} of {which} is not finite, {_places(tensor)}"
    return None


def _bad_state(model: Module) -> str | None:
    bad = [
        ("parameter" if value.requires_grad else "tensor", name)
        for name, value in [*model.named_parameters(), *model.named_buffers()]
        if not _is_finite(value)
    ]
    if not bad:
        return None
    more = f", nor are {len(bad) - 1} others" if len(bad) > 1 else ""
    return f"the {bad[0][0]} {bad[0][1]!r} is not finite{more}"


def _run_again(trainer: Trainer, batch: tuple[Any, Any, Any], training: bool) -> str | None:
    model = trainer.model
    found: dict[bool, str] = {}

    def look(path: str, module: Module, arguments: tuple[Any, ...], output: Any) -> None:
        if output is BEFORE or all(map(_is_finite, _tensors(output))):
            return
        if all(map(_is_finite, _tensors(arguments))):
            # Minus infinity is also what masks and logarithms have: anything else comes first.
            hard = not all(map(_is_masked, _tensors(output)))
            name = f"layer {path!r} ({type(module).__name__})" if path else "the model itself"
            found.setdefault(hard, f"{name} returns values that are not finite for finite input")

    parameters = list(model.parameters())
    gradients = [parameter.grad for parameter in parameters]
    buffers = copies_of_buffers(model)
    try:
        with in_mode(model, training):
            with observed(model, look):
                computed = trainer._forward_loss(*batch)
            if found:
                return found.get(True) or found[False]
            if not _is_finite(computed.loss):
                objective = trainer._objective
                if not objective.own_loss:
                    values = trainer._values(computed, *batch[1:], plain=False)
                    if objective.counts_nothing(values):
                        return _UNCOUNTED
                return "the loss function returns a value that is not finite for finite outputs"
            cause = _bad_gradient(model, computed.loss) if training else None
            return cause and cause + _operation(trainer, batch)
    finally:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        put_back(buffers)


def _bad_gradient(model: Module, loss: Tensor) -> str | None:
    model.zero_grad()
    loss.backward()
    bad = [n for n, p in model.named_parameters() if p.grad is not None and not _is_finite(p.grad)]
    if not bad:
        return None
    more = f" and {len(bad) - 1} others" if len(bad) > 1 else ""
    # The last layer is the first on the way back.
    return f"the loss is finite, but not its gradient for {bad[-1]!r}{more}"


def _operation(trainer: Trainer, batch: tuple[Any, Any, Any]) -> str:
    """Say which derivative it was, from another pass that looks at each of them."""
    try:
        with detect_anomaly():
            trainer._forward_loss(*batch).loss.backward()
    except RuntimeError as error:
        if "(found by detect_anomaly)" in str(error):
            return f" ({error})".replace(" (found by detect_anomaly)", "")
    return ""


def all_finite(gradients: Iterable[Tensor | None]) -> Tensor:
    """Say, as a tensor, whether all gradients are finite."""
    finite = _core.full((), True, dtype="bool")
    for gradient in gradients:
        if gradient is not None:
            finite = finite & _core.isfinite(gradient).all()
    return finite


def is_usable(trainer: Trainer, values: Values, finite: Tensor) -> bool:
    """Whether a step may be made: gradients and loss are finite, or the loss counts nothing."""
    if not bool(finite):
        return False
    return math.isfinite(float(values[0][0])) or trainer._objective.counts_nothing(values)


def copies_of_buffers(model: Module) -> list[tuple[Tensor, Tensor]]:
    """Return the buffers of a model, each with a copy of its values."""
    return [(buffer, buffer.detach().copy()) for buffer in model.buffers()]


def put_back(buffers: Iterable[tuple[Tensor, Tensor]]) -> None:
    """Give buffers the values that they had when they were copied."""
    with no_grad():
        for buffer, value in buffers:
            buffer.copy_(value)


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))


def _is_finite(tensor: Tensor) -> bool:
    if not tensor.dtype.is_floating:
        return True
    return bool(_core.isfinite(tensor.detach()).all())


def _is_masked(tensor: Tensor) -> bool:
    """Whether all elements are finite or minus infinity."""
    if not tensor.dtype.is_floating:
        return True
    return bool((tensor.detach() < math.inf).all())


def _places(tensor: Tensor) -> str:
    bad = ~_core.isfinite(tensor.detach()).numpy()
    first = tuple(int(i) for i in next(zip(*bad.nonzero(), strict=True)))
    return f"at {int(bad.sum())} of {bad.size} places, first [{', '.join(map(str, first))}]"


class GuardedStep:
    """A step in two parts; the second, the update, waits until all gradients are known.

    Compiled steps update parameters while they compute gradients of others; here nothing has
    changed when something is not finite, except buffers, which are copied before.
    """

    def __init__(self, trainer: Trainer, watch: Watch) -> None:
        self._trainer, self._watch = trainer, watch

    def __call__(self, columns: tuple[Any, ...], layout: Layout) -> tuple[Any, bool]:
        """Make a step; returns its values, and whether it was made."""
        model = self._trainer.model
        buffers = copies_of_buffers(model)
        options = StepOptions(layout, takes_keywords(model, layout.inputs), plain=False)
        values, finite, _ = self._trainer._run("gradients", columns, options)
        if is_usable(self._trainer, values, finite):
            self._trainer._run("update", ())
            self._watch.accept()
            return values, True
        put_back(buffers)
        model.zero_grad()
        self._watch.refuse(columns, layout, float(values[0][0]))
        return values, False
