"""Checks of options that optimisers share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor


def require_at_least_zero(owner: str, options: Mapping[str, Any], *names: str) -> None:
    """Raise `ValueError` for an option that is negative or not a number."""
    for name in names:
        if name in options and not options[name] >= 0:
            raise ValueError(f"{owner}: expected {name} of at least 0, got {options[name]}")


def require_fraction(owner: str, name: str, value: float) -> None:
    """Raise `ValueError` for a value outside [0, 1)."""
    if not 0 <= value < 1:
        raise ValueError(f"{owner}: expected {name} in [0, 1), got {value}")


def as_list(parameters: Any, owner: str) -> list[Any]:
    """Return parameters, or one of them, as a list; raise `TypeError` for anything else."""
    if isinstance(parameters, Tensor):
        return [parameters]
    if callable(parameters) or not isinstance(parameters, Iterable):
        given = type(parameters).__name__
        hint = ""
        if hasattr(parameters, "parameters"):
            hint = f"; give parameters() of the {given}"
        elif getattr(parameters, "__name__", None) == "parameters":
            hint = "; call it: parameters()"
        raise TypeError(f"{owner}: expected an iterable of parameters, got {given}{hint}")
    return list(parameters)
