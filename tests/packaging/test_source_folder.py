"""Sources without extension modules, as in a clean clone, step aside for the installed package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import pydl

ROOT = Path(__file__).parents[2]
INSTALLED = Path(pydl.__file__).parent
pytestmark = pytest.mark.skipif(
    Path(pydl._core.__file__).parent != INSTALLED,
    reason="an editable installation is found before any folder",
)

BUILT = ("*.so", "*.so.*", "__pycache__", "lib", "include")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The folders of a clean clone that Python imports from; nothing is built there."""
    for folder in (INSTALLED, ROOT / "bench"):
        ignore = shutil.ignore_patterns(*BUILT)
        shutil.copytree(folder, tmp_path / "clone" / folder.name, ignore=ignore)
    return tmp_path / "clone"


def run(
    clone: Path, *arguments: str, path: str = str(INSTALLED.parent)
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, cwd=clone, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("command", "printed"),
    [
        (("-c", "import pydl; print(pydl.ones(2))"), "tensor([1., 1.]"),
        (("-c", "import pydl._core; print(pydl._core.ones((2,)))"), "tensor([1., 1.]"),
        (("-c", "from pydl.nn import functional as F; print(F.relu.__name__)"), "relu"),
        (("-c", "import pydl.text; print(pydl.text.WordTokenizer()('a b'))"), "['a', 'b']"),
        (("-m", "pydl", "info"), pydl.__version__),
        (("-m", "bench", "train", "mlp", "--list"), "784-512-10"),
    ],
)
def test_commands(clone: Path, command: tuple[str, ...], printed: str) -> None:
    result = run(clone, *command)
    assert result.returncode == 0, result.stderr
    assert printed in result.stdout
    assert result.stderr == ""


def test_it_is_the_installed_package_wholly(clone: Path) -> None:
    program = """
import sys, pydl, pydl.datasets, pydl.models, pydl.text
files = {module.__file__ for name, module in sys.modules.items() if name.split(".")[0] == "pydl"}
print(*(file for file in files if not file.startswith(sys.argv[1])))
"""
    assert run(clone, "-c", program, str(INSTALLED)).stdout == "\n"


def test_other_sources_than_those_installed_are_an_error(clone: Path) -> None:
    with (clone / "pydl" / "nn" / "linear.py").open("a") as file:
        file.write("# changed\n")
    result = run(clone, "-c", "import pydl")
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ") and "pydl/nn/linear.py differs" in last
    assert str(INSTALLED) in last and "pip install ." in last


def test_without_an_installed_package_the_message_says_so(clone: Path) -> None:
    result = run(clone, "-S", "-c", "import pydl", path="")
    assert result.returncode == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ") and "pydl is not installed for" in last
    assert "pip install ." in last
