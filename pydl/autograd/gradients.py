"""Gradients as functions, in the ways of PyTorch (of results) and of JAX (of functions)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import enable_grad

__all__ = ["grad", "value_and_grad"]


@overload
def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Tensor | Sequence[Tensor | None] | None = ...,
    *,
    retain_graph: bool | None = ...,
    create_graph: bool = ...,
    allow_unused: bool = ...,
) -> tuple[Tensor, ...]: ...
@overload
def grad(outputs: Callable[..., Tensor], inputs: int | Sequence[int] = 0) -> Callable[..., Any]: ...
@overload
def grad(
    outputs: Callable[..., Tensor], *, argnums: int | Sequence[int] = 0
) -> Callable[..., Any]: ...
def grad(
    outputs: Any,
    inputs: Any = None,
    grad_outputs: Any = None,
    *,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
    argnums: int | Sequence[int] | None = None,
) -> Any:
    """Gradients of results that were recorded, or of a function.

    `grad(outputs, inputs)` returns the gradients of tensors for other tensors that they were
    computed from, without touching `.grad`. `grad(function, argnums)` returns a function that
    computes the gradient of `function` for its arguments of these numbers; nest it for higher
    derivatives.

    Parameters
    ----------
    outputs : Tensor, sequence of Tensor, or callable
        What to differentiate. A function returns a tensor with a single element.
    inputs : Tensor, sequence of Tensor; for a function int or sequence of int
        What to differentiate for; the number of the argument, 0 by default.
    grad_outputs : Tensor or sequence, optional
        Weights of the elements of the outputs, of their shapes; 1 for a single element.
    retain_graph : bool, optional
        Whether to keep the record for another call; by default the value of `create_graph`.
    create_graph : bool, default False
        Whether the gradients are recorded, for derivatives of higher order.
    allow_unused : bool, default False
        Whether an input without influence results in None instead of an error.
    argnums : int or sequence of int, optional
        Another name of `inputs` for functions.

    Returns
    -------
    tuple of Tensor, or callable
        One gradient for each input. The function returns one gradient, or a tuple of them for a
        sequence of numbers; an argument that is a list, tuple or dict of tensors has a gradient of
        the same structure.

    Raises
    ------
    TypeError
        For arguments that are neither tensors nor functions.
    ValueError, RuntimeError
        For shapes that do not fit, results that were not recorded, and inputs without influence.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor(3.0, requires_grad=True)
    >>> pydl.grad(x * x, x)[0].item()
    6.0
    >>> cube = lambda x: x * x * x
    >>> pydl.grad(pydl.grad(cube))(pydl.tensor(2.0)).item()
    12.0
    """
    if not isinstance(outputs, Tensor) and callable(outputs):
        numbers = argnums if argnums is not None else 0 if inputs is None else inputs
        evaluate = value_and_grad(outputs, numbers)
        return lambda *args, **kwargs: evaluate(*args, **kwargs)[1]
    if inputs is None or argnums is not None:
        raise TypeError("grad: expected tensors (outputs, inputs), or a function with argnums")
    results = _as_list(outputs)
    return tuple(
        _core._grad(
            results,
            _as_list(inputs),
            [None] * len(results) if grad_outputs is None else _as_list(grad_outputs),
            create_graph if retain_graph is None else retain_graph,
            create_graph,
            allow_unused,
        )
    )


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """Make a function that returns the value of `function` together with its gradient.

    Parameters
    ----------
    function : callable
        Returns a tensor with a single element; with `has_aux`, a pair of it and anything else.
    argnums : int or sequence of int, default 0
        Numbers of the arguments to differentiate for: tensors, arrays, numbers, or lists, tuples
        and dicts of them.
    has_aux : bool, default False
        Whether `function` returns a pair; the value then is that pair.

    Returns
    -------
    callable
        Takes what `function` takes, and returns (value, gradient).

    Examples
    --------
    >>> import pydl
    >>> value, gradient = pydl.value_and_grad(lambda x: (x * x).sum())(pydl.tensor([1.0, 2.0]))
    >>> value.item(), gradient.tolist()
    (5.0, [2.0, 4.0])
    """
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    def evaluate(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        for number in numbers:
            if not -len(args) <= number < len(args):
                raise ValueError(f"grad: argnums has {number}, but there are {len(args)} arguments")
        leaves: list[Tensor] = []
        # Inside of another transformed function, gradients are recorded too.
        record = _core._gradient_nesting() > 0 or any(needs_record(args[n]) for n in numbers)
        changed = list(args)
        for number in numbers:
            changed[number] = map_tree(args[number], lambda x: as_input(x, leaves))
        with _core._NestingScope(), enable_grad():
            result = function(*changed, **kwargs)
            value = result[0] if has_aux else result
            if not isinstance(value, Tensor):
                kind = type(value).__name__
                raise TypeError(f"grad: expected the function to return a Tensor, got {kind}")
            gradients = iter(_core._grad([value], leaves, [None], record, record, True))
        if not record:
            result = (value.detach(), *result[1:]) if has_aux else value.detach()
        filled = [
            _core.zeros_like(leaf) if gradient is None else gradient
            for leaf, gradient in zip(leaves, gradients, strict=True)
        ]
        position = iter(filled)
        trees = tuple(map_tree(args[n], lambda _: next(position)) for n in numbers)
        return result, trees[0] if isinstance(argnums, int) else trees

    return evaluate


def _as_list(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def map_tree(tree: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function to the leaves of nested lists, tuples and dicts."""
    if isinstance(tree, dict):
        return {key: map_tree(value, function) for key, value in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)(map_tree(value, function) for value in tree)
    return function(tree)


def needs_record(tree: Any) -> bool:
    found: list[bool] = []
    map_tree(tree, lambda x: found.append(isinstance(x, Tensor) and x.requires_grad))
    return any(found) and _core.is_grad_enabled()


def as_input(value: Any, leaves: list[Tensor]) -> Tensor:
    """Return a tensor to differentiate for, separate from other uses of the same one."""
    given = _core.tensor(float(value)) if isinstance(value, (int, float)) else _core.asarray(value)
    if given.requires_grad:
        with enable_grad():
            own = _core.copy(given)
    else:
        own = given.detach()
        own.requires_grad = True
    leaves.append(own)
    return own
