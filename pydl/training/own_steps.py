"""Batches and results of the steps that users override."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pydl._core import Tensor, tensor


def packed(x: Any, y: Any, weight: Any) -> Any:
    """Return a batch as train_step gets it, like Keras: x, (x, y) or (x, y, sample_weight)."""
    if y is None:
        return x
    return (x, y) if weight is None else (x, y, weight)


def unpacked(data: Any) -> tuple[Any, Any, Any]:
    """Return inputs, targets and weights of such a batch; None for what is absent."""
    if isinstance(data, (tuple, list)) and len(data) in (2, 3):
        return data[0], data[1], data[2] if len(data) == 3 else None
    return data, None, None


def call_loss(own: Callable[..., Any], x: Any, y: Any, output: Any, weight: Any) -> Any:
    """Call compute_loss, which may do without weights of samples where there are none."""
    parameters = inspect.signature(own).parameters.values()
    if len(parameters) > 3 or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return own(x, y, output, weight)
    if weight is not None:
        raise TypeError(
            "compute_loss takes no weights of samples, but there are some; write "
            "compute_loss(self, x, y, y_pred, sample_weight)"
        )
    return own(x, y, output)


def loss_and_more(given: Any) -> tuple[Tensor, dict[str, Tensor]]:
    """Return the loss of what compute_loss returned, and the other numbers that it reports."""
    if isinstance(given, Mapping) and isinstance(given.get("loss"), Tensor):
        loss = given["loss"]
        others = {name: value for name, value in given.items() if name != "loss"}
        more = checked_logs("compute_loss", others) if others else {}
    else:
        loss, more = given, {}
    if not isinstance(loss, Tensor):
        raise TypeError(
            "compute_loss must return a tensor, or a dict of numbers to report with a tensor as "
            f"'loss', got {type(loss).__name__}"
        )
    return (loss.mean() if loss.ndim else loss), more


def checked_logs(method: str, logs: Any) -> dict[str, Tensor]:
    """Return what a step of the user's reports, as tensors; raise an error for anything else."""
    if isinstance(logs, Tensor):
        logs = {"loss": logs}
    if not isinstance(logs, Mapping) or not logs:
        raise TypeError(
            f"{method} must return a dict of names and tensors to report, got {type(logs).__name__}"
        )
    for name, value in logs.items():
        if not isinstance(value, (Tensor, int, float)):
            raise TypeError(f"{method}: expected a tensor as {name!r}, got {type(value).__name__}")
        if isinstance(value, Tensor) and value.size != 1:
            raise ValueError(
                f"{method}: expected one number as {name!r}, got shape {value.shape}; take its mean"
            )
    return {
        name: value.detach() if isinstance(value, Tensor) else tensor(float(value))
        for name, value in logs.items()
    }


def first_leaf(value: Any) -> Tensor:
    """Return the first tensor of a nested value."""
    while isinstance(value, (Mapping, tuple, list)):
        value = next(iter(value.values() if isinstance(value, Mapping) else value))
    return value  # type: ignore[no-any-return]
