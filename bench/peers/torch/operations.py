"""Single operations, eager."""

from __future__ import annotations

import torch

from bench.case import Array, Contender, Values
from bench.operations.row import Operation, contender
from bench.peers.torch.training import read

_NAMES = {"m": torch, "f": torch.nn.functional}


def operation(work: Operation, data: list[Array], variant: str) -> Contender:
    tensors = [torch.from_numpy(array) for array in data]
    return contender(work, tensors, _NAMES, "torch", torch.from_numpy, _read)


def _read(result: torch.Tensor) -> Values:
    return read(result.float() if result.dtype == torch.bfloat16 else result)
