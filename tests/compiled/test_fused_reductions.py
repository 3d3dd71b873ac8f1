"""Sums, means and extrema in the kernels that compute what they reduce."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled.comparison import assert_same, check_calls

import pydl
from pydl import nn, optim

WITH_AND_WITHOUT: tuple[tuple[str, ...], ...] = ((), ("fuse_reductions",))


def random(*shape: int, seed: int = 0, dtype: str = "float32") -> pydl.Tensor:
    return pydl.tensor(np.random.default_rng(seed).standard_normal(shape), dtype=dtype)


def kernels(compiled: Any) -> list[str]:
    return [step["name"] for step in compiled.programs[-1].steps()]


def test_mean_squared_error_is_one_kernel() -> None:
    def loss(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        return ((x - y) ** 2).mean()

    x, y = random(64, 50), random(64, 50, seed=1)
    check_calls(loss, [(x, y), (y, x * 2)], WITH_AND_WITHOUT)
    compiled, apart = pydl.compile(loss), pydl.compile(loss, without=["fuse_reductions"])
    compiled(x, y), apart(x, y)
    (name,) = kernels(compiled)
    assert name.endswith("+mean")
    assert kernels(apart) == [name.removesuffix("+mean"), "mean"]
    assert compiled.programs[0].arena_bytes == 0  # the squares are not written
    assert apart.programs[0].arena_bytes == 64 * 50 * 4
    assert f"{name} (cpu: tiles)" in compiled.describe()


def test_gradients_of_biases_come_from_the_kernels_before() -> None:
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 10))
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = nn.functional.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    compiled = pydl.compile(step, state=[model, optimizer])
    losses = [compiled(random(16, 20), random(16, 10)).item() for _ in range(3)]
    assert losses[2] < losses[0]
    names = kernels(compiled)
    assert "relu_backward+sum" in names
    assert not {"sum", "mean"} & set(names)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "bool", "bfloat16"])
def test_dtypes(dtype: str) -> None:
    def function(x: pydl.Tensor, y: pydl.Tensor) -> Any:
        z = pydl.logical_and(x, y) if dtype == "bool" else x * y - x
        return z.sum(axis=0), z.sum(), z.max(axis=-1), z.min(), (x == y).sum(axis=1)

    rng = np.random.default_rng(0)
    calls = [
        tuple(pydl.tensor(rng.integers(0, 2, (37, 200))).astype(dtype) for _ in range(2))
        for _ in range(2)
    ]
    check_calls(function, calls, WITH_AND_WITHOUT)


def test_a_chain_behind_a_sum_is_a_kernel_of_its_own() -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        return ((x * 2.0 + 1.0).sum() * 3.0).tanh()

    compiled = pydl.compile(function)
    assert_same(compiled(random(40, 50)), function(random(40, 50)), loosen=10)
    assert kernels(compiled) == ["multiply+add+sum", "multiply+tanh"]


def test_numbers_of_threads_agree() -> None:
    def function(x: pydl.Tensor, y: pydl.Tensor) -> Any:
        z = pydl.tanh(x) * y
        return z.sum(), z.sum(axis=0), z.mean(axis=1), z

    before = pydl.get_num_threads()
    results = []
    try:
        for threads in (1, 2, 5):
            pydl.set_num_threads(threads)
            compiled = pydl.compile(function)
            results.append([t.numpy() for t in compiled(random(700, 300), random(300, seed=1))])
    finally:
        pydl.set_num_threads(before)
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert np.array_equal(a, b)


def test_results_do_not_overwrite_what_is_still_read() -> None:
    """The kernel's full result may take the memory of an operand; sums have their own."""

    def function(x: pydl.Tensor) -> Any:
        y = (x @ x).tanh()
        z = y * 2.0 + x
        total = z.sum(axis=0)
        return (z @ x).sum(axis=1), total, y.sum()

    check_calls(
        function,
        [(random(30, 30, dtype="float64"),), (random(30, 30, seed=1, dtype="float64"),)],
        loosen=100,
    )
