"""pydl: eager, and with the whole step compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import pydl
from bench.case import Array, Contender, Values
from bench.ops import Operation
from bench.peers import NotAvailableError
from bench.train_mlp import Mlp, MlpData
from bench.train_vae import Vae, VaeData
from pydl.nn import functional

_Step = Callable[..., pydl.Tensor]


def build(work: Operation | Mlp | Vae, data: Any, variant: str) -> Contender:
    if isinstance(work, Operation):
        return _operation(work, data)
    if isinstance(work, Mlp):
        return _mlp(work, data, variant)
    return _vae(work, data, variant)


def _read(result: pydl.Tensor) -> Values:
    return np.asarray(result.detach())


# --- operations ---------------------------------------------------------------------------------


def _backward(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
    x.grad = None
    (x * y).sum().backward()
    assert x.grad is not None
    return x.grad


_OPERATIONS: dict[str, _Step] = {
    "matmul": pydl.matmul,
    "add": lambda x, y: x + y,
    "relu": pydl.relu,
    "exp": pydl.exp,
    "tanh": pydl.tanh,
    "softmax": pydl.softmax,
    "sum axis 0": lambda x: x.sum(axis=0),
    "sum axis 1": lambda x: x.sum(axis=1),
    "backward": _backward,
}


def _operation(work: Operation, data: list[Array]) -> Contender:
    function = _OPERATIONS[work.name]
    tensors = [pydl.tensor(array) for array in data]
    tensors[0].requires_grad = work.recorded
    return Contender(lambda: function(*tensors), _read)


# --- training -----------------------------------------------------------------------------------


def _linear(weight: Array, bias: Array) -> pydl.nn.Linear:
    layer = pydl.nn.Linear(weight.shape[1], weight.shape[0])
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def _step(model: pydl.nn.Module, loss_of: _Step, optimizer: str, variant: str) -> _Step:
    """One step of training, a function of the inputs of `loss_of`."""
    parameters = list(model.parameters())
    update: pydl.optim.Optimizer = (
        pydl.optim.Adam(parameters, lr=1e-3)
        if optimizer == "adam"
        else pydl.optim.SGD(parameters, lr=1e-3, momentum=0.9)
    )

    def step(*inputs: pydl.Tensor) -> pydl.Tensor:
        update.zero_grad()
        loss = loss_of(*inputs)
        loss.backward()
        update.step()
        return loss

    if variant == "eager":
        return step
    if not hasattr(pydl, "compile"):
        raise NotAvailableError("this pydl has no pydl.compile")
    compiled: _Step = pydl.compile(state=[model, update])(step)
    return compiled


def _mlp(work: Mlp, data: MlpData, variant: str) -> Contender:
    layers: list[pydl.nn.Module] = []
    for weight, bias in data.layers:
        layers += [_linear(weight, bias), pydl.nn.ReLU()]
    model = pydl.nn.Sequential(*layers[:-1])

    def loss_of(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        return functional.cross_entropy(model(x), y)

    step = _step(model, loss_of, work.optimizer, variant)
    x, y = pydl.tensor(data.x), pydl.tensor(data.y)
    return Contender(lambda: step(x, y), _read)


class _Vae(pydl.nn.Module):
    encoder: pydl.nn.Linear
    mean: pydl.nn.Linear
    log_variance: pydl.nn.Linear
    decoder: pydl.nn.Linear
    output: pydl.nn.Linear

    def __init__(self, data: VaeData) -> None:
        super().__init__()
        for name, (weight, bias) in data.layers.items():
            setattr(self, name, _linear(weight, bias))

    def forward(self, x: pydl.Tensor, noise: pydl.Tensor) -> pydl.Tensor:
        h = pydl.relu(self.encoder(x))
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + pydl.exp(0.5 * log_variance) * noise
        logits = self.output(pydl.relu(self.decoder(z)))
        likelihood = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        divergence = 0.5 * (pydl.exp(log_variance) + mean**2 - 1 - log_variance).sum()
        loss: pydl.Tensor = (likelihood + divergence) / x.shape[0]
        return loss


def _vae(work: Vae, data: VaeData, variant: str) -> Contender:
    model = _Vae(data)
    shape = data.noise.shape
    x, noise = pydl.tensor(data.x), pydl.tensor(data.noise)
    if work.noise_given:
        step = _step(model, model, "adam", variant)
        return Contender(lambda: step(x, noise), _read)
    step = _step(model, lambda x: model(x, pydl.randn(shape)), "adam", variant)
    return Contender(lambda: step(x), _read)
