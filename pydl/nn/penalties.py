"""Penalties on the size of weights, kept by the layers that they concern."""

from __future__ import annotations

import math
from typing import NamedTuple, TypeVar

from pydl import _core
from pydl._core import Tensor
from pydl.nn.module import Module, Parameter

ModuleT = TypeVar("ModuleT", bound=Module)


class WeightPenalty(NamedTuple):
    """What `add_penalty` notes of one parameter of a layer."""

    name: str
    l1: float
    l2: float

    def value(self, weight: Tensor) -> Tensor:
        """Return l1 * sum(|w|) + l2 * sum(w^2); in float32 of 16-bit weights."""
        wide = weight.to("float32") if weight.dtype in ("float16", "bfloat16") else weight
        total: Tensor | None = None
        if self.l1:
            total = self.l1 * _core.sum(_core.abs(wide))
        if self.l2:
            squares = self.l2 * _core.sum(_core.square(wide))
            total = squares if total is None else total + squares
        assert total is not None
        return total

    def __str__(self) -> str:
        parts = [f"{size:g}*{rule}" for rule, size in (("l1", self.l1), ("l2", self.l2)) if size]
        return f"penalty({self.name})={' + '.join(parts)}"


def add_penalty(
    module: ModuleT, *, l1: float = 0.0, l2: float = 0.0, name: str = "weight"
) -> ModuleT:
    """Penalise the size of a parameter: l1 * sum(|w|) + l2 * sum(w^2), as Keras's regularisers.

    `Model.fit` adds the penalties of all layers to the loss; a loop of your own adds `penalty`.
    A second call for the same parameter replaces the first; with both at 0 there is none.

    Parameters
    ----------
    module : Module
        The layer that has the parameter itself; not the model around it.
    l1, l2 : float, default 0.0
        Weights of the two sums, at least 0.
    name : str, default "weight"
        Name of the parameter, such as "bias", or "weight_hh_l0" of a recurrent layer.

    Returns
    -------
    Module
        The same layer.

    Raises
    ------
    ValueError
        Where there is no such parameter, and for negative weights.

    Notes
    -----
    Copies and pickles of the layer keep it; `state_dict` does not, because it is not a tensor.
    `weight_decay` of an optimiser is something else for Adam and its kin, and concerns all
    parameters.

    Examples
    --------
    >>> import pydl
    >>> from pydl import nn
    >>> layer = nn.add_penalty(nn.Linear(3, 2), l2=0.01)
    >>> layer
    Linear(in_features=3, out_features=2, bias=True, penalty(weight)=0.01*l2)
    >>> _ = nn.init.constant_(layer.weight, 1.0)
    >>> round(float(nn.penalty(layer)), 3)
    0.06
    """
    for rule, size in (("l1", l1), ("l2", l2)):
        if not 0.0 <= size < math.inf:
            raise ValueError(f"add_penalty: expected {rule} of at least 0, got {size}")
    require_parameter("add_penalty", module, name)
    kept = tuple(other for other in module._penalties if other.name != name)
    if l1 or l2:
        kept = (*kept, WeightPenalty(name, float(l1), float(l2)))
    # Another tuple: compiled functions notice another object.
    vars(module)["_penalties"] = kept
    return module


def penalty(module: Module) -> Tensor:
    """Return the sum of all penalties of a module and those in it: what the loss increases by.

    Parameters
    ----------
    module : Module
        A model or a layer.

    Returns
    -------
    Tensor
        Shape (); 0 in float32 where there are no penalties. A layer that is used several times
        counts once.

    Examples
    --------
    >>> import pydl
    >>> from pydl import nn
    >>> model = nn.Sequential(nn.add_penalty(nn.Linear(3, 2), l1=0.1), nn.Linear(2, 1))
    >>> x, y = pydl.ones((4, 3)), pydl.zeros((4, 1))
    >>> loss = nn.functional.mse_loss(model(x), y) + nn.penalty(model)
    >>> loss.backward()
    """
    total: Tensor | None = None
    for _, part in module._walk("", set()):
        for item in part._penalties:
            value = item.value(getattr(part, item.name))
            total = value if total is None else total + value
    return _core.zeros((), "float32") if total is None else total


def has_penalties(module: Module) -> bool:
    """Return whether a module, or one in it, has a penalty.

    Parameters
    ----------
    module : Module
        A model or a layer.

    Returns
    -------
    bool

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.has_penalties(pydl.nn.Linear(3, 2))
    False
    """
    return any(part._penalties for _, part in module._walk("", set()))


def require_parameter(function: str, module: Module, name: str) -> Parameter | Tensor:
    """Return a parameter of a layer, or the tensor that is computed in its place."""
    if not isinstance(module, Module):
        raise TypeError(f"{function}: expected a Module, got {type(module).__name__}")
    found = dict(module._members()).get(name)
    if found is None and isinstance(getattr(type(module), name, None), property):
        found = getattr(module, name)  # of weight_norm, say
    if not isinstance(found, Tensor):
        own = [key for key, value in module._members() if isinstance(value, Parameter)]
        has = f"it has {', '.join(own)}" if own else "it has none; name the layer that does"
        raise ValueError(f"{function}: {type(module).__name__} has no parameter {name!r}; {has}")
    return found
