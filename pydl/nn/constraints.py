"""Limits that weights are kept to after each update."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import no_grad
from pydl.nn.module import Module, Parameter
from pydl.nn.penalties import require_parameter

ModuleT = TypeVar("ModuleT", bound=Module)
Constraint = Callable[[Tensor], Tensor]

# Added to norms by which is divided.
_EPSILON = 1e-7


class WeightConstraint(NamedTuple):
    """What `add_constraint` notes of one parameter of a layer."""

    name: str
    constraint: Constraint

    def __str__(self) -> str:
        shown = getattr(self.constraint, "__name__", None) or repr(self.constraint)
        return f"constraint({self.name})={shown}"


class NonNeg:
    """Set negative weights to 0.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.NonNeg()(pydl.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __call__(self, weight: Tensor) -> Tensor:
        return _core.maximum(weight, 0.0)

    def __repr__(self) -> str:
        return "NonNeg()"


class _OfNorms:
    """What the constraints of norms share: the axes over which these are taken."""

    def __init__(self, axes: int | Sequence[int] | None) -> None:
        self.axes = (axes,) if isinstance(axes, int) else axes if axes is None else tuple(axes)

    def _norms(self, wide: Tensor) -> Tensor:
        axes = self.axes
        if axes is None:  # the weights of each output; of a vector, all
            axes = tuple(range(1, wide.ndim)) if wide.ndim > 1 else (0,)
        return _core.sqrt(_core.sum(_core.square(wide), axes, True))

    def _limit(self, norms: Tensor) -> Tensor:
        """Return the factors of the weights."""
        raise NotImplementedError

    def __call__(self, weight: Tensor) -> Tensor:
        # Squares overflow in 16 bits.
        wide = weight.to("float32") if weight.dtype in ("float16", "bfloat16") else weight
        return (wide * self._limit(self._norms(wide))).to(weight.dtype)

    def _settings(self) -> list[str]:
        return []

    def __repr__(self) -> str:
        settings = self._settings() + ([] if self.axes is None else [f"axes={self.axes}"])
        return f"{type(self).__name__}({', '.join(settings)})"


class MaxNorm(_OfNorms):
    """Shorten weights whose norm is above a limit (Srivastava et al., 2014).

    Parameters
    ----------
    max_value : float, default 2.0
        The limit, at least 0.
    axes : int or sequence of int, optional
        Axes over which norms are taken. By default all but the first: the weights of each output
        of `Linear` (outputs, inputs) and convolutions. Transposed convolutions (in, out, ...) need
        (0, 2, 3), for example. Of a parameter of one axis, that one.

    Raises
    ------
    ValueError
        For a negative limit.

    Examples
    --------
    >>> import pydl
    >>> limit = pydl.nn.MaxNorm(1.0)
    >>> limit(pydl.tensor([[2.0, 0.0], [0.5, 0.0]])).tolist()
    [[1.0, 0.0], [0.5, 0.0]]
    """

    def __init__(self, max_value: float = 2.0, axes: int | Sequence[int] | None = None) -> None:
        super().__init__(axes)
        if not max_value >= 0.0:
            raise ValueError(f"MaxNorm: expected a limit of at least 0, got {max_value}")
        self.max_value = max_value

    def _limit(self, norms: Tensor) -> Tensor:
        # Weights within the limit keep their bits.
        within = norms <= self.max_value
        longer = _core.where(within, _core.ones_like(norms), norms)
        return _core.where(within, _core.ones_like(norms), self.max_value / longer)

    def _settings(self) -> list[str]:
        return [str(self.max_value)]


class UnitNorm(_OfNorms):
    """Give weights the norm 1.

    Parameters
    ----------
    axes : int or sequence of int, optional
        Axes over which norms are taken, as for `MaxNorm`.

    Examples
    --------
    >>> import pydl
    >>> [round(x, 4) for x in pydl.nn.UnitNorm()(pydl.tensor([3.0, 4.0])).tolist()]
    [0.6, 0.8]
    """

    def __init__(self, axes: int | Sequence[int] | None = None) -> None:
        super().__init__(axes)

    def _limit(self, norms: Tensor) -> Tensor:
        return 1.0 / (norms + _EPSILON)


class MinMaxNorm(_OfNorms):
    """Bring the norms of weights into a range, or a part of the way at each update.

    Parameters
    ----------
    min_value, max_value : float, default 0.0 and 1.0
        The range.
    rate : float, default 1.0
        The part of the way, in [0, 1].
    axes : int or sequence of int, optional
        Axes over which norms are taken, as for `MaxNorm`.

    Raises
    ------
    ValueError
        For limits that are no range of norms, and a rate outside [0, 1].

    Examples
    --------
    >>> import pydl
    >>> limit = pydl.nn.MinMaxNorm(1.0, 2.0)
    >>> [round(x, 4) for x in limit(pydl.tensor([0.3, 0.4])).tolist()]
    [0.6, 0.8]
    """

    def __init__(
        self,
        min_value: float = 0.0,
        max_value: float = 1.0,
        rate: float = 1.0,
        axes: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(axes)
        if not 0.0 <= min_value <= max_value:
            raise ValueError(
                f"MinMaxNorm: expected 0 <= min_value <= max_value, got {min_value} and {max_value}"
            )
        if not 0.0 <= rate <= 1.0:
            raise ValueError(f"MinMaxNorm: expected a rate in [0, 1], got {rate}")
        self.min_value, self.max_value, self.rate = min_value, max_value, rate

    def _limit(self, norms: Tensor) -> Tensor:
        wanted = _core.clip(norms, self.min_value, self.max_value)
        wanted = self.rate * wanted + (1.0 - self.rate) * norms
        return wanted / (norms + _EPSILON)

    def _settings(self) -> list[str]:
        return [str(self.min_value), str(self.max_value), f"rate={self.rate}"]


def add_constraint(
    module: ModuleT, constraint: Constraint | None, *, name: str = "weight"
) -> ModuleT:
    """Keep a parameter within limits: `constraint` is applied to it after each update.

    `Model.fit` does that; a loop of your own calls `apply_constraints` after ``optimizer.step()``.
    A second call for the same parameter replaces the first; None removes it.

    Parameters
    ----------
    module : Module
        The layer that has the parameter itself; not the model around it.
    constraint : callable or None
        Tensor -> Tensor of the same shape: `MaxNorm`, `NonNeg`, `UnitNorm`, `MinMaxNorm` or a
        function of your own.
    name : str, default "weight"
        Name of the parameter.

    Returns
    -------
    Module
        The same layer.

    Raises
    ------
    ValueError
        Where there is no such parameter, or it is computed from others, as by `weight_norm`.
    TypeError
        For a constraint that cannot be called.

    Notes
    -----
    Copies and pickles of the layer keep it, `state_dict` does not: it is not a tensor.

    Examples
    --------
    >>> import pydl
    >>> from pydl import nn
    >>> nn.add_constraint(nn.Linear(3, 2), nn.MaxNorm(2.0))
    Linear(in_features=3, out_features=2, bias=True, constraint(weight)=MaxNorm(2.0))
    """
    if isinstance(constraint, type) or not (constraint is None or callable(constraint)):
        got = constraint.__name__ if isinstance(constraint, type) else type(constraint).__name__
        hint = f"; write {got}()" if isinstance(constraint, type) else ""
        raise TypeError(
            f"add_constraint: expected a function from tensor to tensor, got {got}{hint}"
        )
    if not isinstance(require_parameter("add_constraint", module, name), Parameter):
        raise ValueError(
            f"add_constraint: {name} of {type(module).__name__} is computed from other tensors; "
            "constrain those"
        )
    kept = tuple(other for other in module._constraints if other.name != name)
    if constraint is not None:
        kept = (*kept, WeightConstraint(name, constraint))
    # Another tuple: compiled functions notice another object.
    vars(module)["_constraints"] = kept
    return module


def apply_constraints(module: Module) -> None:
    """Apply all constraints of a module and the modules in it, in place; frozen parameters stay.

    Parameters
    ----------
    module : Module
        A model or a layer.

    Raises
    ------
    ValueError
        For a constraint that returns another shape.

    Examples
    --------
    >>> import pydl
    >>> from pydl import nn
    >>> layer = nn.add_constraint(nn.Linear(2, 1), nn.NonNeg())
    >>> _ = nn.init.constant_(layer.weight, -1.0)
    >>> nn.apply_constraints(layer)
    >>> layer.weight.tolist()
    [[0.0, 0.0]]
    """
    with no_grad():
        for _, part in module._walk("", set()):
            for item in part._constraints:
                _apply(part, item)


def _apply(module: Module, item: WeightConstraint) -> None:
    weight = getattr(module, item.name)
    if not weight.requires_grad:
        return
    limited = item.constraint(weight.detach())
    if limited.shape != weight.shape:
        raise ValueError(
            f"apply_constraints: {item} of {type(module).__name__} returned shape {limited.shape} "
            f"for a parameter of shape {weight.shape}"
        )
    weight.copy_(limited)


def has_constraints(module: Module) -> bool:
    """Return whether a module, or one in it, has a constraint.

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
    >>> pydl.nn.has_constraints(pydl.nn.Linear(3, 2))
    False
    """
    return any(part._constraints for _, part in module._walk("", set()))
