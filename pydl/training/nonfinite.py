"""Trainings that become not-a-number or infinite: noticing them, and saying where it began."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from pydl import _core
from pydl._core import Tensor
from pydl.autograd import detect_anomaly
from pydl.grad_mode import no_grad
from pydl.training.hooks import BEFORE, observed
from pydl.training.mode import in_mode

if TYPE_CHECKING:
    from pydl.nn.module import Module
    from pydl.training.model import Model

OnNaN = Literal["warn", "stop", "skip", "ignore"]


class Watch:
    """Looks at the loss of every step, and warns once.

    Reading a loss takes less than a tenth of a microsecond, so this costs nothing that could be
    measured.
    """

    def __init__(self, model: Model, on_nan: OnNaN) -> None:
        if on_nan not in ("warn", "stop", "skip", "ignore"):
            raise ValueError(
                f"fit: expected on_nan 'warn', 'stop', 'skip' or 'ignore', got {on_nan!r}"
            )
        self._model, self._on_nan = model, on_nan
        self._looks = on_nan == "warn"
        self._before: tuple[Any, ...] = ()  # the last batch whose loss was finite
        self.epoch = 0
        self.skipped = 0
        self.ended = False

    @property
    def guards(self) -> bool:
        """Whether a step that is not finite must leave the model as it was."""
        return self._on_nan in ("stop", "skip")

    def look(self, values: Sequence[Sequence[Tensor]], batch: tuple[Any, ...], step: int) -> None:
        """Look at what an ordinary step returned."""
        if not self._looks:
            return
        if math.isfinite(loss := float(values[0][0])) or _counts_nothing(values):
            self._before = batch
            return
        self._looks = False
        cause = _bad_batch(batch, "this batch") or _bad_batch(self._before, "the batch before")
        cause = cause or diagnose(self._model, batch, training=True)
        self._warn(f"the loss is {loss} in epoch {self.epoch + 1}, step {step + 1}: {cause}")

    def refuse(self, batch: tuple[Any, ...], loss: float, step: int) -> None:
        """Take note of a step that was not made, because it is not finite."""
        self.skipped += 1
        self.ended = self._on_nan == "stop"
        if self.skipped == 1:
            what = f"the loss is {loss}" if not math.isfinite(loss) else "a gradient is not finite"
            done = "training ends before" if self.ended else "training goes on without"
            cause = diagnose(self._model, batch, training=True)
            self._warn(
                f"{what} in epoch {self.epoch + 1}, step {step + 1}: {cause}; {done} this step"
            )

    def look_at_validation(self, loss: float, batches: Iterable[tuple[Any, ...]]) -> None:
        """Look at the loss of a validation; `batches` are gone through to find the cause."""
        if self._on_nan == "ignore" or (not self._looks and not self.guards) or math.isfinite(loss):
            return
        self._looks = False
        causes = (diagnose(self._model, batch, training=False) for batch in batches)
        cause = next((c for c in causes if c != _NOTHING), _NOTHING)
        self._warn(f"val_loss is {loss} in epoch {self.epoch + 1}: {cause}")

    def look_at_start(self) -> None:
        """Look at the parameters before they spread what is wrong with them."""
        if self._on_nan != "ignore":
            cause = _bad_state(self._model)
            if cause:
                self._looks = False
                self._warn(f"before training, {cause}")

    def look_at_end(self) -> None:
        """Look at the parameters: a loss need not show what is wrong with them."""
        if self._looks or (self.guards and self.skipped == 0):
            cause = _bad_state(self._model)
            if cause:
                self._warn(f"after training, {cause}")

    def _warn(self, message: str) -> None:
        hint = "" if self.guards else "; on_nan='stop' ends before such a step"
        warnings.warn(
            f"fit: {message}. Look at the data, lower the learning rate, or clip gradients{hint}",
            RuntimeWarning,
            stacklevel=4,
        )


_NOTHING = "computed once more, everything is finite (random numbers, as of dropout, are others)"


def diagnose(model: Model, batch: tuple[Any, ...], training: bool) -> str:
    """Compute a batch again, eagerly, and say where something first was not finite.

    The model, gradients included, is afterwards as it was.
    """
    *inputs, target = batch
    return (
        _bad_batch(batch, "this batch")
        or _bad_state(model)
        or _run_again(model, tuple(inputs), target, training)
        or _NOTHING
    )


def _bad_batch(batch: tuple[Any, ...], which: str) -> str | None:
    names = [f"input {i}" for i in range(len(batch) - 1)] if len(batch) > 2 else ["the input"]
    for name, value in zip([*names, "the target"], batch, strict=False):
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


def _run_again(model: Model, inputs: tuple[Any, ...], target: Any, training: bool) -> str | None:
    found: dict[bool, str] = {}

    def look(path: str, module: Module, arguments: tuple[Any, ...], output: Any) -> None:
        if output is BEFORE or all(map(_is_finite, _tensors(output))):
            return
        if all(map(_is_finite, _tensors(arguments))):
            # Minus infinity is also what masks and logarithms have: anything else comes first.
            hard = not all(map(_is_masked, _tensors(output)))
            name = f"layer {path!r} ({type(module).__name__})" if path else "the model itself"
            found.setdefault(hard, f"{name} gives what is not finite for finite input")

    parameters = list(model.parameters())
    gradients = [parameter.grad for parameter in parameters]
    buffers = [(buffer, buffer.detach().copy()) for buffer in model.buffers()]
    try:
        with in_mode(model, training):
            with observed(model, look):
                output = model(*inputs)
                loss = model._loss_of(output, target)
            if found:
                return found.get(True) or found[False]
            if not _is_finite(loss):
                return "the loss function gives what is not finite for finite outputs"
            cause = _bad_gradient(model, loss) if training else None
            return cause and cause + _operation(model, inputs, target)
    finally:
        for parameter, gradient in zip(parameters, gradients, strict=True):
            parameter.grad = gradient
        with no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)


def _bad_gradient(model: Module, loss: Tensor) -> str | None:
    model.zero_grad()
    loss.backward()
    bad = [n for n, p in model.named_parameters() if p.grad is not None and not _is_finite(p.grad)]
    if not bad:
        return None
    more = f" and {len(bad) - 1} others" if len(bad) > 1 else ""
    # The last layer is the first on the way back.
    return f"the loss is finite, but not its gradient for {bad[-1]!r}{more}"


def _operation(model: Model, inputs: tuple[Any, ...], target: Any) -> str:
    """Say which derivative it was, from another pass that looks at each of them."""
    try:
        with detect_anomaly():
            model._loss_of(model(*inputs), target).backward()
    except RuntimeError as error:
        if "(found by detect_anomaly)" in str(error):
            return f" ({error})".replace(" (found by detect_anomaly)", "")
    return ""


def all_finite(loss: Tensor, parameters: Iterable[Tensor]) -> Tensor:
    """Say, as a tensor, whether a loss and all gradients are finite."""
    finite = _core.isfinite(loss)
    for parameter in parameters:
        if parameter.grad is not None:
            finite = finite & _core.isfinite(parameter.grad).all()
    return finite


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

    def __init__(self, model: Model) -> None:
        self._model = model

    def __call__(self, batch: tuple[Any, ...]) -> tuple[Any, bool]:
        """Make a step; returns its values, and whether it was made."""
        buffers = [(buffer, buffer.detach().copy()) for buffer in self._model.buffers()]
        values, finite = self._model._step("gradients", batch)
        if bool(finite) or _counts_nothing(values):
            self._model._step("update", ())
            return values, True
        with no_grad():
            for buffer, value in buffers:
                buffer.copy_(value)
        self._model.zero_grad()
        return values, False


def _counts_nothing(values: Sequence[Sequence[Tensor]]) -> bool:
    return len(values[0]) > 1 and float(values[0][1]) == 0
