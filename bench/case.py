"""A benchmark case: the same work for every framework, and how much work it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Result = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Contender:
    """One framework's version of a case."""

    run: Callable[[], object]
    result: Callable[[], Result]  # the values to be compared, computed once before timing


@dataclass(frozen=True)
class Case:
    """Named work with its size.

    `flops` and `bytes_moved` are per call; whichever is given decides which limit of the machine
    the time is compared with. Cases with neither are bound by overhead.
    """

    name: str
    contenders: dict[str, Callable[[], Contender]]  # framework -> builder; may raise ImportError
    flops: float = 0.0
    bytes_moved: float = 0.0
    tolerance: float = 1e-4
