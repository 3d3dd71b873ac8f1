"""What `fit` and `evaluate` show: a bar in terminals and notebooks, lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from typing import Any, Literal

from pydl.training.metrics import Averages
from pydl.training.metrics.averages import Means

Verbose = Literal["auto", 0, 1, 2]

_SECONDS_BETWEEN_UPDATES = 0.1


def format_logs(logs: dict[str, float], separator: str) -> str:
    """Loss and metrics in the order in which they came."""
    return separator.join(f"{name}={value:.4g}" for name, value in logs.items())


class Progress:
    """Shows nothing; base of what shows something."""

    def begin(self, title: str, steps: int | None) -> None:
        """Begin a pass of that many steps."""

    def step(self, done: int, averages: Averages | Means) -> None:
        """Show that `done` steps are finished."""

    def end(self, logs: dict[str, float]) -> None:
        """Finish the pass."""

    def abort(self) -> None:
        """Leave the pass unfinished."""


class Lines(Progress):
    """One line for each finished pass: what log files can use."""

    def begin(self, title: str, steps: int | None) -> None:
        self._title, self._start = title, time.perf_counter()

    def end(self, logs: dict[str, float]) -> None:
        seconds = time.perf_counter() - self._start
        print(f"{self._title}: {seconds:.1f} s, {format_logs(logs, ', ')}", flush=True)


class Bar(Progress):
    """A tqdm bar that is redrawn at most ten times a second."""

    def __init__(self, tqdm: Any) -> None:
        self._tqdm = tqdm
        self._bar: Any = None

    def begin(self, title: str, steps: int | None) -> None:
        self._bar = self._tqdm(total=steps, desc=title, unit="step", file=sys.stdout, leave=True)
        self._next = time.perf_counter() + _SECONDS_BETWEEN_UPDATES

    def step(self, done: int, averages: Averages | Means) -> None:
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + _SECONDS_BETWEEN_UPDATES
            self._bar.set_postfix_str(format_logs(averages.result(brief=True), ", "), refresh=False)
            self._bar.update(done - self._bar.n)

    def end(self, logs: dict[str, float]) -> None:
        self._bar.set_postfix_str(format_logs(logs, ", "), refresh=False)
        self._bar.update(self._bar.total - self._bar.n)
        self._bar.close()

    def abort(self) -> None:
        if self._bar is not None:
            self._bar.close()


def make_progress(verbose: Verbose | bool) -> Progress:
    """Choose by `verbose`: 0 nothing, 1 a bar, 2 lines, "auto" what suits standard output.

    Raises
    ------
    ValueError
        For another value.
    """
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f"verbose: expected 'auto', 0, 1 or 2, got {verbose!r}")
    if verbose == 0:
        return Progress()
    notebook = "ipykernel" in sys.modules
    tqdm = None
    if verbose == 1 or (verbose == "auto" and (notebook or sys.stdout.isatty())):
        tqdm = _find_tqdm(notebook)
    return Lines() if tqdm is None else Bar(tqdm)


def _find_tqdm(notebook: bool) -> Any:
    try:
        if notebook and "ipywidgets" in sys.modules:
            from tqdm.notebook import tqdm
        else:
            from tqdm import tqdm
    except ImportError:
        return None
    return tqdm
