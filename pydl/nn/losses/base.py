"""What losses have in common. `reduction` is "mean", "sum", or "none": the loss of each sample."""

from __future__ import annotations

from typing import Any, Literal

from pydl._core import Tensor
from pydl.nn.module import Buffer, Module

Reduction = Literal["mean", "sum", "none"]


def checked_reduction(name: str, reduction: Any, more: tuple[str, ...] = ()) -> Any:
    """Return the reduction if there is one of that name."""
    known = ("mean", *more, "sum", "none")
    if reduction not in known:
        names = ", ".join(map(repr, known[:-1]))
        raise ValueError(f"{name}: expected reduction {names} or {known[-1]!r}, got {reduction!r}")
    return reduction


def as_buffer(weight: Tensor | None) -> Buffer | None:
    """Return weights as what is saved and converted with the module, but not trained."""
    return None if weight is None else Buffer(weight)


class _Loss(Module):
    def __init__(self, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.reduction: Reduction = checked_reduction(type(self).__name__, reduction)

    def extra_repr(self) -> str:
        shown = {
            name: value
            for name, value in vars(self).items()
            if not name.startswith("_")
            and name != "training"
            and isinstance(value, (int, float, str))
        }
        return ", ".join(f"{name}={value!r}" for name, value in shown.items())
