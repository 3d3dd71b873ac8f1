"""Gradients in compiled steps: made, kept, changed, accumulated and dropped as in eager mode."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from compiled.comparison import assert_same, to_numpy
from compiled.training import Pair, Step, batches, compare, loss_of, make_step, mlp

import pydl
from pydl import nn, optim


def test_gradient_is_gone_after_an_update() -> None:
    model = mlp()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    step = pydl.compile(make_step(model, optimizer), state=[model, optimizer])
    for arguments in batches(3):
        step(*arguments)
        assert all(p.grad is None for p in model.parameters())


def test_gradient_is_there_without_an_update() -> None:
    models = [mlp(), mlp()]

    def make(model: nn.Module) -> Step:
        def gradients(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            model.zero_grad()
            loss = loss_of(model, x, y)
            loss.backward()
            return loss.detach()

        return gradients

    eager, compiled = make(models[0]), pydl.compile(make(models[1]), state=models[1])
    for arguments in batches(3):
        assert_same(compiled(*arguments), eager(*arguments), loosen=10)
        grads = [[p.grad for p in model.parameters()] for model in models]
        assert all(g is not None for g in grads[1])
        assert_same(grads[1], grads[0], loosen=10)


def test_gradients_of_earlier_calls_stay_what_they_were() -> None:
    model = mlp()

    def gradients(x: pydl.Tensor, y: pydl.Tensor) -> None:
        model.zero_grad()
        loss_of(model, x, y).backward()

    compiled = pydl.compile(gradients, state=model)
    data = batches(2)
    assert compiled(*data[0]) is None
    kept = [p.grad for p in model.parameters()]
    before = [to_numpy(g) for g in kept]
    compiled(*data[1])
    for gradient, values in zip(kept, before, strict=True):
        assert np.array_equal(to_numpy(gradient), values)


def test_gradients_accumulate_when_nothing_uses_them() -> None:
    models = [mlp(), mlp()]

    def make(model: nn.Module) -> Step:
        def add(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            loss = loss_of(model, x, y)
            loss.backward()
            return loss

        return add

    eager, compiled = make(models[0]), pydl.compile(make(models[1]), state=models[1])
    for arguments in batches(4):
        assert_same(compiled(*arguments), eager(*arguments), loosen=10)
    grads = [[p.grad for p in model.parameters()] for model in models]
    assert_same(grads[1], grads[0], loosen=10)
    assert compiled.traces == 2  # without gradients at first, and with


def test_accumulated_gradients() -> None:
    """Two calls without an update, then one with: as in eager mode."""
    models = [mlp(), mlp()]
    optimizers = [optim.Adam(m.parameters(), lr=0.01) for m in models]

    def make(model: nn.Module, optimizer: optim.Optimizer) -> tuple[Step, Callable[[], None]]:
        def accumulate(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            loss = loss_of(model, x, y)
            (loss * 0.5).backward()
            return loss.detach()

        def update() -> None:
            optimizer.step()
            optimizer.zero_grad()

        return accumulate, update

    eager = make(models[0], optimizers[0])
    accumulate, update = (
        pydl.compile(f, state=[models[1], optimizers[1]]) for f in make(models[1], optimizers[1])
    )
    data = iter(batches(6))
    traces = (0, 0)
    for turn in range(3):
        for _ in range(2):
            arguments = next(data)
            assert_same(accumulate(*arguments), eager[0](*arguments), loosen=100)
            grads = [[p.grad for p in model.parameters()] for model in models]
            assert_same(grads[1], grads[0], "gradients", loosen=100)
        eager[1]()
        assert update() is None
        assert all(p.grad is None for p in models[1].parameters())
        compare(models[1], optimizers[1], models[0], optimizers[0])
        if turn == 2:
            assert (accumulate.traces, update.traces) == traces
        traces = accumulate.traces, update.traces


def test_compiled_backward_and_eager_update() -> None:
    pair_models = [mlp(), mlp()]
    optimizers = [optim.Adam(m.parameters(), lr=0.01) for m in pair_models]

    def backward(x: pydl.Tensor, y: pydl.Tensor) -> None:
        loss_of(pair_models[1], x, y).backward()

    compiled = pydl.compile(backward, state=pair_models[1])
    for x, y in batches():
        loss_of(pair_models[0], x, y).backward()
        compiled(x, y)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        compare(pair_models[1], optimizers[1], pair_models[0], optimizers[0])


def test_gradients_clipped_by_a_tensor_expression() -> None:
    def make(model: nn.Module, optimizer: optim.Optimizer) -> Step:
        def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            optimizer.zero_grad()
            loss = loss_of(model, x, y)
            loss.backward()
            parameters = list(model.parameters())
            with pydl.no_grad():
                norm = sum((p.grad * p.grad).sum() for p in parameters).sqrt()
                scale = pydl.minimum(0.1 / (norm + 1e-6), 1.0)
                for parameter in parameters:
                    parameter.grad = parameter.grad * scale
            optimizer.step()
            return norm

        return step

    pair = Pair(make=make)
    pair.run(batches())


def test_gradients_clipped_in_place() -> None:
    def make(model: nn.Module, optimizer: optim.Optimizer) -> Step:
        def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            optimizer.zero_grad()
            loss = loss_of(model, x, y)
            loss.backward()
            with pydl.no_grad():
                for parameter in model.parameters():
                    parameter.grad *= 0.5
                    parameter.grad[...] = parameter.grad.clip(-0.01, 0.01)
            optimizer.step()
            return loss.detach()

        return step

    pair = Pair(make=make)
    pair.run(batches())


def test_gradient_of_outside_is_scaled_in_place() -> None:
    weight = nn.Parameter(pydl.ones(3))
    weight.grad = pydl.full((3,), 4.0)

    def scale() -> None:
        with pydl.no_grad():
            weight.grad *= 0.5

    pydl.compile(scale, state=[weight])()
    assert weight.grad.tolist() == [2.0] * 3


def test_gradient_of_outside_that_is_transposed() -> None:
    layer = nn.Linear(2, 3)
    start = np.arange(6, dtype=np.float32).reshape(layer.weight.shape)
    layer.weight.grad = pydl.tensor(start.T.copy()).T
    step = pydl.compile(lambda x: layer(x).sum().backward(), state=layer)
    for call in range(1, 3):
        step(pydl.ones((1, 2)))
        np.testing.assert_array_equal(to_numpy(layer.weight.grad), start + call)


def test_gradient_of_outside_is_set_to_zero() -> None:
    weight = nn.Parameter(pydl.ones(3))
    optimizer = optim.SGD([weight], lr=0.1)
    weight.grad = pydl.full((3,), 4.0)
    pydl.compile(lambda: optimizer.zero_grad(set_to_none=False), state=[optimizer])()
    assert weight.grad.tolist() == [0.0] * 3


def test_gradient_of_outside_is_replaced_or_dropped() -> None:
    a, b = nn.Parameter(pydl.ones(3)), nn.Parameter(pydl.ones(3))

    def change(x: pydl.Tensor) -> None:
        a.grad = a.grad * x
        b.grad = None

    compiled = pydl.compile(change, state=[a, b])
    for _ in range(2):
        a.grad, b.grad = pydl.full((3,), 4.0), pydl.ones(3)
        compiled(pydl.tensor(0.25))
        assert a.grad.tolist() == [1.0] * 3
        assert b.grad is None


def test_zeroed_gradients_in_a_step() -> None:
    """`zero_grad(set_to_none=False)` where gradients of an eager backward are left over."""

    def make(model: nn.Module, optimizer: optim.Optimizer) -> Step:
        def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            optimizer.zero_grad(set_to_none=False)
            loss = loss_of(model, x, y)
            loss.backward()
            optimizer.step()
            return loss.detach()

        return step

    pair = Pair(make=make)
    for model in pair.models:
        loss_of(model, *batches()[0]).backward()
    pair.run(batches(3))


def test_step_that_zeroes_gradients_last() -> None:
    def make(model: nn.Module, optimizer: optim.Optimizer) -> Step:
        def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            loss = loss_of(model, x, y)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            return loss

        return step

    pair = Pair(make=make)
    for k, arguments in enumerate(batches()):
        assert_same(pair.compiled(*arguments), pair.eager(*arguments), f"step {k}", loosen=100)
        pair.check()


def test_two_updates_in_one_step() -> None:
    def make(model: nn.Module, optimizer: optim.Optimizer) -> Step:
        step = make_step(model, optimizer)
        return lambda x, y: step(x, y) + step(x * 0.5, y)

    pair = Pair(make=make)
    pair.run(batches(3))
    assert pair.optimizers[1].steps == 6


def test_two_optimizers_take_turns() -> None:
    """As in adversarial training: each step updates its own half."""
    sides = []
    for _ in range(2):
        left, right = mlp(seed=1), mlp(seed=2)
        sides.append((left, right, optim.Adam(left.parameters()), optim.SGD(right.parameters())))

    def make(left: Any, right: Any, a: optim.Optimizer, b: optim.Optimizer) -> Step:
        def step(x: pydl.Tensor, y: pydl.Tensor) -> Any:
            fake = left(x)
            first = ((fake - y) ** 2).mean() + (right(x) * fake).mean()
            a.zero_grad()
            first.backward()
            a.step()
            b.zero_grad()
            second = loss_of(right, x, y) - (left(x).detach() * right(x)).mean()
            second.backward()
            b.step()
            return first.detach(), second.detach()

        return step

    eager, compiled = make(*sides[0]), pydl.compile(make(*sides[1]), state=list(sides[1]))
    for arguments in batches():
        assert_same(compiled(*arguments), eager(*arguments), loosen=100)
        compare(sides[1][0], sides[1][2], sides[0][0], sides[0][2])
        compare(sides[1][1], sides[1][3], sides[0][1], sides[0][3])


def test_gradient_as_a_function() -> None:
    """`value_and_grad` with parameters as arguments: nothing is declared or overwritten."""

    def loss(parameters: dict[str, pydl.Tensor], x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        h = (x @ parameters["w1"] + parameters["b1"]).tanh()
        return ((h @ parameters["w2"] - y) ** 2).mean()

    def step(parameters: dict[str, pydl.Tensor], x: pydl.Tensor, y: pydl.Tensor) -> Any:
        value, gradient = pydl.value_and_grad(loss)(parameters, x, y)
        return value, {k: parameters[k] - 0.1 * gradient[k] for k in parameters}

    rng = np.random.default_rng(0)
    start = {"w1": (7, 5), "b1": (5,), "w2": (5, 4)}
    eager = {k: pydl.tensor(rng.standard_normal(s), dtype="float32") for k, s in start.items()}
    given = dict(eager)
    compiled = pydl.compile(step)
    for x, y in batches():
        expected, eager = step(eager, x, y)
        actual, given = compiled(given, x, y)
        assert_same(actual, expected, loosen=100)
        assert_same(given, eager, loosen=100)
    assert compiled.traces == 1


def test_second_order_step() -> None:
    """The loss contains a gradient: a penalty on its norm."""

    def make(model: nn.Module, optimizer: optim.Optimizer) -> Step:
        def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            x = x.detach().copy().requires_grad_()
            loss = loss_of(model, x, y)
            (slope,) = pydl.grad(loss, x, create_graph=True)
            total = loss + (slope * slope).sum()
            optimizer.zero_grad()
            total.backward()
            optimizer.step()
            return total.detach()

        return step

    pair = Pair(lambda: mlp("float64"), make=make)
    pair.run(batches(dtype="float64"))
