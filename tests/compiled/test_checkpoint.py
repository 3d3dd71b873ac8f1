"""Recomputation instead of memory, branches and loops: eager and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn, optim
from pydl.testing import check_gradients


def _blocks() -> list[nn.Module]:
    pydl.manual_seed(2)
    return [
        nn.Sequential(nn.Linear(32, 256), nn.GELU(), nn.Dropout(0.1), nn.Linear(256, 32))
        for _ in range(6)
    ]


def _step(recompute: bool) -> tuple[Callable[[pydl.Tensor], pydl.Tensor], list[nn.Module]]:
    blocks = _blocks()
    parameters = [p for block in blocks for p in block.parameters()]
    optimizer = optim.SGD(parameters, lr=0.1)

    def step(x: pydl.Tensor) -> pydl.Tensor:
        for block in blocks:
            x = pydl.checkpoint(block, x) if recompute else block(x)
        loss = (x * x).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return pydl.compile(step, state=[blocks, optimizer]), blocks


def test_gradients() -> None:
    weight = pydl.tensor([[1.0, 2.0], [3.0, -1.0]], dtype="float64", requires_grad=True)

    def part(x: pydl.Tensor) -> tuple[pydl.Tensor, dict[str, pydl.Tensor]]:
        y = pydl.tanh(x @ weight)
        return y, {"product": y * x}

    def plain(x: pydl.Tensor) -> pydl.Tensor:
        y, more = part(x)
        return (pydl.exp(y) * more["product"]).sum()

    def recomputed(x: pydl.Tensor) -> pydl.Tensor:
        y, more = pydl.checkpoint(part, x)
        return (pydl.exp(y) * more["product"]).sum()

    values = np.random.default_rng(0).standard_normal((3, 2))
    check_gradients(recomputed, [values])
    results = []
    for function in (plain, recomputed):
        x = pydl.tensor(values, requires_grad=True)
        weight.grad = None
        function(x * 1.0).backward()
        assert weight.grad is not None
        assert x.grad is not None
        results.append((weight.grad.numpy(), x.grad.numpy()))
    np.testing.assert_allclose(results[0][0], results[1][0])
    np.testing.assert_allclose(results[0][1], results[1][1])


def test_nested_and_with_a_captured_result() -> None:
    x = pydl.tensor([0.3, 0.7], requires_grad=True)
    shared = pydl.sin(x)

    def inner(y: pydl.Tensor) -> pydl.Tensor:
        return pydl.exp(y) * shared

    result = pydl.checkpoint(lambda y: pydl.checkpoint(inner, y) * 2.0, x).sum() + shared.sum()
    result.backward()
    assert x.grad is not None
    values = x.detach().numpy()
    expected = 2 * np.exp(values) * (np.sin(values) + np.cos(values)) + np.cos(values)
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-5)


def test_random_numbers_are_drawn_again() -> None:
    x = pydl.ones(1000).requires_grad_()
    y = pydl.checkpoint(lambda x: pydl.dropout(x, 0.5), x)
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())


def test_derivatives_of_higher_order() -> None:
    x = pydl.tensor([2.0, -1.0], requires_grad=True)
    w = pydl.tensor([3.0, 5.0], requires_grad=True)  # captured
    y = pydl.checkpoint(lambda x: x * x * x * w, x)
    (first,) = pydl.grad(y.sum(), x, create_graph=True)
    second, mixed = pydl.grad(first.sum(), (x, w), create_graph=True)
    (third,) = pydl.grad(second.sum(), x)
    np.testing.assert_allclose(first.tolist(), [36.0, 15.0])  # 3 w x^2
    np.testing.assert_allclose(second.tolist(), [36.0, -30.0])  # 6 w x
    np.testing.assert_allclose(mixed.tolist(), [12.0, 3.0])  # 3 x^2
    np.testing.assert_allclose(third.tolist(), [18.0, 30.0])  # 6 w


@pytest.mark.parametrize("name", ["argument", "leaf", "captured"])
def test_overwritten_tensors_are_noticed(name: str) -> None:
    tensors = {
        "argument": pydl.tensor([2.0]),
        "leaf": pydl.tensor([3.0], requires_grad=True),
        "captured": pydl.tensor([4.0], requires_grad=True),
    }
    y = pydl.checkpoint(
        lambda a, b: a * b * b * tensors["captured"], tensors["argument"], tensors["leaf"]
    )
    with pydl.no_grad():
        tensors[name].copy_(pydl.tensor([100.0]))
    with pytest.raises(RuntimeError, match="checkpoint still needs .* overwritten in place"):
        y.backward()


def test_second_derivatives_of_an_argument_that_depends_on_another() -> None:
    x = pydl.tensor([1.5], requires_grad=True)
    y = pydl.checkpoint(lambda a, b: a * a * b, x, x * x)  # x^4
    (first,) = pydl.grad(y.sum(), x, create_graph=True)
    (second,) = pydl.grad(first.sum(), x)
    np.testing.assert_allclose(first.tolist(), [4 * 1.5**3])
    np.testing.assert_allclose(second.tolist(), [12 * 1.5**2])


@pytest.mark.parametrize("compiled", [False, True])
def test_second_derivatives_of_a_layer_with_dropout(compiled: bool) -> None:
    layer = nn.GRU(3, 4, dtype="float64")
    values = np.random.default_rng(0).standard_normal((4, 2, 3))

    def penalty(x: pydl.Tensor, call: Callable[..., pydl.Tensor]) -> pydl.Tensor:
        y = call(lambda x: pydl.dropout(layer(x)[0], 0.5), x)
        (slope,) = pydl.grad((y * y).sum(), x, create_graph=True)
        return (slope * slope).sum()

    def gradients(call: Callable[..., pydl.Tensor]) -> list[np.ndarray]:
        x = pydl.tensor(values, requires_grad=True)

        def run(x: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
            return tuple(pydl.grad(penalty(x, call), list(layer.parameters())))

        pydl.manual_seed(3)
        call_it = pydl.compile(run, state=[layer]) if compiled else run
        return [gradient.numpy() for gradient in call_it(x)]

    plain = gradients(lambda function, x: function(x))
    for expected, found in zip(plain, gradients(pydl.checkpoint), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_what_was_freed_says_so() -> None:
    x = pydl.tensor([2.0], requires_grad=True)
    y = pydl.checkpoint(lambda x: x * x, x)
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="freed by an earlier backward"):
        y.backward()


def test_compiled_steps_agree_and_need_less_memory() -> None:
    x = pydl.tensor(np.random.default_rng(0).standard_normal((512, 32)).astype(np.float32))
    losses: list[list[float]] = []
    arenas = []
    for recompute in (False, True):
        step, _ = _step(recompute)
        pydl.manual_seed(9)
        losses.append([step(x).item() for _ in range(3)])
        arenas.append(step.programs[0].arena_bytes)  # type: ignore[attr-defined]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)
    assert arenas[1] < 0.6 * arenas[0]


def _branches(x: pydl.Tensor) -> Any:
    return pydl.cond(
        x.sum() > 0, lambda x: (x * 2.0, {"y": x + 1.0}), lambda x: (-x, {"y": x * x}), x
    )


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_cond(sign: float) -> None:
    x = pydl.tensor([sign, 2 * sign])
    expected, more = _branches(x)
    actual, more_compiled = pydl.compile(_branches)(x)
    np.testing.assert_array_equal(actual.numpy(), expected.numpy())
    np.testing.assert_array_equal(more_compiled["y"].numpy(), more["y"].numpy())
    x.requires_grad_()
    gradient = pydl.compile(lambda x: pydl.grad(_branches(x)[1]["y"].sum(), x)[0])(x)
    np.testing.assert_allclose(gradient.numpy(), [1.0, 1.0] if sign > 0 else [-2.0, -4.0])


def test_cond_refuses_results_that_differ() -> None:
    def function(x: pydl.Tensor) -> Any:
        return pydl.cond(x.sum() > 0, lambda x: x, lambda x: x[:1], x)

    with pytest.raises(ValueError, match="cond: expected tensors of equal shapes"):
        pydl.compile(function)(pydl.ones(3))
    with pytest.raises(ValueError, match="one element, got shape"):
        pydl.cond(pydl.ones(3), lambda: 1, lambda: 2)


def test_scan() -> None:
    def cell(carry: tuple[Any, Any], x: pydl.Tensor) -> tuple[tuple[Any, Any], dict[str, Any]]:
        h, c = carry
        c = c * 0.5 + x
        h = pydl.tanh(h + c)
        return (h, c), {"h": h, "nothing": None}

    def run(x: pydl.Tensor, reverse: bool = False) -> Any:
        return pydl.scan(cell, (pydl.zeros(3), pydl.zeros(3)), x, reverse=reverse)

    x = pydl.randn(5, 3)
    for reverse in (False, True):
        (h, c), ys = run(x, reverse)
        (h2, c2), ys2 = pydl.compile(run)(x, reverse)
        assert ys["h"].shape == (5, 3)
        assert ys["nothing"] is None
        np.testing.assert_array_equal(ys["h"][0 if reverse else 4].numpy(), h.numpy())
        for actual, expected in ((h2, h), (c2, c), (ys2["h"], ys["h"])):
            np.testing.assert_allclose(actual.numpy(), expected.numpy(), rtol=1e-6)
    check_gradients(
        lambda x: pydl.scan(lambda c, v: (pydl.sin(c + v), c * v), x[0], x)[1].sum(),
        [np.random.default_rng(1).standard_normal((4, 2))],
    )


def test_scan_refuses() -> None:
    with pytest.raises(ValueError, match="at least one step"):
        pydl.scan(lambda c, x: (c, x), pydl.zeros(()), pydl.zeros((0, 2)))
    with pytest.raises(ValueError, match="one length along the first axis"):
        pydl.scan(lambda c, x: (c, x), pydl.zeros(()), (pydl.zeros(2), pydl.zeros(3)))
    with pytest.raises(ValueError, match="the carry changed to"):
        pydl.scan(lambda c, x: (x, x), pydl.zeros(3), pydl.zeros((2, 2)))
