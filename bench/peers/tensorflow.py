"""TensorFlow: Keras layers and optimisers, the step in a tf.function, with and without XLA."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from bench.case import Array, Contender, Values
from bench.train_mlp import Mlp, MlpData
from bench.train_vae import Vae, VaeData


def build(work: Mlp | Vae, data: Any, variant: str) -> Contender:
    return _mlp(work, data, variant) if isinstance(work, Mlp) else _vae(work, data, variant)


def _read(loss: tf.Tensor) -> Values:
    return np.asarray(loss.numpy())


def _dense(weight: Array, bias: Array) -> tf.keras.layers.Dense:
    layer = tf.keras.layers.Dense(weight.shape[0])
    layer.build((None, weight.shape[1]))
    layer.set_weights([weight.T, bias])
    return layer


def _contender(
    layers: list[tf.keras.layers.Dense],
    loss_of: Callable[..., tf.Tensor],
    optimizer: str,
    variant: str,
    *inputs: Array,
) -> Contender:
    variables = [v for layer in layers for v in layer.trainable_variables]
    update = (
        tf.keras.optimizers.Adam(1e-3, epsilon=1e-8)
        if optimizer == "adam"
        else tf.keras.optimizers.SGD(1e-3, momentum=0.9)
    )
    update.build(variables)

    @tf.function(jit_compile=variant == "xla")
    def step(*inputs: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = loss_of(*inputs)
        update.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))
        return loss

    tensors = [tf.constant(array) for array in inputs]
    return Contender(lambda: step(*tensors), _read)


def _mlp(work: Mlp, data: MlpData, variant: str) -> Contender:
    layers = [_dense(*layer) for layer in data.layers]

    def loss_of(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        for layer in layers[:-1]:
            x = tf.nn.relu(layer(x))
        logits = layers[-1](x)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
        return tf.reduce_mean(losses)

    return _contender(layers, loss_of, work.optimizer, variant, data.x, data.y)


def _vae(work: Vae, data: VaeData, variant: str) -> Contender:
    layers = {name: _dense(*layer) for name, layer in data.layers.items()}
    shape = data.noise.shape

    def loss_of(x: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        h = tf.nn.relu(layers["encoder"](x))
        mean, log_variance = layers["mean"](h), layers["log_variance"](h)
        z = mean + tf.exp(0.5 * log_variance) * noise
        logits = layers["output"](tf.nn.relu(layers["decoder"](z)))
        cross_entropy = tf.nn.sigmoid_cross_entropy_with_logits(labels=x, logits=logits)
        divergence = 0.5 * tf.reduce_sum(tf.exp(log_variance) + mean**2 - 1 - log_variance)
        return (tf.reduce_sum(cross_entropy) + divergence) / x.shape[0]

    dense = list(layers.values())
    if work.noise_given:
        return _contender(dense, loss_of, "adam", variant, data.x, data.noise)
    return _contender(dense, lambda x: loss_of(x, tf.random.normal(shape)), "adam", variant, data.x)
