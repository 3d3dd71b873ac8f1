"""Whether a function (output, target) treats each sample separately, tried on made-up samples.

A mean over samples is the mean of the means of two parts. A recall is not, and neither is a formula
that, by broadcasting (N, 1) with (N,), combines each sample with each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pydl import _core
from pydl._core import Tensor
from pydl.grad_mode import no_grad

# As many samples as fit into this many elements; where that are too few, nothing is tried.
_ELEMENTS = 2_000_000
_MOST_SAMPLES, _LEAST_SAMPLES = 60, 6


def is_additive(
    function: Callable[[Any, Any], Any],
    output: Tensor,
    target: Tensor,
    target_shape: tuple[int, ...] | None = None,
) -> bool | None:
    """Say whether the value for samples is the mean, or the sum, of those of their parts.

    Only shapes and dtypes of `output` and `target` (N, ...) count; `target_shape` (...) replaces
    the target's. None where the function refuses such samples, or returns no numbers for them.
    """
    shape = target.shape[1:] if target_shape is None else target_shape
    count = min(_MOST_SAMPLES, _ELEMENTS // max(1, math.prod(output.shape[1:]), math.prod(shape)))
    if count < _LEAST_SAMPLES:
        return None
    cut = count // 3
    outputs = _spread((count, *output.shape[1:]), 1)
    outputs[:cut] **= 3  # parts that differ: smaller outputs here, fewer positives below
    outputs = 0.05 + 0.9 * outputs
    targets = _made_up_targets(output, target.dtype, (count, *shape), cut)
    if targets.size == outputs.size:  # and smaller errors there
        outputs[cut:] = 0.7 * outputs[cut:] + 0.3 * targets.reshape(outputs.shape)[cut:]
    try:
        with _core._PauseTracing(), no_grad():
            whole, first, second = (
                _value(function, outputs[part], targets[part], output.dtype, target.dtype)
                for part in (slice(None), slice(cut), slice(cut, None))
            )
    except Exception:  # the function is tried, and is free to refuse what is made up
        return None
    if not np.isfinite([whole, first, second]).all():
        return None
    share = cut / count
    candidates = (first * share + second * (1 - share), first + second)
    return any(bool(np.isclose(whole, candidate, rtol=2e-4)) for candidate in candidates)


def combines_samples(
    function: Callable[[Any, Any], Any], output: Any, target: Any
) -> tuple[int, ...] | None:
    """Return the shape that targets should have, where their shape makes a function broadcast.

    That is the case where (N, 1) meets (N,), the function does not treat samples by themselves,
    and it does once the shapes are the same.
    """
    if not (isinstance(output, Tensor) and isinstance(target, Tensor)):
        return None
    longer = max(output.shape, target.shape, key=len)
    shorter = min(output.shape, target.shape, key=len)
    if longer != (*shorter, 1) or not shorter:
        return None
    if is_additive(function, output, target) is not False:
        return None
    return output.shape if is_additive(function, output, target, output.shape[1:]) else None


def _made_up_targets(output: Tensor, dtype: Any, shape: tuple[int, ...], cut: int) -> Any:
    """Class indices that occur more often among the last samples than among the first."""
    classes = output.shape[1] if output.ndim > 1 and output.shape[1] > 1 else 2
    if dtype.is_floating or shape[1:] == output.shape[1:]:
        classes = 2
    targets = (_spread(shape, 2) * classes).astype(np.int64)
    targets[:cut] *= _spread(targets[:cut].shape, 3) < 0.5
    targets.reshape(shape[0], -1)[0] = 1  # neither part lacks a class
    targets.reshape(shape[0], -1)[1] = 0
    return targets


def _spread(shape: tuple[int, ...], seed: int) -> Any:
    """Return irregular numbers in [0, 1); random ones would be refused in a trace."""
    places = np.arange(math.prod(shape))
    return (np.sin(places * 12.9898 + seed * 78.233) * 43758.5453 % 1.0).reshape(shape)


def _value(function: Callable[[Any, Any], Any], x: Any, y: Any, of_x: Any, of_y: Any) -> float:
    value = function(_core.asarray(x).to(of_x), _core.asarray(y).to(of_y))
    return float(np.asarray(value.detach() if isinstance(value, Tensor) else value).mean())
