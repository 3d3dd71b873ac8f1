"""Nodes of several results: a gradient per result, absent where none flows, and none left over."""

from __future__ import annotations

import threading

import numpy as np
import pytest

import pydl
from pydl import _core


def split(x: pydl.Tensor) -> tuple[pydl.Tensor, pydl.Tensor]:
    """2 x and 3 x, as results of one node whose derivative says which gradients came."""

    def backward(gradients: list[pydl.Tensor | None]) -> list[pydl.Tensor]:
        factors = (2.0, 3.0)
        parts = [f * g for f, g in zip(factors, gradients, strict=True) if g is not None]
        return [sum(parts[1:], parts[0])]

    outputs = _core._record_function([x], [x.detach() * 2, x.detach() * 3], backward)
    return outputs[0], outputs[1]


@pytest.fixture
def x() -> pydl.Tensor:
    return pydl.tensor(np.random.default_rng().standard_normal(5), requires_grad=True)


def test_gradients_of_some_results(x: pydl.Tensor) -> None:
    for used, expected in (((0,), 2.0), ((1,), 3.0), ((0, 1), 5.0)):
        outputs = split(x)
        (gradient,) = pydl.autograd.grad([outputs[i].sum() for i in used], [x])
        np.testing.assert_array_equal(gradient.numpy(), np.full(5, expected))


def test_gradients_for_one_of_the_results(x: pydl.Tensor) -> None:
    first, second = split(x)
    gradients = pydl.autograd.grad([(first * 4 + second * 7).sum()], [first, second, x])
    assert [set(g.tolist()) for g in gradients] == [{4.0}, {7.0}, {2 * 4.0 + 3 * 7.0}]


def test_a_result_that_has_no_part(x: pydl.Tensor) -> None:
    first, second = split(x)
    got = pydl.autograd.grad([first.sum()], [second], allow_unused=True)
    assert got == (None,)


def test_no_gradient_is_left_over_after_an_error(x: pydl.Tensor) -> None:
    first, second = split(x)

    def fails(_: list[pydl.Tensor | None]) -> list[pydl.Tensor]:
        raise RuntimeError("in the middle")

    (broken,) = _core._record_function([first], [first.detach()], fails)
    with pytest.raises(RuntimeError, match="in the middle"):
        pydl.autograd.grad([(broken + second).sum()], [x], retain_graph=True)
    (gradient,) = pydl.autograd.grad([first.sum()], [x])
    np.testing.assert_array_equal(gradient.numpy(), np.full(5, 2.0))


def test_threads_go_through_one_node_at_once() -> None:
    """Each pass has gradients of its own: none sees what another one has sent."""
    x = pydl.tensor(np.ones(20_000), requires_grad=True)
    first, second = split(x)
    wrong: list[float] = []

    def differentiate(output: pydl.Tensor, expected: float) -> None:
        for _ in range(200):
            (gradient,) = pydl.autograd.grad([output.sum()], [x], retain_graph=True)
            if gradient[0].item() != expected:
                wrong.append(gradient[0].item())

    threads = [
        threading.Thread(target=differentiate, args=(first, 2.0)),
        threading.Thread(target=differentiate, args=(second, 3.0)),
        threading.Thread(target=differentiate, args=(first + second, 5.0)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_results_of_ops(x: pydl.Tensor) -> None:
    values, indices = _core.sort_with_indices(x)
    assert not indices.requires_grad
    weights = pydl.arange(5, dtype="float64")
    (gradient,) = pydl.autograd.grad([(values * weights).sum()], [x])
    expected = np.empty(5)
    expected[np.argsort(x.detach().numpy())] = np.arange(5)
    np.testing.assert_array_equal(gradient.numpy(), expected)


def test_results_of_ops_in_compiled_functions(x: pydl.Tensor) -> None:
    def function(x: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        leaf = (x * 1).detach().requires_grad_()
        values, indices = pydl.topk(leaf, 2)
        return values.detach(), indices, *pydl.autograd.grad([values.sum()], [leaf])

    expected = function(x.detach())
    found = pydl.compile(function)(x.detach())
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
