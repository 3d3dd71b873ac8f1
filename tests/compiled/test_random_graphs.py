"""Random graphs, compiled with passes left out, against the same calls run one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from compiled.comparison import CHOICES, assert_same

import pydl

Tensor = pydl.Tensor


def test_random_chains_of_ops() -> None:
    """Programs of random elementwise ops, views, reductions and products."""
    rng = np.random.default_rng(0)
    for _ in range(60):
        choices = rng.integers(0, 12, 25)
        picks = rng.integers(0, 1 << 30, (25, 2))

        def function(x: pydl.Tensor, y: pydl.Tensor, choices=choices, picks=picks) -> Any:  # type: ignore[no-untyped-def]
            values = [x, y]
            for choice, (i, j) in zip(choices, picks, strict=True):
                a, b = values[i % len(values)], values[j % len(values)]
                values.append(_random_op(int(choice), a, b))
            return values[-1], values[len(values) // 2], sum(v.sum() for v in values)

        x, y = pydl.uniform((6, 6), 0.1, 1), pydl.uniform((6, 6), 0.1, 1)
        without = CHOICES[int(rng.integers(len(CHOICES)))]
        actual = pydl.compile(function, without=without)(x, y)
        for one, other in zip(actual, function(x, y), strict=True):
            np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-4, atol=1e-5)


def _random_op(choice: int, a: pydl.Tensor, b: pydl.Tensor) -> pydl.Tensor:
    if choice == 7:
        a = a.copy()
        a[1:3] = b[2:4]
        return a
    ops: list[Callable[[], pydl.Tensor]] = [
        lambda: a + b,
        lambda: a * b * 0.5,
        lambda: pydl.tanh(a),
        lambda: pydl.where(a > b, a, b * 0.5),
        lambda: pydl.permute_dims(a, (1, 0)),
        lambda: pydl.softmax(a, 1),
        lambda: a @ b * 0.1,
        lambda: a,
        lambda: a[::-1] - b.mean(axis=0),
        lambda: pydl.clip(a, -0.5, 0.5) + b.max(axis=1, keepdims=True) * 0.1,
        lambda: (a > 0.2).astype("float32") + a,
        lambda: pydl.concat([a[:3], b[3:]], 0),
    ]
    return ops[choice]()


# --- elementwise ops and reductions of them -------------------------------------------------------

UNARY: list[Callable[[Tensor], Tensor]] = [
    pydl.tanh,
    pydl.sigmoid,
    pydl.relu,
    lambda a: -a,
    lambda a: a * 0.5 + 0.25,
    lambda a: pydl.clip(a, -0.5, 0.5),
]
BINARY: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda a, b: a + b,
    lambda a, b: (a - b) * 0.5,
    lambda a, b: pydl.tanh(a) * b,
    pydl.maximum,
    lambda a, b: pydl.where(a > b, a, b * 0.5),
]
SHAPES = [(), (1,), (17,), (1, 1), (5, 1), (1, 9), (0, 4), (4, 0), (7, 5), (33, 130), (3, 1500)]
SHAPES += [(2, 3, 4), (5, 1, 6), (3, 40, 50), (2, 3, 4, 5)]


def _operand(rng: np.random.Generator, shape: tuple[int, ...]) -> tuple[Tensor, Any]:
    """A tensor that broadcasts to the shape, and how the function shows it in another layout."""
    kept = tuple(n if rng.random() < 0.7 else 1 for n in shape)
    kind = rng.integers(4)
    if kind == 0 and shape:  # transposed
        axes = tuple(range(len(shape)))[::-1]
        array = rng.standard_normal(kept[::-1])
        return pydl.tensor(array), lambda x: x.permute_dims(axes)
    if kind == 1 and shape:  # with gaps
        array = rng.standard_normal((*kept[:-1], 2 * kept[-1]))
        return pydl.tensor(array), lambda x: x[..., ::2]
    return pydl.tensor(rng.standard_normal(kept if kind == 2 else shape)), lambda x: x


def _axes(rng: np.random.Generator, ndim: int) -> Any:
    """All axes, leading, trailing, or any."""
    kind = rng.integers(4)
    if kind == 0 or ndim == 0:
        return None
    split = int(rng.integers(ndim + 1))
    leading, trailing = tuple(range(split)), tuple(range(split, ndim))
    return (None, leading, trailing, (int(rng.integers(ndim)),))[kind]


def _graph(seed: int, shape: tuple[int, ...], views: list[Any]) -> Callable[..., Any]:
    """A chain of elementwise ops, reductions of what it computes, and some of that itself."""

    def function(*tensors: Tensor) -> Any:
        rng = np.random.default_rng(seed)
        values = [view(x) for view, x in zip(views, tensors, strict=True)]
        results = []
        for _ in range(int(rng.integers(2, 12))):
            a, b = (values[int(rng.integers(max(0, len(values) - 4), len(values)))] for _ in "ab")
            if rng.random() < 0.4:
                values.append(UNARY[int(rng.integers(len(UNARY)))](a))
            else:
                values.append(BINARY[int(rng.integers(len(BINARY)))](a, b))
            y = values[-1]
            if rng.random() < 0.6:
                keepdims = bool(rng.random() < 0.3)
                kind = rng.integers(4) if y.size and y.ndim else 0
                name = ("sum", "mean", "max", "sum")[int(kind)]
                total = getattr(y, name)(axis=_axes(rng, y.ndim), keepdims=keepdims)
                results.append(total)
                if total.shape == () and rng.random() < 0.3:
                    values.append(y * total.tanh())  # what is computed from a sum
            if rng.random() < 0.2:
                results.append(y)
        return [*results, (values[-1] > 0).sum()]

    return function


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_reductions_of_random_chains(shape: tuple[int, ...]) -> None:
    for seed in range(25):
        rng = np.random.default_rng([seed, *shape])
        tensors, views = zip(*(_operand(rng, shape) for _ in range(3)), strict=True)
        function = _graph(seed, shape, list(views))
        expected = function(*tensors)
        for without in ((), ("fuse_elementwise",), CHOICES[seed % len(CHOICES)]):
            compiled = pydl.compile(function, without=without)
            where = f"seed {seed} without {without}"
            for _ in range(2):
                assert_same(compiled(*tensors), expected, where, loosen=100)
