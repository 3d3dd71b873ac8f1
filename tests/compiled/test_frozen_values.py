"""What Python computes while a function is traced is not frozen: a change is seen in the next call.

A compiled function returns what the plain function returns, before and after each of `CHANGES`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import numpy as np
import pytest
from compiled.changing_objects import settings
from compiled.changing_values import CHANGES, fit_with, given, reset, restored

import pydl
from pydl import nn


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    with restored():
        yield


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen(name: str) -> None:
    step, change = CHANGES[name]()
    compiled = pydl.compile(step)
    before = step(given()).tolist()
    for _ in range(3):
        assert compiled(given()).tolist() == before
    assert compiled.traces == 1
    change()
    after = step(given())
    assert after.tolist() != before or after.dtype == pydl.float32, "the row changes nothing"
    for _ in range(2):
        result = compiled(given())
        assert result.tolist() == after.tolist()
        assert result.dtype == after.dtype
    assert compiled.traces == 2


@pytest.mark.parametrize("where", ["loss", "forward", "metric"])
@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.filterwarnings("error", "ignore:metric 'metric' is reported as a mean over batches")
def test_a_change_is_seen_in_fit(name: str, where: str) -> None:
    """`fit` learns compiled what it learns eagerly, and is not made eager."""
    results = []
    for jit in (True, False):
        reset()
        results.append(fit_with(*CHANGES[name](), jit, where))
    np.testing.assert_allclose(results[0], results[1], rtol=1e-4, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*was traced")
def test_a_number_that_changes_in_every_batch() -> None:
    """After some traces the step goes on without compilation, and with the right numbers."""
    results = []
    for jit in (True, False):
        reset()
        model = nn.Sequential(nn.Linear(3, 1))
        with pydl.no_grad():
            for parameter in model.parameters():
                parameter.fill_(0.5)

        class Anneal(pydl.training.Callback):
            def on_train_batch_end(self, batch: int) -> None:
                settings.rate = settings.rate * 0.9

        def loss(output: pydl.Tensor, target: pydl.Tensor) -> pydl.Tensor:
            return ((output - target) ** 2).mean() * settings.rate

        model.compile(pydl.optim.SGD(model.parameters(), lr=0.01), loss, jit=jit)
        x, y = np.ones((40, 3), np.float32), np.ones((40, 1), np.float32)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            history = model.fit(x, y, batch_size=1, verbose=0, callbacks=[Anneal()])
        results.append(history.history["loss"])
        texts = [str(warning.message) for warning in caught]
        assert any("settings.rate" in t and "runs without compilation" in t for t in texts) == jit
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)
