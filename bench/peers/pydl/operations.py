"""Single operations, eager."""

from __future__ import annotations

import pydl
from bench.case import Array, Contender, Values
from bench.operations.row import Operation, contender
from bench.peers.pydl.training import read

_NAMES = {"m": pydl, "f": pydl.nn.functional}


def operation(work: Operation, data: list[Array], variant: str) -> Contender:
    tensors = [pydl.tensor(array) for array in data]
    return contender(work, tensors, _NAMES, "pydl", pydl.tensor, _read)


def _read(result: pydl.Tensor) -> Values:
    return read(result.astype("float32") if result.dtype == pydl.bfloat16 else result)
