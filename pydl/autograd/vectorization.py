"""Functions of one example on a whole batch."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from pydl import _core
from pydl._core import Tensor

__all__ = ["vmap"]


def vmap(function: Callable[..., Any], in_axes: Any = 0, out_axes: Any = 0) -> Callable[..., Any]:
    """Make a function of batches from a function of one example.

    The function runs once, on tensors with the shapes of one example, and each of its operations is
    computed for all examples at once. With `grad` it computes the gradient of each example.
    It can be nested, differentiated, and called in compiled functions.

    An operation that has no rule for batches is computed example by example; such are recurrent
    layers, indexing by several index tensors, and embeddings whose index and table both differ
    between examples. Elements of tensors cannot be read, as in compiled functions. Random numbers
    are refused: draw them before and hand them in. So is batch norm in training mode, whose running
    moments would be different ones for each example.

    Parameters
    ----------
    function : callable
        From positional arguments to a tensor, or tuples, lists and dicts of them.
    in_axes : int, None, or tuple or list of them, default 0
        The batch axis of each positional argument; None for one that is the same in all examples.
        For an argument that is a list, tuple or dict, either one axis for all that it holds or a
        structure like it. Keyword arguments are the same in all examples.
    out_axes : int, None or structure of int, default 0
        Where the results have their batch axis; None for what is the same in all examples.

    Returns
    -------
    callable
        Takes arguments with, and returns results with a batch axis.

    Raises
    ------
    ValueError
        For axes that do not fit the arguments, and batches of different sizes.
    TraceError
        For a function that reads elements, draws random numbers, calls `backward` on what is
        outside of it, or writes different values into one tensor.

    Examples
    --------
    >>> import pydl
    >>> def loss(weight, x, y):
    ...     return ((weight * x).sum() - y) ** 2
    >>> weight, x, y = pydl.ones(2), pydl.tensor([[1.0, 2.0], [3.0, 4.0]]), pydl.tensor([0.0, 5.0])
    >>> pydl.vmap(pydl.grad(loss), in_axes=(None, 0, 0))(weight, x, y).tolist()
    [[6.0, 12.0], [12.0, 16.0]]
    """

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        axes = _axes_of_arguments(in_axes, args)
        batch = _core._Batch(_common_size(args, axes))
        own = tuple(
            _map_with_axes(arg, axis, lambda value, at: _argument(batch, value, at), "in_axes")
            for arg, axis in zip(args, axes, strict=True)
        )
        with batch:
            result = function(*own, **kwargs)
        return _map_with_axes(
            result, out_axes, lambda value, at: _result(batch, value, at), "out_axes"
        )

    return call


def _axes_of_arguments(in_axes: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(in_axes, (tuple, list)):
        return (in_axes,) * len(args)
    if len(in_axes) != len(args):
        raise ValueError(f"vmap: in_axes has {len(in_axes)} entries for {len(args)} arguments")
    return tuple(in_axes)


def _map_with_axes(
    tree: Any, axes: Any, function: Callable[[Any, int | None], Any], name: str
) -> Any:
    """Apply a function to the leaves of nested lists, tuples and dicts, with the axis of each."""
    if isinstance(tree, dict):
        if not isinstance(axes, dict):
            axes = dict.fromkeys(tree, axes)
        if axes.keys() != tree.keys():
            raise ValueError(
                f"vmap: {name} has the keys {list(axes)}, expected those of {list(tree)}"
            )
        return {
            key: _map_with_axes(value, axes[key], function, name) for key, value in tree.items()
        }
    if type(tree) in (list, tuple):
        every = axes if isinstance(axes, (list, tuple)) else [axes] * len(tree)
        if len(every) != len(tree):
            raise ValueError(f"vmap: {name} has {len(every)} entries for {len(tree)} values")
        pairs = zip(tree, every, strict=True)
        return type(tree)(_map_with_axes(value, axis, function, name) for value, axis in pairs)
    if axes is not None and (isinstance(axes, bool) or not isinstance(axes, int)):
        raise ValueError(f"vmap: expected {name} of integers and None, got {axes!r}")
    return function(tree, axes)


def _common_size(args: tuple[Any, ...], axes: tuple[Any, ...]) -> int:
    sizes: set[int] = set()

    def look(value: Any, axis: int | None) -> None:
        if axis is None:
            return
        shape = getattr(value, "shape", None)
        if not shape:
            got = "a tensor without axes" if shape == () else type(value).__name__
            raise ValueError(
                f"vmap: expected a tensor with a batch axis, got {got}; pass None in in_axes for "
                "what is the same in all examples"
            )
        if not -len(shape) <= axis < len(shape):
            raise ValueError(f"vmap: in_axes has axis {axis} for a tensor of shape {shape}")
        sizes.add(shape[axis])

    for arg, axis in zip(args, axes, strict=True):
        _map_with_axes(arg, axis, look, "in_axes")
    if len(sizes) != 1:
        found = f"sizes {sorted(sizes)}" if sizes else "no batch axis"
        raise ValueError(f"vmap: expected batches of one size, got {found}")
    return sizes.pop()


def _argument(batch: _core._Batch, value: Any, axis: int | None) -> Any:
    if axis is None and not isinstance(value, Tensor):
        return value
    return batch.argument(_core.asarray(value), axis)


def _result(batch: _core._Batch, value: Any, axis: int | None) -> Any:
    if not isinstance(value, Tensor):
        if value is None:
            return None
        if not isinstance(value, (int, float)):
            kind = type(value).__name__
            raise TypeError(f"vmap: expected the function to return tensors, got {kind}")
        value = _core.asarray(value)
    return batch.result(value, axis)
