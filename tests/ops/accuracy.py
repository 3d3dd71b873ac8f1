"""What results in float32 owe to the exact ones, and how special numbers are compared."""

from __future__ import annotations

import numpy as np
from ops.table import Array

LARGEST = float(np.finfo(np.float32).max)
SMALLEST = float(np.finfo(np.float32).tiny)


def assert_accurate(
    actual: Array, exact: Array, magnitudes: Array, *, bound: float = 5e-7, message: str = ""
) -> None:
    """Errors are small beside the sums of the magnitudes that were added up.

    Summing numbers of both signs one after the other in float32 stays below 3e-7. Whatever is
    below the normal numbers may be lost besides.
    """
    assert actual.dtype == np.float32, message
    assert actual.shape == exact.shape, message
    errors = np.abs(actual.astype(np.float64) - exact)
    allowed = bound * magnitudes + SMALLEST
    wrong = ~(errors <= allowed)
    assert not wrong.any(), (
        f"{message}: {wrong.sum()} of {wrong.size} are too far off, first {np.argwhere(wrong)[0]}, "
        f"the worst {np.nanmax(errors[wrong] / allowed[wrong]):.3g} times as far as allowed"
    )


def assert_same_special_numbers(actual: Array, exact: Array, message: str = "") -> None:
    """What is not a number, or infinite with which sign, is so in the same places."""
    np.testing.assert_array_equal(np.isnan(actual), np.isnan(exact), err_msg=message)
    for infinity in (np.inf, -np.inf):
        np.testing.assert_array_equal(actual == infinity, exact == infinity, err_msg=message)


def assert_finite_part_near(actual: Array, exact: Array, bound: float = 1e-5) -> None:
    """As the largest finite element sees it."""
    finite = np.isfinite(exact)
    difference = np.abs(actual[finite].astype(np.float64) - exact[finite])
    assert difference.size > 0
    assert difference.max() <= bound * np.abs(exact[finite]).max()
