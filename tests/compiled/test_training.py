"""Whole training steps, compiled, against the same steps run one op after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled.comparison import CHOICE_IDS, CHOICES, assert_same, to_numpy
from compiled.training import OPTIMIZERS, Pair, Step, batches, compare, make_step, mlp

import pydl
from pydl import nn, optim


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


def test_a_smaller_last_batch_has_its_plan_once() -> None:
    pair = Pair()
    full, small = batches(4), batches(2, size=5)
    for _ in range(3):
        pair.run(full[:2])
        pair.run(small[:1])
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


def test_buffers_of_two_dtypes() -> None:
    class Running(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.mean = nn.Buffer(pydl.zeros((7,)))
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
        x = batches(1)[0][0] + float(i)
        assert_same(compiled(x), eager(x))
    assert_same(model.mean, eager.mean)
    assert model.count.item() == 4


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


def test_modes_of_a_step() -> None:
    pair = Pair(lambda: mlp(dropout=0.3))
    for _ in range(2):
        pair.run(batches(2))
        for model in pair.models:
            model.eval()
        pair.run(batches(2))
        for model in pair.models:
            model.train()
    # One program before `eval` set the attribute anywhere, then one for each mode.
    assert pair.compiled.traces == 3


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
