"""Gradients with a history that reaches their own tensor are freed like others."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

import pydl
from pydl import nn


def alive() -> int:
    gc.collect()
    return pydl.live_tensor_count()


def by_create_graph(p: pydl.Tensor) -> None:
    (p * p * p).sum().backward(create_graph=True)


def by_assignment(p: pydl.Tensor) -> None:
    p.grad = p * 2


def by_assignment_of_a_saved_leaf(p: pydl.Tensor) -> None:
    p.grad = p.exp() * p / (p + 2)


def by_grad(p: pydl.Tensor) -> None:
    p.grad = pydl.grad((p * p).sum(), p, create_graph=True)[0]


def by_a_product(p: pydl.Tensor) -> None:
    p.grad = p.reshape(2, 2).matmul(p.reshape(2, 2)).reshape(4)


def by_another_leaf(p: pydl.Tensor) -> None:
    q = pydl.ones(4).requires_grad_()
    p.grad, q.grad = q * 2, p * 3


def by_a_layer(p: pydl.Tensor) -> None:
    layer = nn.Linear(4, 4)
    layer(p.reshape(1, 4)).sum().backward(create_graph=True)
    layer.weight.grad = (layer.weight * p).exp()


def by_accumulation(p: pydl.Tensor) -> None:
    for _ in range(3):
        (p * p * p).sum().backward(create_graph=True)


WAYS = [
    by_create_graph,
    by_assignment,
    by_assignment_of_a_saved_leaf,
    by_grad,
    by_a_product,
    by_another_leaf,
    by_a_layer,
    by_accumulation,
]


@pytest.mark.parametrize("way", WAYS)
def test_circles_are_freed(way: Callable[[pydl.Tensor], None]) -> None:
    before = alive()
    for _ in range(5):
        p = pydl.ones(4).requires_grad_()
        way(p)
        del p
    assert alive() == before


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("how", ["none", "zero_grad", "zeros"])
def test_dropping_the_gradient_frees_its_history(
    way: Callable[[pydl.Tensor], None], how: str
) -> None:
    p = pydl.ones(4).requires_grad_()
    optimizer = pydl.optim.SGD([p], lr=0.1)
    optimizer.zero_grad()
    before = alive()
    way(p)
    assert p.grad is not None
    assert p.grad.requires_grad
    if how == "none":
        p.grad = None
    elif how == "zero_grad":
        optimizer.zero_grad()
    else:
        p.grad = p.grad.detach() * 0
        assert p.grad.tolist() == [0.0] * 4
        p.grad = None
    assert alive() == before


def test_second_derivatives_through_grad() -> None:
    p = pydl.tensor([1.0, 2.0]).requires_grad_()
    (p * p * p).sum().backward(create_graph=True)
    gradient = p.grad
    assert gradient is not None
    p.grad = None
    (gradient * gradient).sum().backward()
    assert p.grad is not None
    assert p.grad.tolist() == [36.0 * 1.0, 36.0 * 8.0]


def test_a_leaf_that_nobody_holds() -> None:
    """Its elements are still there for the derivatives of others, its gradient is not."""
    q = pydl.tensor([3.0]).requires_grad_()

    def product() -> Any:
        p = pydl.tensor([5.0]).requires_grad_()
        return p * q * p

    y = product()
    y.backward()
    assert q.grad is not None
    assert q.grad.tolist() == [25.0]


def test_a_leaf_that_is_overwritten_is_noticed() -> None:
    p = pydl.tensor([5.0]).requires_grad_()
    y = p * p
    with pydl.no_grad():
        p.fill_(1)
    with pytest.raises(RuntimeError, match="overwritten in place"):
        y.backward()
