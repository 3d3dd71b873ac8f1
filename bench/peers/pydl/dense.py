"""Networks of dense layers."""

from __future__ import annotations

import pydl
from bench.case import Contender
from bench.peers.pydl.training import contender, linear, train_step
from bench.train_mlp import Mlp, MlpData
from bench.train_vae import Vae, VaeData
from pydl.nn import functional


def mlp(work: Mlp, data: MlpData, variant: str) -> Contender:
    layers: list[pydl.nn.Module] = []
    for weight, bias in data.layers:
        layers += [linear(weight, bias), pydl.nn.ReLU()]
    model = pydl.nn.Sequential(*layers[:-1])

    def loss_of(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        return functional.cross_entropy(model(x), y)

    step = train_step(model, loss_of, work.optimizer, variant)
    x, y = pydl.tensor(data.x), pydl.tensor(data.y)
    return contender(step, x, y)


class _Vae(pydl.nn.Module):
    encoder: pydl.nn.Linear
    mean: pydl.nn.Linear
    log_variance: pydl.nn.Linear
    decoder: pydl.nn.Linear
    output: pydl.nn.Linear

    def __init__(self, data: VaeData) -> None:
        super().__init__()
        for name, (weight, bias) in data.layers.items():
            setattr(self, name, linear(weight, bias))

    def forward(self, x: pydl.Tensor, noise: pydl.Tensor) -> pydl.Tensor:
        h = pydl.relu(self.encoder(x))
        mean, log_variance = self.mean(h), self.log_variance(h)
        z = mean + pydl.exp(0.5 * log_variance) * noise
        logits = self.output(pydl.relu(self.decoder(z)))
        likelihood = functional.binary_cross_entropy_with_logits(logits, x, reduction="sum")
        divergence = 0.5 * (pydl.exp(log_variance) + mean**2 - 1 - log_variance).sum()
        loss: pydl.Tensor = (likelihood + divergence) / x.shape[0]
        return loss


def vae(work: Vae, data: VaeData, variant: str) -> Contender:
    model = _Vae(data)
    shape = data.noise.shape
    x, noise = pydl.tensor(data.x), pydl.tensor(data.noise)
    if work.noise_given:
        step = train_step(model, model, "adam", variant)
        return contender(step, x, noise)
    step = train_step(model, lambda x: model(x, pydl.randn(shape)), "adam", variant)
    return contender(step, x)
