"""Rows of pooling: the reference looks at one window after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample, joined

import pydl
from pydl import _core

_CASES: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((2, 3, 9), {"kernel": (2,)}),
    ((2, 3, 6, 7), {"kernel": (2, 2)}),
    ((2, 5, 7, 7), {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1)}),
    ((1, 2, 8, 6), {"kernel": (3, 2), "stride": (2, 2), "ceil_mode": True}),
    ((1, 2, 4, 5, 6), {"kernel": (2, 1, 3), "stride": (1, 2, 2), "padding": (1, 0, 1)}),
    ((0, 2, 4, 4), {"kernel": (2, 2)}),
    ((1, 1, 1), {"kernel": (1,)}),
    ((3, 70, 9, 9), {"kernel": (3, 3), "stride": (1, 1)}),
]
_DILATED: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    *_CASES,
    ((2, 3, 9, 8), {"kernel": (2, 3), "dilation": (3, 2), "stride": (2, 1), "padding": (1, 1)}),
]


def _output_size(
    size: int, kernel: int, stride: int, padding: int, dilation: int, ceil: bool
) -> int:
    room = size + 2 * padding - dilation * (kernel - 1) - 1
    count = -(-room // stride) + 1 if ceil else room // stride + 1
    return count - 1 if ceil and (count - 1) * stride >= size + padding else count


def _windows(
    shape: tuple[int, ...], o: dict[str, Any]
) -> Iterator[tuple[tuple[int, ...], tuple[Array, ...], int]]:
    """Places of the output, the index of their window, and its size with padding."""
    axes = len(shape) - 2
    kernel = o["kernel"]
    stride = o.get("stride", kernel)
    padding = o.get("padding", (0,) * axes)
    dilation = o.get("dilation", (1,) * axes)
    ceil = o.get("ceil_mode", False)
    sizes = [
        _output_size(s, k, t, p, d, ceil)
        for s, k, t, p, d in zip(shape[2:], kernel, stride, padding, dilation, strict=True)
    ]
    for place in np.ndindex(*sizes):
        index, padded = [], 1
        for axis, t in enumerate(place):
            begin = t * stride[axis] - padding[axis]
            taken = begin + dilation[axis] * np.arange(kernel[axis])
            padded *= min(begin + kernel[axis], shape[2 + axis] + padding[axis]) - begin
            index.append(taken[(taken >= 0) & (taken < shape[2 + axis])])
        yield place, np.ix_(*index), padded


def _pooled(x: Array, o: dict[str, Any], pool: Callable[[Array, int], Array]) -> Array:
    places = {}
    for place, index, padded in _windows(x.shape, o):
        window = x[(slice(None), slice(None), *index)].reshape(
            *x.shape[:2], math.prod(axis.size for axis in index)
        )
        places[place] = pool(window, padded)
    sizes = tuple(n + 1 for n in max(places))
    y = np.zeros((*x.shape[:2], *sizes))
    for place, value in places.items():
        y[(..., *place)] = value
    return y


def _max_pool(x: Array, **o: Any) -> Array:
    return _pooled(x, o, lambda window, _: window.max(-1))


def _max_pool_indices(x: Array, **o: Any) -> Array:
    flat = np.arange(np.prod(x.shape[2:])).reshape(x.shape[2:])
    y = _max_pool(x, **o).astype(np.int64)
    for place, index, _ in _windows(x.shape, o):
        window = x[(slice(None), slice(None), *index)].reshape(
            *x.shape[:2], math.prod(axis.size for axis in index)
        )
        y[(..., *place)] = flat[index].reshape(-1)[window.argmax(-1)]
    return y


def _max_pool_backward(g: Array, x: Array, **o: Any) -> Array:
    y = np.zeros((*x.shape[:2], int(np.prod(x.shape[2:]))))
    places = _max_pool_indices(x, **o)
    for n, c, *t in np.ndindex(*g.shape):
        y[n, c, places[(n, c, *t)]] += g[(n, c, *t)]
    return y.reshape(x.shape)


def _divisor(o: dict[str, Any], inside: int, padded: int) -> int:
    if o.get("divisor_override"):
        return int(o["divisor_override"])
    return padded if o.get("count_include_pad", True) else inside


def _avg_pool(x: Array, **o: Any) -> Array:
    return _pooled(
        x, o, lambda window, padded: window.sum(-1) / _divisor(o, window.shape[-1], padded)
    )


def _avg_pool_backward(g: Array, size: tuple[int, ...], **o: Any) -> Array:
    x = np.zeros((*g.shape[:2], *size))
    for place, index, padded in _windows(x.shape, o):
        inside = int(np.prod([axis.size for axis in index]))
        share = g[(..., *place)] / _divisor(o, inside, padded)
        x[(slice(None), slice(None), *index)] += share.reshape(*g.shape[:2], *(1,) * len(size))
    return x


def _distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    # No two elements are nearly equal: their order is what max pooling differentiates.
    size = int(np.prod(shape))
    return rng.permutation(size).reshape(shape) * 0.1 - size * 0.05


def _max_samples(rng: np.random.Generator) -> list[Sample]:
    return [Sample((_distinct(rng, shape),), options) for shape, options in _DILATED]


def _max_backward_samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for shape, options in _DILATED:
        x = _distinct(rng, shape)
        g = rng.standard_normal(_max_pool_indices(x, **options).shape)
        samples.append(Sample((g, x), options))
    return samples


_AVG_CASES = [
    *_CASES,
    (
        (2, 3, 7, 7),
        {"kernel": (3, 3), "stride": (2, 2), "padding": (1, 1), "count_include_pad": False},
    ),
    ((2, 3, 7, 7), {"kernel": (3, 3), "stride": (2, 2), "divisor_override": 4}),
]


def _avg_samples(rng: np.random.Generator) -> list[Sample]:
    return [Sample((rng.standard_normal(shape),), options) for shape, options in _AVG_CASES]


def _avg_backward_samples(rng: np.random.Generator) -> list[Sample]:
    samples = []
    for shape, options in _AVG_CASES:
        g = rng.standard_normal(_avg_pool(np.zeros(shape), **options).shape)
        samples.append(Sample((g,), {"size": shape[2:], **options}))
    return samples


def _torch_max(torch: Any, x: Any, indices: bool = False, **o: Any) -> Any:
    functions = torch.nn.functional
    pool = (functions.max_pool1d, functions.max_pool2d, functions.max_pool3d)[x.dim() - 3]
    return pool(
        x,
        o["kernel"],
        o.get("stride"),
        o.get("padding", 0),
        o.get("dilation", 1),
        o.get("ceil_mode", False),
        indices,
    )


ROWS = [
    Row(
        "max_pool",
        _core.max_pool,
        _max_pool,
        _max_samples,
        smooth=(0,),
        torch=_torch_max,
        bad=(
            BadCall(
                lambda: _core.nn.max_pool2d(pydl.ones((1, 1, 4, 4)), 2, padding=2),
                ValueError,
                "max_pool2d: .*padding of at most half the kernel",
            ),
            BadCall(
                lambda: _core.nn.max_pool2d(pydl.ones((1, 1, 4, 4)), 5),
                ValueError,
                "max_pool2d: a window of .* does not fit",
            ),
            BadCall(
                lambda: _core.nn.max_pool1d(pydl.ones((1, 1, 4), dtype="int32"), 2),
                TypeError,
                "max_pool1d: .*int32",
            ),
            BadCall(
                lambda: _core.nn.max_pool2d(pydl.ones((1, 1, 4, 4)), (2, 2, 2)),
                ValueError,
                "max_pool2d: expected kernel_size to be one number or 2",
            ),
        ),
    ),
    Row(
        "max_pool_with_indices",
        lambda x, **o: joined(*_core.max_pool_with_indices(x, **o)),
        lambda x, **o: np.concatenate(
            [_max_pool(x, **o).ravel(), _max_pool_indices(x, **o).ravel()]
        ),
        _max_samples,
        smooth=(0,),
        torch=lambda torch, x, **o: torch.cat([y.ravel() for y in _torch_max(torch, x, True, **o)]),
        bad=(
            BadCall(
                lambda: _core.max_pool_with_indices(pydl.ones((1, 1, 4)), (5,)),
                ValueError,
                "max_pool_with_indices: a window of .* does not fit",
            ),
            BadCall(
                lambda: _core.nn.max_pool1d(pydl.ones((1, 1, 4)), 5, return_indices=True),
                ValueError,
                "max_pool1d: a window of .* does not fit",
            ),
            BadCall(
                lambda: _core.nn.adaptive_max_pool1d(pydl.ones(4), 2, return_indices=True),
                ValueError,
                "adaptive_max_pool1d: expected .N, C, L. or the same without N",
            ),
        ),
    ),
    Row(
        "max_pool_backward",
        _core.max_pool_backward,
        _max_pool_backward,
        _max_backward_samples,
        smooth=(0, 1),
        bad=(
            BadCall(
                lambda: _core.max_pool_backward(pydl.ones((1, 1, 3)), pydl.ones((1, 1, 4)), (2,)),
                ValueError,
                r"max_pool_backward: expected a gradient of shape \(1, 1, 2\)",
            ),
        ),
    ),
    Row(
        "avg_pool",
        _core.avg_pool,
        _avg_pool,
        _avg_samples,
        smooth=(0,),
        bad=(
            BadCall(
                lambda: _core.nn.avg_pool2d(pydl.ones((1, 1, 4, 4)), 2, divisor_override=0),
                ValueError,
                "avg_pool2d: expected a divisor_override of at least 1",
            ),
        ),
    ),
    Row(
        "avg_pool_backward",
        _core.avg_pool_backward,
        _avg_pool_backward,
        _avg_backward_samples,
        smooth=(0,),
        bad=(
            BadCall(
                lambda: _core.avg_pool_backward(pydl.ones((1, 1, 3)), (4,), (2,)),
                ValueError,
                "avg_pool_backward: expected a gradient of spatial sizes",
            ),
        ),
    ),
]
