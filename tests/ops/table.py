"""The table of ops: one row per op, from which every test of tests/ops is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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


def rows() -> list[Row]:
    """All rows, of all families."""
    from ops.rows_conv import ROWS as conv
    from ops.rows_ctc import ROWS as ctc
    from ops.rows_elementwise import ROWS as elementwise
    from ops.rows_index import ROWS as index
    from ops.rows_loss import ROWS as loss
    from ops.rows_matmul import ROWS as matmul
    from ops.rows_norm import ROWS as norm
    from ops.rows_pool import ROWS as pool
    from ops.rows_recurrent import ROWS as recurrent
    from ops.rows_reduce import ROWS as reduce
    from ops.rows_resample import ROWS as resample
    from ops.rows_segment import ROWS as segment
    from ops.rows_softmax import ROWS as softmax
    from ops.rows_view import ROWS as view

    return [
        *elementwise,
        *reduce,
        *view,
        *index,
        *segment,
        *matmul,
        *conv,
        *pool,
        *norm,
        *recurrent,
        *resample,
        *softmax,
        *loss,
        *ctc,
    ]


def row_samples(row: Row, seed: int = 0) -> Iterator[Sample]:
    """The samples of a row, the same for the same seed."""
    yield from row.samples(np.random.default_rng(seed))
