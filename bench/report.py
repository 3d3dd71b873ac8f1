"""Tables and JSON of what was measured."""

from __future__ import annotations

import json
import platform
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bench.case import Case
from bench.machine import Limits, Machine
from bench.peers import split
from bench.runner import Result, Settings

_HEADER = (
    "contender", "median", "per MB", "spread", "/ pydl", "/ bound", "fastest peer /", "of peak",
    "peak memory", "first step",
)  # fmt: skip


@dataclass(frozen=True)
class Measured:
    """A case with its results."""

    case: Case
    results: list[Result]

    def ratio(self, result: Result) -> float | None:
        """Time of a contender as a multiple of pydl's, the first contender."""
        return _quotient(median(result), median(self.results[0]))

    def bound_ratio(self, result: Result) -> float | None:
        """Time of a contender as a multiple of the one that does only the arithmetic."""
        bound = next((r for r in self.results if r.contender == self.case.bound), None)
        return None if bound is None else _quotient(median(result), median(bound))

    def fastest_peer_ratio(self, result: Result) -> float | None:
        """Time of the fastest other framework as a multiple of this variant of pydl."""
        peers = [median(r) for r in self.results if not r.ours]
        fastest = min((t for t in peers if t is not None), default=None)
        return _quotient(fastest, median(result)) if result.ours else None

    def fraction_of_peak(self, result: Result, limits: Limits) -> float | None:
        """Part of the machine's arithmetic or bandwidth that a contender used."""
        seconds = median(result)
        if seconds is None or not (self.case.flops or self.case.bytes_moved):
            return None
        if self.case.flops:
            return self.case.flops / seconds / limits.flops
        return self.case.bytes_moved / seconds / limits.bandwidth


def table(measured: Measured, limits: Limits) -> str:
    """One row for each contender that was measured, and a line for each that was not."""
    rows = [_row(measured, r, limits) for r in measured.results if r.failure is None]
    columns = [column for column in zip(_HEADER, *rows, strict=True) if any(column[1:])]
    header, *rows = map(list, zip(*columns, strict=True)) if rows else [list(_HEADER)]
    text = tabulate(rows, headers=header, tablefmt="github", disable_numparse=True)
    missing = [f"{r.contender}: {r.failure.reason}" for r in measured.results if r.failure]
    kernels = [f"{r.contender}: {_kernels(r)}" for r in measured.results if _kernels(r)]
    return "\n".join([measured.case.name, "", text, *missing, *kernels, ""])


def _kernels(result: Result) -> str:
    """The implementations of products and convolutions, with how many calls each one serves."""
    named = [(name, count) for name, count in result.kernels.items() if ":" in name]
    return ", ".join(f"{count} x {name}" for name, count in named if "tiles" not in name)


def write_json(
    path: Path,
    machine: Machine,
    limits: Sequence[Limits],
    settings: Settings,
    cases: Sequence[Measured],
) -> None:
    """Everything needed to compare with another run."""
    start, end = limits
    record = {
        "command": sys.argv,
        "python": platform.python_version(),
        "machine": asdict(machine),
        "limits": {"start": asdict(start), "end": asdict(end)},
        "settings": asdict(settings),
        "cases": [_case_record(measured, start.better(end)) for measured in cases],
    }
    path.write_text(json.dumps(record, indent=2) + "\n")


def _case_record(measured: Measured, limits: Limits) -> dict[str, Any]:
    case = measured.case
    return {
        "name": case.name,
        "flops": case.flops,
        "bytes_moved": case.bytes_moved,
        "megabytes": case.megabytes,
        "results": [_result_record(measured, result, limits) for result in measured.results],
    }


def _result_record(measured: Measured, result: Result, limits: Limits) -> dict[str, Any]:
    framework, variant = split(result.contender)
    return {
        "contender": result.contender,
        "framework": framework,
        "variant": variant,
        "version": result.version,
        "failure": result.failure and asdict(result.failure),
        "seconds": result.timing and asdict(result.timing),
        "spread": result.timing and result.timing.spread,
        "ratio": measured.ratio(result),
        "bound_ratio": measured.bound_ratio(result),
        "fastest_peer_ratio": measured.fastest_peer_ratio(result),
        "fraction_of_peak": measured.fraction_of_peak(result, limits),
        "peak_memory": result.peak_memory,
        "first_step": result.first_step,
        "kernels": result.kernels,
    }


def _row(measured: Measured, result: Result, limits: Limits) -> list[str]:
    assert result.timing and result.first_step and result.peak_memory
    size = measured.case.megabytes
    return [
        result.contender,
        duration(result.timing.median),
        duration(result.timing.median / size) if size else "",
        f"{result.timing.spread:.0%}",
        _number(measured.ratio(result), ".2f"),
        _number(measured.bound_ratio(result), ".2f"),
        _number(measured.fastest_peer_ratio(result), ".2f"),
        _number(measured.fraction_of_peak(result, limits), ".0%"),
        f"{result.peak_memory / 1e6:.0f} MB",
        duration(result.first_step),
    ]


def median(result: Result) -> float | None:
    return result.timing.median if result.timing and not result.failure else None


def _quotient(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a / b


def _number(value: float | None, spec: str) -> str:
    return "" if value is None else format(value, spec)


def duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
