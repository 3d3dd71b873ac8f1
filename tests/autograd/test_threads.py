"""Several Python threads record and differentiate graphs of their own at once."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest
from concurrency import in_threads

import pydl

THREADS = 4


def test_separate_graphs() -> None:
    def work(number: int) -> float:
        generator = np.random.default_rng(number)
        worst = 0.0
        for _ in range(30):
            a, b = generator.normal(size=(2, 24, 24))
            x = pydl.tensor(a, requires_grad=True)
            (pydl.tanh(x @ pydl.tensor(b)) * x).sum().backward()
            t = np.tanh(a @ b)
            assert x.grad is not None
            difference = x.grad.numpy() - (t + ((1 - t * t) * a) @ b.T)
            worst = max(worst, float(np.abs(difference).max()))
        return worst

    gc.collect()
    before = pydl.live_tensor_count()
    errors = in_threads(work)
    assert errors == pytest.approx([0.0] * THREADS, abs=1e-11)
    gc.collect()
    assert pydl.live_tensor_count() == before


def test_shared_weights_without_shared_gradients() -> None:
    weight = pydl.tensor(np.arange(64.0).reshape(8, 8) / 64, requires_grad=True)

    def work(number: int) -> list[list[float]]:
        x = pydl.full((2, 8), number + 1.0, dtype="float64")
        for _ in range(50):
            (gradient,) = pydl.grad((x @ weight).square().sum(), weight)
        return gradient.tolist()

    results = in_threads(work)
    for number, gradient in enumerate(results):
        x = np.full((2, 8), number + 1.0)
        np.testing.assert_allclose(gradient, 2 * x.T @ (x @ weight.detach().numpy()))
    assert weight.grad is None


def test_recording_is_switched_per_thread() -> None:
    inside, checked = threading.Event(), threading.Event()

    def hold() -> None:
        with pydl.no_grad():
            inside.set()
            checked.wait(timeout=30)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        assert inside.wait(timeout=30)
        assert pydl.is_grad_enabled()
        assert (pydl.ones(1).requires_grad_() * 2).requires_grad
    finally:
        checked.set()
        thread.join()


def test_one_decorated_function_in_many_threads() -> None:
    @pydl.no_grad()
    def recorded() -> bool:
        return (pydl.ones(1).requires_grad_() * 2).requires_grad

    def work(_: int) -> tuple[bool, bool]:
        return any(recorded() for _ in range(200)), pydl.is_grad_enabled()

    assert in_threads(work) == [(False, True)] * THREADS


def test_function_transformations_in_many_threads() -> None:
    cube = pydl.grad(pydl.grad(lambda x: x * x * x))

    def work(number: int) -> list[float]:
        return [cube(pydl.tensor(float(number))).item() for _ in range(50)]

    assert in_threads(work) == [[6.0 * number] * 50 for number in range(THREADS)]


def test_a_graph_made_here_and_differentiated_there() -> None:
    def make(number: int) -> tuple[pydl.Tensor, pydl.Tensor]:
        x = pydl.full((8,), number + 1.0).requires_grad_()
        return x, (x * x).sum()

    pairs = [make(i) for i in range(THREADS)]
    in_threads(lambda i: pairs[i][1].backward())
    for i, (x, _) in enumerate(pairs):
        assert x.grad is not None
        assert x.grad.tolist() == [2.0 * (i + 1)] * 8


def test_errors_stay_in_their_thread() -> None:
    def work(number: int) -> str:
        x = pydl.ones(2).requires_grad_()
        y = x.exp().sum()
        y.backward()
        if number % 2 == 0:
            return "fine"
        try:
            y.backward()
        except RuntimeError as error:
            return str(error)
        return "no error"

    results = in_threads(work)
    assert results[::2] == ["fine"] * (THREADS // 2)
    assert all("retain_graph" in str(message) for message in results[1::2])
