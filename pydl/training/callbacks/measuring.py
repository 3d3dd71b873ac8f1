"""Callbacks that measure the training: its time and its memory."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Mapping
from datetime import timedelta

from pydl._core import Tensor, memory_stats, reset_peak_memory, tensor
from pydl.training.callbacks.base import Callback, Logs, require_names


class Timer(Callback):
    """Measure epochs and steps, and end the training after a time.

    After each epoch, the values of the epoch, and so the history and the loggers after this one,
    have "epoch_seconds" (with validation), "step_seconds" (the mean of its steps, with the loading
    of their data) and, where the number of samples is known, "samples_per_second".

    Parameters
    ----------
    duration : float or timedelta, optional
        Seconds after which the training ends: after the step in which they have passed. A training
        that is resumed with the state of the timer has the rest of them.

    Attributes
    ----------
    epoch_seconds : list of float
        Seconds of each finished epoch.

    Raises
    ------
    ValueError
        For a duration that is not positive.

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "mse")
    >>> timer = pydl.training.Timer(duration=60)
    >>> x, y = pydl.ones((4, 2)), pydl.ones((4, 1))
    >>> history = model.fit(x, y, epochs=2, callbacks=timer, verbose=0)
    >>> list(history.history)
    ['loss', 'epoch_seconds', 'step_seconds', 'samples_per_second']
    >>> 0 < timer.time_elapsed() < 60
    True
    """

    _adds = ("epoch_seconds", "step_seconds", "samples_per_second")

    def __init__(self, duration: float | timedelta | None = None) -> None:
        seconds = duration.total_seconds() if isinstance(duration, timedelta) else duration
        if seconds is not None and not (isinstance(seconds, (int, float)) and seconds > 0):
            raise ValueError(f"Timer: expected duration above 0 seconds, got {duration!r}")
        self.duration = math.inf if seconds is None else float(seconds)
        self._before, self._resumes = 0.0, False  # seconds of the trainings that this one goes on
        self._start: float | None = None
        self._epoch_start = self._last_step = 0.0
        self._steps = 0
        self.epoch_seconds: list[float] = []

    def time_elapsed(self) -> float:
        """Return the seconds of the training so far, those of earlier parts included."""
        running = 0.0 if self._start is None else time.perf_counter() - self._start
        return self._before + running

    def time_remaining(self) -> float:
        """Return the seconds until the training is ended; infinite without a limit."""
        return max(self.duration - self.time_elapsed(), 0.0)

    def on_train_begin(self) -> None:
        if not self._resumes:
            self._before, self.epoch_seconds = 0.0, []
        self._resumes = False
        self._start = time.perf_counter()

    def on_train_end(self) -> None:
        self._before, self._start = self.time_elapsed(), None

    def on_epoch_begin(self, epoch: int) -> None:
        self._epoch_start = self._last_step = time.perf_counter()
        self._steps = 0

    def on_train_batch_end(self, batch: int) -> None:
        self._steps += 1
        self._last_step = time.perf_counter()
        if self._start is not None:
            elapsed = self._before + self._last_step - self._start
            if elapsed >= self.duration:
                self.trainer.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        seconds = time.perf_counter() - self._epoch_start
        training = self._last_step - self._epoch_start
        self.epoch_seconds.append(seconds)
        logs["epoch_seconds"] = seconds
        logs["step_seconds"] = training / self._steps if self._steps else math.nan
        samples, steps = self.params.get("samples"), self.params.get("steps")
        if samples is not None and steps and training > 0:
            logs["samples_per_second"] = samples * self._steps / steps / training

    def state_dict(self) -> dict[str, Tensor]:
        """Return the seconds so far, and those of each epoch."""
        return {
            "elapsed": tensor(self.time_elapsed(), dtype="float64"),
            "epoch_seconds": tensor(self.epoch_seconds, dtype="float64"),
        }

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take what `state_dict` returned: the next `fit` goes on counting.

        Raises
        ------
        ValueError
            For a state of another kind of callback.
        """
        require_names(self, state.keys(), {"elapsed", "epoch_seconds"})
        self._before, self._resumes, self._start = float(state["elapsed"]), True, None
        self.epoch_seconds = [float(value) for value in state["epoch_seconds"].tolist()]


class MemoryMonitor(Callback):
    """Put the memory of each epoch into its values, and so into history and loggers, in MiB.

    "resident_mib" is what the process has in memory at the end of the epoch, where the system tells
    (Linux), "peak_resident_mib" the most that it ever had (not on Windows), and "peak_tensors_mib"
    the most that tensors had in this epoch, as `pydl.memory_stats` knows; its peak is reset when an
    epoch begins.

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "mse")
    >>> x, y = pydl.ones((4, 2)), pydl.ones((4, 1))
    >>> history = model.fit(x, y, callbacks=pydl.training.MemoryMonitor(), verbose=0)
    >>> history.history["peak_tensors_mib"][0] > 0
    True
    """

    _adds = ("resident_mib", "peak_resident_mib", "peak_tensors_mib")

    def on_epoch_begin(self, epoch: int) -> None:
        reset_peak_memory()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        found = {
            "resident_mib": _resident(),
            "peak_resident_mib": _peak_resident(),
            "peak_tensors_mib": memory_stats()["peak_bytes"],
        }
        logs.update((name, size / 2**20) for name, size in found.items() if size is not None)


def _resident() -> int | None:
    """Return the bytes that the process has in memory, where the system tells."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            pages = int(file.read().split()[1])
    except OSError:
        return None
    import resource

    return pages * resource.getpagesize()


def _peak_resident() -> int | None:
    """Return the most bytes that the process had in memory, where the system tells."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes there, KiB elsewhere
