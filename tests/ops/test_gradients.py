"""First and second derivatives of every differentiable row by finite differences in float64."""

from __future__ import annotations

import numpy as np
import pytest
from ops.table import Row, Sample, row_samples, rows

import pydl
from pydl.testing import check_gradients

ROWS = [row for row in rows() if row.smooth]
LARGEST = 200  # elements: finite differences of more say nothing new


def _check(row: Row, sample: Sample, order: int) -> None:
    smooth = set(range(len(sample.arrays))) if row.name == "concat" else set(row.smooth)
    variables = [a for i, a in enumerate(sample.arrays) if i in smooth]

    def function(*leaves: pydl.Tensor) -> pydl.Tensor:
        remaining = iter(leaves)
        arguments = [
            next(remaining) if i in smooth else pydl.tensor(a) for i, a in enumerate(sample.arrays)
        ]
        result = row.call(*arguments, **sample.keywords)
        assert isinstance(result, pydl.Tensor)
        return result

    check_gradients(function, variables, order=order, rtol=2e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("row", "order"),
    [
        pytest.param(row, order, id=f"{row.name}-{order}")
        for row in ROWS
        for order in range(1, row.orders + 1)
    ],
)
def test_gradient(row: Row, order: int) -> None:
    checked = 0
    for sample in row_samples(row):
        defined = not np.isnan(row.reference(*sample.arrays, **sample.keywords)).any()
        if defined and max(a.size for a in sample.arrays) <= LARGEST:
            _check(row, sample, order)
            checked += 1
    assert checked > 0


def test_gradient_of_small_dtype_has_that_dtype() -> None:
    for dtype in ("float16", "bfloat16", "float32"):
        x = pydl.tensor([0.5, 1.0], dtype=dtype, requires_grad=True)
        (x * x).sum().backward()
        assert x.grad is not None
        assert x.grad.dtype == dtype
        np.testing.assert_allclose(x.grad.astype("float32").numpy(), [1.0, 2.0])


def test_checker_finds_a_wrong_derivative() -> None:
    with pytest.raises(AssertionError, match="order 1"):
        # The gradient of the detached factor is missing.
        check_gradients(lambda x: (x * x.detach()).sum(), [np.array([1.0, 2.0])])
