"""How many threads there are, and that those who compute at once share them."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.nn import functional as F

COUNT = "import pydl; print(pydl.get_num_threads())"
CHOSEN = ("PYDL_NUM_THREADS", "OMP_NUM_THREADS", "OMP_PROC_BIND", "OMP_PLACES")


def run(program: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in CHOSEN}
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=120,
        env={**environment, **variables},
    )


def count(**variables: str) -> int:
    return int(run(COUNT, **variables).stdout)


def test_environment_variables() -> None:
    assert count(PYDL_NUM_THREADS="3") == 3
    assert count(OMP_NUM_THREADS="3,2") == 3
    assert count(PYDL_NUM_THREADS="2", OMP_NUM_THREADS="5") == 2
    assert count(PYDL_NUM_THREADS="") == count()


@pytest.mark.parametrize("text", ["two", "0", "-1", "2 threads", "1.5", "99999", "1e3"])
def test_wrong_number_of_threads_is_an_error_of_the_import(text: str) -> None:
    failed = run("import pydl", PYDL_NUM_THREADS=text)
    assert failed.returncode == 1
    expected = f'PYDL_NUM_THREADS: expected a number of threads from 1 to 1024, got "{text}"'
    assert expected in failed.stderr.splitlines()[-1]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity masks")
def test_affinity_mask() -> None:
    one = min(os.sched_getaffinity(0))
    assert int(run(f"import os; os.sched_setaffinity(0, {{{one}}}); {COUNT}").stdout) == 1


@pytest.mark.parametrize("binding", [{"OMP_PROC_BIND": "true"}, {"OMP_PLACES": "cores"}])
def test_binding_of_openmp_leaves_all_processors(binding: dict[str, str]) -> None:
    """OpenMP's runtime ties the first thread to one processor; the others are still there."""
    assert count(**binding) == count()
    shared = run(
        "import pydl, numpy as np\n"
        "a = pydl.tensor(np.ones((400, 400), dtype='float32'))\n"
        "print((a @ a).sum().item())",
        **binding,
    )
    assert float(shared.stdout) == 400.0**3


def test_threads_that_train_at_once_share_the_processors() -> None:
    steps = [0, 0]
    stop = threading.Event()

    def train(number: int) -> None:
        rng = np.random.default_rng(number)
        model = nn.Sequential(nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 8))
        optimizer = pydl.optim.SGD(model.parameters(), lr=0.01)
        x = pydl.tensor(rng.standard_normal((64, 256)).astype(np.float32))
        y = pydl.tensor(rng.integers(0, 8, 64))

        @pydl.compile(state=[model, optimizer])
        def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        while not stop.is_set():
            step(x, y)
            steps[number] += 1

    threads = [threading.Thread(target=train, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(1)
    stop.set()
    for thread in threads:
        thread.join(timeout=60)
    assert min(steps) > 0 and max(steps) < 5 * min(steps)
