"""Networks of dense layers."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from bench.case import Array, Contender
from bench.peers.jax.training import Tree, cross_entropy, stateless, train_contender
from bench.train_mlp import Mlp, MlpData
from bench.train_vae import Vae, VaeData


def _linear(weight: Array, bias: Array) -> tuple[jax.Array, jax.Array]:
    return jnp.array(weight.T), jnp.array(bias)  # (in, out), as is usual in JAX


def _apply(layer: tuple[jax.Array, jax.Array], x: jax.Array) -> jax.Array:
    return x @ layer[0] + layer[1]


def mlp(work: Mlp, data: MlpData, variant: str) -> Contender:
    def loss_of(layers: Tree, x: jax.Array, y: jax.Array) -> jax.Array:
        for layer in layers[:-1]:
            x = jax.nn.relu(_apply(layer, x))
        return cross_entropy(_apply(layers[-1], x), y)

    layers = [_linear(*layer) for layer in data.layers]
    x, y = jnp.array(data.x), jnp.array(data.y)
    return train_contender(layers, stateless(loss_of), work.optimizer, x, y)


def _vae_loss(layers: Tree, x: jax.Array, noise: jax.Array) -> jax.Array:
    h = jax.nn.relu(_apply(layers["encoder"], x))
    mean, log_variance = _apply(layers["mean"], h), _apply(layers["log_variance"], h)
    z = mean + jnp.exp(0.5 * log_variance) * noise
    logits = _apply(layers["output"], jax.nn.relu(_apply(layers["decoder"], z)))
    likelihood = (jax.nn.softplus(logits) - x * logits).sum()
    divergence = 0.5 * (jnp.exp(log_variance) + mean**2 - 1 - log_variance).sum()
    return (likelihood + divergence) / x.shape[0]


def vae(work: Vae, data: VaeData, variant: str) -> Contender:
    layers = {name: _linear(*layer) for name, layer in data.layers.items()}
    x, noise = jnp.array(data.x), jnp.array(data.noise)
    shape = noise.shape
    if work.noise_given:
        return train_contender(layers, stateless(_vae_loss), "adam", x, noise)

    def loss_of(layers: Tree, key: jax.Array, x: jax.Array) -> jax.Array:
        return _vae_loss(layers, x, jax.random.normal(key, shape))

    return train_contender(layers, stateless(loss_of), "adam", x, key=jax.random.key(0))
