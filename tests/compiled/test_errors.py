"""Errors in a trace or in a run of a program: everything is as it was before."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled.comparison import CHOICE_IDS, CHOICES, assert_same, to_numpy

import pydl
from pydl import TraceError, nn, optim


def x3() -> pydl.Tensor:
    return pydl.tensor([1.0, 2.0, 3.0])


# --- afterwards -----------------------------------------------------------------------------------


def _model() -> tuple[nn.Sequential, optim.Optimizer]:
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    return model, optim.Adam(model.parameters(), lr=0.1)


def _train(model: nn.Module, optimizer: optim.Optimizer, x: pydl.Tensor) -> pydl.Tensor:
    loss = (model(x) ** 2).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.detach()


def _everything(model: nn.Module, optimizer: optim.Optimizer) -> Any:
    return (
        {k: to_numpy(v) for k, v in model.state_dict().items()},
        {k: to_numpy(v) for k, v in optimizer.state_dict().items()},
        [None if p.grad is None else to_numpy(p.grad) for p in model.parameters()],
        [p.requires_grad for p in model.parameters()],
        pydl.is_grad_enabled(),
    )


def _assert_equal(a: Any, b: Any) -> None:
    if isinstance(a, dict):
        assert list(a) == list(b)
        a, b = list(a.values()), list(b.values())
    if isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for left, right in zip(a, b, strict=True):
            _assert_equal(left, right)
    else:
        assert np.array_equal(a, b)


@pytest.mark.parametrize("when", ["first", "later"])
@pytest.mark.parametrize("grads", [False, True])
@pytest.mark.parametrize("place", ["before_backward", "before_step", "after_step", "other_error"])
def test_everything_is_as_before_after_an_error(place: str, grads: bool, when: str) -> None:
    model, optimizer = _model()
    twin, twin_optimizer = _model()
    x = pydl.ones((5, 3))

    def step(x: pydl.Tensor) -> Any:
        loss = (model(x) ** 2).mean()
        if place == "before_backward":
            loss.item()
        optimizer.zero_grad()
        loss.backward()
        if place == "before_step":
            model[0].weight.grad.numpy()
        optimizer.step()
        if place == "after_step" and loss > 0:
            return None
        if place == "other_error":
            raise KeyError("x")
        return loss.detach()

    pairs = [(model, optimizer), (twin, twin_optimizer)]
    for m, o in pairs:
        if when == "later":
            _train(m, o, x)
        if grads:
            (m(x) ** 2).mean().backward()
        else:
            o.zero_grad()
    before = _everything(model, optimizer)
    error = KeyError if place == "other_error" else TraceError
    compiled = pydl.compile(step, state=[model, optimizer])
    for _ in range(2):
        with pytest.raises(error):
            compiled(x)
        after = _everything(model, optimizer)
        # Moments of zeros may have come into being.
        _assert_equal((after[0], *after[2:]), (before[0], *before[2:]))
        _assert_equal([after[1][k] for k in before[1]], list(before[1].values()))
        assert all(not np.any(v) for k, v in after[1].items() if k not in before[1])
    for k in range(3):
        results = [_train(m, o, x) for m, o in pairs]
        assert_same(results[0], results[1], f"eager step {k} afterwards")
        assert_same(model.state_dict(), twin.state_dict())
    good = pydl.compile(lambda x: _train(model, optimizer, x), state=[model, optimizer])
    assert_same(good(x), _train(twin, twin_optimizer, x), loosen=10)
    assert_same(model.state_dict(), twin.state_dict(), loosen=100)


def test_grad_mode_after_an_error() -> None:
    def function(x: pydl.Tensor) -> float:
        with pydl.no_grad():
            return x.sum().item()

    with pytest.raises(TraceError):
        pydl.compile(function)(x3())
    assert pydl.is_grad_enabled()
    assert x3().sum().item() == 6.0


# --- errors while a program runs ------------------------------------------------------------------


@pytest.mark.parametrize("op", ["take", "gather"])
@pytest.mark.parametrize("order", ["before", "after", "between"])
@pytest.mark.parametrize("without", CHOICES, ids=CHOICE_IDS)
def test_index_error_leaves_states_alone(op: str, order: str, without: tuple[str, ...]) -> None:
    model, optimizer = _model()
    counter = pydl.zeros((), dtype="int64")
    table = pydl.arange(10.0)

    def lookup(index: pydl.Tensor) -> pydl.Tensor:
        if op == "take":
            return pydl.take(table, index).sum()
        return pydl.gather(table, index, 0).sum()

    def step(x: pydl.Tensor, index: pydl.Tensor) -> Any:
        found = None
        if order == "before":
            found = lookup(index)
        counter[...] = counter + 1
        if order == "between":
            found = lookup(index)
        loss = _train(model, optimizer, x)
        if order == "after":
            found = lookup(index)
        return loss, found

    states = [model, optimizer, counter, table]
    compiled = pydl.compile(step, state=states, without=without)
    x, good, bad = pydl.ones((5, 3)), pydl.tensor([1, 2]), pydl.tensor([3, 11])
    compiled(x, good)
    before = _everything(model, optimizer), counter.item(), to_numpy(table)
    for _ in range(2):
        with pytest.raises(IndexError, match=f"{op}: index 11"):
            compiled(x, bad)
        after = _everything(model, optimizer), counter.item(), to_numpy(table)
        _assert_equal(after[0], before[0])
        assert after[1] == before[1]
        assert np.array_equal(after[2], before[2])
    compiled(x, good)
    assert counter.item() == 2
    assert optimizer.steps == 2
    assert compiled.traces == 1


def test_class_index_error_leaves_states_alone() -> None:
    """A loss checks its targets before the update, in a program that checks an index after it."""
    model, optimizer = _model()
    head = nn.Linear(1, 4)
    table = nn.Parameter(pydl.ones((5, 3)))

    def step(x: pydl.Tensor, y: pydl.Tensor, index: pydl.Tensor) -> pydl.Tensor:
        loss = nn.functional.cross_entropy(head(model(x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach() + pydl.take(table.detach(), index).sum()

    compiled = pydl.compile(step, state=[model, optimizer, head, table])
    x, y, index = pydl.ones((2, 3)), pydl.tensor([0, 1]), pydl.tensor([0, 4])
    compiled(x, y, index)
    before = _everything(model, optimizer)
    with pytest.raises(IndexError, match="take: index 5 is outside"):
        compiled(x, y, pydl.tensor([0, 5]))
    _assert_equal(_everything(model, optimizer), before)
    with pytest.raises(IndexError, match="class index 9 is outside the 4 classes"):
        compiled(x, pydl.tensor([0, 9]), index)
    _assert_equal(_everything(model, optimizer), before)
    compiled(x, y, index)
    assert optimizer.steps == 2


def test_index_error_in_the_first_call() -> None:
    """The trace went well: the next call needs no other one."""
    total = pydl.zeros(3)

    def function(x: pydl.Tensor, index: pydl.Tensor) -> pydl.Tensor:
        total[...] = total + x
        return pydl.take(x, index)

    compiled = pydl.compile(function, state=[total])
    with pytest.raises(IndexError):
        compiled(x3(), pydl.tensor([5]))
    assert total.tolist() == [0.0] * 3
    assert compiled(x3(), pydl.tensor([2])).tolist() == [3.0]
    assert total.tolist() == [1.0, 2.0, 3.0]
    assert compiled.traces == 1


def test_index_error_where_the_index_is_a_constant() -> None:
    total = pydl.zeros(3)

    def function(x: pydl.Tensor) -> pydl.Tensor:
        total[...] = total + x
        return pydl.take(x, pydl.tensor([5]))

    compiled = pydl.compile(function, state=[total])
    for _ in range(2):
        with pytest.raises(IndexError, match="take: index 5"):
            compiled(x3())
        assert total.tolist() == [0.0] * 3


@pytest.mark.parametrize(
    "view", [np.s_[:, ::2], np.s_[::-1], np.s_[1:3, 1:3]], ids=["gaps", "reversed", "part"]
)
def test_index_error_and_states_with_strides(view: Any) -> None:
    array = np.arange(16.0).reshape(4, 4)
    state = pydl.asarray(array[view])

    def function(x: pydl.Tensor, index: pydl.Tensor) -> pydl.Tensor:
        state[...] = state + 1
        return pydl.take(x, index)

    compiled = pydl.compile(function, state=[state])
    compiled(x3(), pydl.tensor([0]))
    before = array.copy()
    with pytest.raises(IndexError):
        compiled(x3(), pydl.tensor([7]))
    assert np.array_equal(array, before)


@pytest.mark.parametrize(
    "first",
    [
        "whole",
        "part",
    ],
)
def test_index_error_and_states_that_share_memory(first: str) -> None:
    whole = pydl.arange(6.0)
    part = whole[2:4]

    def function(x: pydl.Tensor, index: pydl.Tensor) -> pydl.Tensor:
        whole[...] = whole + 1
        part[...] = part * 2
        return pydl.take(x, index)

    compiled = pydl.compile(function, state=[whole, part] if first == "whole" else [part, whole])
    compiled(x3(), pydl.tensor([0]))
    before = whole.tolist()
    with pytest.raises(IndexError):
        compiled(x3(), pydl.tensor([7]))
    assert whole.tolist() == before


def test_index_error_leaves_generators_alone() -> None:
    generator = pydl.Generator(3)

    def function(x: pydl.Tensor, index: pydl.Tensor) -> pydl.Tensor:
        return pydl.dropout(x, 0.5, generator=generator) + pydl.take(x, index)

    compiled = pydl.compile(function)
    compiled(x3(), pydl.tensor([0]))
    before = generator.state().tolist()
    with pytest.raises(IndexError):
        compiled(x3(), pydl.tensor([7]))
    assert generator.state().tolist() == before


def test_index_error_leaves_gradients_alone() -> None:
    weight = nn.Parameter(pydl.ones(3))

    def function(index: pydl.Tensor) -> pydl.Tensor:
        (weight * 2).sum().backward()
        return pydl.take(weight.detach(), index)

    compiled = pydl.compile(function, state=[weight])
    compiled(pydl.tensor([0]))
    with pytest.raises(IndexError):
        compiled(pydl.tensor([7]))
    assert weight.grad is not None
    assert weight.grad.tolist() == [2.0] * 3
    compiled(pydl.tensor([0]))
    assert weight.grad.tolist() == [4.0] * 3
