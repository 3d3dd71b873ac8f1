"""Arrays with NaN, infinities, denormals and extreme values among their elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def _with(*values: float) -> Callable[[tuple[int, ...]], Array]:
    """Ordinary numbers with a few others among them."""

    def fill(shape: tuple[int, ...]) -> Array:
        x = np.random.default_rng(3).normal(size=shape)
        flat = x.reshape(-1)
        places = (np.arange(len(values)) * 7 + 1) % max(flat.size, 1)
        flat[places] = values
        return x

    return fill


FILLS: dict[str, Callable[[tuple[int, ...]], Array]] = {
    "ordinary": _with(),
    "NaN": _with(np.nan),
    "infinity": _with(np.inf),
    "both infinities": _with(np.inf, -np.inf),
    "large": _with(1e30, -1e30, 3e38),
    "above the range of exp": _with(89.0, -104.0, 200.0, 1e4),
    "denormals": _with(1e-40, -1e-45, 1.2e-38),
    "zeros": lambda shape: np.zeros(shape),
    "negative zeros": lambda shape: np.full(shape, -0.0),
    "ties": lambda shape: np.ones(shape),
    "all NaN": lambda shape: np.full(shape, np.nan),
    "all large": lambda shape: np.full(shape, 1e20),
}
