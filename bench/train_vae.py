"""Training steps of a variational autoencoder (Kingma and Welling, 2014)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bench.case import Array, Case
from bench.layers import linear_weights
from bench.train_mlp import CONTENDERS

LAYERS = ("encoder", "mean", "log_variance", "decoder", "output")


class VaeData(NamedTuple):
    """Images (N, pixels) in [0, 1), noise (N, latent), and weight and bias by name of the layer."""

    x: Array
    noise: Array
    layers: dict[str, tuple[Array, Array]]


@dataclass(frozen=True)
class Vae:
    """Encoder, two heads, decoder; Adam with learning rate 0.001.

    h = relu(encoder(x)); mean, log_variance = heads of h; z = mean + exp(log_variance / 2) * noise;
    logits = output(relu(decoder(z))). The loss is the mean over the batch of binary cross-entropy,
    summed over pixels, plus the divergence of (mean, log_variance) from the standard normal.
    """

    pixels: int = 784
    hidden: int = 512
    latent: int = 20
    batch: int = 128
    noise_given: bool = False  # else standard normal noise is drawn in every step

    @property
    def sizes(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of the layers."""
        heads = (self.hidden, self.latent)
        outer = ((self.pixels, self.hidden), heads, heads, heads[::-1], (self.hidden, self.pixels))
        return dict(zip(LAYERS, outer, strict=True))

    def data(self) -> VaeData:
        rng = np.random.default_rng(0)
        layers = {name: linear_weights(rng, *size) for name, size in self.sizes.items()}
        x = rng.random((self.batch, self.pixels), dtype=np.float32)
        noise = rng.standard_normal((self.batch, self.latent), dtype=np.float32)
        return VaeData(x, noise, layers)

    @property
    def flops(self) -> float:
        """Of all products: forward, weight gradient, and all input gradients but the encoder's."""
        products = [a * b for a, b in self.sizes.values()]
        return 2.0 * self.batch * (3 * sum(products) - products[0])


def cases() -> Iterator[Case]:
    """The only case of this suite.

    Frameworks draw different noise. What is compared is therefore a second contender, the same but
    for noise that is given with the input; the one that is timed draws its noise in the step.
    """
    work = Vae()
    yield Case(
        "vae 784-512-(20)-512-784, batch 128, Adam",
        work,
        CONTENDERS,
        checked=Vae(noise_given=True),
        checked_steps=5,
        flops=work.flops,
        tolerance=2e-3,
    )
