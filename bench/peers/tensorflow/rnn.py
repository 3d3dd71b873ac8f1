"""Recurrent networks: the layers of Keras, whose gates have another order and one bias."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from bench.case import Array, Contender
from bench.peers.tensorflow.training import cross_entropy, train_contender
from bench.train_rnn import Rnn, RnnData


def rnn(work: Rnn, data: RnnData, variant: str) -> Contender:
    layers = [_layer(work, arrays, i) for i, arrays in enumerate(data.layers)]
    weight, bias = tf.Variable(data.head[0].T), tf.Variable(data.head[1])
    variables = [v for layer in layers for v in layer.trainable_variables] + [weight, bias]
    embedding = None if data.embedding is None else tf.Variable(data.embedding)
    if embedding is not None:
        variables.append(embedding)

    def loss_of(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        if embedding is not None:
            x = tf.gather(embedding, x)
        for layer in layers:
            x = layer(x)
        found = tf.matmul(tf.reshape(x, (-1, work.hidden)), weight) + bias
        if work.regression:
            return tf.reduce_mean((found - y) ** 2)
        return cross_entropy(found, tf.reshape(y, (-1,)))

    x, y = np.ascontiguousarray(data.x.swapaxes(0, 1)), data.y
    y = np.ascontiguousarray(y.T) if work.every_step else y
    return train_contender(variables, loss_of, "adam", variant, x, y)


def _layer(work: Rnn, arrays: tuple[Array, ...], index: int) -> Any:
    w_ih, w_hh, b_ih, b_hh = arrays
    sequences = work.every_step or index + 1 < work.depth
    inputs = w_ih.shape[1]
    if work.cell == "lstm":
        layer = tf.keras.layers.LSTM(work.hidden, return_sequences=sequences)
        layer.build((None, None, inputs))
        layer.set_weights([w_ih.T, w_hh.T, b_ih + b_hh])
        return layer
    layer = tf.keras.layers.GRU(work.hidden, return_sequences=sequences, reset_after=True)
    layer.build((None, None, inputs))
    layer.set_weights([_gates(w_ih).T, _gates(w_hh).T, np.stack([_gates(b_ih), _gates(b_hh)])])
    return layer


def _gates(rows: Array) -> Array:
    """Put the gates r, z, n into the order z, r, n."""
    r, z, n = np.split(rows, 3)
    return np.concatenate([z, r, n])
