"""NumPy: single operations only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.case import Array, Contender
from bench.ops import Operation

_OPERATIONS: dict[str, Callable[..., Any]] = {
    "matmul": np.matmul,
    "add": np.add,
    "relu": lambda x: np.maximum(x, 0),
    "exp": np.exp,
    "tanh": np.tanh,
    "sum axis 0": lambda x: x.sum(0),
    "sum axis 1": lambda x: x.sum(1),
}


def build(work: Operation, data: list[Array], variant: str) -> Contender:
    function = _OPERATIONS[work.name]
    return Contender(lambda: function(*data), np.asarray)
