"""Timing of several functions in turn, so that noise of the machine meets all of them alike."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """Seconds per call: the median of all samples, and the quartiles around it."""

    median: float
    lower: float
    upper: float
    samples: int

    @property
    def spread(self) -> float:
        """Distance of the quartiles as a fraction of the median."""
        return (self.upper - self.lower) / self.median


def _calls_per_sample(function: Callable[[], object], target: float) -> int:
    """How many calls take about `target` seconds together."""
    calls = 1
    while True:
        start = time.perf_counter()
        for _ in range(calls):
            function()
        elapsed = time.perf_counter() - start
        if elapsed >= target / 4 or calls >= 1 << 20:
            return max(1, round(calls * target / max(elapsed, 1e-9)))
        calls *= 4


def measure(
    functions: Mapping[str, Callable[[], object]], *, seconds: float, sample_seconds: float = 0.002
) -> dict[str, Timing]:
    """Time functions in turn.

    Parameters
    ----------
    functions : mapping of str to callable
        What to call, by name.
    seconds : float
        Time for each function, after warm-up.
    sample_seconds : float
        Time of one sample; short functions are called many times in it.

    Returns
    -------
    dict of str to Timing
    """
    calls = {}
    for name, function in functions.items():
        for _ in range(3):
            function()
        calls[name] = _calls_per_sample(function, sample_seconds)
    samples: dict[str, list[float]] = {name: [] for name in functions}
    deadline = time.perf_counter() + seconds * len(functions)
    enabled = gc.isenabled()
    gc.disable()
    try:
        while time.perf_counter() < deadline or min(map(len, samples.values())) < 5:
            for name, function in functions.items():
                start = time.perf_counter()
                for _ in range(calls[name]):
                    function()
                samples[name].append((time.perf_counter() - start) / calls[name])
    finally:
        if enabled:
            gc.enable()
    return {name: _summary(values) for name, values in samples.items()}


def _summary(values: list[float]) -> Timing:
    lower, median, upper = statistics.quantiles(values, n=4)
    return Timing(median, lower, upper, len(values))
