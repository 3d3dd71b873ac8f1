"""Convolutional networks of images (N, H, W, C), with the statistics of batch norms as state."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp

from bench.case import Contender
from bench.layers import (
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    GlobalMean,
    Layer,
    Linear,
    MaxPool,
    Relu,
    Residual,
)
from bench.peers.jax.convolution import convolve
from bench.peers.jax.training import Tree, cross_entropy, train_contender
from bench.train_cnn import Cnn, CnnData


def cnn(work: Cnn, data: CnnData, variant: str) -> Contender:
    x, y, weights = jax.tree.map(jnp.array, tuple(work.channels_last(data)))
    draws = any(isinstance(layer, Dropout) for layer in work.layers)
    return train_contender(
        weights,
        partial(_loss, work.layers),
        work.optimizer,
        x,
        y,
        statistics=[_first_statistics(weight) for weight, _ in weights if weight.ndim == 1],
        key=jax.random.key(0) if draws else None,
        weight_decay=work.weight_decay,
    )


def _first_statistics(weight: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jnp.zeros_like(weight), jnp.ones_like(weight)


@dataclass
class _Pass:
    """What the layers take in turn, and what they leave."""

    weights: Iterator[Tree]
    statistics: Iterator[Tree]  # mean and variance of every batch norm
    keys: Iterator[jax.Array]
    moved: list[Tree] = field(default_factory=list)  # the statistics after this pass


def _loss(
    layers: Sequence[Layer], weights: Tree, statistics: Tree, *inputs: jax.Array
) -> tuple[jax.Array, Tree]:
    *key, x, y = inputs
    keys = iter(jax.random.split(key[0], len(layers)) if key else ())
    run = _Pass(iter(weights), iter(statistics), keys)
    return cross_entropy(_forward(layers, run, x), y), run.moved


def _forward(layers: Sequence[Layer], run: _Pass, x: jax.Array) -> jax.Array:
    for layer in layers:
        x = _apply(layer, run, x)
    return x


def _apply(layer: Layer, run: _Pass, x: jax.Array) -> jax.Array:
    match layer:
        case Conv():
            weight, bias = next(run.weights)
            y = convolve(layer, x, weight)
            return y if bias is None else y + bias
        case Linear():
            weight, bias = next(run.weights)
            return x @ weight + bias
        case BatchNorm():
            return _batch_norm(run, x)
        case Residual():
            body = _forward(layer.body, run, x)
            return jax.nn.relu(body + _forward(layer.shortcut, run, x))
        case Relu():
            return jax.nn.relu(x)
        case MaxPool():
            return _max_pool(layer, x)
        case Dropout():
            kept = jax.random.bernoulli(next(run.keys), 1 - layer.p, x.shape)
            return jnp.where(kept, x / (1 - layer.p), 0)
        case Flatten():
            return x.reshape(len(x), -1)
        case GlobalMean():
            return x.mean((1, 2))
    raise TypeError(f"unknown layer {layer}")


def _batch_norm(run: _Pass, x: jax.Array) -> jax.Array:
    weight, bias = next(run.weights)
    mean = x.mean((0, 1, 2))
    variance = (x * x).mean((0, 1, 2)) - mean * mean  # in one pass
    old = next(run.statistics)
    run.moved.append(tuple(a + 0.1 * (b - a) for a, b in zip(old, (mean, variance), strict=True)))
    return (x - mean) * (weight * jax.lax.rsqrt(variance + 1e-5)) + bias


def _max_pool(layer: MaxPool, x: jax.Array) -> jax.Array:
    return jax.lax.reduce_window(
        x,
        -jnp.inf,
        jax.lax.max,
        window_dimensions=(1, layer.kernel, layer.kernel, 1),
        window_strides=(1, layer.stride, layer.stride, 1),
        padding=((0, 0), (layer.padding,) * 2, (layer.padding,) * 2, (0, 0)),
    )
