"""A framework in its own process: ``python -m bench.worker``, started by the runner.

Only the contender's framework is imported here, so that its threads meet no other library's.
"""

from __future__ import annotations

import os
import pickle
import resource
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from bench.case import Contender, Work
from bench.messages import TIME, Failure, Finished, Job, Ready, Started
from bench.peers import NotAvailableError, split
from bench.timing import steps_per_slice, time_slice


def main() -> None:
    # In its own process group the worker is stopped with its helpers. Should the runner die, the
    # system hangs a stopped group up.
    os.setpgrp()
    requests, answers = sys.stdin.buffer, _take_stdout()

    def answer(message: object) -> None:
        pickle.dump(message, answers)
        answers.flush()

    while True:
        try:
            job: Job = pickle.load(requests)
        except EOFError:
            return  # the runner has gone, or has no more jobs
        try:
            _serve(job, lambda: pickle.load(requests), answer)
        except EOFError:
            return
        except Exception as error:
            answer(_failure(error, split(job.contender)[0]))


def _take_stdout() -> BinaryIO:
    """Standard output for answers alone; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return answers


def _serve(job: Job, next_request: Callable[[], str], answer: Callable[[object], None]) -> None:
    contender, data_seconds = _build(job.case.work, job.contender)
    contender.read(contender.run())
    answer(Started(data_seconds))
    framework = sys.modules[split(job.contender)[0]]
    steps = steps_per_slice(contender, job.slice_seconds)
    answer(Ready(str(framework.__version__), steps))
    while next_request() == TIME:
        answer(time_slice(contender, steps))
    peak_memory = _peak_memory()
    kernels = contender.kernels() if contender.kernels else {}
    del contender
    answer(Finished(peak_memory, _checked_values(job), kernels))


def _build(work: Work, name: str) -> tuple[Contender, float]:
    """Contender, and the seconds that making its data took."""
    framework, variant = split(name)
    start = time.perf_counter()
    data = work.data()
    seconds = time.perf_counter() - start
    return import_module(f"bench.peers.{framework}").build(work, data, variant), seconds


def _checked_values(job: Job) -> np.ndarray[Any, Any]:
    """Results of the first steps of a new contender, which agree between frameworks."""
    contender, _ = _build(job.case.checked or job.case.work, job.contender)
    steps = job.case.checked_steps
    return np.stack([np.asarray(contender.read(contender.run())) for _ in range(steps)])


def _peak_memory() -> int:
    """The most memory that this process has had, in bytes.

    Linux counts the parent's memory into `ru_maxrss` of a new process, but not into VmHWM.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _failure(error: Exception, framework: str) -> Failure:
    if isinstance(error, ModuleNotFoundError) and error.name == framework:
        return Failure("not installed", False, "")
    if isinstance(error, NotAvailableError):
        return Failure(str(error), False, "")
    message = (str(error).strip() or "no message").splitlines()[0]
    return Failure(f"{type(error).__name__}: {message}", True, traceback.format_exc())


if __name__ == "__main__":
    main()
