"""Optimisers and learning rates as `compile` takes them: by name, as a class, or made."""

from __future__ import annotations

from numbers import Real
from typing import Any

from pydl import optim
from pydl.optim import Optimizer
from pydl.training.other_names import meant

# All optimisers that a trainer can step, by their names in small letters.
_OPTIMIZERS: dict[str, type[Optimizer]] = {
    name.lower(): kind
    for name, kind in vars(optim).items()
    if name in optim.__all__ and isinstance(kind, type) and issubclass(kind, Optimizer)
    if kind is not Optimizer and not kind.needs_closure
}


def checked_rate(rate: Any) -> float:
    """Return a rate that is a number."""
    if isinstance(rate, Real) and not isinstance(rate, bool):
        return float(rate)
    advice = ""
    if hasattr(rate, "get_last_lr"):
        advice = "; a schedule goes to the callback pydl.training.LearningRateScheduler"
    raise TypeError(
        "compile: expected learning_rate as a number or a function of the number of steps, got "
        f"{type(rate).__name__}{advice}"
    )


def optimizer_factory(optimizer: Any) -> Any:
    """Return an instance as it is, and what makes one from parameters otherwise."""
    if optimizer is None:
        return None
    if isinstance(optimizer, str):
        if optimizer not in _OPTIMIZERS:
            advice = "; LBFGS is for loops of your own, with step(closure)"
            raise ValueError(
                f"compile: expected an optimizer of {', '.join(_OPTIMIZERS)}; got {optimizer!r}"
                + (advice if optimizer.lower() == "lbfgs" else meant(optimizer, _OPTIMIZERS))
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
