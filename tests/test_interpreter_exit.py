"""The interpreter ends while daemon threads are anywhere in pydl: the process ends well."""

import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest

PROCESSES = 40
TIMEOUT_SECONDS = 120

# What daemon threads do for ever, by name. Sizes are such that some calls keep the interpreter's
# lock and others release it.
WORK = {
    "eager operations": """
        def work():
            small, large = pydl.rand((8, 8)), pydl.rand((200, 200))
            while True:
                small @ small + 1
                (large @ large).sum().item()
    """,
    "lists and arrays": """
        def work():
            rows = [[1.0, 2.0, 3.0]] * 50
            array = np.ones((300, 300), np.float32)
            while True:
                pydl.tensor(rows)
                pydl.asarray(array).numpy()
                pydl.from_dlpack(array) * 2
    """,
    "gradients through Python": """
        def work():
            linear = nn.Linear(64, 64)
            x = pydl.rand((64, 64))
            while True:
                loss = pydl.checkpoint(lambda x: linear(x).tanh(), x).square().mean()
                loss.backward()
    """,
    "fit": """
        def work():
            model = pydl.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 3))
            model.compile(optimizer="adam", loss="cross_entropy", metrics=["accuracy"])
            x = np.random.default_rng(0).standard_normal((500, 20)).astype("float32")
            while True:
                model.fit(x, np.arange(500) % 3, batch_size=50, epochs=100, verbose=0)
    """,
    "a compiled step": """
        def work():
            model = nn.Sequential(nn.Linear(64, 128), nn.Tanh(), nn.Linear(128, 1))
            optimizer = pydl.optim.SGD(model.parameters(), lr=0.01)

            @pydl.compile(state=[model, optimizer])
            def step(x, y):
                loss = nn.functional.mse_loss(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                return loss

            while True:
                step(pydl.rand((128, 64)), pydl.rand((128, 1)))
    """,
    "tracing": """
        def work():
            while True:
                compiled = pydl.compile(lambda x: (x @ x).tanh().sum())
                compiled(pydl.rand((16, 16)))
    """,
    "prefetching": """
        def work():
            images = np.ones((4000, 8, 8), np.float32)
            loader = pydl.data.DataLoader(images, batch_size=16, shuffle=True, prefetch=2)
            while True:
                for batch in loader:
                    (batch * 2).sum()
    """,
}

PROGRAM = """
import random, threading, time
import numpy as np
import pydl
from pydl import nn

{work}

for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
time.sleep({seconds})
"""


def end_of_process(name: str, index: int) -> tuple[int, str]:
    program = PROGRAM.format(work=textwrap.dedent(WORK[name]), seconds=0.1 + 0.01 * index)
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
        cwd="/",
    )
    return result.returncode, result.stderr


@pytest.mark.parametrize("name", WORK)
def test_daemon_threads_do_not_disturb_the_end(name: str) -> None:
    count = -(-PROCESSES // len(WORK))
    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(lambda index: end_of_process(name, index), range(count)))
    assert ends == [(0, "")] * count
