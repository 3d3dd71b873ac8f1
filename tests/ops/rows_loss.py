"""Rows of the losses that are ops of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special as special
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

_IGNORED = -100
_CASES: list[tuple[tuple[int, ...], int]] = [
    ((6, 5), -1),
    ((5,), 0),
    ((4, 3), 0),
    ((2, 3, 4, 5), 1),
    ((3, 1), 1),
    ((2, 2, 70), 1),
    ((40, 300), -1),
]


def _target(rng: np.random.Generator, shape: tuple[int, ...], axis: int) -> Array:
    axis %= len(shape)
    target = np.asarray(rng.integers(0, shape[axis], shape[:axis] + shape[axis + 1 :]))
    if target.size > 2:
        target.reshape(-1)[1] = _IGNORED
    return target


def _samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample(
            (rng.standard_normal(shape) * 3, _target(rng, shape, axis)),
            {"axis": axis, "reduction": reduction},
        )
        for shape, axis in _CASES
        for reduction in ("mean", "sum", "none")
    ] + [
        Sample((np.zeros((0, 4)), np.zeros((0,), dtype=np.int64)), {"axis": 1, "reduction": "sum"}),
    ]


def _backward_samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for sample in _samples(rng):
        x, target = sample.arrays
        shape = target.shape if sample.keywords["reduction"] == "none" else ()
        if x.size:
            samples.append(
                Sample((np.asarray(rng.standard_normal(shape)), x, target), sample.keywords)
            )
    return samples


def _one_hot(x: Array, target: Array, axis: int) -> tuple[Array, Array]:
    """One-hot targets and, by sample, whether they count."""
    counted = target != _IGNORED
    index = np.expand_dims(np.where(counted, target, 0), axis)
    hot = np.zeros_like(x)
    if x.size:
        np.put_along_axis(hot, index, 1.0, axis)
    return hot, counted


def _cross_entropy(x: Array, target: Array, axis: int, reduction: str) -> Any:
    if not x.size:
        return np.zeros(())
    hot, counted = _one_hot(x, target, axis)
    losses = -(special.log_softmax(x, axis=axis) * hot).sum(axis) * counted
    if reduction == "none":
        return losses
    return losses.sum() / (counted.sum() if reduction == "mean" else 1)


def _backward(g: Array, x: Array, target: Array, axis: int, reduction: str) -> Array:
    hot, counted = _one_hot(x, target, axis)
    weights = counted * g / (counted.sum() if reduction == "mean" else 1)
    return np.expand_dims(weights, axis) * (special.softmax(x, axis=axis) - hot)


def _torch_cross_entropy(torch: Any, x: Any, target: Any, axis: int, reduction: str) -> Any:
    if x.ndim > 1 and axis in (-1, 0):
        x = torch.movedim(x, axis, 1)
    return torch.nn.functional.cross_entropy(x, target, reduction=reduction)


def _call(target: list[int]) -> pydl.Tensor:
    return _core.softmax_cross_entropy(pydl.zeros((len(target), 3)), pydl.tensor(target))


ROWS = [
    Row(
        "softmax_cross_entropy",
        _core.softmax_cross_entropy,
        _cross_entropy,
        _samples,
        smooth=(0,),
        torch=_torch_cross_entropy,
        bad=(
            BadCall(lambda: _call([0, 3]), IndexError, "class index 3 is outside the 3 classes"),
            BadCall(lambda: _call([-1, 0]), IndexError, "class index -1 .*ignore_index -100"),
            BadCall(
                lambda: _core.softmax_cross_entropy(pydl.zeros((2, 3)), pydl.tensor([0])),
                ValueError,
                r"logits of shape \(2, 3\) expect class indices, int64 of shape \(2,\)",
            ),
            BadCall(
                lambda: _core.softmax_cross_entropy(pydl.zeros((2, 3)), pydl.zeros((2,))),
                TypeError,
                "class indices, got float32",
            ),
        ),
    ),
    Row(
        "softmax_cross_entropy_backward",
        _core.softmax_cross_entropy_backward,
        _backward,
        _backward_samples,
        smooth=(0, 1),
    ),
]
