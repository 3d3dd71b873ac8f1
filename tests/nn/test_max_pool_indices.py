"""Max pooling that returns indices: one op with two results, eager, compiled and in files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.interop.safetensors import load_metadata

F = nn.functional
Pool = Callable[..., Any]
POOLS: dict[str, tuple[Pool, tuple[int, ...]]] = {
    "1d": (lambda x, **o: F.max_pool1d(x, 3, 2, 1, **o), (2, 5, 12)),
    "2d": (lambda x, **o: F.max_pool2d(x, (2, 3), 2, 1, 2, True, **o), (2, 20, 8, 9)),
    "3d": (lambda x, **o: F.max_pool3d(x, 2, **o), (1, 3, 4, 6, 5)),
    "adaptive": (lambda x, **o: F.adaptive_max_pool2d(x, (3, None), **o), (2, 3, 8, 5)),
}


def _floats(shape: tuple[int, ...], dtype: str = "float32") -> pydl.Tensor:
    return pydl.tensor(np.random.default_rng(0).standard_normal(shape), dtype=dtype)


def _elements_at(x: pydl.Tensor, indices: pydl.Tensor) -> np.ndarray:
    planes = x.detach().numpy().reshape(*x.shape[:2], -1)
    places = indices.numpy()
    return np.take_along_axis(planes, places.reshape(*x.shape[:2], -1), 2).reshape(places.shape)


@pytest.mark.parametrize("name", POOLS)
def test_values_are_those_of_the_call_without_indices(name: str) -> None:
    pool, shape = POOLS[name]
    x = _floats(shape)
    values, indices = pool(x, return_indices=True)
    assert indices.dtype == "int64"
    np.testing.assert_array_equal(values.numpy(), pool(x).numpy())
    np.testing.assert_array_equal(values.numpy(), _elements_at(x, indices))
    single = pool(x[0], return_indices=True)
    for one, several in zip(single, (values, indices), strict=True):
        np.testing.assert_array_equal(one.numpy(), several[0].numpy())


@pytest.mark.parametrize("name", POOLS)
def test_derivatives_are_those_of_the_call_without_indices(name: str) -> None:
    pool, shape = POOLS[name]
    weight = _floats(pool(_floats(shape)).shape)

    def derivatives(**options: bool) -> list[np.ndarray]:
        x = _floats(shape).requires_grad_()
        y = pool(x, **options)
        values = y[0] if options else y
        (first,) = pydl.grad([(values.square() * weight).sum()], [x], create_graph=True)
        (second,) = pydl.grad([first.square().sum()], [x])
        return [first.detach().numpy(), second.numpy()]

    for found, expected in zip(derivatives(return_indices=True), derivatives(), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_indices_have_no_gradient() -> None:
    x = _floats((1, 2, 6)).requires_grad_()
    values, indices = F.max_pool1d(x, 2, return_indices=True)
    assert values.requires_grad
    assert not indices.requires_grad


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
@pytest.mark.parametrize("channels", [1, 20])
def test_the_first_of_equal_elements_and_what_is_no_number(dtype: str, channels: int) -> None:
    nan, low = float("nan"), -float("inf")
    windows = [[1, 2, 2], [low, low, low], [3, nan, nan], [nan, 4, 5], [-0.0, 0.0, 0.0]]
    row = pydl.tensor(windows, dtype=dtype).reshape((1, -1, 1))
    x = pydl.broadcast_to(row, (1, 15, channels)).copy().permute_dims((0, 2, 1))
    _, indices = F.max_pool1d(x, 3, return_indices=True)
    assert indices.tolist() == [[[1, 3, 7, 9, 12]] * channels]


@pytest.mark.parametrize("name", POOLS)
@pytest.mark.parametrize("uses_indices", [True, False])
def test_compiled_steps(name: str, uses_indices: bool) -> None:
    pool, shape = POOLS[name]

    def step(x: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        leaf = (x * 1).detach().requires_grad_()
        values, indices = pool(leaf.relu(), return_indices=True)
        (gradient,) = pydl.grad([values.square().sum()], [leaf])
        return values.detach(), gradient, *([indices] if uses_indices else [])

    compiled = pydl.compile(step)
    for _ in range(2):
        for found, expected in zip(compiled(_floats(shape)), step(_floats(shape)), strict=True):
            np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_networks_that_pool_and_unpool() -> None:
    pool, unpool = nn.MaxPool2d(2, return_indices=True), nn.MaxUnpool2d(2)
    layer = nn.Conv2d(3, 32, 3, padding=1)
    x = _floats((2, 3, 8, 8))

    def loss_of(x: pydl.Tensor) -> pydl.Tensor:
        y = layer(x)
        return (unpool(*pool(y)) - y).square().mean()

    def step(x: pydl.Tensor) -> tuple[pydl.Tensor, pydl.Tensor]:
        loss = loss_of(x)
        (gradient,) = pydl.grad([loss], [layer.weight])
        return loss.detach(), gradient

    for found, expected in zip(pydl.compile(step, state=layer)(x), step(x), strict=True):
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-4, atol=1e-6)


def test_programs_contain_one_call(tmp_path: Path) -> None:
    def pooled(x: pydl.Tensor) -> tuple[pydl.Tensor, pydl.Tensor]:
        values, indices = F.max_pool2d(x, 2, return_indices=True)
        return values, indices

    pydl.save_program(tmp_path / "pool.pydl", pooled, _floats((2, 3, 4, 4)))
    (function,) = json.loads(load_metadata(tmp_path / "pool.pydl")["pydl.program"])["functions"]
    assert [call[0] for call in function["calls"]] == ["max_pool_with_indices"]
    x = _floats((5, 3, 4, 4))
    for found, expected in zip(pydl.load(tmp_path / "pool.pydl")(x), pooled(x), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


@pytest.mark.parametrize("output_size", [None, 5, (5, 5), [5, 5], (3, 5, 5), (2, 3, 5, 5)])
def test_sizes_of_unpooled_results(output_size: Any) -> None:
    values, indices = F.max_pool2d(_floats((2, 3, 4, 4)), 2, return_indices=True)
    side = 4 if output_size is None else 5
    for x, i in ((values, indices), (values[0], indices[0])):
        y = F.max_unpool2d(x, i, 2, output_size=output_size)
        assert y.shape == (*x.shape[:-2], side, side)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda v, i: F.max_unpool2d(v[0, 0], i[0, 0], 2), "expected x .N, C, ...."),
        (lambda v, i: F.max_unpool2d(v, i[:1], 2), "indices of its shape, got shapes"),
        (lambda v, i: F.max_unpool2d(v, None, 2), "indices of its shape"),
        (lambda v, i: F.max_unpool2d(v, i, None), "kernel_size to be 1 or 2 integers, got None"),
        (lambda v, i: F.max_unpool2d(v, i, (2, 2, 2)), "kernel_size to be 1 or 2 integers"),
        (lambda v, i: F.max_unpool2d(v, i, 2, output_size=(5,)), "output_size to be 1 or 2"),
    ],
)
def test_wrong_arguments_of_unpooling(call: Callable[..., Any], message: str) -> None:
    values, indices = F.max_pool2d(_floats((2, 3, 4, 4)), 2, return_indices=True)
    with pytest.raises((TypeError, ValueError), match=f"^max_unpool2d: .*{message}"):
        call(values, indices)
