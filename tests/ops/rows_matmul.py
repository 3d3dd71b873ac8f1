"""Rows of the products."""

from __future__ import annotations

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl

_MATMUL: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((3,), (3,)),
    ((2, 3), (3,)),
    ((3,), (3, 4)),
    ((2, 3), (3, 4)),
    ((1, 1), (1, 1)),
    ((5, 2, 3), (3, 4)),
    ((2, 3), (5, 3, 4)),
    ((4, 1, 2, 3), (5, 3, 2)),
    ((0, 3), (3, 4)),
    ((2, 0), (0, 4)),
    ((33, 65), (65, 47)),
]
_LINEAR: list[tuple[tuple[int, ...], tuple[int, int], bool]] = [
    ((2, 3), (4, 3), True),
    ((3,), (4, 3), True),
    ((2, 5, 3), (1, 3), False),
    ((0, 3), (4, 3), True),
    ((40, 65), (33, 65), True),
]


def _matmul_samples(rng: np.random.Generator) -> list[Sample]:
    return [Sample((rng.standard_normal(a), rng.standard_normal(b))) for a, b in _MATMUL]


def _linear_samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for x, weight, has_bias in _LINEAR:
        arrays: tuple[Array, ...] = (rng.standard_normal(x), rng.standard_normal(weight))
        if has_bias:
            arrays = (*arrays, rng.standard_normal(weight[0]))
        samples.append(Sample(arrays))
    return samples


def _linear_reference(x: Array, weight: Array, bias: Array | float = 0.0) -> Array:
    return x @ weight.T + bias


ROWS = [
    Row(
        "matmul",
        pydl.matmul,
        np.matmul,
        _matmul_samples,
        smooth=(0, 1),
        rtol=1e-4,
        atol=1e-5,
        torch=lambda torch, a, b: torch.matmul(a, b),
        bad=(
            BadCall(lambda: pydl.ones((2, 3)) @ pydl.ones((4, 5)), ValueError, r"matmul.*\(4, 5\)"),
            BadCall(lambda: pydl.ones(()) @ pydl.ones(3), ValueError, "matmul"),
            BadCall(lambda: pydl.ones((2, 2, 3)) @ pydl.ones((3, 3, 2)), ValueError, "matmul"),
        ),
    ),
    Row(
        "linear",
        pydl.linear,
        _linear_reference,
        _linear_samples,
        smooth=(0, 1),
        rtol=1e-4,
        atol=1e-5,
        torch=lambda torch, *arrays: torch.nn.functional.linear(*arrays),
        bad=(
            BadCall(
                lambda: pydl.linear(pydl.ones((2, 3)), pydl.ones((4, 5))),
                ValueError,
                "linear: weight .* expects 5 inputs",
            ),
            BadCall(
                lambda: pydl.linear(pydl.ones((2, 3)), pydl.ones((4, 3)), pydl.ones(3)),
                ValueError,
                "linear: expected a bias",
            ),
            BadCall(lambda: pydl.linear(pydl.ones(3), pydl.ones(3)), ValueError, "linear"),
        ),
    ),
]
