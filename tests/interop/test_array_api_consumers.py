"""Libraries that compute by the array API standard compute with tensors."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("array_api_consumers.py")
# Before these versions, few functions follow the standard.
SCIPY, SCIKIT_LEARN = "1.15", "1.7"


def test_scipy_and_scikit_learn() -> None:
    pytest.importorskip("numpy", minversion="2.0")
    pytest.importorskip("scipy", minversion=SCIPY)
    pytest.importorskip("sklearn", minversion=SCIKIT_LEARN)
    found = subprocess.run(
        [sys.executable, PROGRAM],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    names = found.stdout.split()
    assert "special.logsumexp" in names
    assert "euclidean_distances" in names
