"""Recurrent networks: the input product of all steps at once, then a scan."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from bench.case import Contender
from bench.peers.jax.training import Tree, cross_entropy, stateless, train_contender
from bench.train_rnn import Rnn, RnnData


def rnn(work: Rnn, data: RnnData, variant: str) -> Contender:
    weight, bias = data.head
    parameters = {
        "layers": [tuple(jnp.array(a.T) for a in layer) for layer in data.layers],
        "head": (jnp.array(weight.T), jnp.array(bias)),
    }
    if data.embedding is not None:
        parameters["embedding"] = jnp.array(data.embedding)
    x, y = jnp.array(data.x), jnp.array(data.y)
    return train_contender(parameters, stateless(partial(_loss, work)), "adam", x, y)


def _loss(work: Rnn, parameters: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
    if work.vocabulary:
        x = parameters["embedding"][x]
    step = {"lstm": _lstm_step, "gru": _gru_step}[work.cell]
    for w_ih, w_hh, b_ih, b_hh in parameters["layers"]:
        zeros = jnp.zeros((x.shape[1], work.hidden))
        state = (zeros, zeros) if work.cell == "lstm" else (zeros,)
        (h, *_), x = jax.lax.scan(partial(step, w_hh, b_hh), state, x @ w_ih + b_ih)
    weight, bias = parameters["head"]
    found = (x if work.every_step else h) @ weight + bias
    if work.regression:
        return ((found - y) ** 2).mean()
    return cross_entropy(found.reshape(-1, work.outputs), y.reshape(-1))


def _lstm_step(w_hh: jax.Array, b_hh: jax.Array, state: Tree, x: jax.Array) -> tuple[Tree, Tree]:
    h, c = state
    i, f, g, o = jnp.split(x + h @ w_hh + b_hh, 4, axis=1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
    h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return (h, c), h


def _gru_step(w_hh: jax.Array, b_hh: jax.Array, state: Tree, x: jax.Array) -> tuple[Tree, Tree]:
    (h,) = state
    of_x, of_h = jnp.split(x, 3, axis=1), jnp.split(h @ w_hh + b_hh, 3, axis=1)
    r, z = (jax.nn.sigmoid(a + b) for a, b in zip(of_x[:2], of_h[:2], strict=True))
    n = jnp.tanh(of_x[2] + r * of_h[2])
    h = (1 - z) * n + z * h
    return (h,), h
