"""Training steps of multilayer perceptrons: forward, cross-entropy, backward, optimiser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from bench.case import Array, Case
from bench.layers import linear_weights

CONTENDERS = (
    "pydl eager",
    "pydl compiled",
    "torch eager",
    "torch fused",
    "torch compiled",
    "jax jit",
    "tensorflow graph",
    "tensorflow xla",
)


class MlpData(NamedTuple):
    """Inputs (N, sizes[0]), classes (N,), and per layer a weight (out, in) and a bias (out,)."""

    x: Array
    y: Array
    layers: list[tuple[Array, Array]]


@dataclass(frozen=True)
class Mlp:
    """Layers of the given sizes with ReLU between them; optimiser "adam", or "sgd" with momentum.

    The learning rate is 0.001, the momentum 0.9.
    """

    sizes: tuple[int, ...]
    batch: int
    optimizer: str

    def data(self) -> MlpData:
        rng = np.random.default_rng(0)
        layers = [linear_weights(rng, *pair) for pair in pairwise(self.sizes)]
        x = rng.standard_normal((self.batch, self.sizes[0]), dtype=np.float32)
        return MlpData(x, rng.integers(0, self.sizes[-1], self.batch), layers)

    @property
    def flops(self) -> float:
        """Of all products: forward, weight gradient, and all input gradients but the first."""
        products = [a * b for a, b in pairwise(self.sizes)]
        return 2.0 * self.batch * (3 * sum(products) - products[0])


def cases() -> Iterator[Case]:
    """All cases of this suite."""
    yield _case("mlp_tiny", Mlp((64, 32, 10), 32, "sgd"))
    yield _case("mlp_mnist", Mlp((784, 512, 10), 128, "adam"))
    yield _case("mlp_large", Mlp((1024, 4096, 4096, 1024), 256, "adam"))


def _case(name: str, work: Mlp) -> Case:
    sizes = "-".join(map(str, work.sizes))
    optimizer = {"adam": "Adam", "sgd": "SGD momentum"}[work.optimizer]
    return Case(
        f"{name} {sizes}, batch {work.batch}, {optimizer}",
        work,
        CONTENDERS,
        checked_steps=5,
        flops=work.flops,
        tolerance=2e-3,
    )
