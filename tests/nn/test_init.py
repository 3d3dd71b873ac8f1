"""Initialisers by their names in PyTorch and Keras."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.nn import init


@pytest.mark.parametrize(
    ("function", "std"),
    [
        (init.xavier_uniform_, math.sqrt(2 / 500)),
        (init.glorot_normal_, math.sqrt(2 / 500)),
        (init.he_uniform_, math.sqrt(2 / 300)),
        (init.kaiming_normal_, math.sqrt(2 / 300)),
        (init.lecun_uniform_, math.sqrt(1 / 300)),
        (init.lecun_normal_, math.sqrt(1 / 300)),
        (lambda t: init.kaiming_normal_(t, mode="fan_out"), math.sqrt(2 / 200)),
        (lambda t: init.kaiming_uniform_(t, nonlinearity="tanh"), 5 / 3 / math.sqrt(300)),
        (lambda t: init.kaiming_uniform_(t, 1.0, mode="fan_out"), math.sqrt(1 / 200)),
    ],
)
@pytest.mark.parametrize("shape", [(200, 300), (20, 30, 2, 5)])
def test_spread(function: Any, std: float, shape: tuple[int, ...]) -> None:
    pydl.manual_seed(0)
    values = function(pydl.zeros(shape)).numpy()
    assert values.std() == pytest.approx(std, rel=0.05)
    assert abs(values.mean()) < std / 20


def test_spread_needs_a_mode() -> None:
    with pytest.raises(ValueError, match="kaiming_normal_: expected mode 'fan_in' or 'fan_out'"):
        init.kaiming_normal_(pydl.zeros((2, 2)), mode="fan")  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (2, 3), (4, 2)])
def test_eye(shape: tuple[int, int]) -> None:
    np.testing.assert_array_equal(init.eye_(pydl.ones(shape)).numpy(), np.eye(*shape))
    with pytest.raises(ValueError, match=r"eye_: expected a matrix, got shape \(3,\)"):
        init.eye_(pydl.ones(3))


@pytest.mark.parametrize("sparsity", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("dtype", ["float32", "float64", "float16"])
def test_sparse(sparsity: float, dtype: str) -> None:
    values = init.sparse_(pydl.zeros((30, 7), dtype=dtype), sparsity, std=0.5).numpy()
    assert ((values == 0).sum(axis=0) == math.ceil(30 * sparsity)).all()
    if sparsity < 1:
        assert values[values != 0].std() == pytest.approx(0.5, rel=0.3)
    with pytest.raises(ValueError, match=r"sparse_: expected sparsity in \[0, 1\]"):
        init.sparse_(pydl.zeros((3, 3)), 1.5)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("shape", [(4, 3, 3), (4, 2, 3, 4), (2, 5, 1, 2, 3), (4, 3, 0)])
def test_dirac(shape: tuple[int, ...], groups: int) -> None:
    torch = pytest.importorskip("torch")
    expected = np.zeros(shape)
    if 0 not in shape:
        expected = torch.nn.init.dirac_(torch.empty(shape), groups).numpy()
    np.testing.assert_array_equal(init.dirac_(pydl.ones(shape), groups).numpy(), expected)
    with pytest.raises(ValueError, match="expected groups that divide"):
        init.dirac_(pydl.ones((4, 2, 3)), 3)
    with pytest.raises(ValueError, match="expected 3 to 5 axes"):
        init.dirac_(pydl.ones((4, 2)))


@pytest.mark.parametrize("name", sorted(init._BY_NAME))
def test_layers_take_names(name: str) -> None:
    if name == "dirac":
        weight = init.get(name)(pydl.zeros((3, 3, 3)))
        assert float(weight.sum()) == 3.0  # type: ignore[attr-defined]
        return
    layer = nn.Linear(5, 4, init=name)
    assert np.isfinite(layer.weight.detach().numpy()).all()
