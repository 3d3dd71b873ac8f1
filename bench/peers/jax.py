"""JAX: the whole step jitted, the optimisers written in jnp, and the old state donated."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.case import Array, Contender, Values
from bench.train_mlp import Mlp, MlpData
from bench.train_vae import Vae, VaeData

_Tree = Any
_Update = Callable[[_Tree, _Tree, _Tree], tuple[_Tree, _Tree]]  # (parameters, gradients, state)


def build(work: Mlp | Vae, data: Any, variant: str) -> Contender:
    return _mlp(work, data) if isinstance(work, Mlp) else _vae(work, data)


def _read(loss: jax.Array) -> Values:
    return np.asarray(loss)


def _linear(weight: Array, bias: Array) -> tuple[jax.Array, jax.Array]:
    return jnp.array(weight.T), jnp.array(bias)  # (in, out), as is usual in JAX


def _apply(layer: tuple[jax.Array, jax.Array], x: jax.Array) -> jax.Array:
    return x @ layer[0] + layer[1]


# --- optimisers ---------------------------------------------------------------------------------


def _adam(parameters: _Tree) -> tuple[_Tree, _Update]:
    def update(parameters: _Tree, gradients: _Tree, state: _Tree) -> tuple[_Tree, _Tree]:
        first, second, count = state
        count = count + 1
        first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
        second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
        scale1, scale2 = 1 / (1 - 0.9**count), 1 / (1 - 0.999**count)
        parameters = jax.tree.map(
            lambda p, m, v: p - 1e-3 * (m * scale1) / (jnp.sqrt(v * scale2) + 1e-8),
            parameters, first, second,
        )  # fmt: skip
        return parameters, (first, second, count)

    zeros = jax.tree.map(jnp.zeros_like, parameters)
    return (zeros, jax.tree.map(jnp.zeros_like, parameters), jnp.zeros(())), update


def _sgd(parameters: _Tree) -> tuple[_Tree, _Update]:
    def update(parameters: _Tree, gradients: _Tree, velocity: _Tree) -> tuple[_Tree, _Tree]:
        velocity = jax.tree.map(lambda u, g: 0.9 * u + g, velocity, gradients)
        return jax.tree.map(lambda p, u: p - 1e-3 * u, parameters, velocity), velocity

    return jax.tree.map(jnp.zeros_like, parameters), update


# --- training -----------------------------------------------------------------------------------


def _contender(
    parameters: _Tree,
    loss_of: Callable[..., jax.Array],
    optimizer: str,
    *inputs: jax.Array,
    key: jax.Array | None = None,
) -> Contender:
    """Steps with `loss_of(parameters, *inputs)`, or `(parameters, key, *inputs)` if it draws."""
    state, update = (_adam if optimizer == "adam" else _sgd)(parameters)

    def step(variables: _Tree, *inputs: jax.Array) -> tuple[_Tree, jax.Array]:
        parameters, state, key = variables
        if key is not None:
            key, used = jax.random.split(key)
            inputs = (used, *inputs)
        loss, gradients = jax.value_and_grad(loss_of)(parameters, *inputs)
        return (*update(parameters, gradients, state), key), loss

    compiled = jax.jit(step, donate_argnums=0)
    variables = (parameters, state, key)

    def run() -> jax.Array:
        nonlocal variables
        variables, loss = compiled(variables, *inputs)
        return loss

    return Contender(run, _read)


def _mlp(work: Mlp, data: MlpData) -> Contender:
    def loss_of(layers: _Tree, x: jax.Array, y: jax.Array) -> jax.Array:
        for layer in layers[:-1]:
            x = jax.nn.relu(_apply(layer, x))
        log_probability = jax.nn.log_softmax(_apply(layers[-1], x))
        return -jnp.take_along_axis(log_probability, y[:, None], axis=1).mean()

    layers = [_linear(*layer) for layer in data.layers]
    return _contender(layers, loss_of, work.optimizer, jnp.array(data.x), jnp.array(data.y))


def _vae_loss(layers: _Tree, x: jax.Array, noise: jax.Array) -> jax.Array:
    h = jax.nn.relu(_apply(layers["encoder"], x))
    mean, log_variance = _apply(layers["mean"], h), _apply(layers["log_variance"], h)
    z = mean + jnp.exp(0.5 * log_variance) * noise
    logits = _apply(layers["output"], jax.nn.relu(_apply(layers["decoder"], z)))
    likelihood = (jax.nn.softplus(logits) - x * logits).sum()
    divergence = 0.5 * (jnp.exp(log_variance) + mean**2 - 1 - log_variance).sum()
    return (likelihood + divergence) / x.shape[0]


def _vae(work: Vae, data: VaeData) -> Contender:
    layers = {name: _linear(*layer) for name, layer in data.layers.items()}
    x, noise = jnp.array(data.x), jnp.array(data.noise)
    shape = noise.shape
    if work.noise_given:
        return _contender(layers, _vae_loss, "adam", x, noise)

    def loss_of(layers: _Tree, key: jax.Array, x: jax.Array) -> jax.Array:
        return _vae_loss(layers, x, jax.random.normal(key, shape))

    return _contender(layers, loss_of, "adam", x, key=jax.random.key(0))
