"""Whole training steps, compiled, against the same steps run one op after the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled.comparison import CHOICE_IDS, CHOICES, assert_same, to_numpy

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


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers(name: str, dtype: str) -> None:
    pair = Pair(lambda: mlp(dtype), lambda m: OPTIMIZERS[name](m.parameters()))
    pair.run(batches(dtype=dtype))
    # At the first call the optimiser makes its state; that is part of the first trace.
    assert pair.compiled.traces == 1


@pytest.mark.parametrize("without", CHOICES, ids=CHOICE_IDS)
@pytest.mark.parametrize("name", ["momentum", "adamw"])
def test_each_pass_off(name: str, without: tuple[str, ...]) -> None:
    pair = Pair(
        lambda: mlp(dropout=0.3), lambda m: OPTIMIZERS[name](m.parameters()), without=without
    )
    pair.run(batches())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_eagerly_and_back(name: str) -> None:
    """Steps of both kinds mix, the first one eager."""
    pair = Pair(make_optimizer=lambda m: OPTIMIZERS[name](m.parameters()))
    step = make_step(pair.models[1], pair.optimizers[1])
    data = batches(6)
    for k, arguments in enumerate(data):
        pair.eager(*arguments)
        (step if k in (0, 3) else pair.compiled)(*arguments)
        pair.check()


def test_dropout_draws_the_stream_of_eager_mode() -> None:
    results = []
    for compiled in (False, True):
        model = mlp(dropout=0.5)
        optimizer = optim.Adam(model.parameters(), lr=0.01)
        step: Any = make_step(model, optimizer)
        if compiled:
            step = pydl.compile(step, state=[model, optimizer])
        pydl.manual_seed(11)
        losses = [step(*arguments) for arguments in batches()]
        results.append((losses, model.state_dict(), pydl.rand(3)))
    assert_same(results[1], results[0], loosen=100)


def test_parameter_groups() -> None:
    def make_optimizer(model: Any) -> optim.Optimizer:
        first, *others = list(model.children())
        return optim.Adam(
            [
                {"params": first.parameters(), "lr": 0.1, "weight_decay": 0.1},
                {"params": [p for m in others for p in m.parameters()]},
            ],
            lr=0.001,
        )

    pair = Pair(make_optimizer=make_optimizer)
    pair.run(batches(3))
    for _, optimizer in pair.both():
        optimizer.groups[1].lr = 0.05
    pair.run(batches(3))
    assert pair.compiled.traces == 1


def test_learning_rate_changes_without_a_new_trace() -> None:
    pair = Pair(make_optimizer=lambda m: optim.SGD(m.parameters(), lr=0.1, momentum=0.9))
    for rate in (0.1, 0.01, 0.5, 0.0):
        for _, optimizer in pair.both():
            optimizer.lr = rate
        pair.run(batches(2))
    assert pair.compiled.traces == 1
    assert pair.optimizers[1].lr == 0.0


def test_learning_rate_that_the_step_itself_changes() -> None:
    """A schedule on the tensor of the learning rate is part of the program."""

    def make(model: Any, optimizer: Any) -> Step:
        step = make_step(model, optimizer)

        def decayed(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            loss = step(x, y)
            with pydl.no_grad():
                rate = optimizer.groups[0]._lr
                rate[...] = rate * 0.5
            return loss

        return decayed

    pair = Pair(make=make)
    pair.run(batches(4))
    assert pair.optimizers[1].lr == pytest.approx(0.01 / 16)


def test_options_of_the_optimizer_are_noticed() -> None:
    pair = Pair(make_optimizer=lambda m: optim.Adam(m.parameters(), lr=0.01))
    pair.run(batches(2))
    for _, optimizer in pair.both():
        optimizer.groups[0].options["weight_decay"] = 0.5
    pair.run(batches(2))
    assert pair.compiled.traces == 2


# --- parameters -----------------------------------------------------------------------------------


def test_frozen_parameters() -> None:
    pair = Pair()
    before = {name: to_numpy(t) for name, t in pair.models[1].state_dict().items()}
    for model in pair.models:
        model[0].requires_grad_(False)
    pair.run(batches(3))
    after = pair.models[1].state_dict()
    assert np.array_equal(to_numpy(after["0.weight"]), before["0.weight"])
    assert not np.array_equal(to_numpy(after["2.weight"]), before["2.weight"])


def test_parameters_freeze_and_thaw_between_calls() -> None:
    pair = Pair()
    for frozen in (False, True, False, True, True):
        for model in pair.models:
            model[2].requires_grad_(not frozen)
        pair.run(batches(2))


class WithUnused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = mlp()
        self.unused = nn.Parameter(pydl.ones((3,)))

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        return self.body(x)


def test_parameter_without_gradient() -> None:
    pair = Pair(WithUnused)
    pair.run(batches())
    assert pair.models[1].unused.tolist() == [1.0, 1.0, 1.0]
    assert pair.models[1].unused.grad is None


class Tied(nn.Module):
    """One parameter in two places, and a buffer that follows the data."""

    def __init__(self) -> None:
        super().__init__()
        pydl.manual_seed(2)
        self.encode = nn.Linear(7, 4, bias=False)
        self.again = self.encode
        self.mean = nn.Buffer(pydl.zeros((4,)))

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        h = self.encode(x)
        if self.training:
            with pydl.no_grad():
                self.mean[...] = self.mean * 0.9 + h.detach().mean(axis=0) * 0.1
        return self.again((h - self.mean) @ self.encode.weight)


def test_tied_parameters_and_buffers() -> None:
    pair = Pair(Tied)
    pair.run(batches())
    assert any(abs(v) > 0 for v in pair.models[1].mean.tolist())


def test_replaced_parameters_are_noticed() -> None:
    compiled_model, model = mlp(), mlp()
    evaluate = pydl.compile(lambda x: compiled_model(x), state=[compiled_model])
    x = batches()[0][0]
    with pydl.no_grad():
        assert_same(evaluate(x), model(x))
        for m in (compiled_model, model):
            m[0].weight = nn.Parameter(pydl.ones((16, 7)) * 0.1)
        assert_same(evaluate(x), model(x))
        for m in (compiled_model, model):
            m[4].bias = None
        assert_same(evaluate(x), model(x))
        for m in (compiled_model, model):
            m[1] = nn.ReLU()
        assert_same(evaluate(x), model(x))
    assert evaluate.traces == 4


def test_layers_are_appended_between_calls() -> None:
    pair = Pair()
    pair.run(batches(2))
    for model in pair.models:
        pydl.manual_seed(5)
        model.append(nn.Linear(4, 4))
    for k, arguments in enumerate(batches(3)):
        assert_same(pair.compiled(*arguments), pair.eager(*arguments), f"step {k}", loosen=100)
        compare(pair.models[1], pair.optimizers[1], pair.models[0], pair.optimizers[0])
        # The optimiser does not know the new layer: its gradients add up, as in eager mode.
        for name in ("weight", "bias"):
            grads = [getattr(model[5], name).grad for model in pair.models]
            assert_same(grads[1], grads[0], f"gradient of {name} after step {k}", loosen=100)


def test_dtype_changes_between_calls() -> None:
    compiled_model, model = mlp(), mlp()
    evaluate = pydl.compile(compiled_model)
    for dtype in ("float32", "float64", "float32"):
        x = batches(dtype=dtype)[0][0]
        for m in (compiled_model, model):
            m.to(dtype)
        with pydl.no_grad():
            assert_same(evaluate(x), model(x), loosen=10)
    assert evaluate.traces == 3


def test_training_and_evaluation_mode() -> None:
    model = mlp(dropout=0.5)
    forward = pydl.compile(lambda x: model(x).detach(), state=model)
    x = batches()[0][0]
    for training in (True, False, True, False):
        model.train(training)
        pydl.manual_seed(3)
        actual = forward(x)
        pydl.manual_seed(3)
        assert_same(actual, model(x).detach(), loosen=10)
    assert forward.traces == 2


def test_mode_of_one_layer() -> None:
    model = mlp(dropout=0.5)
    forward = pydl.compile(lambda x: model(x).detach(), state=model)
    x = batches()[0][0]
    forward(x)
    model[2].eval()
    assert_same(forward(x), model(x).detach(), loosen=10)
    model[2].p = 0.0
    model[2].train()
    assert_same(forward(x), model(x).detach(), loosen=10)


# --- state between calls --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["momentum", "adam", "rmsprop_momentum"])
def test_states_are_saved_and_loaded_between_calls(name: str) -> None:
    pair = Pair(make_optimizer=lambda m: OPTIMIZERS[name](m.parameters()))
    pair.run(batches(2))
    saved = [
        (
            {key: value.copy() for key, value in model.state_dict().items()},
            {key: value.copy() for key, value in optimizer.state_dict().items()},
        )
        for model, optimizer in pair.both()
    ]
    pair.run(batches(3))
    for (model, optimizer), (model_state, optimizer_state) in zip(pair.both(), saved, strict=True):
        model.load_state_dict(model_state)
        optimizer.load_state_dict(optimizer_state)
    pair.check()
    pair.run(batches(3))
    assert pair.optimizers[1].steps == 5


def test_state_of_another_model_is_loaded() -> None:
    source = Pair()
    source.run(batches(3))
    pair = Pair()
    pair.run(batches(2))
    for model, optimizer in pair.both():
        model.load_state_dict(source.models[0].state_dict())
        optimizer.load_state_dict(source.optimizers[0].state_dict())
    pair.run(batches(3))


# --- gradients ------------------------------------------------------------------------------------


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


IN_PLACE = "a gradient that was there before the call and is changed in place keeps its old values"


def test_gradient_of_outside_is_scaled_in_place() -> None:
    weight = nn.Parameter(pydl.ones(3))
    weight.grad = pydl.full((3,), 4.0)

    def scale() -> None:
        with pydl.no_grad():
            weight.grad *= 0.5

    pydl.compile(scale, state=[weight])()
    assert weight.grad.tolist() == [2.0] * 3


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


def test_a_smaller_last_batch_has_its_plan_once() -> None:
    pair = Pair()
    full, small = batches(4), batches(2, size=5)
    for _ in range(3):
        pair.run(full[:2])
        pair.run(small[:1])
    assert pair.compiled.traces == 2
