"""What the machine is, and what it can do at most: arithmetic and memory bandwidth, measured."""

from __future__ import annotations

from dataclasses import dataclass

import pydl
from pydl import _core


@dataclass(frozen=True)
class Machine:
    """The processor, and how pydl uses it."""

    cpu: str
    threads: int
    instruction_set: str

    def __str__(self) -> str:
        return f"{self.cpu}, {self.threads} threads, {self.instruction_set}"


@dataclass(frozen=True)
class Limits:
    """Limits of all threads together, float32, as measured at one time."""

    flops: float  # floating-point operations per second, fused multiply-add counted as two
    bandwidth: float  # bytes per second, of adding two arrays far larger than the caches

    def __str__(self) -> str:
        return f"FMA peak {self.flops / 1e9:.0f} GFLOP/s, memory {self.bandwidth / 1e9:.1f} GB/s"

    def better(self, other: Limits) -> Limits:
        """The higher of each: what the machine can do when nothing else runs on it."""
        return Limits(max(self.flops, other.flops), max(self.bandwidth, other.bandwidth))


def describe_machine() -> Machine:
    info = _core.info()
    return Machine(info["cpu"], pydl.get_num_threads(), info["instruction_set"])


def measure_limits() -> Limits:
    """Measure the limits: a few tenths of a second."""
    return Limits(
        flops=max(_core._measure_fma_peak() for _ in range(5)),
        bandwidth=max(_core._measure_bandwidth() for _ in range(5)),
    )
