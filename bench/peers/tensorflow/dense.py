"""Networks of dense layers: those of Keras."""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf

from bench.case import Array, Contender
from bench.peers.tensorflow.training import cross_entropy, train_contender
from bench.train_mlp import Mlp, MlpData
from bench.train_vae import Vae, VaeData


def _dense(weight: Array, bias: Array) -> tf.keras.layers.Dense:
    layer = tf.keras.layers.Dense(weight.shape[0])
    layer.build((None, weight.shape[1]))
    layer.set_weights([weight.T, bias])
    return layer


def _variables(layers: Iterable[tf.keras.layers.Dense]) -> list[tf.Variable]:
    return [variable for layer in layers for variable in layer.trainable_variables]


def mlp(work: Mlp, data: MlpData, variant: str) -> Contender:
    layers = [_dense(*layer) for layer in data.layers]

    def loss_of(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        for layer in layers[:-1]:
            x = tf.nn.relu(layer(x))
        return cross_entropy(layers[-1](x), y)

    return train_contender(_variables(layers), loss_of, work.optimizer, variant, data.x, data.y)


def vae(work: Vae, data: VaeData, variant: str) -> Contender:
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

    variables = _variables(layers.values())
    if work.noise_given:
        return train_contender(variables, loss_of, "adam", variant, data.x, data.noise)

    def drawing_loss_of(x: tf.Tensor) -> tf.Tensor:
        return loss_of(x, tf.random.normal(shape))

    return train_contender(variables, drawing_loss_of, "adam", variant, data.x)
