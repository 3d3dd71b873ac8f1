"""What the runner and its workers say to each other, pickled.

The runner sends a `Job`; the worker answers `Started` and then `Ready`. Then every TIME is answered
by the seconds per step of one slice, and FINISH by `Finished`, after which another job may follow.
A `Failure` may come instead of any answer, and ends the job.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.case import Case, Values

TIME = "time"
FINISH = "finish"


@dataclass(frozen=True)
class Job:
    """What a worker is for."""

    case: Case
    contender: str
    slice_seconds: float


@dataclass(frozen=True)
class Started:
    """The first step is finished."""

    data_seconds: float  # spent on making inputs and initial weights, which no framework does


@dataclass(frozen=True)
class Ready:
    """The worker is ready to run slices."""

    version: str
    steps_per_slice: int


@dataclass(frozen=True)
class Finished:
    """What is known after the last slice."""

    peak_memory: int  # bytes, until the last slice
    values: Values  # to be compared with the other frameworks'
    kernels: dict[str, int]  # of one step, by op and implementation; empty where it is not known


@dataclass(frozen=True)
class Failure:
    """Why there is no answer."""

    reason: str
    installed: bool
    details: str  # the traceback
