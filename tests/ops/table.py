"""The table of ops: one row per op, from which every test of tests/ops is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import pydl

Array = np.ndarray[Any, np.dtype[Any]]
Sampler = Callable[[np.random.Generator], "Sequence[Sample]"]


@dataclass(frozen=True)
class Sample:
    """Arguments of one call: arrays (float64 where they are real numbers), then keywords."""

    arrays: tuple[Array, ...]
    keywords: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class BadCall:
    """A call that must raise, and what its message must contain."""

    call: Callable[[], object]
    error: type[Exception]
    message: str


@dataclass(frozen=True)
class Row:
    """What is tested of one op.

    `call` and `reference` take the arrays of a sample, as tensors and as float64 arrays. `smooth`
    says which arrays have derivatives; none means not differentiable. `torch` is the same with
    PyTorch tensors. `orders` is how often it can be differentiated, as far as that is tested.
    `sixteen_bits` says whether it takes float16 and bfloat16.
    """

    name: str
    call: Callable[..., Any]
    reference: Callable[..., Any]
    samples: Sampler
    smooth: tuple[int, ...] = ()
    bad: tuple[BadCall, ...] = ()
    rtol: float = 2e-5
    atol: float = 2e-6
    torch: Callable[..., Any] | None = None
    dtypes: tuple[str, ...] = ("float32", "float64")
    orders: int = 2
    sixteen_bits: bool = True


def joined(values: pydl.Tensor, indices: pydl.Tensor) -> pydl.Tensor:
    """Return both results of an op as one tensor, for its row."""
    return pydl.concat([values.reshape(-1), indices.astype(values.dtype).reshape(-1)])


def rows() -> list[Row]:
    """All rows: those of the files `rows_<family>.py` beside this one."""
    names = sorted(path.stem for path in Path(__file__).parent.glob("rows_*.py"))
    return [row for name in names for row in import_module(f"ops.{name}").ROWS]


def row_samples(row: Row, seed: int = 0) -> Iterator[Sample]:
    """The samples of a row, the same for the same seed."""
    yield from row.samples(np.random.default_rng(seed))
