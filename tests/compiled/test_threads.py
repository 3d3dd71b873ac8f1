"""Compiled functions in several threads, and the memory that they give back."""

from __future__ import annotations

import gc
import sys
import threading
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled.comparison import assert_same
from compiled.trainer import Trainer

import pydl
from pydl import nn, optim


def random(*shape: int, seed: int = 0, dtype: str = "float32") -> pydl.Tensor:
    return pydl.tensor(np.random.default_rng(seed).standard_normal(shape), dtype=dtype)


# --- threads --------------------------------------------------------------------------------------


def run_in_threads(count: int, work: Callable[[int], None]) -> None:
    """All at once, switching as often as possible; raises what the first that failed raised."""
    errors: list[BaseException] = []
    barrier = threading.Barrier(count)

    def run(number: int) -> None:
        try:
            barrier.wait()
            work(number)
        except BaseException as error:
            errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        workers = [threading.Thread(target=run, args=(n,)) for n in range(count)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
    finally:
        sys.setswitchinterval(interval)
    if errors:
        raise errors[0]


@pytest.mark.parametrize("size", [4, 200])
def test_one_program_in_several_threads(size: int) -> None:
    """Small programs run under the interpreter's lock, large ones beside each other."""
    weight = nn.Parameter(random(size, size))

    def function(x: pydl.Tensor) -> Any:
        h = (x @ weight.detach()).tanh()
        return (h * 2.0 + x).softmax(), h.sum(axis=0)

    compiled = pydl.compile(function, state=weight)
    inputs = [random(size, size, seed=n) for n in range(4)]
    expected = [function(x) for x in inputs]
    compiled(inputs[0])

    def work(number: int) -> None:
        for _ in range(20):
            assert_same(compiled(inputs[number]), expected[number], loosen=50)

    run_in_threads(4, work)
    assert compiled.traces == 1


def test_tracing_in_several_threads() -> None:
    """Each thread is the first to ask for some shapes."""

    def function(x: pydl.Tensor, s: float) -> pydl.Tensor:
        return (x * s).tanh().sum() + x

    compiled = pydl.compile(function, cache_size=64)

    def work(number: int) -> None:
        for k in range(40):
            x = random(1 + (k + number) % 6, seed=k)
            assert_same(compiled(x, 2.0 + number % 2), function(x, 2.0 + number % 2), loosen=10)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run_in_threads(4, work)
    assert len(compiled.programs) <= 64


def test_eager_work_beside_a_trace() -> None:
    """A trace concerns its own thread only."""
    inside, go_on = threading.Event(), threading.Event()

    def function(x: pydl.Tensor) -> pydl.Tensor:
        inside.set()
        assert go_on.wait(10)
        return x * 2

    compiled = pydl.compile(function)
    results: list[Any] = []
    worker = threading.Thread(target=lambda: results.append(compiled(random(3))))
    worker.start()
    assert inside.wait(10)
    assert_same(random(3) + 1, pydl.tensor(random(3).numpy() + 1))
    other = pydl.compile(lambda x: x + 5)
    assert_same(other(random(3)), random(3) + 5)
    go_on.set()
    worker.join()
    assert_same(results[0], random(3) * 2)


@pytest.mark.parametrize("kind", ["sgd", "adam"])
@pytest.mark.parametrize("size", [3, 300])
def test_first_call_from_several_threads(size: int, kind: str) -> None:
    """One thread traces, the others wait; no update is lost, large programs or small."""
    for _ in range(10):
        weight = nn.Parameter(pydl.zeros((size, size)))
        optimizer: Any = optim.SGD([weight], lr=1.0)
        if kind == "adam":
            optimizer = optim.Adam([weight], lr=1.0, eps=0.0)

        @pydl.compile(state=[weight, optimizer])
        def step(x: pydl.Tensor, weight: Any = weight, optimizer: Any = optimizer) -> pydl.Tensor:
            loss = (weight * x).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.detach()

        x = pydl.ones((size, size))
        run_in_threads(8, lambda number, step=step, x=x: step(x))
        assert step.traces == 1
        assert optimizer.steps == 8
        np.testing.assert_allclose(weight.detach().numpy(), -8.0, rtol=1e-5)
        assert weight.grad is None


def test_first_calls_of_two_functions_on_one_model() -> None:
    for _ in range(10):
        model = nn.Linear(3, 2)
        optimizer = optim.Adam(model.parameters(), lr=0.0)

        def step(x: pydl.Tensor, model: Any = model, optimizer: Any = optimizer) -> pydl.Tensor:
            loss = (model(x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.detach()

        compiled = [pydl.compile(step, state=[model, optimizer]) for _ in range(4)]
        x = random(5, 3)
        run_in_threads(8, lambda number, compiled=compiled, x=x: compiled[number % 4](x))
        assert optimizer.steps == 8
        assert [function.traces for function in compiled] == [1] * 4
        assert_same(compiled[0](x), (model(x) ** 2).mean().detach(), loosen=10)


@pytest.mark.parametrize("while_tracing", ["backward", "grad", "zero_grad", "step"])
def test_eager_training_beside_a_trace(while_tracing: str) -> None:
    """A trace has gradients of its own: another thread sees those that parameters have."""
    weight = nn.Parameter(pydl.ones(3))
    optimizer = optim.SGD([weight], lr=0.5)
    inside, go_on = threading.Event(), threading.Event()

    def function(x: pydl.Tensor) -> pydl.Tensor:
        loss = (weight * x).sum()
        optimizer.zero_grad()
        loss.backward()
        inside.set()
        assert go_on.wait(10)
        optimizer.step()
        return loss.detach()

    (weight * 3).sum().backward()
    compiled = pydl.compile(function, state=[weight, optimizer])
    results: list[Any] = []
    worker = threading.Thread(target=lambda: results.append(compiled(pydl.ones(3))))
    worker.start()
    assert inside.wait(10)
    assert weight.grad is not None
    assert weight.grad.tolist() == [3.0] * 3
    before = weight.detach().copy()
    if while_tracing == "backward":
        (weight * 2).sum().backward()
        assert weight.grad.tolist() == [5.0] * 3
    elif while_tracing == "grad":
        assert pydl.grad((weight * 2).sum(), weight)[0].tolist() == [2.0] * 3
    elif while_tracing == "zero_grad":
        optimizer.zero_grad()
        assert weight.grad is None
    else:
        optimizer.step()
        assert weight.detach().tolist() == [-0.5] * 3
        before = weight.detach().copy()
    go_on.set()
    worker.join()
    assert results[0].tolist() == before.sum().tolist()
    assert_same(weight.detach(), before - 0.5)


def test_models_train_in_threads_of_their_own() -> None:
    def train(number: int, compile_it: bool) -> Any:
        rng = np.random.default_rng(number)
        model = nn.Linear(3, 2)
        with pydl.no_grad():
            for parameter in model.parameters():
                parameter.copy_(pydl.tensor(rng.standard_normal(parameter.shape)))
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        def step(x: pydl.Tensor) -> pydl.Tensor:
            loss = (model(x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss.detach()

        run: Any = pydl.compile(step, state=[model, optimizer]) if compile_it else step
        for k in range(10):
            run(random(6, 3, seed=k))
        return model.state_dict()

    expected = [train(n, False) for n in range(4)]

    def work(number: int) -> None:
        assert_same(train(number, True), expected[number], loosen=200)

    run_in_threads(4, work)


def test_programs_are_dropped_while_they_run() -> None:
    compiled = pydl.compile(lambda x: (x @ x).tanh().sum(), cache_size=3)
    inputs = [random(n, n) for n in (150, 151, 152)]
    expected = [(x @ x).tanh().sum() for x in inputs]

    def run(which: int) -> None:
        try:
            result = compiled(inputs[which])
        except RuntimeError as error:  # see test_program_is_dropped_before_its_first_run
            assert "does not serve" in str(error)
        else:
            assert_same(result, expected[which], loosen=1000)

    def work(number: int) -> None:
        for k in range(10):
            which = (number + k) % 3
            if number == 0:
                compiled.clear()
            else:
                run(which)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        run_in_threads(3, work)


# --- memory ---------------------------------------------------------------------------------------


def alive() -> int:
    gc.collect()
    return pydl.live_tensor_count()


def test_memory_is_released() -> None:
    before = alive()
    x = random(50, 50)
    compiled = pydl.compile(lambda x: ((x @ x).tanh() + pydl.tensor([1.0] * 50)).sum(axis=0))
    compiled(x)
    result = compiled(x)
    assert alive() > before
    del compiled, x, result
    assert alive() == before


def test_memory_of_a_training_step_is_released() -> None:
    before = alive()

    def train() -> None:
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        optimizer = optim.Adam(model.parameters(), lr=0.1)

        @pydl.compile(state=[model, optimizer])
        def step(x: pydl.Tensor) -> pydl.Tensor:
            loss = (model(x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        for n in (4, 4, 5):
            step(random(n, 3))

    train()
    assert alive() == before


def test_memory_of_a_fitted_model_is_released() -> None:
    before = alive()
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    model.compile("adam", "mse")
    model.fit(np.ones((8, 4), np.float32), np.ones((8, 2), np.float32), epochs=2, verbose=0)
    assert alive() > before
    del model
    assert alive() == before


def test_memory_after_trace_errors_is_released() -> None:
    before = alive()
    model = nn.Linear(3, 1)  # of two tensors

    def bad(x: pydl.Tensor) -> Any:
        loss = model(x).sum()
        loss.backward()
        return loss.item()

    for _ in range(3):
        with pytest.raises(pydl.TraceError):
            pydl.compile(bad, state=model)(random(3))
    assert alive() == before + 2


def test_memory_of_compiled_methods_is_released() -> None:
    before = alive()
    trainer = Trainer(0)
    trainer.step(random(4, 3), random(4, 1))
    del trainer
    assert alive() == before


def test_calls_leave_nothing_behind() -> None:
    model = nn.Linear(3, 3)
    compiled = pydl.compile(model)
    x = random(4, 3)
    with pydl.no_grad():
        compiled(x)
        before = alive()
        for _ in range(100):
            compiled(x)
        assert alive() == before


def test_clear_releases_programs() -> None:
    compiled = pydl.compile(lambda x: x * pydl.tensor([1.0, 2.0, 3.0]))
    before = alive()
    x = random(3)
    compiled(x)
    del x
    assert alive() > before
    compiled.clear()
    assert alive() == before


def test_program_holds_no_arguments() -> None:
    """Between calls the inputs of the last one are free to go."""
    compiled = pydl.compile(lambda x: x * 2)
    compiled(random(1000, 100))
    gc.collect()
    before = pydl.memory_stats()["live_bytes"]
    compiled(random(1000, 100))
    gc.collect()
    assert pydl.memory_stats()["live_bytes"] <= before
