"""Single operations: products, elementwise functions, reductions, and tiny calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.case import Array, Case

_ALL = ("pydl", "torch", "numpy")
_RECORDING = ("pydl", "torch")
_LARGE = 10_000_000  # elements: far larger than the caches


@dataclass(frozen=True)
class Operation:
    """A function by its name in the tables of the peers, called with random normal arrays."""

    name: str
    shapes: tuple[tuple[int, ...], ...]
    recorded: bool = False  # the first argument requires a gradient

    def data(self) -> list[Array]:
        rng = np.random.default_rng(0)
        return [rng.standard_normal(shape, dtype=np.float32) for shape in self.shapes]


def cases() -> Iterator[Case]:
    """All cases of this suite."""
    yield from _products()
    yield from _elementwise()
    yield from _reductions()
    yield from _overhead()


def _products() -> Iterator[Case]:
    for m, n, k in [(512, 512, 512), (128, 512, 784), (1024, 1024, 1024)]:
        operation = Operation("matmul", ((m, k), (k, n)))
        yield Case(f"matmul {m}x{n}x{k}", operation, _ALL, flops=2.0 * m * n * k)


def _elementwise() -> Iterator[Case]:
    add = Operation("add", ((_LARGE,), (_LARGE,)))
    yield Case("a + b, 10M", add, _ALL, bytes_moved=12.0 * _LARGE)
    for name in ("relu", "exp", "tanh"):
        operation = Operation(name, ((_LARGE,),))
        yield Case(f"{name}, 10M", operation, _ALL, bytes_moved=8.0 * _LARGE)


def _reductions() -> Iterator[Case]:
    softmax = Operation("softmax", ((1024, 1000),))
    yield Case("softmax (1024, 1000)", softmax, _RECORDING, bytes_moved=8.0 * 1024 * 1000)
    for axis in (0, 1):
        operation = Operation(f"sum axis {axis}", ((4096, 4096),))
        name = f"sum (4096, 4096) axis {axis}"
        yield Case(name, operation, _ALL, bytes_moved=4.0 * 4096 * 4096)


def _overhead() -> Iterator[Case]:
    shapes = ((16,), (16,))
    yield Case("a + b, 16", Operation("add", shapes), _ALL)
    recorded = Operation("add", shapes, recorded=True)
    yield Case("a + b, 16, recorded", recorded, _RECORDING)
    backward = Operation("backward", shapes, recorded=True)
    yield Case("(a * b).sum().backward(), 16", backward, _RECORDING)
