"""Chains on 16-bit floats are one kernel, and round after each op as eager calls do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled.comparison import assert_same

import pydl
from pydl import nn, optim

SMALL = ("float16", "bfloat16")
SHAPES = ((7,), (33, 50), (3, 5, 129), (100, 1030))


def random(*shape: int, dtype: str, seed: int = 0) -> pydl.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return pydl.tensor(values, dtype="float32").astype(dtype)


def bits(tensor: pydl.Tensor) -> Any:
    return np.asarray(tensor.astype("float64").numpy())


def kernels(compiled: Any) -> list[str]:
    return [step["name"] for step in compiled.programs[-1].steps()]


def assert_equal_to_eager(function: Callable[..., Any], *arguments: pydl.Tensor) -> list[str]:
    compiled = pydl.compile(function)
    actual, expected = compiled(*arguments), function(*arguments)
    for a, e in zip(actual, expected, strict=True):
        assert a.dtype == e.dtype and a.shape == e.shape
        assert np.array_equal(bits(a), bits(e), equal_nan=True)
    return kernels(compiled)


def chain(x: pydl.Tensor, y: pydl.Tensor) -> Any:
    return (pydl.tanh(x * y + 1.5) * x - pydl.sigmoid(y),)


def several_results(x: pydl.Tensor, y: pydl.Tensor) -> Any:
    """What is written is read again, as it was rounded."""
    z = x * y
    w = z * z + x
    return z, w, w / (z + 3.0), w > z


def choices(x: pydl.Tensor, y: pydl.Tensor) -> Any:
    between = pydl.clip(x * 3.0, -1.0, 1.0)
    chosen = pydl.where(x > y, between, y * 0.3)
    return chosen, pydl.where(chosen < 0.0, chosen - 1.0, between + x)


def conversions(x: pydl.Tensor, y: pydl.Tensor) -> Any:
    other = "bfloat16" if x.dtype == "float16" else "float16"
    wide = (x + y).astype("float32")
    return (
        (wide * 1.001).astype(x.dtype) * y,
        wide - 1e-3,
        ((x * y).astype(other) + 1.0).astype(x.dtype),
        (x.astype("float64") / 3.0).astype(x.dtype) + y,
        (x * 10.0).astype("int32") + 1,
        ((y * 10.0).astype("int64") * 3).astype(x.dtype) * x,
        (x > 0.0).astype(x.dtype) * y,
        (x - y).astype("bool"),
    )


@pytest.mark.parametrize("dtype", SMALL)
@pytest.mark.parametrize("function", [chain, several_results, choices, conversions])
def test_bits_are_those_of_eager_calls(function: Callable[..., Any], dtype: str) -> None:
    for shape in SHAPES:
        x, y = random(*shape, dtype=dtype), random(*shape, dtype=dtype, seed=1)
        names = assert_equal_to_eager(function, x, y)
        assert any("+" in name for name in names)
    x, y = random(40, 60, dtype=dtype), random(60, dtype=dtype, seed=1)
    assert_equal_to_eager(function, x, y)
    assert_equal_to_eager(function, x.T, random(40, dtype=dtype, seed=2))


@pytest.mark.parametrize("dtype", SMALL)
def test_a_chain_is_one_kernel(dtype: str) -> None:
    x, y = random(30, 40, dtype=dtype), random(30, 40, dtype=dtype, seed=1)
    compiled = pydl.compile(chain)
    compiled(x, y)
    assert len(kernels(compiled)) == 1


@pytest.mark.parametrize("dtype", SMALL)
def test_the_longest_chains(dtype: str) -> None:
    """As many instructions and operands as a kernel takes, each of them read to the end."""

    def function(*inputs: pydl.Tensor) -> Any:
        values = list(inputs)
        for i in range(11):
            values.append(values[i % len(inputs)] * values[-1] + values[(i + 3) % len(inputs)])
        total = values[-1]
        for value in values[len(inputs) :]:
            total = total - value * 0.25
        return (total, *values[-2:])

    inputs = [random(50, 70, dtype=dtype, seed=seed) for seed in range(7)]
    assert_equal_to_eager(function, *inputs)
    assert_equal_to_eager(lambda *x: [t.astype("bfloat16") for t in function(*x)], *inputs)


@pytest.mark.parametrize("dtype", SMALL)
def test_extreme_numbers(dtype: str) -> None:
    numbers = [0.0, -0.0, np.inf, -np.inf, np.nan, 6e-8, -6e-8, 65504.0, 3e38, 1.0, -1e-5]
    x = pydl.tensor(numbers, dtype="float32").astype(dtype)
    for function in (chain, several_results, choices):
        assert_equal_to_eager(function, x, pydl.flip(x))
    assert_equal_to_eager(lambda x: (x * x - x, x + x, (x * 0.5) * 2.0), x)


@pytest.mark.parametrize("dtype", SMALL)
def test_sums_and_extrema_join(dtype: str) -> None:
    def function(x: pydl.Tensor) -> Any:
        z = pydl.tanh(x) * 2.0
        return z.sum(), z.mean(axis=0), z.max(axis=1), z.min(), z

    compiled = pydl.compile(function)
    x = random(60, 200, dtype=dtype)
    for actual, expected in zip(compiled(x), function(x), strict=True):
        assert_same(actual, expected)
    assert not {"sum", "mean", "max", "min"} & set(kernels(compiled))


def test_training_with_autocast_is_that_of_eager_mode() -> None:
    def losses(compile: bool) -> list[float]:
        pydl.manual_seed(0)
        model = nn.Sequential(nn.Linear(20, 30), nn.SiLU(), nn.Linear(30, 4), nn.Tanh())
        optimizer = optim.SGD(model.parameters(), lr=0.1)

        def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
            with pydl.autocast("bfloat16"):
                loss = nn.functional.mse_loss(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        run = pydl.compile(step, state=[model, optimizer]) if compile else step
        data = [random(16, n, dtype="float32", seed=n) for n in (20, 4)]
        return [run(*data).item() for _ in range(5)]

    assert losses(True) == pytest.approx(losses(False), rel=2e-3)
