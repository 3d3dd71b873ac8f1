"""Convolutional networks as data, which every framework builds from its own parts."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from bench.case import Array

Shape = tuple[int, ...]  # of one example: (channels, height, width), or (features,)
Weights = tuple[Array, Array | None]  # weight and bias, as PyTorch shapes them


class Layer:
    """One layer; it does not know the shape of its input."""


@dataclass(frozen=True)
class Conv(Layer):
    channels: int
    kernel: int
    stride: int = 1
    padding: int = 0
    groups: int = 1
    bias: bool = False


@dataclass(frozen=True)
class MaxPool(Layer):
    kernel: int
    stride: int
    padding: int = 0


@dataclass(frozen=True)
class Linear(Layer):
    features: int


@dataclass(frozen=True)
class Dropout(Layer):
    p: float = 0.5


@dataclass(frozen=True)
class BatchNorm(Layer):
    """By channel; the running statistics move by a tenth in every step."""


@dataclass(frozen=True)
class Relu(Layer):
    """max(x, 0)."""


@dataclass(frozen=True)
class Flatten(Layer):
    """Channels, rows and columns in this order, to one axis."""


@dataclass(frozen=True)
class GlobalMean(Layer):
    """Over rows and columns."""


@dataclass(frozen=True)
class Residual(Layer):
    """relu(body(x) + shortcut(x)); an empty shortcut is the identity."""

    body: tuple[Layer, ...]
    shortcut: tuple[Layer, ...] = ()


def trace(layers: Sequence[Layer], shape: Shape) -> Iterator[tuple[Layer, Shape, Shape]]:
    """Every layer with the shapes of its input and output; inside `Residual`, body first."""
    for layer in layers:
        if isinstance(layer, Residual):
            inside = list(trace(layer.body, shape))
            yield from chain(inside, trace(layer.shortcut, shape))
            shape = inside[-1][2]
        else:
            output = output_shape(layer, shape)
            yield layer, shape, output
            shape = output


def output_shape(layer: Layer, shape: Shape) -> Shape:
    match layer:
        case Conv() | MaxPool():
            channels = layer.channels if isinstance(layer, Conv) else shape[0]
            return (channels, *(_extent(layer, size) for size in shape[1:]))
        case Linear():
            return (layer.features,)
        case Flatten():
            return (math.prod(shape),)
        case GlobalMean():
            return shape[:1]
    return shape


def _extent(layer: Conv | MaxPool, size: int) -> int:
    return (size + 2 * layer.padding - layer.kernel) // layer.stride + 1


def make_weights(layers: Sequence[Layer], shape: Shape, rng: np.random.Generator) -> list[Weights]:
    """Initial weights of the convolutions, batch norms and linear layers, as `trace` meets them."""
    weights: list[Weights] = []
    for layer, inputs, _ in trace(layers, shape):
        match layer:
            case Conv():
                weights.append(_conv_weights(layer, inputs[0], rng))
            case BatchNorm():
                ones = np.ones(inputs[0], np.float32)
                weights.append((ones, np.zeros_like(ones)))
            case Linear():
                weights.append(linear_weights(rng, inputs[0], layer.features))
    return weights


def _conv_weights(layer: Conv, channels: int, rng: np.random.Generator) -> Weights:
    size = (layer.channels, channels // layer.groups, layer.kernel, layer.kernel)
    weight = rng.standard_normal(size, dtype=np.float32)
    weight *= math.sqrt(2 / math.prod(size[1:]))
    return weight, np.zeros(layer.channels, np.float32) if layer.bias else None


def linear_weights(rng: np.random.Generator, inputs: int, outputs: int) -> tuple[Array, Array]:
    """Weight and bias, uniform in +-1 / sqrt(inputs), without large intermediate arrays."""
    weight = rng.random((outputs, inputs), dtype=np.float32)
    bias = rng.random(outputs, dtype=np.float32)
    for array in (weight, bias):
        array -= 0.5
        array *= 2 * inputs**-0.5
    return weight, bias


def channels_last(layers: Sequence[Layer], shape: Shape, weights: list[Weights]) -> list[Weights]:
    """The same weights where images are (N, H, W, C): (H, W, in, out), and (in, out) if linear."""
    given, turned = iter(weights), []
    order = slice(None)  # of the features that the next linear layer sees
    for layer, inputs, _ in trace(layers, shape):
        match layer:
            case Flatten():
                order = np.arange(math.prod(inputs)).reshape(inputs).transpose(1, 2, 0).ravel()
            case Conv():
                weight, bias = next(given)
                turned.append((weight.transpose(2, 3, 1, 0), bias))
            case BatchNorm():
                turned.append(next(given))
            case Linear():
                weight, bias = next(given)
                turned.append((weight[:, order].T, bias))
                order = slice(None)
    return turned


def operations(layers: Sequence[Layer], shape: Shape, recorded_input: bool = False) -> float:
    """Floating-point operations of all products for one example, forward and backward.

    The gradient of the input counts only where it is recorded.
    """
    products = [
        _products(layer, *shapes)
        for layer, *shapes in trace(layers, shape)
        if isinstance(layer, (Conv, Linear))
    ]
    return 2.0 * (3 * sum(products) - (0 if recorded_input else products[0]))


def _products(layer: Conv | Linear, inputs: Shape, outputs: Shape) -> int:
    if isinstance(layer, Linear):
        return inputs[0] * outputs[0]
    return math.prod(outputs) * layer.kernel**2 * inputs[0] // layer.groups
