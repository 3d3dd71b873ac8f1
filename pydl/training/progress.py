"""What `fit` and `evaluate` show: a bar in terminals and notebooks, lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from typing import Any, Literal

from pydl.training.metrics import Averages
from pydl.training.metrics.averages import Means, numbers

Verbose = Literal["auto", 0, 1, 2]

_SECONDS_BETWEEN_UPDATES = 0.1
_BAR_WIDTH = 20


def format_logs(logs: dict[str, float], separator: str) -> str:
    """Loss and metrics that are numbers, in the order in which they came."""
    return separator.join(f"{name}={value:.4g}" for name, value in numbers(logs).items())


class Progress:
    """Shows nothing; the base of classes that show progress."""

    def begin(self, title: str, steps: int | None) -> None:
        """Begin a pass with this number of steps."""

    def step(self, done: int, averages: Averages | Means) -> None:
        """Show that `done` steps are finished."""

    def end(self, logs: dict[str, float]) -> None:
        """Finish the pass."""

    def abort(self, logs: dict[str, float] | None = None) -> None:
        """Leave a pass unfinished, if there is one, with the values so far if they are known."""


class Lines(Progress):
    """One line for each pass, also for one that was not finished: what log files can use."""

    def __init__(self) -> None:
        self._open, self._done = False, 0

    def begin(self, title: str, steps: int | None) -> None:
        self._title, self._steps, self._start = title, steps, time.perf_counter()
        self._open, self._done = True, 0

    def step(self, done: int, averages: Averages | Means) -> None:
        self._done = done

    def end(self, logs: dict[str, float]) -> None:
        self._open = False
        self._print(format_logs(logs, ", "))

    def abort(self, logs: dict[str, float] | None = None) -> None:
        if self._open and self._done:
            values = f", {format_logs(logs, ', ')}" if logs else ""
            of = f" of {self._steps}" if self._steps else ""
            self._print(f"ended after {self._done}{of} steps{values}")
        self._open = False

    def _print(self, text: str) -> None:
        seconds = time.perf_counter() - self._start
        print(f"{self._title}: {seconds:.1f} s{', ' if text else ''}{text}", flush=True)


class Bar(Progress):
    """A display that is redrawn at most ten times a second; subclasses draw it."""

    def __init__(self) -> None:
        self._open = False

    def begin(self, title: str, steps: int | None) -> None:
        self._title, self._steps, self._done, self._made = title, steps, 0, 0
        self._start = time.perf_counter()
        self._next = self._start + _SECONDS_BETWEEN_UPDATES
        self._open = True
        self._begin()

    def step(self, done: int, averages: Averages | Means) -> None:
        now = time.perf_counter()
        self._last, self._done = now, done
        self._made += 1  # fewer than are done in an epoch that goes on
        if now >= self._next:
            self._next = now + _SECONDS_BETWEEN_UPDATES
            self._draw(self._text(averages.result(brief=True)))

    def end(self, logs: dict[str, float]) -> None:
        self._open = False
        self._draw(self._text(logs))
        self._close()

    def abort(self, logs: dict[str, float] | None = None) -> None:
        if self._open and logs and self._done:
            self.end(logs)
        elif self._open:
            self._open = False
            self._close()

    def _text(self, logs: dict[str, float]) -> str:
        """Return the time of a step, and the values; validation is not part of the steps."""
        values = format_logs(logs, ", ")
        if not self._done:
            return values
        duration = _duration_of_step((self._last - self._start) / self._made)
        return f"{duration}, {values}" if values else duration

    def _begin(self) -> None:
        """Make the bar, without steps."""
        raise NotImplementedError

    def _draw(self, text: str) -> None:
        """Show the finished steps, and a text after them."""
        raise NotImplementedError

    def _close(self) -> None:
        """Leave the bar as it is, and begin a new line."""
        raise NotImplementedError


class TqdmBar(Bar):
    """A bar of tqdm, which notebooks show as a widget."""

    # The usual one without steps per second, instead of which each step's time is shown.
    _format = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"

    def __init__(self, tqdm: Any) -> None:
        super().__init__()
        self._tqdm = tqdm
        self._bar: Any = None

    def _begin(self) -> None:
        self._bar = self._tqdm(
            total=self._steps,
            desc=self._title,
            file=sys.stdout,
            leave=True,
            bar_format=self._format,
            mininterval=0.0,  # how often it is drawn is decided here
        )

    def _draw(self, text: str) -> None:
        self._bar.set_postfix_str(text, refresh=False)
        self._bar.update(self._done - self._bar.n)

    def _close(self) -> None:
        self._bar.close()


class TextBar(Bar):
    """A bar of our own: a line that is written again and again."""

    def _begin(self) -> None:
        self._length = 0
        self._draw("")

    def _draw(self, text: str) -> None:
        if self._steps is None:  # unknown, as for a generator
            now = time.perf_counter()
            line = f"{self._title}: {self._done} steps [{_minutes(now - self._start)}"
            self._write(f"{line}{', ' if text else ''}{text}]")
            return
        part = self._done / self._steps if self._steps else 1.0
        bar = ("#" * int(part * _BAR_WIDTH)).ljust(_BAR_WIDTH)
        now = time.perf_counter()
        left = (now - self._start) * (1 - part) / part if part else None
        shown = "?" if left is None else _minutes(left)
        line = f"{self._title}: {int(100 * part):3d}%|{bar}| {self._done}/{self._steps} "
        self._write(f"{line}[{_minutes(now - self._start)}<{shown}{', ' if text else ''}{text}]")

    def _write(self, line: str) -> None:
        """Write a line over the one before."""
        # A longer line would go on in the next one, and stay there; the last one may.
        if self._open and sys.stdout.isatty():
            from shutil import get_terminal_size

            line = line[: get_terminal_size().columns - 1]
        print(f"\r{line.ljust(self._length)}", end="", flush=True)
        self._length = len(line)

    def _close(self) -> None:
        print(flush=True)


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def _duration_of_step(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.2f} s/step"
    return f"{seconds * 1e3:.3g} ms/step"


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
    if verbose == 2 or (verbose == "auto" and not (notebook or sys.stdout.isatty())):
        return Lines()
    tqdm = _find_tqdm(notebook)
    return TextBar() if tqdm is None else TqdmBar(tqdm)


def _find_tqdm(notebook: bool) -> Any:
    try:
        if notebook and "ipywidgets" in sys.modules:
            from tqdm.notebook import tqdm
        else:
            from tqdm import tqdm
    except ImportError:
        return None
    return tqdm
