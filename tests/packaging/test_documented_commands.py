"""The shell commands of README.md and CONTRIBUTING.md are typed, here or by `.ci/run`.

A command that is in none of the tables below fails: add it where it belongs.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = Path(sys.executable).parent
EXAMPLE = (
    "cmake -S examples/cpp/digits -B build/digits -Dpydl_DIR=$(python -m pydl --cmake-dir)"
    " && cmake --build build/digits"
)

# Typed by the tests below, with a text that the command prints.
TYPED = {"pydl info": "instruction set", EXAMPLE: "digits"}

# Typed by `.ci/run`, with the settings that its environment adds.
TYPED_IN_A_CLONE = {
    'pip install ".[demo]" && pydl demo',
    "python3 -m venv .venv && . .venv/bin/activate",
    "pip install onednn-devel-cpu-gomp onednn-cpu-gomp",
    "pip install numpy scikit-build-core pybind11 cython cmake ninja",
    'pip install --no-build-isolation -e ".[test,dev]" -Ceditable.rebuild=true'
    " -Cbuild-dir=build/editable",
}

# Run by `.ci/run` in other words: what it has instead, and why.
RUN_IN_A_CLONE = {
    "pytest": "\n  pytest -q",  # faster in two processes
    # With the oldest Python and NumPy, without oneDNN.
    'pip install ".[test]" && pytest': '/*.whl)[test]" "numpy',
    "ruff check . && ruff format --check . && mypy": (
        # At the same time.
        "\nbeside mypy\nbeside check_format\nrun ruff check .\nrun ruff format --check .\n"
    ),
    # Compares instead of writing.
    "python tools/generate_stubs.py": "\nrun python tools/generate_stubs.py --check\n",
    # Reuse a build folder, and leave the home folder alone.
    "cmake -B build/cpp -DPYDL_BUILD_PYTHON=OFF -DPYDL_ONEDNN=OFF": "\nrun cmake -S . -B ",
    "cmake --build build/cpp -j 2": "\nrun cmake --build ",
    "cmake --install build/cpp --prefix ~/.local": "\nrun cmake --install ",
}

# Not typed, and why.
NOT_TYPED = {
    "cmake --preset release && cmake --build --preset release && ctest --preset release": (
        "one more whole build; .ci/run uses the preset tsan in the same way"
    ),
    "ctest --preset release": "needs that build",
    ".ci/run": "runs this test",
    "pydl demo --data fashion-mnist": "needs the data set, and takes minutes",
    "pydl demo": "part of a line that .ci/run types",
    "python -m bench threads": "measures for minutes; tests/bench runs it with small cases",
    "python -m bench train mlp": "the same; its --list is tested below",
}
# What `python -m bench` measures, and lists.
SUITES = ("train mlp", "train vae", "train cnn", "train rnn", "conv", "text", "ops", "compile")


def documented_commands() -> list[str]:
    """The lines of shell blocks, and the commands `pydl` and `python` in the text."""
    commands = []
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        for block in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S):
            lines = (re.sub(r"(^|\s+)#.*", "", line) for line in block.splitlines())
            commands += [line for line in lines if line]
        text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
        commands += re.findall(r"`((?:pydl|python) [^`\n]+)`", text)
    return list(dict.fromkeys(commands))


def type_in(command: str) -> str:
    """Type a command in the root of the checkout, where this Python is the first on the path."""
    environment = {**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"}
    result = subprocess.run(
        ["bash", "-c", command],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_each_command_is_in_one_table() -> None:
    known = [*TYPED, *TYPED_IN_A_CLONE, *RUN_IN_A_CLONE, *NOT_TYPED]
    assert sorted(known) == sorted(documented_commands())


def test_ci_types_them() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    missing = [command for command in TYPED_IN_A_CLONE if f"typed '{command}'\n" not in script]
    missing += [command for command, line in RUN_IN_A_CLONE.items() if line not in script]
    assert missing == []


def test_presets_exist() -> None:
    presets = json.loads((ROOT / "CMakePresets.json").read_text(encoding="utf-8"))
    kinds = {"cmake": "configure", "cmake --build": "build", "ctest": "test"}
    used = re.findall(
        r"(cmake --build|cmake|ctest) --preset (\S+)", "\n".join(documented_commands())
    )
    assert used
    for program, name in used:
        assert name in {preset["name"] for preset in presets[f"{kinds[program]}Presets"]}


@pytest.mark.skipif(
    not (PROGRAMS / "pydl").exists(),
    reason="pydl is built in place, not installed for this Python: there is no program `pydl`",
)
@pytest.mark.parametrize("command", TYPED)
def test_commands(command: str) -> None:
    if command == EXAMPLE and None in (shutil.which("cmake"), shutil.which("c++")):
        pytest.skip("needs cmake and a C++ compiler")
    if command == EXAMPLE:
        shutil.rmtree(ROOT / "build" / "digits", ignore_errors=True)
    assert TYPED[command] in type_in(command)


@pytest.mark.parametrize("suite", SUITES)
def test_benchmarks_list_their_cases(suite: str) -> None:
    assert type_in(f"python -m bench {suite} --list")
