"""Rows of the normalisations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

# Row-major and, by the tests of layouts, with other strides; channels that fill vectors and not.
_SHAPES: list[tuple[int, ...]] = [
    (4, 3),
    (1, 1),
    (2, 1, 5),
    (3, 2, 4),
    (2, 3, 2, 3),
    (2, 2, 2, 3, 2),
    (0, 3, 2),
    (2, 0, 2),
    (70, 33),
    (5, 17, 6, 7),
    (3, 64, 9, 9),
]
# The shape of x, how many axes form a row, and the shape of the weights: one per element, or per
# channel of a group.
_SCALED_ROWS: list[tuple[tuple[int, ...], int, tuple[int, ...]]] = [
    ((5,), 1, (5,)),
    ((3, 4), 1, (4,)),
    ((2, 3, 4), 2, (3, 4)),
    ((2, 3, 4), 1, (3, 4)),
    ((2, 3, 2, 4), 2, (3, 2, 1)),
    ((3, 2, 1, 5), 1, (2, 1, 1)),
    ((2, 4), 1, (1,)),
    ((2, 3), 1, (2, 3)),
    ((4, 0), 1, (0,)),
    ((0, 4), 1, (4,)),
    ((70, 33), 1, (33,)),
    ((3, 2, 17, 40), 2, (2, 17, 1)),
]
_NORM_ROWS: list[tuple[tuple[int, ...], int]] = [
    ((5,), 1),
    ((3, 4), 1),
    ((2, 3, 4), 2),
    ((1, 1), 1),
    ((4, 0), 1),
    ((0, 4), 1),
    ((2, 3, 4), 3),
    ((40, 300), 1),
    ((2, 20, 40), 2),
]


def _per_channel(values: Array, x: Array) -> Array:
    return values.reshape(-1, *(1,) * (x.ndim - 2))


def _joined(results: Sequence[pydl.Tensor], dtype: Any) -> pydl.Tensor:
    """All results as one tensor. Statistics of 16-bit floats are float32."""
    return pydl.concat([result.astype(dtype).reshape(-1) for result in results])


def _joined_arrays(*arrays: Array) -> Array:
    return np.concatenate([array.reshape(-1) for array in arrays])


def _statistics(x: Array) -> tuple[Array, Array]:
    axes = (0, *range(2, x.ndim))
    with np.errstate(all="ignore"):
        count = np.float64(x.size) / x.shape[1] if x.shape[1] else 0.0
        mean = np.asarray(x.sum(axes) / count)
        return mean, np.asarray(((x - _per_channel(mean, x)) ** 2).sum(axes) / count)


def _normalised(x: Array, mean: Array, variance: Array, epsilon: float) -> Array:
    centred = x - _per_channel(mean, x)
    return np.asarray(centred / np.sqrt(_per_channel(variance, x) + epsilon))


def _batch_norm(
    x: Array, mean: Array, variance: Array, weight: Array, bias: Array, epsilon: float
) -> Array:
    scaled = _normalised(x, mean, variance, epsilon) * _per_channel(weight, x)
    return np.asarray(scaled + _per_channel(bias, x))


def _batch_norm_train(x: Array, weight: Array, bias: Array, epsilon: float) -> Array:
    mean, variance = _statistics(x)
    return _joined_arrays(_batch_norm(x, mean, variance, weight, bias, epsilon), mean, variance)


def _sums(g: Array, x: Array, mean: Array, variance: Array, epsilon: float) -> Array:
    axes = (0, *range(2, x.ndim))
    along = (g * _normalised(x, mean, variance, epsilon)).sum(axes)
    return _joined_arrays(g.sum(axes), along)


def _backward(
    g: Array,
    x: Array,
    mean: Array,
    variance: Array,
    weight: Array,
    dbias: Array,
    dweight: Array,
    epsilon: float,
    with_sums: bool,
) -> Array:
    scale = _per_channel(weight, x) / np.sqrt(_per_channel(variance, x) + epsilon)
    if not with_sums:
        return np.asarray(g * scale)
    count = max(x.size // max(x.shape[1], 1), 1)
    along = _normalised(x, mean, variance, epsilon) * _per_channel(dweight, x)
    return np.asarray(scale * (g - _per_channel(dbias, x) / count - along / count))


def _call_statistics(x: pydl.Tensor) -> pydl.Tensor:
    return _joined(_core.channel_statistics(x), x.dtype)


def _call_train(x: pydl.Tensor, *vectors: pydl.Tensor, **keywords: Any) -> pydl.Tensor:
    return _joined(_core.batch_norm_train(x, *vectors, **keywords), x.dtype)


def _call_sums(*tensors: pydl.Tensor, **keywords: Any) -> pydl.Tensor:
    return _joined(_core.channel_sums(*tensors, **keywords), tensors[0].dtype)


def _call_backward(*tensors: pydl.Tensor, epsilon: float, with_sums: bool) -> pydl.Tensor:
    *operands, dbias, dweight = tensors
    if with_sums:
        return _core.batch_norm_backward(*operands, epsilon, dbias=dbias, dweight=dweight)
    # The sums have no part in it, but a gradient of 0.
    return _core.batch_norm_backward(*operands, epsilon) + 0 * (dbias.sum() + dweight.sum())


def _channel_samples(
    rng: np.random.Generator, elements: int, vectors: str, **keywords: Any
) -> list[Sample]:
    """Arrays like x, then vectors by channel: v for variances, w for weights, any other letter."""
    samples = []
    for shape in _SHAPES:
        arrays = [rng.standard_normal(shape) + 1.5 for _ in range(elements)]
        for kind in vectors:
            low = {"v": 0.5, "w": 0.5}.get(kind, -1.0)
            arrays.append(rng.uniform(low, low + 1.5, shape[1]))
        samples.append(Sample(tuple(arrays), {"epsilon": 0.1, **keywords}))
    return samples


def _backward_samples(rng: np.random.Generator) -> list[Sample]:
    samples = _channel_samples(rng, 2, "mvwss", with_sums=False)
    with_sums = _channel_samples(rng, 2, "mvwss", with_sums=True)
    return samples + [sample for sample in with_sums if sample.arrays[0].size]


def _row_samples(rng: np.random.Generator, gradient: bool) -> list[Sample]:
    return [
        Sample(
            tuple(rng.standard_normal(shape) + 0.5 for _ in range(1 + gradient)),
            {"axes": axes, "epsilon": 0.1, "center": center},
        )
        for shape, axes in _NORM_ROWS
        for center in (True, False)
    ]


def _axes(x: Array, axes: int) -> tuple[int, ...]:
    return tuple(range(x.ndim - axes, x.ndim))


def _normalize(x: Array, axes: int, epsilon: float, center: bool) -> Array:
    if not x.size:
        return x
    over = _axes(x, axes)
    centred = x - x.mean(over, keepdims=True) if center else x
    return np.asarray(centred / np.sqrt((centred**2).mean(over, keepdims=True) + epsilon))


def _normalize_backward(g: Array, x: Array, axes: int, epsilon: float, center: bool) -> Array:
    if not x.size:
        return x
    over = _axes(x, axes)
    centred = x - x.mean(over, keepdims=True) if center else x
    scale = 1 / np.sqrt((centred**2).mean(over, keepdims=True) + epsilon)
    slope = g - g.mean(over, keepdims=True) if center else g
    y = centred * scale
    return np.asarray(scale * (slope - y * (g * y).mean(over, keepdims=True)))


def _scaled_samples(rng: np.random.Generator, elements: int, weights: int) -> list[Sample]:
    samples = []
    for shape, axes, weight in _SCALED_ROWS:
        arrays = [rng.standard_normal(shape) + 0.5 for _ in range(elements)]
        arrays += [rng.uniform(0.5, 2.0, weight) for _ in range(weights)]
        for center in (True, False):
            keywords = {"axes": axes, "epsilon": 0.1, "center": center}
            samples.append(Sample(tuple(arrays), keywords))
    return samples


def _scaled_normalize(
    x: Array, weight: Array, bias: Array, axes: int, epsilon: float, center: bool
) -> Array:
    return np.asarray(_normalize(x, axes, epsilon, center) * weight + bias)


def _sum_to(values: Array, shape: tuple[int, ...]) -> Array:
    lead = values.ndim - len(shape)
    kept = [i for i in range(len(shape)) if shape[i] == 1]
    over = (*range(lead), *(lead + i for i in kept))
    return np.asarray(values.sum(over).reshape(shape))


def _scaled_backward(
    g: Array, x: Array, weight: Array, axes: int, epsilon: float, center: bool
) -> Array:
    dx = _normalize_backward(np.asarray(g * weight), x, axes, epsilon, center)
    along = g * _normalize(x, axes, epsilon, center)
    return _joined_arrays(dx, _sum_to(along, weight.shape), _sum_to(g, weight.shape))


def _call_scaled_backward(*tensors: pydl.Tensor, **keywords: Any) -> pydl.Tensor:
    return _joined(_core.scaled_normalize_backward(*tensors, **keywords), tensors[0].dtype)


def _torch_batch_norm(torch: Any, x: Any, *vectors: Any, epsilon: float) -> Any:
    if not x.numel():
        return x  # PyTorch refuses to be without channels
    return torch.nn.functional.batch_norm(x, *vectors, False, 0.0, epsilon)


def _torch_train(torch: Any, x: Any, weight: Any, bias: Any, epsilon: float) -> Any:
    axes = (0, *range(2, x.ndim))
    mean = x.mean(axes)
    variance = (x - x.mean(axes, keepdim=True)).square().mean(axes)
    if x.numel() > x.shape[1]:
        y = torch.nn.functional.batch_norm(x, None, None, weight, bias, True, 0.0, epsilon)
    else:
        y = x * 0 + bias if x.numel() else x  # PyTorch refuses one value per channel
    return torch.cat([y.reshape(-1), mean, variance])


def _torch_normalize(torch: Any, x: Any, axes: int, epsilon: float, center: bool) -> Any:
    shape = x.shape[x.ndim - axes :]
    if center:
        return torch.nn.functional.layer_norm(x, shape, eps=epsilon)
    return torch.nn.functional.rms_norm(x, shape, eps=epsilon)


_X, _VECTOR = pydl.ones((2, 3, 4)), pydl.ones((3,))

ROWS = [
    Row(
        "channel_statistics",
        _call_statistics,
        lambda x: _joined_arrays(*_statistics(x)),
        lambda rng: [Sample((rng.standard_normal(shape) + 2.0,)) for shape in _SHAPES],
        smooth=(0,),
        rtol=1e-5,
        bad=(
            BadCall(
                lambda: _core.channel_statistics(pydl.ones(3)),
                ValueError,
                r"channel_statistics: expected x of shape \(N, C, ...\), got \(3,\)",
            ),
            BadCall(
                lambda: _core.channel_statistics(pydl.arange(6).reshape(2, 3)),
                TypeError,
                "channel_statistics: expected a floating-point dtype, got int64",
            ),
        ),
    ),
    Row(
        "batch_norm",
        _core.batch_norm,
        _batch_norm,
        lambda rng: _channel_samples(rng, 1, "mvwb"),
        smooth=(0, 1, 2, 3, 4),
        torch=_torch_batch_norm,
        bad=(
            BadCall(
                lambda: _core.batch_norm(_X, pydl.ones((2, 3)), _VECTOR, _VECTOR, _VECTOR),
                ValueError,
                r"batch_norm: x of shape \(2, 3, 4\) expects a mean of shape \(3,\), got \(2, 3\)",
            ),
            BadCall(
                lambda: _core.batch_norm(_X, _VECTOR, _VECTOR, pydl.ones(4), _VECTOR),
                ValueError,
                r"batch_norm: .* expects a weight of shape \(3,\), got \(4,\)",
            ),
            BadCall(
                lambda: _core.batch_norm(_X, _VECTOR, _VECTOR, _VECTOR, _VECTOR.astype("float64")),
                TypeError,
                "batch_norm: x of float32 expects a bias of float32, got float64",
            ),
        ),
    ),
    Row(
        "batch_norm_train",
        _call_train,
        _batch_norm_train,
        lambda rng: _channel_samples(rng, 1, "wb"),
        smooth=(0, 1, 2),
        torch=_torch_train,
        bad=(
            BadCall(
                lambda: _core.batch_norm_train(_X, _VECTOR, pydl.ones(4)),
                ValueError,
                r"batch_norm_train: .* expects a bias of shape \(3,\), got \(4,\)",
            ),
            BadCall(
                lambda: _core.batch_norm_train(pydl.ones(3), _VECTOR, _VECTOR),
                ValueError,
                r"batch_norm_train: expected x of shape \(N, C, ...\), got \(3,\)",
            ),
        ),
    ),
    Row(
        "channel_sums",
        _call_sums,
        _sums,
        lambda rng: _channel_samples(rng, 2, "mv"),
        smooth=(0, 1, 2, 3),
        rtol=1e-4,
        atol=1e-4,
        bad=(
            BadCall(
                lambda: _core.channel_sums(pydl.ones((2, 3)), _X, _VECTOR, _VECTOR),
                ValueError,
                r"channel_sums: expected a gradient of shape \(2, 3, 4\), got \(2, 3\)",
            ),
            BadCall(
                lambda: _core.channel_sums(_X, _X, _VECTOR, _VECTOR, weight=_VECTOR),
                ValueError,
                "channel_sums: expected 4 tensors, got 5",
            ),
        ),
    ),
    Row(
        "batch_norm_backward",
        _call_backward,
        _backward,
        _backward_samples,
        smooth=(0, 1, 2, 3, 4, 5, 6),
        rtol=1e-4,
        atol=1e-5,
        bad=(
            BadCall(
                lambda: _core.batch_norm_backward(_X, _X, _VECTOR, _VECTOR, _VECTOR, dbias=_VECTOR),
                ValueError,
                "batch_norm_backward: expected 7 tensors, got 6",
            ),
            BadCall(
                lambda: _core.batch_norm_backward(
                    _X, _X, _VECTOR, _VECTOR, _VECTOR, dbias=_VECTOR, dweight=pydl.ones(4)
                ),
                ValueError,
                r"batch_norm_backward: .* expects dweight of shape \(3,\), got \(4,\)",
            ),
        ),
    ),
    Row(
        "normalize",
        _core.normalize,
        _normalize,
        lambda rng: _row_samples(rng, False),
        smooth=(0,),
        torch=_torch_normalize,
        bad=(
            BadCall(
                lambda: _core.normalize(_X, 4),
                ValueError,
                r"normalize: expected 1 to 3 trailing axes of shape \(2, 3, 4\), got 4",
            ),
        ),
    ),
    Row(
        "normalize_backward",
        _core.normalize_backward,
        _normalize_backward,
        lambda rng: _row_samples(rng, True),
        smooth=(0, 1),
        rtol=1e-4,
        atol=1e-5,
        bad=(
            BadCall(
                lambda: _core.normalize_backward(pydl.ones(3), _X),
                ValueError,
                "normalize_backward: expected a gradient of shape",
            ),
        ),
    ),
    Row(
        "scaled_normalize",
        _core.scaled_normalize,
        _scaled_normalize,
        lambda rng: _scaled_samples(rng, 1, 2),
        smooth=(0, 1, 2),
        bad=(
            BadCall(
                lambda: _core.scaled_normalize(_X, pydl.ones(3)),
                ValueError,
                r"scaled_normalize: x of shape \(2, 3, 4\) expects a weight of the shape of its "
                r"last axes, at least 1, got shape \(3,\)",
            ),
            BadCall(
                lambda: _core.scaled_normalize(_X, pydl.ones(4), axes=2),
                ValueError,
                r"scaled_normalize: .* at least 2, got shape \(4,\)",
            ),
            BadCall(
                lambda: _core.scaled_normalize(_X, pydl.ones(4), pydl.ones(1)),
                ValueError,
                r"scaled_normalize: expected a bias of the shape of the weight, \(4,\), got \(1,\)",
            ),
            BadCall(
                lambda: _core.scaled_normalize(_X, pydl.ones(4, dtype="float64")),
                TypeError,
                "scaled_normalize: x of float32 expects a weight of float32, got float64",
            ),
            BadCall(
                lambda: _core.scaled_normalize(_X, pydl.ones(4), axes=4),
                ValueError,
                r"scaled_normalize: expected 1 to 3 trailing axes of shape \(2, 3, 4\), got 4",
            ),
        ),
    ),
    Row(
        "scaled_normalize_backward",
        _call_scaled_backward,
        _scaled_backward,
        lambda rng: _scaled_samples(rng, 2, 1),
        smooth=(0, 1, 2),
        rtol=1e-4,
        atol=1e-4,
        bad=(
            BadCall(
                lambda: _core.scaled_normalize_backward(pydl.ones(3), _X, pydl.ones(4)),
                ValueError,
                r"scaled_normalize_backward: expected a gradient of shape \(2, 3, 4\), got \(3,\)",
            ),
        ),
    ),
]
