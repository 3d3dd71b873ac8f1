"""Single convolutions of images (N, H, W, C) in a tf.function, with their gradients."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from bench.case import Array, Contender, Values
from bench.conv import Convolution, ConvolutionData
from bench.layers import Conv

_Results = tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]


def kernel(layer: Conv, weight: Array) -> Array:
    """TensorFlow's version of a weight (H, W, in / groups, out)."""
    return weight.transpose(0, 1, 3, 2) if layer.groups > 1 else weight


def convolve(layer: Conv, x: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Of images and a `kernel`; groups are of one channel each."""
    strides = [1, layer.stride, layer.stride, 1]
    margins = [[0, 0], [layer.padding] * 2, [layer.padding] * 2, [0, 0]]
    if layer.groups > 1:
        return tf.nn.depthwise_conv2d(x, weight, strides, margins)
    return tf.nn.conv2d(x, weight, strides, margins)


def convolution(work: Convolution, data: ConvolutionData, variant: str) -> Contender:
    layer = work.layer
    x, gradient = (tf.constant(images.transpose(0, 2, 3, 1)) for images in (data.x, data.gradient))
    weight = tf.constant(kernel(layer, data.weight.transpose(2, 3, 1, 0)))

    @tf.function
    def step(x: tf.Tensor, weight: tf.Tensor, gradient: tf.Tensor) -> _Results:
        sources = [weight, x] if work.input_gradient else [weight]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            y = convolve(layer, x, weight)
        gradients = tape.gradient(y, sources, output_gradients=gradient)
        return y, gradients[0], gradients[1] if work.input_gradient else None

    def read(results: _Results) -> Values:
        y, weight_gradient, input_gradient = results
        return work.values(
            _images(y),
            kernel(layer, np.asarray(weight_gradient)).transpose(3, 2, 0, 1),
            None if input_gradient is None else _images(input_gradient),
        )

    return Contender(lambda: step(x, weight, gradient), read, wait=lambda results: None)


def _images(x: tf.Tensor) -> Array:
    images: Array = np.asarray(x).transpose(0, 3, 1, 2)
    return images
