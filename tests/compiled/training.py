"""Models that are trained by compiled steps beside twins that are trained eagerly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from compiled.comparison import assert_same

import pydl
from pydl import nn, optim

STEPS = 5
Step = Callable[[pydl.Tensor, pydl.Tensor], pydl.Tensor]


def mlp(dtype: str = "float32", dropout: float = 0.0, seed: int = 0) -> nn.Sequential:
    pydl.manual_seed(seed)
    layers: list[nn.Module] = [nn.Linear(7, 16), nn.Tanh(), nn.Linear(16, 9), nn.ReLU()]
    if dropout:
        layers.insert(2, nn.Dropout(dropout))
    return nn.Sequential(*layers, nn.Linear(9, 4)).to(dtype)


def batches(count: int = STEPS, size: int = 12, dtype: str = "float32") -> list[Any]:
    rng = np.random.default_rng(1)
    return [
        (
            pydl.tensor(rng.standard_normal((size, 7)), dtype=dtype),
            pydl.tensor(np.eye(4)[rng.integers(0, 4, size)], dtype=dtype),
        )
        for _ in range(count)
    ]


def loss_of(model: nn.Module, x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
    return -(model(x).log_softmax() * y).sum() / x.shape[0]


def make_step(model: nn.Module, optimizer: optim.Optimizer) -> Step:
    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = loss_of(model, x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def compare(
    model: nn.Module, optimizer: optim.Optimizer, other: nn.Module, other_optimizer: optim.Optimizer
) -> None:
    """The same parameters and the same state of the optimiser."""
    # Rounding errors grow from step to step, and adaptive methods divide by small numbers.
    assert_same(model.state_dict(), other.state_dict(), "model", loosen=100)
    assert_same(optimizer.state_dict(), other_optimizer.state_dict(), "optimizer", loosen=100)
    assert optimizer.steps == other_optimizer.steps


class Pair:
    """A model with its optimiser trained by a compiled step, and its twin trained eagerly."""

    def __init__(
        self,
        make_model: Callable[[], nn.Module] = mlp,
        make_optimizer: Callable[[nn.Module], optim.Optimizer] = lambda m: optim.Adam(
            m.parameters(), lr=0.01
        ),
        make: Callable[[Any, Any], Any] = make_step,
        **options: Any,
    ) -> None:
        self.models = [make_model(), make_model()]
        self.optimizers = [make_optimizer(model) for model in self.models]
        self.eager = make(self.models[0], self.optimizers[0])
        self.compiled = pydl.compile(
            make(self.models[1], self.optimizers[1]),
            state=[self.models[1], self.optimizers[1]],
            **options,
        )

    def both(self) -> list[tuple[nn.Module, optim.Optimizer]]:
        return list(zip(self.models, self.optimizers, strict=True))

    def run(self, data: list[Any]) -> None:
        for k, arguments in enumerate(data):
            seed = int(pydl.randint(0, 10**6, ()).item())
            pydl.manual_seed(seed)
            expected = self.eager(*arguments)
            pydl.manual_seed(seed)
            actual = self.compiled(*arguments)
            assert_same(actual, expected, f"result of step {k}", loosen=100)
            self.check()

    def check(self) -> None:
        compare(self.models[1], self.optimizers[1], self.models[0], self.optimizers[0])


OPTIMIZERS: dict[str, Callable[[Any], optim.Optimizer]] = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9),
    "dampening": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.01),
    "nesterov": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
    "rmsprop_momentum": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.9, weight_decay=0.1),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adam_weight_decay": lambda p: optim.Adam(p, lr=0.01, weight_decay=0.1, betas=(0.8, 0.9)),
    "adamw": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
}
