"""Whatever is recorded is freed: after passes, without them, and after errors."""

from __future__ import annotations

import gc
from collections.abc import Callable

import pytest

import pydl
import pydl.nn.functional as F


def leaf() -> pydl.Tensor:
    return pydl.tensor([[0.5, -1.5], [2.0, 1.0]], requires_grad=True)


def network(w: pydl.Tensor) -> pydl.Tensor:
    hidden = pydl.tanh(w @ w.T)[::-1]
    return pydl.softmax(pydl.concat([hidden, hidden.exp()], axis=1)).max()


def forward_only() -> None:
    network(leaf())


def backward() -> None:
    w = leaf()
    network(w).backward()
    assert w.grad is not None


def backward_twice() -> None:
    w = leaf()
    loss = network(w)
    loss.backward(retain_graph=True)
    loss.backward()


def retained() -> None:
    network(leaf()).backward(retain_graph=True)


def gradient_of_gradient() -> None:
    w = leaf()
    (first,) = pydl.grad(network(w), w, create_graph=True)
    pydl.grad((first * first).sum(), w)


def recorded_gradient_dropped() -> None:
    w = leaf()
    pydl.grad(network(w), w, create_graph=True)


def functions() -> None:
    pydl.grad(lambda x: pydl.grad(lambda y: (y**3).sum())(x).sum())(pydl.ones(3))


def unused_input() -> None:
    with pytest.raises(RuntimeError, match="influence"):
        pydl.grad(network(leaf()), leaf())


def freed_graph() -> None:
    loss = network(leaf())
    loss.backward()
    with pytest.raises(RuntimeError, match="retain_graph"):
        loss.backward()


def overwritten_input() -> None:
    w, data = leaf(), pydl.ones(2)
    loss = (pydl.exp(w) * data).sum()
    data.fill_(2)
    with pytest.raises(RuntimeError, match="overwritten"):
        loss.backward()


def failing_function() -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        raise ZeroDivisionError(x.exp())

    with pytest.raises(ZeroDivisionError):
        pydl.grad(function)(pydl.ones(3))


def failing_operations() -> None:
    w = leaf()
    with pytest.raises(ValueError, match="shape"):
        w * 2 + pydl.ones(3)
    with pytest.raises(ValueError, match="matmul"):
        w @ pydl.ones((3, 3))
    with pytest.raises(IndexError):
        w.exp()[5]


def training() -> None:
    model = pydl.Sequential(pydl.nn.Linear(4, 8), pydl.nn.ReLU(), pydl.nn.Linear(8, 3))
    optimizer = pydl.optim.Adam(model.parameters(), lr=1e-3)
    x, y = pydl.ones((5, 4)), pydl.zeros(5, dtype="int64")
    for _ in range(3):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()


@pytest.mark.parametrize(
    "work",
    [
        forward_only,
        backward,
        backward_twice,
        retained,
        gradient_of_gradient,
        recorded_gradient_dropped,
        functions,
        unused_input,
        freed_graph,
        overwritten_input,
        failing_function,
        failing_operations,
        training,
    ],
)
def test_no_tensor_is_left(work: Callable[[], None]) -> None:
    work()  # what is cached once is no leak
    gc.collect()
    before = pydl.live_tensor_count()
    for _ in range(3):
        work()
    gc.collect()
    assert pydl.live_tensor_count() == before


def test_graphs_are_freed_without_the_cycle_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        before = pydl.live_tensor_count()
        for _ in range(3):
            backward()
            gradient_of_gradient()
        assert pydl.live_tensor_count() == before
    finally:
        gc.enable()


def test_saved_tensors_are_freed_by_backward() -> None:
    w = leaf()
    before = pydl.live_tensor_count()
    y = w
    for _ in range(100):
        y = pydl.sin(y)
    loss = y.sum()
    assert pydl.live_tensor_count() >= before + 100
    loss.backward()
    # Left are the gradient, y and the loss.
    assert pydl.live_tensor_count() == before + 3


def test_no_grad_saves_nothing() -> None:
    w = leaf()
    before = pydl.live_tensor_count()
    with pydl.no_grad():
        y = w
        for _ in range(100):
            y = pydl.sin(y)
    assert pydl.live_tensor_count() == before + 1


def test_gradients_do_not_hold_the_graph() -> None:
    w = leaf()
    network(w).backward()
    before = pydl.live_tensor_count()
    for _ in range(10):
        network(w).backward()
    assert pydl.live_tensor_count() == before


def test_reading_grad_does_not_leak() -> None:
    w = leaf()
    w.sum().backward()
    before = pydl.live_tensor_count()
    gradients = [w.grad for _ in range(10)]
    assert all(g is not None for g in gradients)
    del gradients
    assert pydl.live_tensor_count() == before
