"""What the machine can do at most: arithmetic and memory bandwidth, measured before every run."""

from __future__ import annotations

from dataclasses import dataclass

import pydl
from pydl import _core


@dataclass(frozen=True)
class Machine:
    """Measured limits of all threads together, float32."""

    cpu: str
    threads: int
    instruction_set: str
    flops: float  # floating-point operations per second, fused multiply-add counted as two
    bandwidth: float  # bytes per second, of adding two arrays far larger than the caches

    def __str__(self) -> str:
        return (
            f"{self.cpu}, {self.threads} threads, {self.instruction_set}: "
            f"FMA peak {self.flops / 1e9:.0f} GFLOP/s, memory {self.bandwidth / 1e9:.1f} GB/s"
        )


def measure_machine() -> Machine:
    """Measure the limits: a few tenths of a second."""
    info = _core.info()
    return Machine(
        cpu=info["cpu"],
        threads=pydl.get_num_threads(),
        instruction_set=info["instruction_set"],
        flops=max(_core._measure_fma_peak() for _ in range(5)),
        bandwidth=max(_core._measure_bandwidth() for _ in range(5)),
    )
