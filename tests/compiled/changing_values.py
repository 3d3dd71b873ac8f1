"""The full table of changes, and what the tests do with its rows."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from compiled import changing_objects, changing_variables
from compiled.changes import CHANGES, Row, Step

import pydl
from pydl import nn

__all__ = ["CHANGES", "Row", "Step", "fit_with", "given", "reset", "restored"]


def reset() -> None:
    """Put everything back that rows change."""
    changing_variables.reset()
    changing_objects.reset()


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """Everything that rows change is as at the start, before and after."""
    reset()
    yield
    reset()
    os.environ.pop("PYDL_TEST_RATE", None)


def given() -> pydl.Tensor:
    return pydl.tensor([1.0, 2.0, 3.0])


def fit_with(function: Step, change: Callable[[], Any], jit: bool, where: str) -> list[float]:
    """Losses and metrics of a model that uses a function, before and after a callback's change."""

    class Net(pydl.Model):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            y = self.layer(x)
            return y + value_of(y) if where == "forward" else y

    def value_of(output: pydl.Tensor) -> pydl.Tensor:
        return function(output[0]).astype("float32").mean()

    def loss(output: pydl.Tensor, target: pydl.Tensor) -> pydl.Tensor:
        value = ((output - target) ** 2).mean()
        return value + value_of(output) if where == "loss" else value

    def metric(output: pydl.Tensor, target: pydl.Tensor) -> pydl.Tensor:
        return value_of(output) if where == "metric" else output.mean()

    class Change(pydl.training.Callback):
        def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
            if epoch == 1:
                change()

    pydl.manual_seed(0)
    model = Net()
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.01), loss, [metric], jit=jit)
    x = np.ones((4, 3), np.float32)
    history = model.fit(x, x, batch_size=4, epochs=4, verbose=0, callbacks=[Change()])
    return [*history.history["loss"], *history.history["metric"]]
