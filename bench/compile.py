"""Time to compile, and how it grows with the graph: ``python -m bench compile``.

Each size of a case runs in its own process, a few times; the shortest time counts. It is that
of the first call of a compiled function (the trace, passes, plan and kernels, and one run), or of
loading a program file and calling it. A case doubles its size from row to row: where time is in
proportion to the graph, the ratio to the row before is 2. It is one of the time on processors,
which other programs disturb less.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.machine import describe_machine

_ROUNDS = 5

# Builds what is timed, for a size.
Build = Callable[[int], Callable[[], Any]]


@dataclass(frozen=True)
class Growth:
    """A case: what grows, and the sizes that are measured."""

    unit: str
    sizes: tuple[int, ...]
    build: Build


def _doubled(largest: int, times: int) -> tuple[int, ...]:
    return tuple(largest >> shift for shift in reversed(range(times + 1)))


def _training_step(model: Any, forward: Callable[..., Any], *data: Any) -> Callable[[], Any]:
    """The first call of a compiled step with SGD; `forward` returns the loss."""
    import pydl

    optimizer = pydl.optim.SGD(model.parameters(), lr=0.1)

    def step(*data: pydl.Tensor) -> pydl.Tensor:
        loss = forward(*data)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    compiled = pydl.compile(step, state=[model, optimizer])
    return lambda: compiled(*data)


def _gru(steps: int) -> tuple[Any, Callable[[Any], Any], Any]:
    import pydl

    cell = pydl.nn.GRUCell(8, 16)

    def forward(x: pydl.Tensor) -> pydl.Tensor:
        h = pydl.zeros((4, 16))
        for t in range(steps):
            h = cell(x[t], h)
        return (h * h).mean()

    return cell, forward, pydl.zeros((steps, 4, 8))


def _blocks(count: int) -> tuple[Any, Callable[[Any], Any], Any]:
    import pydl
    from pydl import nn

    layers = [(nn.Linear(8, 8), nn.LayerNorm(8), nn.GELU()) for _ in range(count)]
    model = nn.Sequential(*(layer for block in layers for layer in block))
    return model, lambda x: (model(x) ** 2).mean(), pydl.zeros((4, 8))


def _split(model: Any, forward: Callable[[Any], Any], x: Any) -> Callable[[], Any]:
    """The first call of a compiled forward pass, whose derivative is compiled with it."""
    import pydl

    compiled = pydl.compile(forward, state=[model])
    return lambda: compiled(x)


def _program_file(calls: int) -> Callable[[], Any]:
    """A generated file: one elementwise call after the other."""
    import pydl

    folder = tempfile.TemporaryDirectory()
    path = Path(folder.name) / "chain.pydl"
    ops = ("exp", "sin", "tanh", "negative")
    program = {
        "format": 1,
        "producer": "bench",
        "generators": [],
        "class_names": [],
        "preprocessing": {},
        "functions": [
            {
                "name": "chain",
                "inputs": [{"name": "x", "dtype": "float32", "shape": [8]}],
                "outputs": ["y"],
                "result": "",
                "states": [],
                "views": [],
                "constants": [],
                "generators": [],
                "calls": [[ops[i % len(ops)], [i]] for i in range(calls)],
                "results": [calls],
            }
        ],
    }
    pydl.save(path, {}, {"pydl.program": json.dumps(program)})

    def load_and_call() -> None:
        with folder:
            pydl.load(path).chain(pydl.zeros((8,)))

    return load_and_call


def _resnet152(batch: int) -> Callable[[], Any]:
    import pydl

    model = pydl.models.resnet152()
    x = pydl.zeros((batch, 3, 32, 32))
    y = pydl.zeros((batch,), dtype="int64")
    return _training_step(model, lambda x, y: pydl.nn.functional.cross_entropy(model(x), y), x, y)


CASES = {
    "GRU cell, unrolled, training step": Growth(
        "steps", _doubled(800, 4), lambda size: _training_step(*_gru(size))
    ),
    "Linear, LayerNorm and GELU, training step": Growth(
        "blocks", _doubled(1600, 4), lambda size: _training_step(*_blocks(size))
    ),
    "elementwise chain in a program file": Growth("calls", _doubled(20_000, 4), _program_file),
    "GRU cell, forward and backward apart": Growth(
        "steps", _doubled(800, 4), lambda size: _split(*_gru(size))
    ),
    "Linear, LayerNorm and GELU, forward and backward apart": Growth(
        "blocks", _doubled(1600, 4), lambda size: _split(*_blocks(size))
    ),
    "ResNet-152, first training step, images of 32 x 32": Growth("images", (2,), _resnet152),
}


def _measure(name: str, size: int) -> tuple[float, float]:
    """In the process of a case: seconds, and those on processors."""
    first_call = CASES[name].build(size)
    start, busy = time.perf_counter(), time.process_time()
    first_call()
    return time.perf_counter() - start, time.process_time() - busy


def _in_processes(name: str, size: int) -> tuple[float, float]:
    """The shortest of a few times."""
    command = [sys.executable, "-m", "bench.compile", name, str(size)]
    taken, busy = [], []
    for _ in range(_ROUNDS):
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds = json.loads(answer.splitlines()[-1])
        taken.append(seconds[0])
        busy.append(seconds[1])
    return min(taken), min(busy)


def run(options: argparse.Namespace) -> int:
    """Measure all cases whose name contains ``options.only``, and print a table."""
    names = [name for name in CASES if options.only is None or options.only in name]
    if options.list:
        print("\n".join(names))
        return 0
    machine = describe_machine()
    print(f"{machine}\n")
    print(f"{'case':55s} {'size':>13s} {'seconds':>8s} {'busy':>8s} {'ratio':>6s}")
    results = {}
    for name in names:
        case = CASES[name]
        before = None
        for size in case.sizes:
            seconds, busy = _in_processes(name, size)
            results.setdefault(name, {})[size] = {"seconds": seconds, "busy": busy}
            ratio = "" if before is None else f"{busy / before:.2f}"
            print(
                f"{name:55s} {f'{size} {case.unit}':>13s} {seconds:8.3f} {busy:8.3f} {ratio:>6s}",
                flush=True,
            )
            before = busy
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": asdict(machine), "results": results}))
    return 0


if __name__ == "__main__":
    print(json.dumps(_measure(sys.argv[1], int(sys.argv[2]))))
