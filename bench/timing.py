"""Timing inside a worker: how many steps make a slice, and how long a slice takes."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from bench.case import Contender


@dataclass(frozen=True)
class Timing:
    """Seconds per step: the median of all slices, and the quartiles around it."""

    median: float
    lower: float
    upper: float
    slices: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        lower, median, upper = statistics.quantiles(seconds, n=4)
        return cls(median, lower, upper, len(seconds))

    @property
    def spread(self) -> float:
        """Distance of the quartiles as a fraction of the median."""
        return (self.upper - self.lower) / self.median


def steps_per_slice(contender: Contender, seconds: float) -> int:
    """How many steps take about `seconds` together."""
    steps = 1
    while True:
        elapsed = _run(contender, steps)
        if elapsed >= seconds / 4 or steps >= 1 << 20:
            return max(1, round(steps * seconds / max(elapsed, 1e-9)))
        steps *= 4


def time_slice(contender: Contender, steps: int) -> float:
    """Seconds per step of one slice."""
    # The process was stopped while others ran: wake its threads and fill the caches again. A step
    # as long as a slice does not notice.
    if steps > 1:
        _run(contender, max(1, steps // 5))
    return _run(contender, steps) / steps


def _run(contender: Contender, steps: int) -> float:
    run, wait = contender.run, contender.wait or contender.read
    gc.disable()
    try:
        start = time.perf_counter()
        for _ in range(steps):
            result = run()
        wait(result)
        return time.perf_counter() - start
    finally:
        gc.enable()
