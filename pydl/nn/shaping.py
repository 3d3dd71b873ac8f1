"""Layers that arrange axes, and functions as layers: what stands between layers of a Sequential."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pydl import _core
from pydl._core import Tensor
from pydl.nn.module import Module


class Reshape(Module):
    """Give each sample another shape: (N, ...) to (N, *shape).

    Parameters
    ----------
    *shape : int, or one sequence of int
        Sizes of the axes after the first, which stays. One may be -1: what is left.

    Raises
    ------
    ValueError
        For sizes below -1, or more than one of -1; when called, if the elements do not fit.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Reshape(3, -1)(pydl.zeros((5, 12))).shape
    (5, 3, 4)
    """

    def __init__(self, *shape: int | Sequence[int]) -> None:
        super().__init__()
        self.shape = _integers("Reshape", "sizes", shape)
        if min(self.shape, default=0) < -1 or self.shape.count(-1) > 1:
            raise ValueError(
                f"Reshape: expected sizes of at least 0, and at most one -1, got {self.shape}"
            )

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[0] == 0 and -1 in self.shape:  # no elements say what is left
            return _core.reshape(x, (0, *_filled(x.shape[1:], self.shape)))
        return _core.reshape(x, (x.shape[0], *self.shape))

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.shape))


class Permute(Module):
    """Put axes into another order, that of the samples included: (N, C, L) to (N, L, C), say.

    Parameters
    ----------
    *axes : int, or one sequence of int
        For each axis of the result, the axis of the input.

    Raises
    ------
    ValueError
        When called, for axes that are not those of the input, each once.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Permute(0, 2, 1)(pydl.zeros((5, 3, 8))).shape
    (5, 8, 3)
    """

    def __init__(self, *axes: int | Sequence[int]) -> None:
        super().__init__()
        self.axes = _integers("Permute", "axes", axes)

    def forward(self, x: Tensor) -> Tensor:
        return _core.permute_dims(x, self.axes)

    def extra_repr(self) -> str:
        return ", ".join(map(str, self.axes))


class Unflatten(Module):
    """Divide one axis into several: the reverse of `Flatten`.

    Parameters
    ----------
    axis : int
        The axis.
    unflattened_size : sequence of int
        Sizes of the axes that take its place; one may be -1.

    Raises
    ------
    ValueError
        When called, if the sizes do not fit the axis.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Unflatten(1, (3, 4))(pydl.zeros((5, 12))).shape
    (5, 3, 4)
    """

    def __init__(self, axis: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.axis = axis
        self.unflattened_size = _integers("Unflatten", "sizes", (unflattened_size,))

    def forward(self, x: Tensor) -> Tensor:
        return _core.unflatten(x, self.axis, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"axis={self.axis}, unflattened_size={self.unflattened_size}"


class Lambda(Module):
    """A function as a layer, which has no parameters.

    Parameters
    ----------
    function : callable
        Called with what the layer is called with. Parameters and modules that it uses are not
        found: a module with a `forward` of its own is for that.

    Raises
    ------
    TypeError
        For something that cannot be called, and for a module, which needs no Lambda around it.

    Notes
    -----
    A model with a Lambda can be pickled if the function can: one that a module defines by name,
    such as ``pydl.square``, not a lambda expression or a function within a function. Copies share
    the function; files of parameters and programs need not know it.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Lambda(pydl.square)
    >>> layer
    Lambda(square)
    >>> layer(pydl.tensor([3.0])).tolist()
    [9.0]
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        if isinstance(function, Module):
            raise TypeError(
                f"Lambda: {type(function).__name__} is a module; use it as a layer itself"
            )
        if not callable(function):
            raise TypeError(f"Lambda: expected a function, got {type(function).__name__}")
        self.function = function

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    def extra_repr(self) -> str:
        return str(getattr(self.function, "__name__", type(self.function).__name__))


class TimeDistributed(Module):
    """Apply a layer to each step: x (N, T, ...) as N * T samples, the result as (N, T, ...).

    Layers that work on the last axis, such as `Linear` and `LayerNorm`, do so without this.

    Parameters
    ----------
    module : Module
        From (N, ...) to (N, ...), such as a convolutional network for the frames of films; of
        several results, in a tuple or a dict, each.

    Raises
    ------
    ValueError
        When called, for fewer than two axes.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.TimeDistributed(pydl.nn.Conv2d(1, 4, 3))
    >>> layer(pydl.zeros((2, 5, 1, 8, 8))).shape
    (2, 5, 4, 6, 6)
    """

    def __init__(self, module: Module) -> None:
        super().__init__()
        if not isinstance(module, Module):
            raise TypeError(f"TimeDistributed: expected a Module, got {type(module).__name__}")
        self.module = module

    def forward(self, x: Tensor) -> Any:
        if x.ndim < 2:
            raise ValueError(f"TimeDistributed: expected input (N, T, ...), got shape {x.shape}")
        samples, steps = x.shape[:2]
        y = self.module(_core.reshape(x, (samples * steps, *x.shape[2:])))
        tree, results = _core._ArgumentTree.of(y)  # of several results, each
        return tree.build([_core.reshape(r, (samples, steps, *r.shape[1:])) for r in results])


def _integers(layer: str, what: str, given: tuple[Any, ...]) -> tuple[int, ...]:
    """Read integers given one by one, or as one sequence."""
    if len(given) == 1 and isinstance(given[0], Sequence):
        given = tuple(given[0])
    for value in given:
        if not isinstance(value, int) or isinstance(value, bool):
            raise TypeError(f"{layer}: expected integers as {what}, got {value!r}")
    return given


def _filled(sizes: tuple[int, ...], wanted: tuple[int, ...]) -> list[int]:
    """Return the wanted sizes, with -1 replaced by what is left of the elements."""
    count = known = 1
    for size in sizes:
        count *= size
    for size in wanted:
        known *= 1 if size == -1 else size
    rest = count // known if known else 0
    return [rest if size == -1 else size for size in wanted]
