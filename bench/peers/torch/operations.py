"""Single operations, eager."""

from __future__ import annotations

import torch

from bench.case import Array, Contender
from bench.ops import Operation
from bench.peers.torch.training import Step, read


def _backward(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x.grad = None
    (x * y).sum().backward()
    assert x.grad is not None
    return x.grad


_OPERATIONS: dict[str, Step] = {
    "matmul": torch.matmul,
    "add": lambda x, y: x + y,
    "relu": torch.relu,
    "exp": torch.exp,
    "tanh": torch.tanh,
    "softmax": lambda x: torch.softmax(x, -1),
    "sum axis 0": lambda x: x.sum(0),
    "sum axis 1": lambda x: x.sum(1),
    "backward": _backward,
}


def operation(work: Operation, data: list[Array], variant: str) -> Contender:
    function = _OPERATIONS[work.name]
    tensors = [torch.from_numpy(array) for array in data]
    tensors[0].requires_grad_(work.recorded)
    return Contender(lambda: function(*tensors), read)
