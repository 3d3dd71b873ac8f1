"""Gradients as functions, in the ways of PyTorch (of results) and of JAX (of functions)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, overload

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import enable_grad
from pydl.mixed_precision import autocast

__all__ = ["checkpoint", "grad", "value_and_grad"]


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
        record = _core._gradient_nesting() > 0 or any(_needs_record(args[n]) for n in numbers)
        changed = list(args)
        for number in numbers:
            changed[number] = _map(args[number], lambda x: _as_input(x, leaves))
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
        trees = tuple(_map(args[n], lambda _: next(position)) for n in numbers)
        return result, trees[0] if isinstance(argnums, int) else trees

    return evaluate


def _as_list(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _map(tree: Any, function: Callable[[Any], Any]) -> Any:
    """Apply a function to the leaves of nested lists, tuples and dicts."""
    if isinstance(tree, dict):
        return {key: _map(value, function) for key, value in tree.items()}
    if type(tree) in (list, tuple):
        return type(tree)(_map(value, function) for value in tree)
    return function(tree)


def _needs_record(tree: Any) -> bool:
    found: list[bool] = []
    _map(tree, lambda x: found.append(isinstance(x, Tensor) and x.requires_grad))
    return any(found) and _core.is_grad_enabled()


def _as_input(value: Any, leaves: list[Tensor]) -> Tensor:
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


def checkpoint(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Call a function and forget its intermediate results; backward computes them again.

    Trades time for memory: of a deep network cut into parts, each called through `checkpoint`, only
    the inputs of the parts are kept (Chen et al., 2016, arXiv:1604.06174). Random numbers are the
    same the second time. The function must do the same then, and change nothing but its results.

    Parameters
    ----------
    function : callable
        From tensors to a tensor, or tuples, lists and dicts of them; a module, for example.
    *args, **kwargs
        Arguments of the function.

    Returns
    -------
    Tensor or structure of Tensor
        What the function returns.

    Raises
    ------
    RuntimeError
        In backward, when higher-order derivatives are requested (`create_graph=True`).

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor([0.5, 2.0], requires_grad=True)
    >>> pydl.checkpoint(lambda x: pydl.exp(x) * x, x).sum().backward()
    >>> [round(g, 3) for g in x.grad.tolist()]
    [2.473, 22.167]
    """
    if not _core.is_grad_enabled():
        return function(*args, **kwargs)
    tree, tensors = _core._ArgumentTree.of((args, kwargs))
    tape = _core._RandomTape()
    dtype = _core.autocast_dtype()
    precision = autocast(dtype or _core.bfloat16, enabled=dtype is not None)

    def run() -> tuple[list[Tensor], Any]:
        inputs = [t.detach().requires_grad_() if t.requires_grad else t for t in tensors]
        own_args, own_kwargs = tree.build(inputs)
        return inputs, function(*own_args, **own_kwargs)

    with tape.record():
        inputs, result = run()
    structure, outputs = _core._ArgumentTree.of(result)
    given = {hash(tensor) for tensor in inputs}  # the hash is the tensor's identity
    captured = [leaf for leaf in _core._leaves_of(outputs) if hash(leaf) not in given]
    recorded = [tensor for tensor in tensors if tensor.requires_grad] + captured
    if not recorded or not any(output.requires_grad for output in outputs):
        return result

    def backward(gradients: list[Tensor | None]) -> list[Tensor | None]:
        if _core.is_grad_enabled():
            raise RuntimeError("checkpoint: derivatives of higher order are not offered")
        with precision, enable_grad(), tape.replay(), _core._RecomputeScope():
            again, second = run()
            results = _core._ArgumentTree.of(second)[1]
        pairs = [
            (output, gradient)
            for output, gradient in zip(results, gradients, strict=True)
            if gradient is not None and output.requires_grad
        ]
        wanted = [tensor for tensor in again if tensor.requires_grad] + captured
        roots, weights = [output for output, _ in pairs], [weight for _, weight in pairs]
        with _core._RecomputeScope():
            return list(_core._grad(roots, wanted, weights, True, False, True))

    return structure.build(_core._record_function(recorded, outputs, backward))
