"""Convolutions that give or take so few channels that their vectors hold something else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ops.accuracy import assert_accurate, assert_same_special_numbers
from ops.table import Array
from ops.test_tiled_convolutions import (
    LAYOUTS,
    OPS,
    Case,
    channels_last,
    exactly,
    run,
)

import pydl
from pydl import nn


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng()


def check(case: Case, rng: np.random.Generator, layout: str = "rows") -> None:
    operands = case.operands(rng)
    for op in OPS:
        arrays, attrs = case.inputs(op, *operands)
        moved: list[Any] = [LAYOUTS[layout](x) for x in arrays]
        found = run(op, moved, attrs)
        assert_accurate(found, *exactly(op, arrays, attrs), message=f"{op} {layout} {case}")


@pytest.mark.parametrize("outputs", range(1, 10))
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5, 8, 12, 15, 16])
def test_numbers_of_channels(channels: int, outputs: int, rng: np.random.Generator) -> None:
    check(Case(2, channels, outputs, (9, 13), (3, 3), (), (1, 1)), rng)


@pytest.mark.parametrize("width", range(1, 41))
def test_widths(width: int, rng: np.random.Generator) -> None:
    channels, outputs = (int(n) for n in rng.integers((1, 1), (16, 9)))
    check(Case(2, channels, outputs, (7, width), (3, 3), (2, 1), (1, 1)), rng)
    check(Case(1, channels, outputs, (4, width + 4), (2, 5)), rng, "channels last")


OTHERS = {
    "stride in both axes": Case(2, 3, 4, (20, 41), (3, 3), (2, 2), (1, 1)),
    "stride along rows": Case(2, 3, 4, (9, 41), (3, 3), (1, 3), (0, 1)),
    "stride down": Case(3, 5, 6, (23, 37), (3, 4), (2, 1), (1, 2)),
    "dilation": Case(2, 4, 6, (20, 33), (3, 3), (), (2, 3), (), (2, 3)),
    "dilation and stride": Case(2, 4, 6, (20, 33), (3, 3), (2, 1), (2, 3), (), (3, 2)),
    "uneven padding": Case(2, 6, 2, (9, 30), (3, 3), (), (2, 0), (0, 1)),
    "windows that see padding only": Case(2, 3, 3, (5, 6), (2, 2), (), (4, 5)),
    "large kernel": Case(2, 3, 8, (30, 40), (7, 9), (), (3, 4)),
    "1 x 1": Case(2, 7, 5, (13, 21), (1, 1)),
    "1d": Case(3, 10, 7, (67,), (5,), (), (2,)),
    "1d, stride": Case(3, 10, 7, (67,), (5,), (2,), (2,)),
    "3d": Case(2, 3, 5, (5, 6, 19), (2, 3, 3), (1, 2, 1), (1, 1, 1)),
    "one place": Case(40, 6, 8, (3, 3), (3, 3)),
    "many images": Case(33, 1, 8, (12, 12), (3, 3)),
    "large image": Case(1, 3, 3, (130, 150), (3, 3), (), (1, 1)),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("case", OTHERS.values(), ids=OTHERS)
def test_others(case: Case, layout: str, rng: np.random.Generator) -> None:
    check(case, rng, layout)


def test_cases_by_chance(rng: np.random.Generator) -> None:
    for _ in range(60):
        axes = int(rng.integers(1, 4))
        kernel, dilation, low, high = (
            tuple(int(n) for n in rng.integers(a, b, axes))
            for a, b in ((1, 5), (1, 3), (0, 3), (0, 3))
        )
        sizes = rng.integers(1, {1: 60, 2: 25, 3: 9}[axes], axes)
        size = tuple(
            max(int(n), d * (k - 1) + 1 - before - after, 1)
            for n, k, d, before, after in zip(sizes, kernel, dilation, low, high, strict=True)
        )
        stride = tuple(int(n) for n in rng.integers(1, 3, axes))
        batch, channels, outputs = (int(n) for n in rng.integers(1, (5, 16, 9)))
        layout = str(rng.choice(list(LAYOUTS)))
        check(
            Case(batch, channels, outputs, size, kernel, stride, low, high, dilation), rng, layout
        )


@pytest.mark.parametrize("case", OTHERS.values(), ids=OTHERS)
def test_bias_and_relu(case: Case, rng: np.random.Generator) -> None:
    x, weight, _ = case.operands(rng)
    bias = rng.standard_normal(case.outputs).astype("f")
    column = bias.reshape(-1, *(1,) * len(case.size))
    exact, magnitudes = exactly("conv", [x, weight], case.attrs)
    exact, magnitudes = exact + column, magnitudes + np.abs(column)
    for moved in (pydl.tensor(x), channels_last(x)):
        inputs = [moved, weight, bias]
        assert_accurate(run("conv", inputs, case.attrs), exact, magnitudes)
        found = run("conv", inputs, {**case.attrs, "post": "relu"})
        assert_accurate(found, np.maximum(exact, 0), magnitudes)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("has_relu", [False, True], ids=["linear", "relu"])
def test_special_numbers(value: float, has_relu: bool, rng: np.random.Generator) -> None:
    for case in OTHERS.values():
        x, weight, _ = case.operands(rng)
        bias = rng.standard_normal(case.outputs).astype("f")
        x.reshape(-1)[rng.integers(x.size)] = value
        bias[-1] = value
        attrs = {**case.attrs, "post": "relu"} if has_relu else case.attrs
        inputs: list[Any] = [x, weight, bias]
        wanted = run("conv", inputs, attrs, "ref")
        assert_same_special_numbers(run("conv", inputs, attrs), wanted, str(case))


def test_threads(rng: np.random.Generator) -> None:
    threads = pydl.get_num_threads()
    try:
        for count in (1, 2, 3, 7):
            pydl.set_num_threads(count)
            for name in ("many images", "large image", "3d"):
                check(OTHERS[name], rng)
    finally:
        pydl.set_num_threads(threads)


def test_gradients_through_a_compiled_layer(rng: np.random.Generator) -> None:
    x = rng.standard_normal((4, 6, 11, 19))
    weight, bias = rng.standard_normal((3, 6, 3, 3)), rng.standard_normal(3)

    @pydl.compile
    def step(x: pydl.Tensor, weight: pydl.Tensor, bias: pydl.Tensor) -> Any:
        y = nn.functional.relu(nn.functional.conv2d(x, weight, bias, stride=(2, 1), padding=1))
        return y, pydl.grad(y.square().sum(), [x, weight, bias])

    results: list[list[Array]] = []
    for dtype in ("float32", "float64"):
        operands = [pydl.tensor(a, dtype=dtype, requires_grad=True) for a in (x, weight, bias)]
        y, gradients = step(*operands)
        results.append([np.asarray(t.detach()) for t in (y, *gradients)])
    for found, wanted in zip(*results, strict=True):
        assert np.abs(found - wanted).max() < 5e-6 * np.abs(wanted).max()
