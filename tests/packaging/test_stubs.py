"""The committed type stubs are those of the extension, and say something of every function."""

import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import pydl

ROOT = Path(__file__).parents[2]
STUB = ROOT / "pydl" / "_core" / "__init__.pyi"
SUBMODULES = ("functions", "linalg", "nn", "optim", "io", "random")


def stub_names() -> set[str]:
    names: set[str] = set()
    for node in ast.parse(STUB.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def test_every_public_name_has_a_stub() -> None:
    public = {name for name in vars(pydl._core) if not name.startswith("_")}
    assert public - stub_names() - set(SUBMODULES) == set()


@pytest.mark.skipif(
    importlib.util.find_spec("pybind11_stubgen") is None, reason="needs pybind11-stubgen"
)
def test_stubs_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools" / "generate_stubs.py"), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
