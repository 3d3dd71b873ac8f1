"""Command line of the benchmarks."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import ops, train
from bench.machine import measure_machine
from bench.report import table, write_json
from bench.runner import Measurement, run_case, select


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    suites = parser.add_subparsers(dest="suite", required=True)
    ops_parser = suites.add_parser("ops", help="single operations")
    train_parser = suites.add_parser("train", help="whole training steps")
    train_parser.add_argument("model", choices=sorted(train.MODELS))
    for sub in (ops_parser, train_parser):
        sub.add_argument("--only", help="cases whose name contains this")
        sub.add_argument("--seconds", type=float, default=1.0, help="time per case and framework")
        sub.add_argument("--json", type=Path, help="also write the results to this file")
    options = parser.parse_args()

    machine = measure_machine()
    print(machine)
    cases = ops.cases() if options.suite == "ops" else train.MODELS[options.model]()
    measurements: list[Measurement] = []
    for case in select(cases, options.only):
        measurements.append(run_case(case, machine, seconds=options.seconds))
        print(f"  {case.name}: done", flush=True)
    print()
    print(table(measurements))
    if options.json is not None:
        write_json(options.json, machine, measurements)


if __name__ == "__main__":
    main()
