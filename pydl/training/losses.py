"""Losses by name, and what they expect of a model's output."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pydl import _core
from pydl._core import Tensor
from pydl.nn import functional
from pydl.nn.losses import BCELoss, BCEWithLogitsLoss
from pydl.nn.module import Module

LossFunction = Callable[[Any, Any], Tensor]

# Below this, probabilities count as this, so that their logarithm is finite (as in Keras).
_SMALLEST_PROBABILITY = 1e-7


class Loss(NamedTuple):
    """A loss function with what is known of it.

    `output` is what the last layer must give: "logits", "probabilities", or "any"; `binary` says
    that each output element is a decision of its own.
    """

    function: LossFunction
    output: str = "any"
    binary: bool = False


def probability_cross_entropy(probabilities: Tensor, target: Tensor) -> Tensor:
    """Cross-entropy of probabilities (N, K, ...) and class indices or probabilities."""
    # The softmax of log p is p, so the loss of logits serves.
    logits = _core.log(_core.clip(probabilities, _SMALLEST_PROBABILITY, 1.0))
    return functional.cross_entropy(logits, target)


_CROSS_ENTROPY = Loss(functional.cross_entropy, "logits")
_PROBABILITY = Loss(probability_cross_entropy, "probabilities")
_BINARY = Loss(functional.binary_cross_entropy, "probabilities", True)
_MSE = Loss(functional.mse_loss)
_MAE = Loss(functional.l1_loss)

# Our names and those of Keras; in Keras the cross-entropies take probabilities.
_BY_NAME = {
    "cross_entropy": _CROSS_ENTROPY,
    "binary_cross_entropy_with_logits": Loss(
        functional.binary_cross_entropy_with_logits, "logits", True
    ),
    "binary_cross_entropy": _BINARY,
    "mse": _MSE,
    "mae": _MAE,
    "categorical_crossentropy": _PROBABILITY,
    "sparse_categorical_crossentropy": _PROBABILITY,
    "binary_crossentropy": _BINARY,
    "mean_squared_error": _MSE,
    "mean_absolute_error": _MAE,
}

_FINAL_ACTIVATIONS = {"Softmax": "probabilities", "Sigmoid": "probabilities", "Linear": "logits"}


def get(loss: str | LossFunction) -> Loss:
    """Look up a loss by name, or take a function (output, target) -> Tensor.

    Raises
    ------
    ValueError
        For a name that is not known; the message lists those that are.
    TypeError
        For something that cannot be called, and for a class instead of its instance.
    """
    if isinstance(loss, str):
        if loss not in _BY_NAME:
            raise ValueError(f"compile: expected a loss of {', '.join(_BY_NAME)}; got {loss!r}")
        return _BY_NAME[loss]
    if isinstance(loss, type):
        raise TypeError(f"compile: expected a loss function, got a class; write {loss.__name__}()")
    if not callable(loss):
        raise TypeError(f"compile: expected a loss name or function, got {type(loss).__name__}")
    for known in _BY_NAME.values():
        if loss is known.function:
            return known
    if isinstance(loss, BCEWithLogitsLoss):
        return Loss(loss, "logits", True)
    return Loss(loss, "any", isinstance(loss, BCELoss))


def check_last_layer(loss: Loss, name: object, layer: Module | None) -> None:
    """Raise `ValueError` for a loss of logits after a softmax, or one of probabilities without."""
    last = type(layer).__name__
    given = _FINAL_ACTIVATIONS.get(last, "any")
    if "any" in (given, loss.output) or given == loss.output:
        return
    final = "Sigmoid" if loss.binary else "Softmax"
    if loss.output == "logits":
        hint = f"remove {last}: the loss applies it itself"
    else:
        ours = "binary_cross_entropy_with_logits" if loss.binary else "cross_entropy"
        hint = f"end the model with {final}, or use loss={ours!r}, which takes logits"
    raise ValueError(
        f"compile: loss {name!r} takes {loss.output}, but the last layer, {last}, gives {given}; "
        f"{hint}"
    )
