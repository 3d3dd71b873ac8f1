"""The version is written in one place, CMakeLists.txt, and is the same everywhere."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pydl

ROOT = Path(__file__).parents[2]


def source_version() -> str:
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    match = re.search(r"project\(pydl VERSION ([0-9.]+)", text)
    assert match is not None
    return match[1]


def test_version_of_package_and_extension() -> None:
    assert pydl.__version__ == source_version()
    assert pydl.info()["version"] == source_version()


def test_version_of_distribution() -> None:
    assert metadata.version("pydl-core") == source_version()


def test_changelog_has_the_version() -> None:
    assert f"## {source_version()}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_command_line_entry_point() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "pydl", "info"], capture_output=True, text=True, check=True, cwd="/"
    )
    assert source_version() in result.stdout
