"""Signals may arrive at any moment: a training goes on, or ends as documented; none crashes.

PYDL_SIGNAL_PROCESSES says how many processes of each kind are tried (2 unless given).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from signals.trainings import TRAININGS

PROCESSES = int(os.environ.get("PYDL_SIGNAL_PROCESSES", "2"))
SCRIPT = Path(__file__).with_name("trainings.py")
LONG = 10_000_000


def start(kind: str, steps: int, rate: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), kind, str(steps), str(rate)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def interrupted(kind: str, which: signal.Signals) -> tuple[int, str, str]:
    """Exit status and output of a training that gets a signal at a random moment."""
    with start(kind, LONG) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0, 0.1))
        process.send_signal(which)
        output, errors = process.communicate(timeout=60)
        return process.returncode, output, errors


@pytest.mark.parametrize("attempt", range(PROCESSES))
@pytest.mark.parametrize("kind", TRAININGS)
def test_interrupt(kind: str, attempt: int) -> None:
    status, output, errors = interrupted(kind, signal.SIGINT)
    if kind == "fit":  # it ends after the step, and the model keeps its state
        assert status == 0 and "fit: interrupted" in output, errors
    else:
        assert status == -signal.SIGINT and errors.endswith("KeyboardInterrupt\n"), errors


@pytest.mark.parametrize("attempt", range(PROCESSES))
@pytest.mark.parametrize("kind", TRAININGS)
def test_termination(kind: str, attempt: int) -> None:
    status, _, errors = interrupted(kind, signal.SIGTERM)
    assert status == -signal.SIGTERM and errors == ""


@pytest.mark.parametrize("kind", TRAININGS)
def test_handler_that_changes_nothing(kind: str) -> None:
    """With 300 signals a second the weights are the same."""
    digests = set()
    for rate in [0, *[300] * PROCESSES]:
        with start(kind, 120, rate) as process:
            output, errors = process.communicate(timeout=120)
            assert process.returncode == 0, errors
            digests.add(output.splitlines()[-1])
    assert len(digests) == 1
