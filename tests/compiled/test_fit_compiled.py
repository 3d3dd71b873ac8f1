"""`fit` compiles its steps, or says why it does not."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import pydl
from pydl import nn, optim

RNG = np.random.default_rng(0)
X = RNG.standard_normal((20, 6)).astype(np.float32)
Y = RNG.integers(0, 4, 20)


def _model() -> nn.Sequential:
    pydl.manual_seed(1)
    return nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 4))


def test_fit_is_compiled_and_agrees_with_eager() -> None:
    results = []
    for jit in (True, False):
        model = _model()
        model.compile(
            optim.Adam(model.parameters(), lr=0.02), "cross_entropy", ["accuracy"], jit=jit
        )
        pydl.manual_seed(5)
        history = model.fit(X, Y, batch_size=8, epochs=4, verbose=0)
        measured = model.evaluate(X, Y, verbose=0)
        results.append((history.history["loss"], measured, model.predict(X).numpy()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-5)
    assert results[0][1] == pytest.approx(results[1][1], rel=1e-5)
    np.testing.assert_allclose(results[0][2], results[1][2], rtol=1e-4, atol=1e-5)


def test_fit_falls_back_with_one_warning_that_names_the_line() -> None:
    class Branches(nn.Module):
        def forward(self, output: pydl.Tensor, target: pydl.Tensor) -> pydl.Tensor:
            loss = nn.functional.cross_entropy(output, target)
            return loss * 2.0 if loss > 0.5 else loss

    model = _model()
    model.compile("sgd", Branches())
    with pytest.warns(UserWarning, match=r"fit runs without .*test_fit_compiled\.py:\d+") as caught:
        model.fit(X, Y, epochs=3, verbose=0)
    assert len(caught) == 1


def test_copies_of_a_fitted_model_train_on_their_own() -> None:
    model = nn.Sequential(nn.Linear(4, 2))
    model.compile("adam", "mse")
    x, y = np.ones((8, 4), np.float32), np.ones((8, 2), np.float32)
    model.fit(x, y, verbose=0)
    twin = copy.deepcopy(model)
    before = model[0].weight.detach().numpy().copy()
    twin.compile("adam", "mse")
    twin.fit(x, y, epochs=3, verbose=0)
    np.testing.assert_array_equal(model[0].weight.detach().numpy(), before)
    assert not np.array_equal(twin[0].weight.detach().numpy(), before)
