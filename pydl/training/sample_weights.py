"""Weights of samples by the classes of their targets."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pydl import _core
from pydl._core import Tensor
from pydl.training.layout import Group, Layout
from pydl.training.sources import BatchOf, Columns

if TYPE_CHECKING:
    from pydl.training.objective import Objective


class ClassWeights:
    """What `fit(class_weight=...)` does: each sample gets the weight of its class.

    As in Keras, they multiply `sample_weight`, classes without a weight have 1, and there must be
    one output. Where each element of the target is a decision of its own, each has a weight.

    Parameters
    ----------
    weights : mapping of int to float, or sequence of float
        Weights by class.
    objective : Objective
        Says whether targets are decisions.
    """

    def __init__(self, weights: Any, objective: Objective) -> None:
        if objective.keyed:
            raise ValueError(
                "fit: class_weight is for models of one output; give sample_weight={...} with the "
                "weights of the samples for each output"
            )
        self._table = _table(weights)
        loss = objective.parts[0].loss
        self._binary = loss is not None and loss.binary

    def __call__(self, columns: Columns, layout: Layout) -> BatchOf:
        """Return a batch with the weights of its samples."""
        if layout.target is None or isinstance(layout.target, Group):
            raise ValueError("fit: class_weight needs targets that are classes")
        weights = self._of(columns[layout.target])
        if layout.weight is None:
            return (*columns, weights), layout._replace(weight=len(columns))
        if isinstance(layout.weight, Group):
            raise ValueError("fit: expected one array as sample_weight beside class_weight")
        together = _product(weights, columns[layout.weight].to("float32"))
        changed = [together if i == layout.weight else c for i, c in enumerate(columns)]
        return tuple(changed), layout

    def _of(self, target: Tensor) -> Tensor:
        """Return the weights for targets: class indices, one-hot rows, or decisions."""
        wide = target.detach()
        labels = (wide.to("float32") if wide.dtype.name == "bfloat16" else wide).numpy()
        if labels.ndim > 1 and labels.shape[1] == 1:
            labels = labels[:, 0]
        elif labels.ndim == 2 and labels.dtype.kind == "f" and not self._binary:
            labels = labels.argmax(axis=1)
        with np.errstate(invalid="ignore"):  # what is not a number is not a class, see below
            indices = labels.astype(np.int64)
        if labels.dtype.kind == "f" and (indices != labels).any():
            raise ValueError(
                "fit: class_weight needs targets that are classes, got values such as "
                f"{labels[indices != labels].flat[0]}"
            )
        known = (indices >= 0) & (indices < self._table.size)
        weights = np.where(known, self._table[np.where(known, indices, 0)], np.float32(1))
        return _core.asarray(np.ascontiguousarray(weights, dtype=np.float32))


def _product(weights: Tensor, given: Tensor) -> Tensor:
    """Return the product of weights whose first axes are those of the samples."""
    if given.ndim == weights.ndim + 1 and given.shape[-1] == 1:
        given = given.squeeze(-1)
    axes = max(weights.ndim, given.ndim)
    first, second = (w.reshape((*w.shape, *(1,) * (axes - w.ndim))) for w in (weights, given))
    return first * second


def _table(weights: Any) -> Any:
    """Return the weights of classes 0, 1, ... as an array."""
    if isinstance(weights, Mapping):
        pairs = [(_class(key), value) for key, value in weights.items()]
    else:
        if isinstance(weights, str) or not hasattr(weights, "__iter__"):
            raise TypeError(
                "fit: expected class_weight as a dict from class to weight, got "
                f"{type(weights).__name__}"
            )
        pairs = list(enumerate(np.asarray(weights).tolist()))
    if not pairs:
        raise ValueError("fit: expected class_weight of at least one class, got none")
    table = np.ones(1 + max(key for key, _ in pairs), np.float32)
    for key, value in pairs:
        if not isinstance(value, (int, float, np.number)) or not 0 <= float(value) < float("inf"):
            raise ValueError(
                f"fit: expected weights of classes of at least 0, got {value!r} for class {key}"
            )
        table[key] = value
    return table


def _class(key: Any) -> int:
    try:
        number = operator.index(key)
    except TypeError:
        raise TypeError(
            f"fit: expected class indices as the keys of class_weight, got {key!r}"
        ) from None
    if number < 0:
        raise ValueError(f"fit: expected class indices of at least 0 in class_weight, got {number}")
    return number
