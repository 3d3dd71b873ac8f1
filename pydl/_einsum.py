"""Sums of products, with subscripts as text or as lists of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydl import _core
from pydl._core import Tensor


def einsum(subscripts: str | Tensor, *operands: Any) -> Tensor:
    """Sum products of tensors over axes that are written as letters, as in NumPy.

    Each operand has a group of letters, one per axis. The result is the sum over all letters that
    the output does not have. Operands are combined in pairs, in the order that takes the fewest
    multiplications, and each pair is a matrix product, as fast as `matmul`.

    Parameters
    ----------
    subscripts : str
        The groups of the operands, separated by commas, and the output after ``->``, such as
        ``"ij,jk->ik"``. A letter that a group has twice stands for a diagonal. ``...`` stands for
        the axes without letters, which broadcast; axes of size 1 do, too. Without ``->``, the
        output has the axes of the ellipsis, and then the letters that occur once, in alphabetical
        order.
    *operands : Tensor
        Of one numeric dtype, or promoted to one.

    Returns
    -------
    Tensor

    Raises
    ------
    ValueError
        If the subscripts cannot be read, or do not fit the shapes.
    TypeError
        For operands of dtype bool.

    Notes
    -----
    NumPy's other form is also understood, where each operand is followed by the list of its axes,
    numbers from 0 to 51 or `...`, and the list of the output may come last.

    Examples
    --------
    >>> import pydl
    >>> a, b = pydl.ones((5, 2, 3)), pydl.ones((5, 3, 4))
    >>> pydl.einsum("bij,bjk->bik", a, b).shape
    (5, 2, 4)
    >>> pydl.einsum("ii", pydl.tensor([[1, 2], [3, 4]]))
    tensor(5, dtype=int64)
    >>> pydl.einsum(a, [0, 1, 2], [2, 0]).shape
    (3, 5)
    """
    if isinstance(subscripts, str):
        if len(operands) == 1 and isinstance(operands[0], list | tuple):
            operands = tuple(operands[0])  # PyTorch takes a list, too
        return _core.einsum(subscripts, operands)
    pairs = [subscripts, *operands]
    output = f"->{_letters(pairs.pop())}" if len(pairs) % 2 else ""
    groups = ",".join(_letters(axes) for axes in pairs[1::2])
    return _core.einsum(groups + output, pairs[::2])


def _letters(axes: Sequence[Any]) -> str:
    """Write numbers as letters in alphabetical order: capitals first."""
    if not isinstance(axes, list | tuple):
        raise TypeError(
            "einsum: expected subscripts as text, or a list of axes after each operand; "
            f"got {type(axes).__name__}"
        )
    return "".join("..." if axis is Ellipsis else _letter(axis) for axis in axes)


def _letter(axis: Any) -> str:
    if not isinstance(axis, int) or not 0 <= axis < 52:
        raise ValueError(f"einsum: expected axes from 0 to 51, or ..., got {axis!r}")
    return chr(ord("A") + axis) if axis < 26 else chr(ord("a") + axis - 26)
