"""Optimisers of users: subclasses of `Optimizer`, and of pydl's own."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn, optim


class Lion(optim.Optimizer):
    """By the sign of a running mean (Chen et al., 2023), in pydl's functions."""

    _slot_names = ("momentum",)

    def __init__(self, parameters: Any, lr: float = 0.01, beta: float = 0.9) -> None:
        super().__init__(parameters, lr, {"beta": beta})

    def _update(self, batch: Any, gradients: list[pydl.Tensor]) -> None:
        beta = batch.group.options["beta"]
        batch.step += 1
        with pydl.no_grad():
            for p, m, g in zip(batch.parameters, batch.slots[0], gradients, strict=True):
                assert isinstance(p, nn.Parameter)
                m[...] = beta * m + (1 - beta) * g
                p -= (batch.group._lr * pydl.sign(m)).astype(p.dtype)


class NesterovBySteps(optim.SGD):
    """The update of a base class as a part of another one, with gradients that are changed."""

    def _update(self, batch: Any, gradients: list[pydl.Tensor]) -> None:
        super()._update(batch, [g * 0.5 for g in gradients])


class WithMaximum(optim.Adam):
    """Keeps more for each parameter than the update that it calls."""

    _slot_names = ("first_moment", "second_moment", "largest")

    def _update(self, batch: Any, gradients: list[pydl.Tensor]) -> None:
        super()._update(batch, gradients)
        for largest, g in zip(batch.slots[2], gradients, strict=True):
            largest[...] = pydl.maximum(largest, g.abs())


class WithoutUpdate(optim.Optimizer):
    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, 0.1, {})


def _weights() -> list[nn.Parameter]:
    return [nn.Parameter(pydl.tensor([1.0, -2.0, 3.0])), nn.Parameter(pydl.tensor([4.0]))]


def _train(optimizer: Any, weights: list[Any], steps: int, compiled: bool) -> None:
    def step(joins: bool) -> pydl.Tensor:
        loss = (weights[0] * weights[0]).sum()
        if joins:  # the second parameter has no gradient otherwise
            loss = loss + (weights[1] * weights[1]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    run: Any = pydl.compile(step, state=[optimizer, weights]) if compiled else step
    for i in range(steps):
        run(i != 1)


MAKERS = {
    "lion": Lion,
    "groups": lambda w: Lion([{"params": w[0], "beta": 0.5}, {"params": w[1], "lr": 0.1}]),
    "part": lambda w: NesterovBySteps(w, lr=0.1, momentum=0.9),
    "more": WithMaximum,
}


@pytest.mark.parametrize("name", MAKERS)
def test_steps_are_the_same_when_compiled(name: str) -> None:
    states = []
    for compiled in (False, True):
        weights = _weights()
        optimizer: Any = MAKERS[name](weights)
        _train(optimizer, weights, 4, compiled)
        assert optimizer.steps == 4
        states.append([w.tolist() for w in weights] + [t.tolist() for t in _state(optimizer)])
    assert len(states[0]) == len(states[1])
    for found, expected in zip(states[1], states[0], strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def _state(optimizer: optim.Optimizer) -> list[pydl.Tensor]:
    return list(optimizer.state_dict().values())


def test_a_part_of_another_update() -> None:
    weights, others = _weights(), _weights()
    _train(NesterovBySteps(weights, lr=0.1, momentum=0.9), weights, 3, False)
    _train(optim.SGD(others, lr=0.05, momentum=0.9), others, 3, False)
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=1e-6)


def test_slots_of_own() -> None:
    weights = _weights()
    optimizer = WithMaximum(weights)
    _train(optimizer, weights, 2, False)
    assert [n for n in optimizer.state_dict() if n.startswith("0.")] == [
        "0.step",
        "0.first_moment",
        "0.second_moment",
        "0.largest",
    ]
    assert optimizer.state_dict()["1.largest"].item() == 8.0
    other = WithMaximum(_weights())
    other.load_state_dict(optimizer.state_dict())
    assert [t.tolist() for t in _state(other)] == [t.tolist() for t in _state(optimizer)]
    with pytest.raises(ValueError, match=r"Adam.load_state_dict: \d.largest is not part of"):
        optim.Adam(_weights()).load_state_dict(optimizer.state_dict())


def test_an_update_must_be_defined() -> None:
    weights = _weights()
    with pytest.raises(NotImplementedError, match="WithoutUpdate does not define _update"):
        _train(WithoutUpdate(weights), weights, 1, False)


@pytest.mark.parametrize(
    "make",
    [
        *MAKERS.values(),
        optim.Adam,
        lambda w: optim.SGD([{"params": w[0], "momentum": 0.9}, {"params": w[1], "lr": 0.5}]),
    ],
)
def test_copies_go_on_alike_and_apart(make: Any) -> None:
    weights = _weights()
    optimizer = make(weights)
    optimizer.lr = 0.02
    _train(optimizer, weights, 3, False)
    other, twins = copy.deepcopy((optimizer, weights))
    assert other.parameters[0] is twins[0] and other.lr == 0.02
    before = [w.tolist() for w in weights]
    _train(other, twins, 3, True)
    assert [w.tolist() for w in weights] == before and optimizer.steps == 3
    _train(optimizer, weights, 3, True)
    assert [w.tolist() for w in weights] == [w.tolist() for w in twins]
    assert [t.tolist() for t in _state(other)] == [t.tolist() for t in _state(optimizer)]


def test_a_copy_whose_moments_are_still_to_be_made() -> None:
    weights = _weights()
    optimizer = optim.SGD(weights, lr=0.1)
    _train(optimizer, weights, 1, False)
    optimizer.momentum = 0.9
    other, twins = copy.deepcopy((optimizer, weights))
    for each, members in ((optimizer, weights), (other, twins)):
        _train(each, members, 2, False)
    assert [w.tolist() for w in weights] == [w.tolist() for w in twins]


def test_options_that_change_in_the_dict_of_a_group() -> None:
    """The dict is what counts, and the tensors that are kept follow it."""
    weights, others = _weights(), _weights()
    optimizer, given = optim.SGD(weights, lr=0.1), optim.SGD(others, lr=0.1, momentum=0.5)
    options: Mapping[str, Any] = optimizer.groups[0].options
    assert options["momentum"] == 0.0
    optimizer.groups[0].options["momentum"] = 0.5
    for each, members in ((optimizer, weights), (given, others)):
        _train(each, members, 3, True)
    assert [w.tolist() for w in weights] == [w.tolist() for w in others]
    optimizer.groups[0].options["momentun"] = 0.5
    with pytest.raises(TypeError, match=r"SGD\.step: a group has the unknown option 'momentun'"):
        optimizer.step()
