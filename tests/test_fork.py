"""Processes that are started after pydl was used, in all the usual ways, compute and end."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import fork_program
import pytest

PROGRAM = Path(fork_program.__file__)
# More than the program itself waits for a child.
TIMEOUT_SECONDS = 2 * fork_program.LIMIT_SECONDS

# All work in a plain fork. Ways that differ in who starts what need no more than some work.
CASES = [
    *(("fork", work) for work in fork_program.WORK),
    *(
        (scenario, work)
        for scenario in fork_program.SCENARIOS
        for work in ("matmul", "fit")
        if scenario != "fork"
    ),
]


@pytest.mark.parametrize(("scenario", "work"), CASES)
def test_processes(scenario: str, work: str) -> None:
    if scenario.startswith("joblib") and importlib.util.find_spec("joblib") is None:
        pytest.skip("joblib is not installed")
    result = subprocess.run(
        [sys.executable, PROGRAM, scenario, work],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        cwd="/",
        # With one thread, nothing of this is difficult.
        env={**os.environ, "PYDL_NUM_THREADS": "2"},
    )
    assert result.returncode == 0, result.stderr
