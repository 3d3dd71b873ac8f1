"""Runs cases: results are compared first, then all frameworks are timed in turn."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from bench.case import Case, Contender
from bench.machine import Machine
from bench.timing import Timing, measure


@dataclass(frozen=True)
class Measurement:
    """The timings of one case by framework, and pydl's fraction of the machine's limit."""

    case: Case
    timings: dict[str, Timing]
    fraction: float | None


def run_case(case: Case, machine: Machine, *, seconds: float) -> Measurement:
    """Build, check and time one case."""
    contenders = _build(case)
    _check_agreement(case, contenders)
    timings = measure({name: c.run for name, c in contenders.items()}, seconds=seconds)
    return Measurement(case, timings, _fraction_of_peak(case, machine, timings["pydl"].median))


def select(cases: Iterable[Case], pattern: str | None) -> list[Case]:
    """The cases whose name contains `pattern`."""
    return [case for case in cases if pattern is None or pattern in case.name]


def _build(case: Case) -> dict[str, Contender]:
    contenders = {}
    for framework, build in case.contenders.items():
        try:
            contenders[framework] = build()
        except ImportError:
            if framework == "pydl":
                raise
    return contenders


def _check_agreement(case: Case, contenders: dict[str, Contender]) -> None:
    expected = contenders["pydl"].result()
    for framework, contender in contenders.items():
        if framework == "pydl":
            continue
        np.testing.assert_allclose(
            contender.result(),
            expected,
            rtol=case.tolerance,
            atol=case.tolerance * max(1e-30, float(np.abs(expected).max())),
            err_msg=f"{case.name}: pydl and {framework} disagree",
        )


def _fraction_of_peak(case: Case, machine: Machine, seconds: float) -> float | None:
    if case.flops:
        return case.flops / seconds / machine.flops
    if case.bytes_moved:
        return case.bytes_moved / seconds / machine.bandwidth
    return None
