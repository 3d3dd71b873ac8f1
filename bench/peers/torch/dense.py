"""Networks of dense layers."""

from __future__ import annotations

import torch
from torch.nn import functional

from bench.case import Contender
from bench.peers.torch.training import linear, read, train_step
from bench.train_mlp import Mlp, MlpData
from bench.train_vae import Vae, VaeData

_FUSED = ("fused", "compiled")


def mlp(work: Mlp, data: MlpData, variant: str) -> Contender:
    layers: list[torch.nn.Module] = []
    for weight, bias in data.layers:
        layers += [linear(weight, bias), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(model(x), y)

    step = train_step(model, loss_of, work.optimizer, variant, fused=variant in _FUSED)
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    return Contender(lambda: step(x, y), read)


class _Vae(torch.nn.Module):
    encoder: torch.nn.Linear
    mean: torch.nn.Linear
    log_variance: torch.nn.Linear
    decoder: torch.nn.Linear
    output: torch.nn.Linear

    def __init__(self, data: VaeData) -> None:
        super().__init__()
        for name, (weight, bias) in data.layers.items():
            setattr(self, name, linear(weight, bias))

    def forward(self, x: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        h = torch.relu(self.encoder(x))
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + torch.exp(0.5 * log_variance) * noise
        logits = self.output(torch.relu(self.decoder(z)))
        likelihood = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        divergence = 0.5 * (torch.exp(log_variance) + mean**2 - 1 - log_variance).sum()
        loss: torch.Tensor = (likelihood + divergence) / x.shape[0]
        return loss


def vae(work: Vae, data: VaeData, variant: str) -> Contender:
    model, fused = _Vae(data), variant in _FUSED
    shape = data.noise.shape
    x, noise = torch.from_numpy(data.x), torch.from_numpy(data.noise)
    if work.noise_given:
        step = train_step(model, model, "adam", variant, fused=fused)
        return Contender(lambda: step(x, noise), read)
    step = train_step(model, lambda x: model(x, torch.randn(shape)), "adam", variant, fused=fused)
    return Contender(lambda: step(x), read)
