"""Graphs of a million nodes: neither recording, nor differentiating, nor freeing them recurses."""

from __future__ import annotations

import gc
import threading

import pytest

import pydl

NODES = 1_000_000


def chain(x: pydl.Tensor, nodes: int) -> pydl.Tensor:
    y = x
    for _ in range(nodes):
        y = -y
    return y


@pytest.fixture
def leaf() -> pydl.Tensor:
    return pydl.tensor(3.0, requires_grad=True)


def test_backward_through_a_million_nodes(leaf: pydl.Tensor) -> None:
    gc.collect()
    before = pydl.live_tensor_count()
    y = chain(leaf, NODES + 1)
    assert y.item() == -3.0
    y.backward()
    assert leaf.grad is not None
    assert leaf.grad.item() == -1.0
    del y
    leaf.grad = None
    assert pydl.live_tensor_count() == before


def test_destruction_without_backward(leaf: pydl.Tensor) -> None:
    gc.collect()
    before = pydl.live_tensor_count()
    y = chain(leaf, NODES)
    assert y.requires_grad
    del y
    assert pydl.live_tensor_count() == before


def test_destruction_of_saved_tensors(leaf: pydl.Tensor) -> None:
    """Saved tensors hold nodes, which hold saved tensors."""
    before = pydl.live_tensor_count()
    y = leaf
    for _ in range(NODES // 5):
        y = pydl.sin(y)
    assert pydl.live_tensor_count() >= before + NODES // 5
    del y
    assert pydl.live_tensor_count() == before


def test_grad_of_a_deep_graph(leaf: pydl.Tensor) -> None:
    y = chain(leaf, NODES // 5)
    (gradient,) = pydl.grad(y, leaf)
    assert gradient.item() == 1.0


def test_deep_graph_of_the_gradient(leaf: pydl.Tensor) -> None:
    before = pydl.live_tensor_count()
    y = leaf
    for _ in range(NODES // 20):
        y = y * leaf / leaf
    (gradient,) = pydl.grad(y, leaf, create_graph=True)
    assert gradient.item() == pytest.approx(1.0, rel=1e-2)
    del y, gradient
    gc.collect()
    assert pydl.live_tensor_count() == before


def test_a_thread_with_a_small_stack(leaf: pydl.Tensor) -> None:
    before = pydl.live_tensor_count()

    def work() -> None:
        y = chain(leaf, NODES // 5)
        y.backward()

    previous = threading.stack_size(256 * 1024)
    try:
        thread = threading.Thread(target=work)
        thread.start()
    finally:
        threading.stack_size(previous)
    thread.join()
    assert leaf.grad is not None
    assert leaf.grad.item() == 1.0
    leaf.grad = None
    assert pydl.live_tensor_count() == before
