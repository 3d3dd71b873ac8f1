"""Steps beside other programs: ``python -m bench threads``.

Each case runs in its own process, first alone and then beside one busy process for each thread
of pydl, in turn. The mean time of a step tells what the load costs: a step that waits for a thread
that the system does not run takes many times as long now and then, which a median hides.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

from bench import train_cnn, train_mlp, train_rnn, train_vae
from bench.machine import describe_machine

_BUSY = "while True: pass"
_ROUNDS = 3
_WARM_SECONDS = 0.3


@dataclass(frozen=True)
class Latencies:
    """Seconds per step of one process."""

    mean: float
    median: float
    percentile_99_9: float

    @classmethod
    def of(cls, seconds: list[float]) -> Latencies:
        ordered = sorted(seconds)
        return cls(
            statistics.fmean(ordered),
            ordered[len(ordered) // 2],
            ordered[min(int(len(ordered) * 0.999), len(ordered) - 1)],
        )

    @classmethod
    def middle(cls, rounds: list[Latencies]) -> Latencies:
        """The median of each, over rounds."""
        columns = zip(*(asdict(each).values() for each in rounds), strict=True)
        return cls(*(statistics.median(column) for column in columns))


def _training_steps() -> dict[str, Callable[[], Callable[[], Any]]]:
    """The compiled steps of the training suites, by name."""
    suites = (train_mlp, train_vae, train_cnn, train_rnn)
    steps = {}
    for case in chain.from_iterable(suite.cases() for suite in suites):
        if "pydl compiled" in case.contenders:

            def build(work: Any = case.work) -> Callable[[], Any]:
                from bench.peers import pydl as peer

                contender = peer.build(work, work.data(), "compiled")
                return lambda: (contender.wait or contender.read)(contender.run())

            steps[case.name] = build
    return steps


def _inference(pause: float) -> Callable[[], Any]:
    """A compiled forward pass of 784-512-10 for one sample, with `pause` seconds before each."""
    import pydl
    from pydl import nn

    model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 10)).eval()
    forward = pydl.compile(model)
    x = pydl.zeros((1, 784))

    def run() -> float:
        if pause > 0:
            time.sleep(pause)
        start = time.perf_counter()
        with pydl.no_grad():
            forward(x)
        return time.perf_counter() - start

    return run


# Steps that return their own time, in seconds, without their preparation.
_SELF_TIMED = {
    "one sample of 784-512-10, without pause": lambda: _inference(0),
    "one sample of 784-512-10, every 1 ms": lambda: _inference(0.001),
}


def _measure(name: str, seconds: float) -> Latencies:
    """In the process of a case."""
    self_timed = name in _SELF_TIMED
    step = (_SELF_TIMED if self_timed else _training_steps())[name]()
    end = time.perf_counter() + _WARM_SECONDS
    step()
    while time.perf_counter() < end:
        step()
    taken: list[float] = []
    gc.disable()
    end = time.perf_counter() + seconds
    while (start := time.perf_counter()) < end or len(taken) < 3:
        own = step()
        taken.append(own if self_timed else time.perf_counter() - start)
    return Latencies.of(taken)


def _in_process(name: str, seconds: float) -> Latencies:
    command = [sys.executable, "-m", "bench.threads", name, str(seconds)]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Latencies(**json.loads(answer.splitlines()[-1]))


@contextmanager
def _busy_processes(count: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range(count)]
    try:
        time.sleep(0.2)  # until they are
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def run(options: argparse.Namespace) -> int:
    """Measure all cases whose name contains ``options.only``, and print a table."""
    names = [*_SELF_TIMED, *_training_steps()]
    names = [name for name in names if options.only is None or options.only in name]
    if options.list:
        print("\n".join(names))
        return 0
    machine = describe_machine()
    print(machine)
    print(f"beside {machine.threads} busy processes; times in ms\n")
    print(f"{'case':58s} {'alone':>9s} {'beside':>9s} {'ratio':>6s} {'p99.9 / p50 beside':>19s}")
    results = {}
    for name in names:
        alone, beside = [], []
        for _ in range(_ROUNDS):
            alone.append(_in_process(name, options.seconds))
            with _busy_processes(machine.threads):
                beside.append(_in_process(name, options.seconds))
        idle, loaded = Latencies.middle(alone), Latencies.middle(beside)
        results[name] = {"alone": asdict(idle), "beside": asdict(loaded)}
        tail = loaded.percentile_99_9 / loaded.median
        print(
            f"{name[:58]:58s} {idle.mean * 1e3:9.4f} {loaded.mean * 1e3:9.4f} "
            f"{loaded.mean / idle.mean:6.2f} {tail:19.1f}",
            flush=True,
        )
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": asdict(machine), "results": results}))
    return 0


if __name__ == "__main__":
    print(json.dumps(asdict(_measure(sys.argv[1], float(sys.argv[2])))))
