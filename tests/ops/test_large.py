"""Outputs larger than the caches, which are written past them."""

from __future__ import annotations

import numpy as np

import pydl


def test_output_beyond_the_caches() -> None:
    count = (1 << 25) + 7  # 128 MiB of float32, and not a whole number of tiles
    x = pydl.arange(0, count, dtype="float32")
    y = (x * 0.5 + x).numpy()
    np.testing.assert_array_equal(y[::9973], 1.5 * np.arange(0, count, 9973, dtype=np.float32))
    assert y[-1] == np.float32(1.5) * np.float32(count - 1)
