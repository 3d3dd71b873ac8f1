"""Command line of the benchmarks."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from pathlib import Path

from bench import compile as compile_times
from bench import threads
from bench.case import Case
from bench.machine import describe_machine, measure_limits
from bench.peers import split
from bench.report import Measured, table, write_json
from bench.report_operations import operations_table
from bench.runner import Runner, Settings
from bench.suites import SUITES


def main() -> int:
    parser = _parser()
    options = parser.parse_args()
    words = " ".join(options.suite)
    if words == "threads":
        return threads.run(options)
    if words == "compile":
        return compile_times.run(options)
    names = [name for name in SUITES if f"{name} ".startswith(f"{words} ") or not words]
    if not names:
        parser.error(f"no suite {words!r}: expected one of {', '.join(SUITES)}")
    peers = None if options.peers is None else options.peers.split(",")
    cases = [_choose(case, peers) for name in names for case in SUITES[name]()]
    cases = [case for case in cases if options.only is None or options.only in case.name]
    if options.list:
        for case in cases:
            print(f"{case.name}: {', '.join(case.contenders)}")
        return 0
    return _run(cases, options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Time pydl and other frameworks, each in its own process.",
    )
    parser.add_argument(
        "suite",
        nargs="*",
        help=f"{', '.join(SUITES)}, or train for all of these; default: all; "
        "threads: pydl beside busy processes; compile: time to compile, by size of the graph",
    )
    parser.add_argument("--list", action="store_true", help="name the cases, and run nothing")
    parser.add_argument("--only", help="cases whose name contains this")
    parser.add_argument(
        "--peers", help='frameworks or contenders to compare with, as "jax,torch fused"'
    )
    parser.add_argument("--seconds", type=float, default=1.0, help="time per case and contender")
    parser.add_argument(
        "--threads", type=int, help="threads of each framework; default: one for each processor"
    )
    parser.add_argument("--slice", type=float, default=0.05, help="seconds timed at a stretch")
    parser.add_argument(
        "--timeout", type=float, default=300.0, help="seconds until a silent contender is given up"
    )
    parser.add_argument("--json", type=Path, help="also write the results to this file")
    return parser


def _choose(case: Case, peers: list[str] | None) -> Case:
    """The case with pydl and the chosen peers only."""
    if peers is None:
        return case
    chosen = tuple(
        name for name in case.contenders if split(name)[0] in ("pydl", *peers) or name in peers
    )
    return dataclasses.replace(case, contenders=chosen)


def _run(cases: list[Case], options: argparse.Namespace) -> int:
    machine = describe_machine()
    settings = Settings(
        options.threads or machine.threads, options.seconds, options.slice, options.timeout
    )
    start = measure_limits()
    print(machine)
    print(f"start: {start}")
    measured = []
    with Runner(settings) as runner:
        for case in cases:
            measured.append(Measured(case, runner.run(case)))
            print(f"  {case.name}: done", flush=True)
    end = measure_limits()
    print(f"end:   {end}\n")
    for each in measured:
        if each.case.family is None:
            print(table(each, start.better(end)))
    short = [each for each in measured if each.case.family is not None]
    if short:
        print(operations_table(short))
    if options.json is not None:
        write_json(options.json, machine, (start, end), settings, measured)
    return int(any(result.broken for each in measured for result in each.results))


if __name__ == "__main__":
    sys.exit(main())
