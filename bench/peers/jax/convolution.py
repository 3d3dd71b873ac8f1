"""Single convolutions of images (N, H, W, C), jitted together with their gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from bench.case import Array, Contender, Values
from bench.conv import Convolution, ConvolutionData
from bench.layers import Conv

_Results = tuple[jax.Array, jax.Array, jax.Array | None]


def convolve(layer: Conv, x: jax.Array, weight: jax.Array) -> jax.Array:
    """Of images (N, H, W, C) and a weight (H, W, in / groups, out)."""
    return jax.lax.conv_general_dilated(
        x,
        weight,
        window_strides=(layer.stride,) * 2,
        padding=((layer.padding,) * 2,) * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
        feature_group_count=layer.groups,
    )


def convolution(work: Convolution, data: ConvolutionData, variant: str) -> Contender:
    x, gradient = (jnp.array(images.transpose(0, 2, 3, 1)) for images in (data.x, data.gradient))
    weight = jnp.array(data.weight.transpose(2, 3, 1, 0))

    @jax.jit
    def step(x: jax.Array, weight: jax.Array, gradient: jax.Array) -> _Results:
        if work.input_gradient:
            y, pull = jax.vjp(lambda w, x: convolve(work.layer, x, w), weight, x)
            return (y, *pull(gradient))
        y, pull = jax.vjp(lambda w: convolve(work.layer, x, w), weight)
        return y, pull(gradient)[0], None

    def read(results: _Results) -> Values:
        y, weight_gradient, input_gradient = results
        return work.values(
            _images(y),
            np.asarray(weight_gradient).transpose(3, 2, 0, 1),
            None if input_gradient is None else _images(input_gradient),
        )

    return Contender(lambda: step(x, weight, gradient), read, wait=jax.block_until_ready)


def _images(x: jax.Array) -> Array:
    images: Array = np.asarray(x).transpose(0, 3, 1, 2)
    return images
