"""Branches and loops over tensors that can be compiled and differentiated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl import _core
from pydl._core import Tensor, stack, where

__all__ = ["cond", "scan"]


def cond(
    predicate: Any,
    true_function: Callable[..., Any],
    false_function: Callable[..., Any],
    *args: Any,
) -> Any:
    """Call one of two functions, as a tensor decides.

    In a compiled function both are computed and the results selected with `where`, so that neither
    may be wrong for the other's arguments: a division by zero in the branch that is not taken gives
    a NaN gradient, as with `where` itself.

    Parameters
    ----------
    predicate : Tensor, shape (), or bool
        Which function counts.
    true_function, false_function : callable
        Called with `args`; both return a tensor, or tuples, lists or dicts of them, of one
        structure with equal shapes and dtypes.
    *args
        Arguments of either function.

    Returns
    -------
    Tensor or structure of Tensor
        What the chosen function returns.

    Raises
    ------
    ValueError
        For a predicate of more than one element, and, when compiled, for results that differ in
        structure, shape or dtype.

    Examples
    --------
    >>> import pydl
    >>> def f(x):
    ...     return pydl.cond(x.sum() > 0, lambda x: x * 2.0, lambda x: -x, x)
    >>> f(pydl.tensor([1.0, 2.0])).tolist(), pydl.compile(f)(pydl.tensor([-1.0, -2.0])).tolist()
    ([2.0, 4.0], [1.0, 2.0])
    """
    if isinstance(predicate, Tensor) and predicate.size != 1:
        raise ValueError(f"cond: expected a predicate of one element, got shape {predicate.shape}")
    if not (isinstance(predicate, Tensor) and _core._is_traced(predicate)):
        return true_function(*args) if predicate else false_function(*args)
    chosen, left = _core._ArgumentTree.of(true_function(*args))
    other, right = _core._ArgumentTree.of(false_function(*args))
    _require_alike("cond", left, right, "the two functions return")
    if chosen.first_other_leaf("result") or other.first_other_leaf("result"):
        raise ValueError("cond: expected functions that return tensors")
    flag = predicate.reshape(()) != 0
    return chosen.build([where(flag, a, b) for a, b in zip(left, right, strict=True)])


def scan(
    function: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any, *, reverse: bool = False
) -> tuple[Any, Any]:
    """Run a function over the first axis of tensors, carrying a state from step to step.

    The number of steps is static: a compiled function contains each of them, and its gradient is
    backpropagation through time.

    Parameters
    ----------
    function : callable
        (carry, x) -> (carry, y). The carry keeps its structure, shapes and dtypes.
    init : Tensor or structure of Tensor
        The carry before the first step.
    xs : Tensor, shape (T, ...), or structure of Tensor with equal T
        What each step gets a slice of.
    reverse : bool, default False
        Whether to go from the last slice to the first; results stay at the place of their slice.

    Returns
    -------
    carry : Tensor or structure of Tensor
        The carry after the last step.
    ys : Tensor, shape (T, ...), or structure of Tensor
        What the steps returned, stacked; None where they returned None.

    Raises
    ------
    ValueError
        Without steps, for tensors of different lengths, and for a carry that changes its structure,
        shape or dtype.

    Examples
    --------
    >>> import pydl
    >>> def add(total, x):
    ...     return total + x, total + x
    >>> last, sums = pydl.scan(add, pydl.zeros(()), pydl.tensor([1.0, 2.0, 3.0]))
    >>> last.item(), sums.tolist()
    (6.0, [1.0, 3.0, 6.0])
    """
    tree, slices = _core._ArgumentTree.of(xs)
    lengths = {x.shape[0] if x.ndim else None for x in slices}
    if len(lengths) != 1 or lengths == {None}:
        raise ValueError(
            "scan: expected tensors of one length along the first axis, got shapes "
            + ", ".join(str(x.shape) for x in slices)
        )
    count = slices[0].shape[0]
    if count == 0:
        raise ValueError("scan: expected at least one step, got length 0")
    carry, before = init, _core._ArgumentTree.of(init)[1]
    results: list[Any] = [None] * count
    for step in reversed(range(count)) if reverse else range(count):
        carry, results[step] = function(carry, tree.build([x[step] for x in slices]))
        after = _core._ArgumentTree.of(carry)[1]
        _require_alike("scan", before, after, "the carry changed to")
        before = after
    outputs = [_core._ArgumentTree.of(result) for result in results]
    columns = zip(*(tensors for _, tensors in outputs), strict=True)
    return carry, outputs[0][0].build([stack(list(column)) for column in columns])


def _require_alike(name: str, one: list[Tensor], other: list[Tensor], what: str) -> None:
    """Raise ValueError unless both have the same shapes and dtypes, in the same number."""
    alike = len(one) == len(other) and all(
        a.shape == b.shape and a.dtype == b.dtype for a, b in zip(one, other, strict=False)
    )
    if not alike:
        raise ValueError(
            f"{name}: expected tensors of equal shapes and dtypes, but {what} "
            f"{[(str(b.dtype), b.shape) for b in other]} beside "
            f"{[(str(a.dtype), a.shape) for a in one]}"
        )
