"""What the tests of the benchmarks share."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path):
    """A folder with `bench` in it, without the source folder of pydl that the root has."""
    (tmp_path / "bench").symlink_to(ROOT / "bench")
    return tmp_path
