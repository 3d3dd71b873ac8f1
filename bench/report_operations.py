"""The table of single operations, and what it says together."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from tabulate import tabulate

from bench.report import Measured, duration, median
from bench.runner import Result

_PEERS = ("torch", "numpy")
_SLOW = 0.8  # of PyTorch's speed


def operations_table(measured: Sequence[Measured]) -> str:
    """One line for each operation and size, the means of the ratios, and the slow operations."""
    parts = [_lines(measured), _means(measured), _slow(measured), _failures(measured)]
    return "\n\n".join(part for part in parts if part)


def _lines(measured: Sequence[Measured]) -> str:
    rows = []
    for each in measured:
        times = {result.contender: median(result) for result in each.results}
        row = [each.case.family, each.case.name]
        row += [_time(times.get(name)) for name in ("pydl", *_PEERS)]
        rows.append(row + [_number(_ratio(each, name)) for name in _PEERS])
    header = ["family", "operation", "pydl", "torch", "numpy", "torch / pydl", "numpy / pydl"]
    return tabulate(rows, headers=header, tablefmt="github", disable_numparse=True)


def _means(measured: Sequence[Measured]) -> str:
    """Geometric means of the peers' times as multiples of pydl's, by family and by size."""
    groups: dict[str, list[Measured]] = defaultdict(list)
    for each in measured:
        groups[f"family {each.case.family}"].append(each)
    for each in measured:
        groups[f"size {each.case.size}"].append(each)
    groups["all"] = list(measured)
    rows = [
        [
            name,
            str(len(members)),
            *(_number(_geometric(members, peer)) for peer in ("torch", "numpy")),
        ]
        for name, members in groups.items()
    ]
    header = ["geometric mean of", "cases", "torch / pydl", "numpy / pydl"]
    return tabulate(rows, headers=header, tablefmt="github", disable_numparse=True)


def _slow(measured: Sequence[Measured]) -> str:
    ratios = [(ratio, each) for each in measured if (ratio := _ratio(each, "torch")) is not None]
    slow = sorted((pair for pair in ratios if pair[0] < _SLOW), key=lambda pair: pair[0])
    lines = [
        f"  {ratio:.2f}  {each.case.name}: {each.case.reason or 'no reason is stated'}"
        for ratio, each in slow
    ]
    return "\n".join(
        [f"Below {_SLOW} of the speed of PyTorch: {len(slow)} of {len(ratios)}", *lines]
    )


def _failures(measured: Sequence[Measured]) -> str:
    return "\n".join(
        f"{each.case.name}: {result.contender}: {result.failure.reason}"
        for each in measured
        for result in each.results
        if result.failure
    )


def _ratio(measured: Measured, peer: str) -> float | None:
    found: Iterable[Result] = (r for r in measured.results if r.contender == peer)
    return next((measured.ratio(result) for result in found), None)


def _geometric(measured: Sequence[Measured], peer: str) -> float | None:
    logs = [math.log(r) for each in measured if (r := _ratio(each, peer)) is not None]
    return math.exp(sum(logs) / len(logs)) if logs else None


def _time(seconds: float | None) -> str:
    return "" if seconds is None else duration(seconds)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
