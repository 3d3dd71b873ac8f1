"""Tables and JSON of what was measured."""

from __future__ import annotations

import json
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tabulate import tabulate

from bench.machine import Machine
from bench.runner import Measurement

_DISTRIBUTIONS = {"pydl": "pydl-core", "torch": "torch", "numpy": "numpy"}


def table(measurements: list[Measurement]) -> str:
    """One row per case: pydl's median, spread and fraction of the limit, and each peer's ratio."""
    peers = sorted({name for m in measurements for name in m.timings if name != "pydl"})
    header = ["case", "pydl", "spread", "of peak"]
    for peer in peers:
        header += [peer, f"{peer} / pydl"]
    return tabulate([_row(m, peers) for m in measurements], headers=header, tablefmt="github")


def write_json(path: Path, machine: Machine, measurements: list[Measurement]) -> None:
    """Everything needed to compare with another run."""
    record = {
        "command": sys.argv,
        "python": platform.python_version(),
        "versions": {name: _version(dist) for name, dist in _DISTRIBUTIONS.items()},
        "machine": vars(machine),
        "cases": [
            {
                "name": m.case.name,
                "fraction_of_peak": m.fraction,
                "seconds": {name: vars(timing) for name, timing in m.timings.items()},
            }
            for m in measurements
        ],
    }
    path.write_text(json.dumps(record, indent=2) + "\n")


def _row(measurement: Measurement, peers: list[str]) -> list[str]:
    ours = measurement.timings["pydl"]
    fraction = "" if measurement.fraction is None else f"{measurement.fraction:.0%}"
    row = [measurement.case.name, _duration(ours.median), f"{ours.spread:.0%}", fraction]
    for peer in peers:
        timing = measurement.timings.get(peer)
        row += ["", ""] if timing is None else _peer_cells(timing.median, ours.median)
    return row


def _peer_cells(theirs: float, ours: float) -> list[str]:
    return [_duration(theirs), f"{theirs / ours:.2f}"]


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
