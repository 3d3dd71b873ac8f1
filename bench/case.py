"""A benchmark case: the same work for every framework, and how much work it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Values = npt.NDArray[np.floating]


class Work(Protocol):
    """What is computed, in words that no framework owns: sizes and names, cheap to pickle."""

    def data(self) -> Any:
        """Inputs and initial weights, the same in every process."""


@dataclass(frozen=True)
class Contender:
    """One framework's version of some work."""

    run: Callable[[], Any]  # one step; may return before the step is finished
    read: Callable[[Any], Values]  # waits for what `run` returned: an operation's values, or a loss
    wait: Callable[[Any], Any] | None = None  # only waits, where `read` is slow
    # How many kernels of each op and implementation one step runs, where that is known.
    kernels: Callable[[], dict[str, int]] | None = None


@dataclass(frozen=True)
class Case:
    """Named work with its size.

    `flops` and `bytes_moved` are per step; whichever is given decides which limit of the machine
    the time is compared with. Cases with neither are bound by overhead. Of work on text, the time
    per megabyte is told too.
    """

    name: str
    work: Work
    contenders: tuple[str, ...]  # "<framework>" or "<framework> <variant>"
    checked: Work | None = None  # what is compared where `work` draws random numbers
    checked_steps: int = 1  # the number of first steps of a new contender that are compared
    flops: float = 0.0
    bytes_moved: float = 0.0
    megabytes: float = 0.0  # of text
    tolerance: float = 1e-4
    bound: str | None = None  # contender that does only the arithmetic, in one of pydl's processes
    # Family and size of one of many short cases: contenders share their processes with those of
    # the other cases, a case gets a part of the time, and the report has one table for all.
    family: str | None = None
    size: str | None = None
    reason: str = ""  # why it is slower than in PyTorch, where it is
