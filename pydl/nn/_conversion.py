"""Conversion of tensors that modules share: what was one tensor stays one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TypeVar

from pydl import _core
from pydl._core import Tensor

TensorT = TypeVar("TensorT", bound=Tensor)

# Address, bytes from there to the end, and the layout, which distinguishes views of one memory.
_Place = tuple[int, int, tuple[int, ...], tuple[int, ...]]


class SharedConversion:
    """Converts tensors by a function, each once, and each memory once.

    Two parameters that are one object, or two that share their memory in one layout, are so
    afterwards too.

    Parameters
    ----------
    convert : callable
        Tensor -> Tensor: a tensor of the same memory means that nothing changes.
    """

    def __init__(self, convert: Callable[[Tensor], Tensor]) -> None:
        self._convert = convert
        self._by_identity: dict[int, Tensor] = {}
        self._by_position: dict[_Place, Tensor] = {}

    def check(self, tensors: list[tuple[str, Tensor]]) -> None:
        """Raise `ValueError` where tensors overlap without being the same: they would part."""
        positions = sorted(
            (position, name)
            for name, tensor in tensors
            if (position := position_in_memory(tensor)) is not None
        )
        for (first, name), (second, other) in pairwise(positions):
            if first != second and second[0] < first[0] + first[1]:
                raise ValueError(
                    f"to: {name} and {other} share memory in different layouts, which the "
                    "conversion would divide; convert first and tie them afterwards"
                )

    def apply(self, tensor: TensorT, rewrap: Callable[[TensorT, Tensor], TensorT]) -> TensorT:
        """Convert a tensor; `rewrap` makes one of its class of the result."""
        known = self._by_identity.get(id(tensor))
        if known is not None:
            return known  # type: ignore[return-value]
        position = position_in_memory(tensor)
        moved = self._by_position.get(position) if position is not None else None
        if moved is None:
            moved = self._convert(tensor.detach())
            if position is not None:
                self._by_position[position] = moved
        result = tensor if moved.dtype == tensor.dtype else rewrap(tensor, moved)
        self._by_identity[id(tensor)] = result
        return result


def position_in_memory(tensor: Tensor) -> _Place | None:
    """Return the memory of a tensor; None without elements."""
    if tensor.size == 0:
        return None
    width = tensor.nbytes // tensor.size
    size = width + sum(
        width * abs(step) * (n - 1) for step, n in zip(tensor.strides, tensor.shape, strict=True)
    )
    return _core._address(tensor), size, tensor.shape, tensor.strides
