"""The stack pointer is always in a stack, whatever kernels run.

oneDNN has kernels that move it into memory of the heap; a signal that arrives meanwhile overwrites
what is there. A sampler interrupts the thread thousands of times a second, on a stack of its own,
and looks.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

HERE = Path(__file__).parent
COMPILER = shutil.which("cc") or shutil.which("gcc")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="samples by Linux's timers"),
    pytest.mark.skipif(COMPILER is None, reason="no C compiler for the sampler"),
]


@pytest.fixture(scope="module")
def sampler(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = (
        tmp_path_factory.mktemp("sampler") / f"sampler{sysconfig.get_config_var('SHLIB_SUFFIX')}"
    )
    source = HERE / "stack_sampler.c"
    subprocess.run(
        [
            str(COMPILER),
            "-O1",
            "-shared",
            "-fPIC",
            str(source),
            "-o",
            str(library),
            "-lrt",
            "-lpthread",
        ],
        check=True,
    )
    return library


@pytest.mark.parametrize("kind", ["products", "convolutions", "trainings"])
@pytest.mark.parametrize("isa", ["", "AVX2"], ids=["best", "avx2"])
def test_stays_in_the_stack(sampler: Path, kind: str, isa: str) -> None:
    environment = {**os.environ, **({"ONEDNN_MAX_CPU_ISA": isa} if isa else {})}
    run = subprocess.run(
        [sys.executable, str(HERE / "sampled_calls.py"), str(sampler), kind],
        capture_output=True,
        text=True,
        timeout=300,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    *strays, total = run.stdout.splitlines()
    assert strays == []
    assert int(total) > 500  # samples
