"""NumPy: single operations only."""

from __future__ import annotations

import numpy as np

from bench.case import Array, Contender
from bench.operations.row import Operation, contender


def build(work: Operation, data: list[Array], variant: str) -> Contender:
    return contender(work, data, {"m": np}, "numpy", np.asarray, np.asarray)
