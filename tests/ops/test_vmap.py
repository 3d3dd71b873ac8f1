"""Every op on a batch of examples gives what it gives for each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from ops.table import Row, Sample, row_samples, rows

import pydl

# They write elements that differ between examples into a tensor that is the same in all.
WRITING = {"assign", "fill_where", "index_assign"}

MOST_ELEMENTS = 2000
MOST_SAMPLES = 6


def tensor(array: Any) -> pydl.Tensor:
    return pydl.tensor(np.array(array))


def pairs_of_samples(row: Row) -> Iterator[tuple[Sample, Sample]]:
    """Samples of one signature; the first ones that are neither large nor of many axes."""
    found = 0
    for one, other in zip(row_samples(row, 0), row_samples(row, 1), strict=False):
        if not one.arrays or max(a.ndim for a in one.arrays) > 6 or found == MOST_SAMPLES:
            continue
        if sum(a.size for a in one.arrays) > MOST_ELEMENTS:
            continue
        alike = [a.shape for a in one.arrays] == [a.shape for a in other.arrays]
        found += 1
        yield one, other if alike and repr(one.keywords) == repr(other.keywords) else one


def results_of(value: Any) -> list[np.ndarray[Any, Any]]:
    parts = value if isinstance(value, (tuple, list)) else [value]
    return [part.detach().numpy() for part in parts]


def check(row: Row, call: Any, one: Sample, other: Sample, batched: set[int]) -> None:
    arguments = [
        tensor(np.stack([a, b]) if i in batched else a)
        for i, (a, b) in enumerate(zip(one.arrays, other.arrays, strict=True))
    ]
    axes = tuple(0 if i in batched else None for i in range(len(arguments)))
    found = results_of(
        pydl.vmap(lambda *tensors: call(*tensors, **one.keywords), in_axes=axes)(*arguments)
    )
    for number in (0, 1):
        own = [x[number] if i in batched else x for i, x in enumerate(arguments)]
        for whole, expected in zip(found, results_of(call(*own, **one.keywords)), strict=True):
            assert whole[number].shape == expected.shape
            np.testing.assert_allclose(
                whole[number], expected, rtol=max(row.rtol, 1e-9), atol=max(row.atol, 1e-11)
            )


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_rows_on_batches(row: Row) -> None:
    for one, other in pairs_of_samples(row):
        count = len(one.arrays)
        for batched in [set(range(count)), *({i} for i in range(count) if count > 1)]:
            if row.name in WRITING and 0 not in batched:
                with pytest.raises(pydl.TraceError, match="the same in all examples"):
                    check(row, row.call, one, other, batched)
            else:
                check(row, row.call, one, other, batched)


SMOOTH = [row for row in rows() if row.smooth and row.name not in WRITING]


@pytest.mark.parametrize("row", SMOOTH, ids=lambda row: row.name)
def test_gradients_of_rows_on_batches(row: Row) -> None:
    def scalar(*tensors: Any, **keywords: Any) -> pydl.Tensor:
        result = row.call(*tensors, **keywords)
        return (result * result).sum()

    gradient = pydl.grad(scalar, row.smooth)
    for one, other in pairs_of_samples(row):
        for batched in [set(range(len(one.arrays))), {row.smooth[0]}]:
            check(row, gradient, one, other, batched)
