"""What all training steps share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from bench.case import Array, Contender, Values


def read(result: tf.Tensor) -> Values:
    return np.asarray(result.numpy())


def cross_entropy(logits: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits))


def train_contender(
    variables: list[tf.Variable],
    loss_of: Callable[..., tf.Tensor],
    optimizer: str,
    variant: str,
    *inputs: Array,
    weight_decay: float = 0.0,
) -> Contender:
    """Steps that change `variables`, with `loss_of(*inputs)`."""
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
        gradients = tape.gradient(loss, variables)
        if weight_decay:  # that of Keras is not added to the gradients
            decayed = zip(gradients, variables, strict=True)
            gradients = [gradient + weight_decay * v for gradient, v in decayed]
        update.apply_gradients(zip(gradients, variables, strict=True))
        return loss

    tensors = [tf.constant(array) for array in inputs]
    return Contender(lambda: step(*tensors), read)
