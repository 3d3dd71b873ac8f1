"""The tests run against the installed package."""

import gc
import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

# The same random numbers in every run of the tests, and in the programs that they start.
os.environ.setdefault("PYDL_SEED", "0")

# `python -m pytest` puts the current folder first in the path. In the root of the repository that
# is the source folder pydl/, which has no extension modules unless they were built in place.
if not list((ROOT / "pydl").glob("_core.*.so")):
    sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]


def pytest_collection_finish() -> None:
    """Take the millions of objects that collected tests consist of out of garbage collections."""
    gc.collect()
    gc.freeze()
