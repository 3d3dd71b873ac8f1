"""Whole training steps: compiled ones do what eager ones do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn, optim

Optimizer = optim.Optimizer
MakeOptimizer = Callable[[nn.Module], Optimizer]
RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 6)).astype(np.float32)
Y = RNG.integers(0, 4, 20)

OPTIMIZERS: dict[str, MakeOptimizer] = {
    "sgd": lambda m: optim.SGD(m.parameters(), lr=0.1),
    "momentum": lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9, weight_decay=0.01),
    "nesterov": lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda m: optim.RMSprop(m.parameters(), lr=0.01, momentum=0.5),
    "adam": lambda m: optim.Adam(m.parameters(), lr=0.01, weight_decay=0.1),
    "adamw": lambda m: optim.AdamW(m.parameters(), lr=0.01),
    "groups": lambda m: optim.Adam(
        [
            {"params": list(m.parameters())[:2], "lr": 0.05},
            {"params": list(m.parameters())[2:], "weight_decay": 0.1},
        ],
        lr=0.01,
    ),
}


def _model() -> nn.Sequential:
    pydl.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 4))


def _step(model: nn.Module, optimizer: Optimizer) -> Callable[..., pydl.Tensor]:
    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


class Pair:
    """The same model twice, one trained eagerly and one compiled, with random numbers alike."""

    def __init__(self, make_optimizer: MakeOptimizer, **options: Any) -> None:
        self.models = (_model(), _model())
        self.optimizers = tuple(map(make_optimizer, self.models))
        self.eager, function = map(_step, self.models, self.optimizers)
        self.compiled = pydl.compile(
            function, state=[self.models[1], self.optimizers[1]], **options
        )
        self.calls = 0

    def each(self, change: Callable[[nn.Sequential, Optimizer], object]) -> None:
        for model, optimizer in zip(self.models, self.optimizers, strict=True):
            change(model, optimizer)

    def run(self, steps: int, x: Any = X, y: Any = Y) -> None:
        for _ in range(steps):
            self.calls += 1
            pydl.manual_seed(self.calls)
            expected = self.eager(pydl.tensor(x), pydl.tensor(y))
            pydl.manual_seed(self.calls)
            actual = self.compiled(pydl.tensor(x), pydl.tensor(y))
            np.testing.assert_allclose(actual.item(), expected.item(), rtol=1e-5)
        self.compare()

    def compare(self) -> None:
        for one, other in zip(
            self.models[1].parameters(), self.models[0].parameters(), strict=True
        ):
            np.testing.assert_allclose(
                one.detach().numpy(), other.detach().numpy(), rtol=1e-4, atol=1e-6
            )
        states = [optimizer.state_dict() for optimizer in self.optimizers]
        assert states[0].keys() == states[1].keys()
        for name, value in states[0].items():
            np.testing.assert_allclose(
                states[1][name].numpy(), value.numpy(), rtol=1e-4, atol=1e-6, err_msg=name
            )


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str) -> None:
    pair = Pair(OPTIMIZERS[name])
    pair.run(5)
    assert pair.compiled.traces == 1


@pytest.mark.parametrize("name", pydl._core._pass_names())
def test_passes(name: str) -> None:
    Pair(OPTIMIZERS["adam"], without=[name]).run(3)


def test_gradients_are_gone_after_an_update() -> None:
    pair = Pair(OPTIMIZERS["adam"])
    pair.run(2)
    assert all(p.grad is None for p in pair.models[1].parameters())


def test_learning_rate_changes_between_calls() -> None:
    pair = Pair(OPTIMIZERS["adam"])
    pair.run(2)
    pair.each(lambda model, optimizer: setattr(optimizer, "lr", 0.1))
    pair.run(2)
    assert pair.compiled.traces == 1


def test_a_smaller_last_batch_is_traced_once() -> None:
    pair = Pair(OPTIMIZERS["momentum"])
    for _ in range(3):
        pair.run(2)
        pair.run(1, X[:7], Y[:7])
    assert pair.compiled.traces == 2


def test_modes() -> None:
    pair = Pair(OPTIMIZERS["sgd"])
    for _ in range(2):
        pair.run(2)
        pair.each(lambda model, optimizer: model.eval())
        pair.run(2)
        pair.each(lambda model, optimizer: model.train())
    # One program before `eval` set the attribute anywhere, then one for each mode.
    assert pair.compiled.traces == 3


def test_frozen_parameters_and_later_thaw() -> None:
    pair = Pair(OPTIMIZERS["adam"])
    pair.each(lambda model, optimizer: model[0].requires_grad_(False))
    pair.run(2)
    pair.each(lambda model, optimizer: model[0].requires_grad_(True))
    pair.run(2)


def test_an_unused_parameter_keeps_its_state() -> None:
    class Partial(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Linear(6, 4), nn.Linear(6, 4)

        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            return self.used(x)

    model = Partial()
    before = model.unused.weight.detach().copy()
    optimizer = optim.Adam(model.parameters(), lr=0.1)
    step = pydl.compile(_step(model, optimizer), state=[model, optimizer])
    losses = [step(pydl.tensor(X), pydl.tensor(Y)).item() for _ in range(4)]
    assert losses[3] < losses[0]
    np.testing.assert_array_equal(model.unused.weight.detach().numpy(), before.numpy())


def test_layers_added_and_replaced() -> None:
    pair = Pair(OPTIMIZERS["sgd"])
    pair.run(2)
    pydl.manual_seed(7)
    layer = nn.Linear(4, 4)
    copies = [nn.Linear(4, 4), nn.Linear(4, 4)]
    for one in copies:
        one.load_state_dict(layer.state_dict())
    for model, one in zip(pair.models, copies, strict=True):
        model.append(one)
    pair.run(2)


def test_loading_and_converting() -> None:
    pair = Pair(OPTIMIZERS["adam"])
    pair.run(2)
    state = {name: value.copy() for name, value in pair.models[0].state_dict().items()}
    moments = {name: value.copy() for name, value in pair.optimizers[0].state_dict().items()}
    pair.run(2)
    pair.each(lambda model, optimizer: model.load_state_dict(state))
    pair.each(lambda model, optimizer: optimizer.load_state_dict(moments))
    pair.run(2)


def test_float64() -> None:
    model = _model().to("float64").eval()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    step = pydl.compile(_step(model, optimizer), state=[model, optimizer])
    x = pydl.tensor(X, dtype="float64")
    losses = [step(x, pydl.tensor(Y)).item() for _ in range(3)]
    assert losses[2] < losses[0]


def test_gradients_accumulate_when_nothing_uses_them() -> None:
    models = _model().eval(), _model().eval()

    def gradients(model: nn.Module) -> Callable[..., pydl.Tensor]:
        def add(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            loss = nn.functional.cross_entropy(model(x), y)
            loss.backward()
            return loss

        return add

    eager, compiled = gradients(models[0]), pydl.compile(gradients(models[1]), state=models[1])
    for count in range(4):
        x, y = pydl.tensor(X * (count + 1)), pydl.tensor(Y)
        np.testing.assert_allclose(compiled(x, y).item(), eager(x, y).item(), rtol=1e-6)
    for one, other in zip(models[1].parameters(), models[0].parameters(), strict=True):
        assert one.grad is not None
        assert other.grad is not None
        np.testing.assert_allclose(one.grad.numpy(), other.grad.numpy(), rtol=1e-5, atol=1e-6)
    assert compiled.traces == 2  # without gradients at first, and with


def test_clipped_gradients() -> None:
    def step_of(model: nn.Module, optimizer: Optimizer) -> Callable[..., pydl.Tensor]:
        def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            with pydl.no_grad():
                grads = [p.grad for p in model.parameters()]
                norm = pydl.sqrt(sum((g * g).sum() for g in grads))
                for p, g in zip(model.parameters(), grads, strict=True):
                    p.grad = g * pydl.clip(0.1 / norm, max=1.0)
            optimizer.step()
            return norm

        return step

    models = _model().eval(), _model().eval()
    optimizers = [optim.SGD(m.parameters(), lr=0.5, momentum=0.9) for m in models]
    eager = step_of(models[0], optimizers[0])
    compiled = pydl.compile(step_of(models[1], optimizers[1]), state=[models[1], optimizers[1]])
    for _ in range(4):
        one, other = (f(pydl.tensor(X), pydl.tensor(Y)).item() for f in (compiled, eager))
        np.testing.assert_allclose(one, other, rtol=1e-5)


def test_buffers_are_state() -> None:
    class Running(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mean = nn.Buffer(pydl.zeros((6,)))
            self.count = nn.Buffer(pydl.zeros((), dtype="int64"))

        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            if self.training:
                with pydl.no_grad():
                    self.mean.copy_(self.mean * 0.9 + x.mean(axis=0) * 0.1)
                    self.count += 1
            return x - self.mean

    eager, model = Running(), Running()
    compiled = pydl.compile(model)
    for i in range(4):
        x = pydl.tensor(X + i)
        np.testing.assert_allclose(compiled(x).numpy(), eager(x).numpy(), rtol=1e-6)
    np.testing.assert_allclose(model.mean.numpy(), eager.mean.numpy(), rtol=1e-6)
    assert model.count.item() == 4


def test_fit_is_compiled_and_agrees_with_eager() -> None:
    results = []
    for jit in (True, False):
        model = _model()
        model.compile(
            optim.Adam(model.parameters(), lr=0.02), "cross_entropy", ["accuracy"], jit=jit
        )
        pydl.manual_seed(5)
        history = model.fit(X, Y, batch_size=8, epochs=4, verbose=0)
        measured = model.evaluate(X, Y, verbose=0)
        results.append((history.history["loss"], measured, model.predict(X).numpy()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-5)
    np.testing.assert_allclose(results[0][2], results[1][2], rtol=1e-4, atol=1e-5)


def test_fit_falls_back_with_one_warning_that_names_the_line() -> None:
    class Branches(nn.Module):
        def forward(self, output: pydl.Tensor, target: pydl.Tensor) -> pydl.Tensor:
            loss = nn.functional.cross_entropy(output, target)
            return loss * 2.0 if loss > 0.5 else loss

    model = _model()
    model.compile("sgd", Branches())
    with pytest.warns(UserWarning, match=r"fit runs without .*test_steps\.py:\d+") as caught:
        model.fit(X, Y, epochs=3, verbose=0)
    assert len(caught) == 1
