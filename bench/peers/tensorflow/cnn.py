"""Convolutional networks of images (N, H, W, C)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import tensorflow as tf

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
    Weights,
)
from bench.peers.tensorflow.convolution import convolve, kernel
from bench.peers.tensorflow.training import cross_entropy, train_contender
from bench.train_cnn import Cnn, CnnData

_Function = Callable[[tf.Tensor], tf.Tensor]


def cnn(work: Cnn, data: CnnData, variant: str) -> Contender:
    images, classes, weights = work.channels_last(data)
    parameters = _Parameters(iter(weights))
    model = _sequence(work.layers, parameters)
    return train_contender(
        parameters.made,
        lambda x, y: cross_entropy(model(x), y),
        work.optimizer,
        variant,
        images,
        classes,
        weight_decay=work.weight_decay,
    )


@dataclass
class _Parameters:
    """Variables made of the weights that are given, in turn."""

    given: Iterator[Weights]
    made: list[tf.Variable] = field(default_factory=list)

    def take(self, layer: Layer) -> tuple[tf.Variable, tf.Variable | None]:
        weight, bias = next(self.given)
        if isinstance(layer, Conv):
            weight = kernel(layer, weight)
        variables = [tf.Variable(array) for array in (weight, bias) if array is not None]
        self.made += variables
        return variables[0], None if bias is None else variables[1]


def _sequence(layers: Sequence[Layer], parameters: _Parameters) -> _Function:
    functions = [_function(layer, parameters) for layer in layers]

    def apply(x: tf.Tensor) -> tf.Tensor:
        for function in functions:
            x = function(x)
        return x

    return apply


def _function(layer: Layer, parameters: _Parameters) -> _Function:
    match layer:
        case Conv():
            return _conv(layer, *parameters.take(layer))
        case Linear():
            weight, bias = parameters.take(layer)
            return lambda x: tf.matmul(x, weight) + bias
        case BatchNorm():
            return _batch_norm(*parameters.take(layer))
        case Residual():
            body = _sequence(layer.body, parameters)
            shortcut = _sequence(layer.shortcut, parameters)
            return lambda x: tf.nn.relu(body(x) + shortcut(x))
        case Relu():
            return tf.nn.relu  # type: ignore[no-any-return]
        case MaxPool():
            return partial(_max_pool, layer)
        case Dropout():
            return partial(tf.nn.dropout, rate=layer.p)
        case Flatten():
            return lambda x: tf.reshape(x, (x.shape[0], -1))
        case GlobalMean():
            return lambda x: tf.reduce_mean(x, (1, 2))
    raise TypeError(f"unknown layer {layer}")


def _conv(layer: Conv, weight: tf.Variable, bias: tf.Variable | None) -> _Function:
    if bias is None:
        return lambda x: convolve(layer, x, weight)
    return lambda x: tf.nn.bias_add(convolve(layer, x, weight), bias)


def _batch_norm(weight: tf.Variable, bias: tf.Variable | None) -> _Function:
    # Keras would compute the moments and the normalisation in separate passes.
    running_mean = tf.Variable(tf.zeros_like(weight), trainable=False)
    running_variance = tf.Variable(tf.ones_like(weight), trainable=False)

    def apply(x: tf.Tensor) -> tf.Tensor:
        y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, weight, bias, epsilon=1e-5)
        running_mean.assign_sub(0.1 * (running_mean - mean))
        running_variance.assign_sub(0.1 * (running_variance - variance))
        return y

    return apply


def _max_pool(layer: MaxPool, x: tf.Tensor) -> tf.Tensor:
    if layer.padding:  # separate, since XLA has no pooling with explicit padding
        margins = [[0, 0], [layer.padding] * 2, [layer.padding] * 2, [0, 0]]
        x = tf.pad(x, margins, constant_values=x.dtype.min)
    return tf.nn.max_pool2d(x, layer.kernel, layer.stride, "VALID")
