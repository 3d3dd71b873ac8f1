"""Outputs larger than the caches, which are written past them."""

from __future__ import annotations

import numpy as np
import pytest

import pydl


def test_output_beyond_the_caches() -> None:
    count = (1 << 25) + 7  # 128 MiB of float32, and not a whole number of tiles
    x = pydl.arange(0, count, dtype="float32")
    y = (x * 0.5 + x).numpy()
    np.testing.assert_array_equal(y[::9973], 1.5 * np.arange(0, count, 9973, dtype=np.float32))
    assert y[-1] == np.float32(1.5) * np.float32(count - 1)


@pytest.mark.parametrize("columns", [4096, 4112, 4099])
def test_product_beyond_the_caches(columns: int) -> None:
    # Rows of 4099 columns are not aligned, and those of 4112 do not end with a whole panel.
    rng = np.random.default_rng()
    a = rng.standard_normal((40, 4100), dtype=np.float32)
    b = rng.standard_normal((40, columns), dtype=np.float32)
    y = (pydl.tensor(a).mT @ pydl.tensor(b)).numpy()
    rows = np.r_[0:4100:97, 4099]
    expected = a.astype(np.float64).T[rows] @ b.astype(np.float64)
    np.testing.assert_allclose(y[rows], expected, atol=2e-4)
