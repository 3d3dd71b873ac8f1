"""What tests/test_fork.py runs: `fork_program.py SCENARIO WORK`; exit code 0 where all is right.

The program uses pydl, starts other processes in the way of the scenario, and compares what they
compute with what it computed itself.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable

import numpy as np

import pydl
from pydl import nn
from pydl.nn import functional as F

LIMIT_SECONDS = 60.0


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


# --- work, of sizes that several threads share ----------------------------------------------------


def matmul() -> np.ndarray:
    x = pydl.asarray(random(500, 500))
    return (x @ x).numpy()


def elementwise() -> np.ndarray:
    return (pydl.asarray(random(1000, 1000)).exp() * 2).numpy()


def reduction() -> np.ndarray:
    return pydl.asarray(random(1000, 1000)).sum(axis=0).numpy()


def convolution() -> np.ndarray:
    x = pydl.tensor(random(8, 16, 40, 40), requires_grad=True)
    weight = pydl.tensor(random(32, 16, 3, 3), requires_grad=True)
    F.conv2d(x, weight, padding=1).square().mean().backward()
    return weight.grad.numpy()


def lstm() -> np.ndarray:
    pydl.manual_seed(0)
    layer = nn.LSTM(32, 64)
    output, _ = layer(pydl.asarray(random(20, 16, 32)))
    output.square().mean().backward()
    return layer.weight_hh_l0.grad.numpy()


def fit() -> np.ndarray:
    pydl.manual_seed(0)
    model = pydl.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 1))
    model.compile(optimizer=pydl.optim.SGD(model.parameters(), lr=0.01), loss="mse")
    model.fit(random(512, 64), random(512, 1), batch_size=128, epochs=2, shuffle=False, verbose=0)
    return model.predict(random(512, 64)).numpy()


def compiled_step() -> np.ndarray:
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(64, 256), nn.Tanh(), nn.Linear(256, 64))
    optimizer = pydl.optim.SGD(model.parameters(), lr=0.01)
    compiled = pydl.compile(state=[model, optimizer])(lambda x: _step(model, optimizer, x))
    for _ in range(5):
        compiled(random(256, 64))
    return model[0].weight.detach().numpy().copy()


def _step(model: nn.Module, optimizer: pydl.optim.SGD, x: pydl.Tensor) -> pydl.Tensor:
    loss = F.mse_loss(model(x), x)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


def prefetching() -> np.ndarray:
    loader = pydl.data.DataLoader(random(512, 100), batch_size=32, prefetch=2)
    return np.concatenate([(batch * 2).numpy() for batch in loader])


WORK = {
    work.__name__: work
    for work in (
        matmul,
        elementwise,
        reduction,
        convolution,
        lstm,
        fit,
        compiled_step,
        prefetching,
    )
}


def is_right(work: str, expected: np.ndarray) -> bool:
    """Whether this process computes the same, twice, and with another number of threads."""
    results = [WORK[work](), WORK[work]()]
    threads = pydl.get_num_threads()
    pydl.set_num_threads(1)
    results.append(WORK[work]())
    pydl.set_num_threads(threads)
    results.append(WORK[work]())
    return all(np.allclose(result, expected, rtol=1e-4, atol=1e-5) for result in results)


# --- ways to start processes ----------------------------------------------------------------------


def fork_and_wait(child: Callable[[], int], limit: float = LIMIT_SECONDS) -> None:
    """Run `child` in a fork, which ends with what it returns; ends here where that is not 0."""
    pid = os.fork()
    if pid == 0:
        # Not `sys.exit`: in a thread it would end the thread alone.
        code = 1
        try:
            code = child()
        finally:
            os._exit(code)
    wait_for(pid, limit)


def wait_for(pid: int, limit: float = LIMIT_SECONDS) -> None:
    end = time.monotonic() + limit
    while time.monotonic() < end:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            if status:
                print(f"the child ended with the status {status}", file=sys.stderr, flush=True)
                os._exit(3)
            return
        time.sleep(0.01)
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    print("the child hangs", file=sys.stderr, flush=True)
    os._exit(2)


def fork(work: str) -> None:
    """After use; the parent goes on."""
    expected = WORK[work]()
    for _ in range(3):
        fork_and_wait(lambda: 0 if is_right(work, expected) else 4)
        assert is_right(work, expected)


def fork_before_use(work: str) -> None:
    """The child is the first to compute, the parent the next."""
    fork_and_wait(lambda: 0 if is_right(work, WORK[work]()) else 4)
    assert is_right(work, WORK[work]())


def fork_of_a_fork(work: str) -> None:
    expected = WORK[work]()

    def child() -> int:
        right = is_right(work, expected)
        fork_and_wait(lambda: 0 if is_right(work, expected) else 4)
        return 0 if right and is_right(work, expected) else 4

    fork_and_wait(child)


def fork_to_the_end_of_the_interpreter(work: str) -> None:
    """The child leaves this function too, and ends as a program does."""
    expected = WORK[work]()
    pid = os.fork()
    if pid:
        wait_for(pid)
    assert is_right(work, expected)


def fork_in_a_thread(work: str) -> None:
    """While the main thread computes."""
    expected = WORK[work]()
    thread = threading.Thread(
        target=fork_and_wait, args=(lambda: 0 if is_right(work, expected) else 4,)
    )
    thread.start()
    while thread.is_alive():
        WORK[work]()
    thread.join()


def fork_beside_daemon_threads(work: str) -> None:
    """They compute at the moment of each fork, and when this program ends."""
    expected = WORK[work]()

    def forever() -> None:
        while True:
            matmul()
            WORK[work]()

    for _ in range(2):
        threading.Thread(target=forever, daemon=True).start()
    for _ in range(5):
        fork_and_wait(lambda: 0 if is_right(work, expected) else 4)


def fork_beside_prefetchers(work: str) -> None:
    """In the middle of a pass, which the parent finishes; the child begins a new one."""
    expected = WORK[work]()
    loader = pydl.data.DataLoader(random(2000, 100), batch_size=10, prefetch=3)
    batches = iter(loader)
    next(batches)

    def child() -> int:
        right = is_right(work, expected) and len(list(loader)) == 200
        return 0 if right and is_right("prefetching", prefetching()) else 4

    fork_and_wait(child)
    assert len(list(batches)) == 199
    pid = os.fork()
    if pid:
        wait_for(pid)
    # Both end as programs do, the child with a pass of the parent that it never finishes.


def in_process(arguments: tuple[str, np.ndarray]) -> bool:
    return is_right(*arguments)


def _pool(method: str, work: str) -> None:
    expected = WORK[work]()
    with multiprocessing.get_context(method).Pool(2) as pool:
        results = pool.map_async(in_process, [(work, expected)] * 4, chunksize=1)
        assert results.get(timeout=LIMIT_SECONDS) == [True] * 4
    assert is_right(work, expected)


def pool_fork(work: str) -> None:
    _pool("fork", work)


def pool_spawn(work: str) -> None:
    _pool("spawn", work)


def pool_forkserver(work: str) -> None:
    _pool("forkserver", work)


def executor_fork(work: str) -> None:
    expected = WORK[work]()
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=context) as executor:
        jobs = [executor.submit(in_process, (work, expected)) for _ in range(4)]
        assert all(job.result(timeout=LIMIT_SECONDS) for job in jobs)


def _joblib(backend: str, work: str) -> None:
    import joblib

    expected = WORK[work]()
    jobs = [joblib.delayed(in_process)((work, expected)) for _ in range(4)]
    with joblib.parallel_config(backend=backend):
        assert joblib.Parallel(n_jobs=2, timeout=LIMIT_SECONDS)(jobs) == [True] * 4


def joblib_loky(work: str) -> None:
    _joblib("loky", work)


def joblib_multiprocessing(work: str) -> None:
    _joblib("multiprocessing", work)


SCENARIOS = {
    scenario.__name__: scenario
    for scenario in (
        fork,
        fork_before_use,
        fork_of_a_fork,
        fork_to_the_end_of_the_interpreter,
        fork_in_a_thread,
        fork_beside_daemon_threads,
        fork_beside_prefetchers,
        pool_fork,
        pool_spawn,
        pool_forkserver,
        executor_fork,
        joblib_loky,
        joblib_multiprocessing,
    )
}

if __name__ == "__main__":
    SCENARIOS[sys.argv[1]](sys.argv[2])
