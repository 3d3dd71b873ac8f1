"""The tests run against the installed package."""

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
