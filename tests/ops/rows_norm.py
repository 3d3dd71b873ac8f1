"""Rows of the normalisations."""

from __future__ import annotations

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


def _moments(x: Array) -> Array:
    axes = (0, *range(2, x.ndim))
    with np.errstate(all="ignore"):
        count = x.size / x.shape[1] if x.shape[1] else 0.0
        mean = np.divide(x.sum(axes), count)
        return np.stack(
            [mean, np.divide(((x - _per_channel(mean, x)) ** 2).sum(axes), count)]
        ).astype(np.float64)


def _normalised(x: Array, moments: Array, epsilon: float) -> Array:
    mean, variance = (_per_channel(m, x) for m in moments)
    result: Array = (x - mean) / np.sqrt(variance + epsilon)
    return result


def _batch_norm(
    x: Array, moments: Array | None, weight: Array, bias: Array, epsilon: float = 1e-5
) -> Array:
    known = _moments(x) if moments is None else moments
    return _normalised(x, known, epsilon) * _per_channel(weight, x) + _per_channel(bias, x)


def _sums(g: Array, x: Array, moments: Array | None, epsilon: float = 1e-5) -> Array:
    axes = (0, *range(2, x.ndim))
    known = _moments(x) if moments is None else moments
    return np.stack([g.sum(axes), (g * _normalised(x, known, epsilon)).sum(axes)])


def _backward(
    g: Array, x: Array, moments: Array | None, weight: Array, sums: Array, epsilon: float = 1e-5
) -> Array:
    """With moments: they are constants."""
    known = _moments(x) if moments is None else moments
    scale = _per_channel(weight, x) / np.sqrt(_per_channel(known[1], x) + epsilon)
    if moments is not None:
        return np.asarray(g * scale)
    count = max(x.size // max(x.shape[1], 1), 1)
    along = _normalised(x, known, epsilon) * _per_channel(sums[1], x)
    return np.asarray(scale * (g - _per_channel(sums[0], x) / count - along / count))


# Every sample has moments, which calls of batches replace by those of x.


def _is_of_batch(keywords: dict[str, Any]) -> bool:
    return bool(keywords.get("batch"))


def _call_moments(x: pydl.Tensor) -> pydl.Tensor:
    # Statistics of 16-bit floats are float32.
    return _core.channel_moments(x).astype(x.dtype)


def _known(x: pydl.Tensor, moments: pydl.Tensor, keywords: dict[str, Any]) -> pydl.Tensor:
    return _core.channel_moments(x) if _is_of_batch(keywords) else moments


def _call_batch_norm(
    x: pydl.Tensor, moments: pydl.Tensor, weight: pydl.Tensor, bias: pydl.Tensor, **keywords: Any
) -> pydl.Tensor:
    return _core.batch_norm(x, _known(x, moments, keywords), weight, bias, **keywords)


def _call_sums(
    g: pydl.Tensor, x: pydl.Tensor, moments: pydl.Tensor, **keywords: Any
) -> pydl.Tensor:
    return _core.channel_sums(g, x, _known(x, moments, keywords), **keywords).astype(x.dtype)


def _call_backward(
    g: pydl.Tensor,
    x: pydl.Tensor,
    moments: pydl.Tensor,
    weight: pydl.Tensor,
    sums: pydl.Tensor,
    **keywords: Any,
) -> pydl.Tensor:
    of_batch = _is_of_batch(keywords)
    # Without a batch the sums have no part in it, but a gradient of 0.
    result = _core.batch_norm_backward(
        g, x, _known(x, moments, keywords), weight, sums if of_batch else None, **keywords
    )
    return result if of_batch else result + 0 * sums.sum()


def _reference(function: Any, moments_index: int) -> Any:
    def call(*arrays: Array, batch: bool = False, **keywords: Any) -> Array:
        chosen = list[Any](arrays)
        if batch:
            chosen[moments_index] = None
        return np.asarray(function(*chosen, **keywords))

    return call


def _channel_samples(rng: np.random.Generator, gradient: bool, extra: int) -> list[Sample]:
    samples = []
    for shape in _SHAPES:
        channels = shape[1]
        x = rng.standard_normal(shape) + 1.5
        moments = np.stack([rng.standard_normal(channels), rng.uniform(0.5, 2.0, channels)])
        arrays = [x, moments]
        if gradient:
            arrays = [rng.standard_normal(shape), *arrays]
        vectors = [rng.uniform(0.5, 1.5, channels) for _ in range(extra)]
        if gradient and extra == 2:
            vectors[1] = rng.standard_normal((2, channels))
        samples += [
            Sample((*arrays, *vectors), {"epsilon": 0.1, "batch": batch})
            for batch in (False, True)
            # Of no elements there are no moments.
            if x.size or not batch
        ]
    return samples


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


def _torch_batch_norm(
    torch: Any, x: Any, moments: Any, weight: Any, bias: Any, epsilon: float, batch: bool
) -> Any:
    if not x.numel() or (batch and x.numel() == x.shape[1]):
        return x * 0 + (bias if x.numel() else 0)  # PyTorch refuses one value per channel
    given = (None, None) if batch else (moments[0], moments[1])
    return torch.nn.functional.batch_norm(x, *given, weight, bias, batch, 0.0, epsilon)


def _torch_normalize(torch: Any, x: Any, axes: int, epsilon: float, center: bool) -> Any:
    shape = x.shape[x.ndim - axes :]
    if center:
        return torch.nn.functional.layer_norm(x, shape, eps=epsilon)
    return torch.nn.functional.rms_norm(x, shape, eps=epsilon)


_X = pydl.ones((2, 3, 4))
_PAIR, _VECTOR = pydl.ones((2, 3)), pydl.ones((3,))

ROWS = [
    Row(
        "channel_moments",
        _call_moments,
        _moments,
        lambda rng: [Sample((rng.standard_normal(shape) + 2.0,)) for shape in _SHAPES],
        rtol=1e-5,
        bad=(
            BadCall(
                lambda: _core.channel_moments(pydl.ones(3)),
                ValueError,
                r"channel_moments: expected x of shape \(N, C, ...\), got \(3,\)",
            ),
            BadCall(
                lambda: _core.channel_moments(pydl.arange(6).reshape(2, 3)),
                TypeError,
                "channel_moments: expected a floating-point dtype, got int64",
            ),
        ),
    ),
    Row(
        "batch_norm",
        _call_batch_norm,
        _reference(_batch_norm, 1),
        lambda rng: _channel_samples(rng, False, 2),
        smooth=(0, 2, 3),
        torch=_torch_batch_norm,
        bad=(
            BadCall(
                lambda: _core.batch_norm(_X, _VECTOR, _VECTOR, _VECTOR),
                ValueError,
                r"batch_norm: x of shape \(2, 3, 4\) expects moments of shape \(2, 3\), got \(3,\)",
            ),
            BadCall(
                lambda: _core.batch_norm(_X, _PAIR, pydl.ones(4), _VECTOR),
                ValueError,
                r"batch_norm: .* expects a weight of shape \(3,\), got \(4,\)",
            ),
            BadCall(
                lambda: _core.batch_norm(_X, _PAIR, _VECTOR, _VECTOR.astype("float64")),
                TypeError,
                "batch_norm: x of float32 expects a bias of float32, got float64",
            ),
        ),
    ),
    Row(
        "channel_sums",
        _call_sums,
        _reference(_sums, 2),
        lambda rng: _channel_samples(rng, True, 0),
        smooth=(0, 1),
        rtol=1e-4,
        atol=1e-4,
        bad=(
            BadCall(
                lambda: _core.channel_sums(pydl.ones((2, 3)), _X, _PAIR),
                ValueError,
                r"channel_sums: expected a gradient of shape \(2, 3, 4\), got \(2, 3\)",
            ),
        ),
    ),
    Row(
        "batch_norm_backward",
        _call_backward,
        _reference(_backward, 2),
        lambda rng: _channel_samples(rng, True, 2),
        smooth=(0, 1, 3, 4),
        rtol=1e-4,
        atol=1e-5,
        bad=(
            BadCall(
                lambda: _core.batch_norm_backward(_X, _X, _PAIR, _VECTOR, batch=True),
                ValueError,
                "batch_norm_backward",
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
]
