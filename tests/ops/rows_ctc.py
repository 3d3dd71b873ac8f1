"""Rows of the CTC loss, against the sum over all paths."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import scipy.special as special
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

# Steps, classes, targets of each sequence, and how many steps count.
_CASES: list[tuple[int, int, list[list[int]], list[int]]] = [
    (4, 3, [[1, 2], [2, 2]], [4, 4]),
    (4, 3, [[1], [2, 1], []], [3, 4, 2]),
    (3, 4, [[3, 1, 2]], [3]),
    (2, 3, [[], []], [2, 0]),
]


def _lists(case: tuple[int, int, list[list[int]], list[int]], joined: bool) -> tuple[Array, ...]:
    _, _, targets, steps = case
    lengths = [len(target) for target in targets]
    if joined:
        labels = np.array(list(itertools.chain(*targets)), dtype=np.int64)
    else:
        labels = np.zeros((len(targets), max(lengths) + 1), dtype=np.int64)
        for row, target in zip(labels, targets, strict=True):
            row[: len(target)] = target
    return labels, np.array(steps), np.array(lengths)


def _samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for case in _CASES:
        shape = (case[0], len(case[2]), case[1])
        for joined in (False, True):
            log_probs = special.log_softmax(rng.standard_normal(shape) * 2, axis=-1)
            samples.append(Sample((log_probs, *_lists(case, joined))))
    return samples


def _backward_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((rng.standard_normal(sample.arrays[0].shape[1]), *sample.arrays))
        for sample in _samples(rng)
    ]


def _read(path: tuple[int, ...]) -> list[int]:
    """The labels of a path: repeated ones once, without blanks."""
    return [label for label, _ in itertools.groupby(path) if label != 0]


def _target(n: int, targets: Array, lengths: Array) -> list[int]:
    first = 0 if targets.ndim == 2 else int(lengths[:n].sum())
    row = targets[n] if targets.ndim == 2 else targets
    return [int(label) for label in row[first : first + lengths[n]]]


def _paths(log_probs: Array, target: list[int]) -> tuple[list[tuple[int, ...]], Array]:
    """All paths of one sequence (T, C) that give the target, and their probabilities."""
    steps, classes = log_probs.shape
    paths = [p for p in itertools.product(range(classes), repeat=steps) if _read(p) == target]
    chances = [np.exp(sum(log_probs[t, k] for t, k in enumerate(p))) for p in paths]
    return paths, np.array(chances)


def _losses(log_probs: Array, targets: Array, steps: Array, lengths: Array) -> Array:
    losses = [
        -np.log(_paths(log_probs[: steps[n], n], _target(n, targets, lengths))[1].sum())
        for n in range(log_probs.shape[1])
    ]
    return np.array(losses)


def _slopes(g: Array, log_probs: Array, targets: Array, steps: Array, lengths: Array) -> Array:
    slopes = np.zeros_like(log_probs)
    for n in range(log_probs.shape[1]):
        paths, chances = _paths(log_probs[: steps[n], n], _target(n, targets, lengths))
        for path, chance in zip(paths, chances, strict=True):
            for t, k in enumerate(path):
                slopes[t, n, k] -= g[n] * chance / chances.sum()
    return slopes


def _torch_loss(torch: Any, log_probs: Any, targets: Any, steps: Any, lengths: Any) -> Any:
    return torch.nn.functional.ctc_loss(log_probs, targets, steps, lengths, reduction="none")


def _call(
    targets: Any = ((1,),), steps: Any = (2,), lengths: Any = (1,), blank: int = 0
) -> pydl.Tensor:
    log_probs = pydl.zeros((2, 1, 3))
    return _core.ctc_loss(
        log_probs, *(pydl.tensor(x) for x in (targets, steps, lengths)), blank=blank
    )


ROWS = [
    Row(
        "ctc_loss",
        _core.ctc_loss,
        _losses,
        _samples,
        smooth=(0,),
        orders=1,
        torch=_torch_loss,
        bad=(
            BadCall(lambda: _call(steps=[3]), ValueError, "input length 3 of sample 0"),
            BadCall(lambda: _call(steps=[-1]), ValueError, "input length -1 of sample 0"),
            BadCall(lambda: _call(lengths=[2]), ValueError, "target length 2 of sample 0"),
            BadCall(lambda: _call([1, 2], lengths=[1]), ValueError, "2 joined targets, got 1"),
            BadCall(lambda: _call([[3]]), IndexError, "target 3 of sample 0"),
            BadCall(lambda: _call([[0]]), IndexError, "or the blank 0"),
            BadCall(lambda: _call(blank=3), ValueError, "blank 3 is outside the 3 classes"),
            BadCall(lambda: _call([[1], [2]]), ValueError, r"shape \(1, S\)"),
            BadCall(lambda: _call(steps=[2, 2]), ValueError, "input_lengths of int64"),
            BadCall(lambda: _call([[1.0]]), TypeError, "targets of integers, got float"),
            BadCall(
                lambda: _core.ctc_loss(pydl.zeros((2, 3)), [[1]], [2], [1]),
                ValueError,
                r"log_probs of shape \(T, N, C\)",
            ),
        ),
    ),
    Row(
        "ctc_loss_backward",
        _core.ctc_loss_backward,
        _slopes,
        _backward_samples,
        smooth=(0,),
    ),
]
