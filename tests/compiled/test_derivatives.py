"""Compiled functions whose results are differentiated outside."""

from __future__ import annotations

import gc

import numpy as np
import pytest

import pydl
from pydl import nn, optim

X = np.random.default_rng(0).standard_normal((16, 6)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 3, 16)


def _model() -> nn.Sequential:
    pydl.manual_seed(4)
    return nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Dropout(0.3), nn.Linear(12, 3))


@pytest.mark.parametrize("without", [[], pydl._core._pass_names()], ids=["all", "none"])
def test_a_compiled_model_in_an_eager_loop(without: list[str]) -> None:
    losses = []
    for jit in (False, True):
        model = _model()
        forward = pydl.compile(model, without=without) if jit else model
        optimizer = optim.Adam(model.parameters(), lr=0.05)
        pydl.manual_seed(8)
        run = []
        for _ in range(6):
            loss = nn.functional.cross_entropy(forward(pydl.tensor(X)), pydl.tensor(Y))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.append(loss.item())
        losses.append(run)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-5)


def test_gradients_of_arguments_and_several_results() -> None:
    def function(
        x: pydl.Tensor, y: pydl.Tensor
    ) -> tuple[pydl.Tensor, pydl.Tensor, dict[str, pydl.Tensor]]:
        product = x[:, ::2] * y
        return product, pydl.argmax(x, axis=1), {"sum": pydl.exp(product).sum(axis=0), "x": x}

    compiled = pydl.compile(function)
    found = []
    for f in (function, compiled, compiled):
        x = pydl.tensor(X, requires_grad=True)
        y = pydl.tensor(X[:, :3] + 1.0, requires_grad=True)
        product, index, more = f(x, y)
        assert not index.requires_grad
        ((product * product).sum() + more["sum"].sum() * 2.0 + more["x"].sum()).backward()
        assert x.grad is not None
        assert y.grad is not None
        found.append((x.grad.numpy(), y.grad.numpy()))
    for actual in found[1:]:
        np.testing.assert_allclose(actual[0], found[0][0], rtol=1e-5)
        np.testing.assert_allclose(actual[1], found[0][1], rtol=1e-5)
    assert compiled.traces == 1


def test_a_result_nobody_needs_and_a_second_pass() -> None:
    compiled = pydl.compile(lambda x: (x * 2.0, pydl.exp(x)))
    x = pydl.tensor([1.0, 2.0], requires_grad=True)
    doubled, _ = compiled(x)
    doubled.sum().backward(retain_graph=True)
    doubled.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [4.0, 4.0]
    with pytest.raises(RuntimeError, match="freed by an earlier backward"):
        doubled.sum().backward()


def test_what_is_refused() -> None:
    weight = nn.Parameter(pydl.ones((2,)))
    compiled = pydl.compile(lambda x: x * weight * weight, state=weight)
    x = pydl.tensor([1.0, 2.0], requires_grad=True)
    y = compiled(x)
    with pytest.raises(RuntimeError, match="higher order"):
        pydl.grad(y.sum(), x, create_graph=True)
    z = compiled(x)
    with pydl.no_grad():
        weight.fill_(3.0)
    with pytest.raises(RuntimeError, match="was overwritten after the compiled function"):
        z.sum().backward()


def test_without_recording_there_is_no_history() -> None:
    compiled = pydl.compile(_model())
    with pydl.no_grad():
        assert not compiled(pydl.tensor(X)).requires_grad
    assert compiled(pydl.tensor(X)).requires_grad


def test_nothing_is_kept_alive() -> None:
    compiled = pydl.compile(_model())
    compiled(pydl.tensor(X)).sum().backward()
    compiled._function.zero_grad()
    gc.collect()
    before = pydl._core.live_tensor_count()
    for _ in range(3):
        compiled(pydl.tensor(X)).sum().backward()
        compiled._function.zero_grad()
    gc.collect()
    assert pydl._core.live_tensor_count() == before
