"""``import pydl`` is quick and silent, and imports NumPy and the standard library only."""

import subprocess
import sys

import pytest

# At most 60 ms beyond NumPy on an idle machine; the limit here allows for a busy one.
LIMIT_SECONDS = 0.06
MARGIN = 3.0

MEASURE = """
import numpy, time
start = time.perf_counter()
import pydl
print(time.perf_counter() - start)
"""

LIST_MODULES = """
import sys, numpy
before = set(sys.modules)
import pydl
for name in set(sys.modules) - before:
    print(name)
"""


def run_python(code: str) -> str:
    command = [sys.executable, "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=True, cwd="/")
    assert result.stderr == ""
    return result.stdout


def test_import_is_quick() -> None:
    run_python(MEASURE)  # brings the files into memory
    seconds = [float(run_python(MEASURE)) for _ in range(5)]
    # The quickest: what else the machine does can only add to it.
    assert min(seconds) < LIMIT_SECONDS * MARGIN, seconds


def test_what_is_imported_later_is_there_under_its_own_path() -> None:
    """As users of Keras type ``callbacks.EarlyStopping``."""
    for path in ("callbacks.EarlyStopping", "history.History", "trainer.Trainer", "metrics.Metric"):
        code = f"import pydl; print(pydl.training.{path}.__name__)"
        assert run_python(code) == f"{path.partition('.')[2]}\n"
    modules = run_python(LIST_MODULES).split()
    assert {"pydl.training.trainer", "pydl.training.metrics"}.isdisjoint(modules)


def test_import_prints_nothing() -> None:
    assert run_python("import pydl") == ""


def test_import_needs_numpy_and_the_standard_library_only() -> None:
    allowed = {*sys.stdlib_module_names, "numpy", "pydl", "cython_runtime"}
    modules = run_python(LIST_MODULES).split()
    assert "pydl._core" in modules
    foreign = [name for name in modules if name.split(".")[0] not in allowed]
    # What Cython registers of itself carries its version in the name.
    assert [name for name in foreign if not name.startswith("_cython_")] == []


def test_what_few_programs_need_is_not_imported() -> None:
    modules = run_python(LIST_MODULES).split()
    assert {"pydl.datasets", "pydl.models", "pydl.testing", "pydl.text"}.isdisjoint(modules)
    assert run_python("import pydl; print(pydl.text.__name__)") == "pydl.text\n"


@pytest.mark.parametrize("package", ["matplotlib", "tqdm", "scipy", "mlxtend", "safetensors"])
def test_works_without_the_extras(package: str) -> None:
    run_python(f"import sys; sys.modules[{package!r}] = None; import pydl; pydl.ones((2,)).sum()")
