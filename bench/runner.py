"""Runs a case: one process for each contender, timed in turn, and their results compared."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np

from bench.case import Case, Values
from bench.messages import FINISH, TIME, Failure, Job, Ready, Started
from bench.peers import split
from bench.process import WorkerError, WorkerProcess
from bench.timing import Timing

_MIN_SLICES = 5


@dataclass(frozen=True)
class Settings:
    """How long and how wide to measure."""

    threads: int
    seconds: float  # per case and contender
    slice_seconds: float
    timeout: float  # of each answer of a worker

    def of_short_cases(self) -> Settings:
        """For one of hundreds of short cases."""
        return replace(self, seconds=self.seconds / 8, slice_seconds=self.slice_seconds / 8)


@dataclass
class Result:
    """What came of one contender: a failure, or all other fields."""

    contender: str
    failure: Failure | None = None
    version: str | None = None
    timing: Timing | None = None
    first_step: float | None = None  # seconds from the start of the process to its first step
    peak_memory: int | None = None  # bytes
    values: Values | None = field(default=None, repr=False)
    kernels: dict[str, int] = field(default_factory=dict)  # of one step, by op and implementation

    @property
    def ours(self) -> bool:
        return split(self.contender)[0] == "pydl"

    @property
    def broken(self) -> bool:
        """Whether it failed although it is there."""
        return self.failure is not None and self.failure.installed


class Runner:
    """Runs cases one after another; processes that cases share end with the runner."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shared: dict[str, WorkerProcess] = {}

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._shared.values():
            worker.close()

    def run(self, case: Case) -> list[Result]:
        """Time all contenders of a case; one that fails does not hold up the others."""
        results = [Result(name) for name in case.contenders]
        settings = self._settings.of_short_cases() if case.family else self._settings
        workers: dict[str, WorkerProcess] = {}
        try:
            for result in results:
                worker = self._start(case, result, settings)
                if worker is not None:
                    workers[result.contender] = worker
            _time_in_turn(workers, results, settings)
            for result in results:
                if result.failure is None:
                    _finish(workers[result.contender], result)
        finally:
            for result in results:
                # A process that failed between answers may be anywhere, or dead.
                if result.contender in workers and not (case.family and result.failure is None):
                    self._shared.pop(result.contender, None)
                    workers[result.contender].close()
        compare(case, results)
        return results

    def _start(self, case: Case, result: Result, settings: Settings) -> WorkerProcess | None:
        job = Job(case, result.contender, settings.slice_seconds)
        worker = self._shared.get(result.contender) if case.family else None
        if worker is None:
            worker = WorkerProcess(job, threads=settings.threads, timeout=settings.timeout)
        else:
            worker.start(job)
        try:
            started: Started = worker.receive()
            result.first_step = time.perf_counter() - worker.spawned - started.data_seconds
            ready: Ready = worker.receive()
            result.version = ready.version
        except BaseException as error:
            self._shared.pop(result.contender, None)
            worker.close()
            if not isinstance(error, WorkerError):
                raise
            result.failure = error.failure
            return None
        worker.pause()
        if case.family:
            self._shared[result.contender] = worker
        return worker


def _time_in_turn(
    workers: dict[str, WorkerProcess], results: list[Result], settings: Settings
) -> None:
    """Run slices in turn, so that other load on the machine affects all contenders alike."""
    slices: dict[str, list[float]] = {name: [] for name in workers}
    running = [result for result in results if result.failure is None]
    deadline = time.perf_counter() + settings.seconds * len(running)
    rounds = 0
    while running and (rounds < _MIN_SLICES or time.perf_counter() < deadline):
        for result in tuple(running):
            try:
                slices[result.contender].append(workers[result.contender].ask(TIME))
            except WorkerError as error:
                result.failure = error.failure
                running.remove(result)
        rounds += 1
    for result in running:
        result.timing = Timing.of(slices[result.contender])


def _finish(worker: WorkerProcess, result: Result) -> None:
    try:
        finished = worker.ask(FINISH)
        result.peak_memory, result.values = finished.peak_memory, finished.values
        result.kernels = finished.kernels
    except WorkerError as error:
        result.failure = error.failure


def compare(case: Case, results: list[Result]) -> None:
    """Fail the contenders that computed something else than the first one, pydl."""
    if results[0].values is None:
        return
    first = results[0].values.astype(np.float64)
    finite = np.abs(first[np.isfinite(first)])
    atol = case.tolerance * max(1e-30, float(finite.max(initial=0)))
    for result in results[1:]:
        if result.values is None:
            continue
        try:
            np.testing.assert_allclose(result.values, first, rtol=case.tolerance, atol=atol)
        except AssertionError as error:
            result.failure = Failure(f"disagrees with {results[0].contender}", True, str(error))
