"""What all training steps share: the optimisers, and the jitted step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.case import Contender, Values

Tree = Any
_Update = Callable[[Tree, Tree, Tree], tuple[Tree, Tree]]  # (parameters, gradients, state)
_Loss = Callable[..., tuple[jax.Array, Tree]]  # (parameters, statistics, *inputs)


def read(result: jax.Array) -> Values:
    return np.asarray(result)


def _adam(parameters: Tree) -> tuple[Tree, _Update]:
    def update(parameters: Tree, gradients: Tree, state: Tree) -> tuple[Tree, Tree]:
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


def _sgd(parameters: Tree, weight_decay: float) -> tuple[Tree, _Update]:
    def update(parameters: Tree, gradients: Tree, velocity: Tree) -> tuple[Tree, Tree]:
        if weight_decay:
            gradients = jax.tree.map(lambda g, p: g + weight_decay * p, gradients, parameters)
        velocity = jax.tree.map(lambda u, g: 0.9 * u + g, velocity, gradients)
        return jax.tree.map(lambda p, u: p - 1e-3 * u, parameters, velocity), velocity

    return jax.tree.map(jnp.zeros_like, parameters), update


def cross_entropy(logits: jax.Array, y: jax.Array) -> jax.Array:
    log_probability = jax.nn.log_softmax(logits)
    return -jnp.take_along_axis(log_probability, y[:, None], axis=1).mean()


def stateless(loss_of: Callable[..., jax.Array]) -> _Loss:
    """The same without statistics, as `train_contender` takes it."""
    return lambda parameters, statistics, *inputs: (loss_of(parameters, *inputs), statistics)


def train_contender(
    parameters: Tree,
    loss_of: _Loss,
    optimizer: str,
    *inputs: jax.Array,
    statistics: Tree = None,
    key: jax.Array | None = None,
    weight_decay: float = 0.0,
) -> Contender:
    """Steps with `loss_of(parameters, statistics, *inputs)`; a key comes before the inputs."""
    state, update = _adam(parameters) if optimizer == "adam" else _sgd(parameters, weight_decay)
    gradients_of = jax.value_and_grad(loss_of, has_aux=True)

    def step(variables: Tree, *inputs: jax.Array) -> tuple[Tree, jax.Array]:
        parameters, statistics, state, key = variables
        if key is not None:
            key, used = jax.random.split(key)
            inputs = (used, *inputs)
        (loss, statistics), gradients = gradients_of(parameters, statistics, *inputs)
        parameters, state = update(parameters, gradients, state)
        return (parameters, statistics, state, key), loss

    compiled = jax.jit(step, donate_argnums=0)
    variables = (parameters, statistics, state, key)

    def run() -> jax.Array:
        nonlocal variables
        variables, loss = compiled(variables, *inputs)
        return loss

    return Contender(run, read)
