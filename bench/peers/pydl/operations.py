"""Single operations, eager."""

from __future__ import annotations

import pydl
from bench.case import Array, Contender
from bench.ops import Operation
from bench.peers.pydl.training import Step, read


def _backward(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
    x.grad = None
    (x * y).sum().backward()
    assert x.grad is not None
    return x.grad


_OPERATIONS: dict[str, Step] = {
    "matmul": pydl.matmul,
    "add": lambda x, y: x + y,
    "relu": pydl.relu,
    "exp": pydl.exp,
    "tanh": pydl.tanh,
    "softmax": pydl.softmax,
    "sum axis 0": lambda x: x.sum(axis=0),
    "sum axis 1": lambda x: x.sum(axis=1),
    "backward": _backward,
}


def operation(work: Operation, data: list[Array], variant: str) -> Contender:
    function = _OPERATIONS[work.name]
    tensors = [pydl.tensor(array) for array in data]
    tensors[0].requires_grad = work.recorded
    return Contender(lambda: function(*tensors), read)
