"""Compile time grows with the graph, not with its square."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pydl
from pydl import nn, optim

# Graphs four times as large take about four times as long; in proportion to the square, sixteen
# times. Only the time of this process counts, not that of others on the machine.
MOST_GROWTH = 10


def cpu_time(call: Callable[[], Any]) -> float:
    gc.collect()
    start = time.process_time()
    call()
    return time.process_time() - start


def step_of(layer: nn.Module, forward: Callable[[pydl.Tensor], pydl.Tensor], x: pydl.Tensor) -> Any:
    optimizer = optim.Adam(layer.parameters(), lr=0.1)

    def step(x: pydl.Tensor) -> pydl.Tensor:
        loss = forward(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    compiled = pydl.compile(step, state=[layer, optimizer])
    return lambda: compiled(x)


def recurrent_step(steps: int) -> Any:
    cell = nn.GRUCell(4, 4)

    def forward(x: pydl.Tensor) -> pydl.Tensor:
        h = pydl.zeros((2, 4))
        for t in range(steps):
            h = cell(x[t], h)
        return (h * h).mean()

    return step_of(cell, forward, pydl.zeros((steps, 2, 4)))


def deep_step(blocks: int) -> Any:
    layers = [(nn.Linear(4, 4), nn.LayerNorm(4), nn.GELU()) for _ in range(blocks)]
    model = nn.Sequential(*(layer for block in layers for layer in block))
    return step_of(model, lambda x: (model(x) ** 2).mean(), pydl.zeros((2, 4)))


def deep_forward(blocks: int) -> Any:
    """Forward and backward are programs of their own."""
    model = nn.Sequential(*(nn.Sequential(nn.Linear(4, 4), nn.SiLU()) for _ in range(blocks)))
    compiled = pydl.compile(lambda x: model(x).sum(), state=[model])
    return lambda: compiled(pydl.zeros((2, 4)))


def written_elements(count: int) -> Any:
    """Every call overwrites memory that the next one reads."""

    def function(x: pydl.Tensor) -> pydl.Tensor:
        y = x * 2.0
        for i in range(count):
            y[i % 8] = y[(i + 1) % 8] + x[i % 8]
        return y

    compiled = pydl.compile(function)
    return lambda: compiled(pydl.zeros((8, 4)))


def shared_operand(count: int) -> Any:
    """One result is read by all others."""

    def function(x: pydl.Tensor) -> pydl.Tensor:
        shared = pydl.exp(x)
        y = x
        for _ in range(count):
            y = pydl.tanh(y @ x) * shared
        return y

    compiled = pydl.compile(function)
    return lambda: compiled(pydl.zeros((4, 4)))


def program_file(path: Path, calls: int) -> Any:
    ops = ("exp", "sin", "tanh")
    function = {
        "name": "chain",
        "inputs": [{"name": "x", "dtype": "float32", "shape": [4]}],
        "outputs": ["y"],
        "result": "",
        **{name: [] for name in ("states", "views", "constants", "generators")},
        "calls": [[ops[i % 3], [i]] for i in range(calls)],
        "results": [calls],
    }
    program = {
        "format": 1,
        "producer": "",
        "functions": [function],
        "generators": [],
        "class_names": [],
        "preprocessing": {},
    }
    pydl.save(path, {}, {"pydl.program": json.dumps(program)})
    return lambda: pydl.load(path).chain(pydl.zeros((4,)))


@pytest.mark.parametrize(
    ("build", "size"),
    [
        (recurrent_step, 40),
        (deep_step, 50),
        (deep_forward, 100),
        (written_elements, 400),
        (shared_operand, 500),
    ],
)
def test_time_grows_with_the_graph(build: Callable[[int], Any], size: int) -> None:
    cpu_time(build(3))
    small = min(cpu_time(build(size)) for _ in range(3))
    large = min(cpu_time(build(4 * size)) for _ in range(3))
    assert large < MOST_GROWTH * small


def test_time_grows_with_the_program_file(tmp_path: Path) -> None:
    cpu_time(program_file(tmp_path / "warm.pydl", 3))
    small = min(cpu_time(program_file(tmp_path / "small.pydl", 1500)) for _ in range(3))
    large = min(cpu_time(program_file(tmp_path / "large.pydl", 6000)) for _ in range(3))
    assert large < MOST_GROWTH * small
