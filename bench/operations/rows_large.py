"""Passes over arrays that are far larger than the caches."""

from __future__ import annotations

from bench.operations.row import Row, normal

_HUGE = {"10 million": (10_000, 1000)}

ROWS = (
    Row("x + y", (normal, normal), sizes=_HUGE, name="x + y"),
    Row("x * 2 + 1", sizes=_HUGE, name="x * 2 + 1"),
    Row("m.copy(x)", torch="x.clone()", sizes=_HUGE),
    Row("m.exp(x)", sizes=_HUGE),
    Row("m.sum(x)", sizes=_HUGE, tolerance=1e-2),
)  # fmt: skip
