"""Finding the operation that first computed NaN or an infinity."""

from __future__ import annotations

import inspect
import math
import threading
from typing import Any

import pytest

import pydl
from pydl import nn


class Encoder(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(2, 2), Inner(function))

    def forward(self, x: Any) -> Any:
        return self.layers(x)


class Inner(nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x * 0)


def line_of(function: Any) -> str:
    return f"{inspect.getsourcefile(function)}:{inspect.getsourcelines(function)[1] + 1}"


def logarithm(x: Any) -> Any:
    return x.log()


def root(x: Any) -> Any:
    return x.sqrt()


MODES = pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])


def caught(run: Any) -> str:
    with pydl.detect_anomaly(), pytest.raises(RuntimeError) as error:
        run()
    return str(error.value)


@MODES
def test_forward(compiled: bool) -> None:
    model = Encoder(logarithm)
    run = pydl.compile(model) if compiled else model
    message = caught(lambda: run(pydl.ones((1, 2))))
    assert "log: computed an infinity at 2 of 2 places, first at (0, 0)" in message
    assert "layers.1" in message and line_of(logarithm) in message


@MODES
def test_backward(compiled: bool) -> None:
    model = Encoder(root)
    step = pydl.compile(lambda x: model(x).sum().backward(), state=[model])
    run = step if compiled else lambda x: model(x).sum().backward()
    message = caught(lambda: run(pydl.ones((1, 2))))
    assert message.startswith("backward: the derivative of sqrt, called in ")
    assert line_of(root) in message and "in layer 'layers.1' (Inner)" in message
    assert "computed for its input 0 an infinity" in message


def test_not_a_number_from_infinities_and_from_outside() -> None:
    big = pydl.tensor([math.inf, 1.0])
    assert "subtract: computed NaN at 1 of 2 places" in caught(lambda: big - big)
    given = pydl.tensor([math.nan, 1.0])
    message = caught(lambda: given * 2)
    assert "multiply: computed NaN" in message and "from outside of the scope" in message


def test_infinities_that_were_given_are_left_alone() -> None:
    scores = pydl.tensor([[1.0, 2.0]], requires_grad=True)
    mask = pydl.tensor([[True, False]])
    with pydl.detect_anomaly():
        pydl.softmax(pydl.masked_fill(scores, mask, -math.inf), -1).sum().backward()
        assert scores.grad is not None
        pydl.full((2,), -math.inf)
        (pydl.tensor([math.inf]) + 1).sum()


def test_infinities_can_be_ignored() -> None:
    x = pydl.tensor([0.0, 1.0])
    with pydl.detect_anomaly(check_inf=False):
        y = pydl.where(x > 0, x.log(), 0.0)
        with pytest.raises(RuntimeError, match="log: computed NaN"):
            (x - 5).log()
    assert y.tolist() == [0.0, 0.0]


def test_updates() -> None:
    layer = nn.Linear(1, 1)
    optimizer = pydl.optim.SGD(layer.parameters(), lr=1.0)
    layer.weight.grad = pydl.full((1, 1), math.nan)
    layer.bias.grad = pydl.zeros((1,))
    assert "NaN" in caught(optimizer.step)


def test_functions_of_the_user() -> None:
    class Wrong(pydl.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 2

        @staticmethod
        def backward(ctx: Any, gradient: Any) -> Any:
            return gradient / (gradient - gradient)

    x = pydl.tensor([1.0], requires_grad=True)
    message = caught(lambda: Wrong.apply(x).sum().backward())
    assert "divide: computed" in message and "test_anomaly.py" in message


def test_scopes() -> None:
    x = pydl.tensor([0.0])

    @pydl.detect_anomaly()
    def decorated() -> Any:
        return x.log()

    with pytest.raises(RuntimeError, match="log: computed an infinity"):
        decorated()
    assert x.log().item() == -math.inf
    with pydl.autograd.set_detect_anomaly(True):
        with pytest.raises(RuntimeError, match="log"):
            x.log()
        with pydl.autograd.set_detect_anomaly(False):
            x.log()
    x.log()
    pydl.autograd.set_detect_anomaly(True)
    try:
        with pytest.raises(RuntimeError, match="log"):
            x.log()
    finally:
        pydl.autograd.set_detect_anomaly(False)


def test_other_threads_are_not_concerned() -> None:
    found: list[float] = []
    with pydl.detect_anomaly():
        thread = threading.Thread(target=lambda: found.append(pydl.tensor([0.0]).log().item()))
        thread.start()
        thread.join()
    assert found == [-math.inf]


def test_what_is_finite_passes() -> None:
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.GELU(), nn.Linear(4, 2))
    optimizer = pydl.optim.Adam(model.parameters(), lr=0.1)
    x, y = pydl.ones((5, 3)), pydl.zeros((5,), dtype="int64")

    @pydl.compile(state=[model, optimizer])
    def step(x: Any, y: Any) -> Any:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    with pydl.detect_anomaly():
        losses = [step(x, y).item() for _ in range(3)]
    assert losses[2] < losses[0] and step.traces == 0
