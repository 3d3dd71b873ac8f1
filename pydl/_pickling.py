"""Tensors in pickles: dtype, shape, bytes and `requires_grad`, and no history.

Tensors that share all of their memory, such as tied weights, are written once in a pickle, and
share memory when they are read. Other views become independent. What is read is row-major. A
result of recorded operations is read as its value: a leaf that requires no gradient. `grad` is not
written.

The names of the functions below are part of the pickles that exist.
"""

from __future__ import annotations

from pickle import PickleBuffer
from typing import Any
from weakref import WeakValueDictionary

from pydl import _core
from pydl._core import Tensor


class SharedElements:
    """The elements of tensors that share memory: one object for all of them, while it is alive.

    A pickler keeps the objects that it has written, and writes each of them once.
    """

    __slots__ = ("__weakref__", "_tensor")

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        memory: Any = _core._bytes_of(self._tensor)
        data = PickleBuffer(memory) if protocol >= 5 else bytes(memory)
        return read_elements, (self._tensor.dtype.name, self._tensor.shape, data)


_alive: WeakValueDictionary[tuple[Any, ...], SharedElements] = WeakValueDictionary()


def _elements_of(tensor: Tensor) -> SharedElements:
    if tensor.size == 0:
        return SharedElements(tensor)
    key = (tensor.data_ptr(), tensor.shape, tensor.strides, tensor.dtype.name)
    return _alive.setdefault(key, SharedElements(tensor))


def reduce_tensor(tensor: Tensor, protocol: int) -> tuple[Any, ...]:
    """Say how a tensor is read again, as `object.__reduce_ex__` does."""
    elements = _elements_of(tensor.detach())
    requires_grad = tensor.is_leaf and tensor.requires_grad
    if type(tensor) is Tensor:
        return read_tensor, (elements, requires_grad)
    return read_subclass, (type(tensor), elements, requires_grad), vars(tensor) or None


def read_elements(dtype: str, shape: tuple[int, ...], data: Any) -> Tensor:
    """Return the memory that tensors of a pickle share."""
    return _core._tensor_of_bytes(dtype, shape, data)


def read_tensor(elements: Tensor, requires_grad: bool) -> Tensor:
    """Return a tensor on that memory."""
    return elements.detach().requires_grad_(requires_grad)


def read_subclass(cls: type[Tensor], elements: Tensor, requires_grad: bool) -> Tensor:
    """Return a tensor of a subclass, such as `Parameter`, on that memory."""
    return Tensor.__new__(cls, read_tensor(elements, requires_grad))
