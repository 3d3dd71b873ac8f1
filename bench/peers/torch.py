"""PyTorch: eager, with fused optimiser, and with forward and backward compiled by inductor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

from bench.case import Array, Contender, Values
from bench.ops import Operation
from bench.train_mlp import Mlp, MlpData
from bench.train_vae import Vae, VaeData

_Step = Callable[..., torch.Tensor]


def build(work: Operation | Mlp | Vae, data: Any, variant: str) -> Contender:
    if isinstance(work, Operation):
        return _operation(work, data)
    if isinstance(work, Mlp):
        return _mlp(work, data, variant)
    return _vae(work, data, variant)


def _read(result: torch.Tensor) -> Values:
    values: Values = result.detach().numpy()
    return values


# --- operations ---------------------------------------------------------------------------------


def _backward(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    x.grad = None
    (x * y).sum().backward()
    assert x.grad is not None
    return x.grad


_OPERATIONS: dict[str, _Step] = {
    "matmul": torch.matmul,
    "add": lambda x, y: x + y,
    "relu": torch.relu,
    "exp": torch.exp,
    "tanh": torch.tanh,
    "softmax": lambda x: torch.softmax(x, -1),
    "sum axis 0": lambda x: x.sum(0),
    "sum axis 1": lambda x: x.sum(1),
    "backward": _backward,
}


def _operation(work: Operation, data: list[Array]) -> Contender:
    function = _OPERATIONS[work.name]
    tensors = [torch.from_numpy(array) for array in data]
    tensors[0].requires_grad_(work.recorded)
    return Contender(lambda: function(*tensors), _read)


# --- training -----------------------------------------------------------------------------------


def _linear(weight: Array, bias: Array) -> torch.nn.Linear:
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight))
        layer.bias.copy_(torch.from_numpy(bias))
    return layer


def _step(model: torch.nn.Module, loss_of: _Step, optimizer: str, variant: str) -> _Step:
    """One step of training, a function of the inputs of `loss_of`."""
    fused = variant in ("fused", "compiled")
    update: torch.optim.Optimizer = (
        torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
        if optimizer == "adam"
        else torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=fused)
    )
    if variant == "compiled":
        loss_of = torch.compile(loss_of)

    def step(*inputs: torch.Tensor) -> torch.Tensor:
        update.zero_grad()
        loss = loss_of(*inputs)
        loss.backward()
        update.step()
        return loss

    return step


def _mlp(work: Mlp, data: MlpData, variant: str) -> Contender:
    layers: list[torch.nn.Module] = []
    for weight, bias in data.layers:
        layers += [_linear(weight, bias), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(model(x), y)

    step = _step(model, loss_of, work.optimizer, variant)
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    return Contender(lambda: step(x, y), _read)


class _Vae(torch.nn.Module):
    encoder: torch.nn.Linear
    mean: torch.nn.Linear
    log_variance: torch.nn.Linear
    decoder: torch.nn.Linear
    output: torch.nn.Linear

    def __init__(self, data: VaeData) -> None:
        super().__init__()
        for name, (weight, bias) in data.layers.items():
            setattr(self, name, _linear(weight, bias))

    def forward(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.encoder(x))
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.exp(0.5 * log_variance) * noise
        logits = self.output(torch.relu(self.decoder(z)))
        likelihood = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        divergence = 0.5 * (torch.exp(log_variance) + mean**2 - 1 - log_variance).sum()
        loss: torch.Tensor = (likelihood + divergence) / x.shape[0]
        return loss


def _vae(work: Vae, data: VaeData, variant: str) -> Contender:
    model = _Vae(data)
    shape = data.noise.shape
    x, noise = torch.from_numpy(data.x), torch.from_numpy(data.noise)
    if work.noise_given:
        step = _step(model, model, "adam", variant)
        return Contender(lambda: step(x, noise), _read)
    step = _step(model, lambda x: model(x, torch.randn(shape)), "adam", variant)
    return Contender(lambda: step(x), _read)
