"""Training steps of convolutional networks: forward, cross-entropy, backward, optimiser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from bench.case import Array, Case
from bench.layers import (
    BatchNorm,
    Conv,
    Dropout,
    Flatten,
    GlobalMean,
    Layer,
    Linear,
    MaxPool,
    Relu,
    Residual,
    Shape,
    Weights,
    channels_last,
    make_weights,
    operations,
)

_CONTENDERS = (
    "pydl eager",
    "pydl compiled",
    "torch eager",
    "torch channels-last",
    "torch compiled",  # channels-last
    "jax jit",
    "tensorflow graph",
    "tensorflow xla",
)

# Products in 16 bits beside the same in 32.
_CONTENDERS_BF16 = ("pydl compiled", "pydl bfloat16")

_Layers = tuple[Layer, ...]


class CnnData(NamedTuple):
    """Images (N, C, H, W), classes (N,), and the weights in the order of `layers.trace`."""

    x: Array
    y: Array
    weights: list[Weights]


@dataclass(frozen=True)
class Cnn:
    """Layers, the last one linear; optimiser "adam", or "sgd" with momentum.

    The learning rate is 0.001, the momentum 0.9. Weight decay is added to the gradients.
    """

    layers: _Layers
    shape: Shape  # of one image
    batch: int
    optimizer: str
    weight_decay: float = 0.0

    def data(self) -> CnnData:
        rng = np.random.default_rng(0)
        weights = make_weights(self.layers, self.shape, rng)
        x = rng.standard_normal((self.batch, *self.shape), dtype=np.float32)
        assert isinstance(self.layers[-1], Linear)
        return CnnData(x, rng.integers(0, self.layers[-1].features, self.batch), weights)

    def channels_last(self, data: CnnData) -> CnnData:
        """The same for a framework whose images are (N, H, W, C)."""
        weights = channels_last(self.layers, self.shape, data.weights)
        return CnnData(data.x.transpose(0, 2, 3, 1), data.y, weights)

    @property
    def flops(self) -> float:
        return self.batch * operations(self.layers, self.shape)

    def without_dropout(self) -> Cnn:
        kept = tuple(layer for layer in self.layers if not isinstance(layer, Dropout))
        return replace(self, layers=kept)


def cases() -> Iterator[Case]:
    """All cases of this suite. Frameworks drop different elements: they are compared without."""
    yield _case("lenet5", Cnn(_lenet5(), (1, 28, 28), 64, "adam"))
    yield _case("cnn_small", Cnn(_cnn_small(), (3, 32, 32), 64, "adam"))
    yield _case("resnet18_cifar", Cnn(_resnet18_cifar(), (3, 32, 32), 32, "sgd", 5e-4))
    # Sums of products of 8 bits each.
    yield replace(
        _case("resnet18_cifar bf16", Cnn(_resnet18_cifar(), (3, 32, 32), 32, "sgd", 5e-4)),
        contenders=_CONTENDERS_BF16,
        tolerance=0.05,
    )
    # Rounding grows fastest in the deepest network.
    yield _case("resnet50", Cnn(_resnet50(), (3, 224, 224), 8, "sgd"), checked_steps=2)
    yield _case("alexnet", Cnn(_alexnet(), (3, 224, 224), 32, "sgd"))
    yield _case("mobilenet_v1", Cnn(_mobilenet_v1(), (3, 96, 96), 16, "sgd"))


def _case(name: str, work: Cnn, checked_steps: int = 3) -> Case:
    optimizer = {"adam": "Adam", "sgd": "SGD momentum"}[work.optimizer]
    _, height, width = work.shape
    return Case(
        f"{name} {height}x{width}, batch {work.batch}, {optimizer}",
        work,
        _CONTENDERS,
        checked=work.without_dropout(),
        checked_steps=checked_steps,
        flops=work.flops,
        tolerance=1e-3,
    )


# --- networks -----------------------------------------------------------------------------------


def _lenet5() -> _Layers:
    return (
        Conv(6, 5, padding=2, bias=True), Relu(), MaxPool(2, 2),
        Conv(16, 5, bias=True), Relu(), MaxPool(2, 2),
        Flatten(), Linear(120), Relu(), Linear(84), Relu(), Linear(10),
    )  # fmt: skip


def _cnn_small() -> _Layers:
    return (
        *_unit(Conv(32, 3, padding=1)), *_unit(Conv(32, 3, padding=1)), MaxPool(2, 2),
        *_unit(Conv(64, 3, padding=1)), *_unit(Conv(64, 3, padding=1)), MaxPool(2, 2),
        Flatten(), Dropout(), Linear(256), Relu(), Linear(10),
    )  # fmt: skip


def _alexnet() -> _Layers:
    """One tower (Krizhevsky, 2014), as it is in torchvision."""
    return (
        Conv(64, 11, stride=4, padding=2, bias=True), Relu(), MaxPool(3, 2),
        Conv(192, 5, padding=2, bias=True), Relu(), MaxPool(3, 2),
        Conv(384, 3, padding=1, bias=True), Relu(),
        Conv(256, 3, padding=1, bias=True), Relu(),
        Conv(256, 3, padding=1, bias=True), Relu(), MaxPool(3, 2), Flatten(),
        Dropout(), Linear(4096), Relu(), Dropout(), Linear(4096), Relu(), Linear(1000),
    )  # fmt: skip


def _resnet18_cifar() -> _Layers:
    """The first convolution is small, and no pooling follows it (He et al., 2016)."""
    layers = list(_unit(Conv(64, 3, padding=1)))
    for stage, channels in enumerate((64, 128, 256, 512)):
        layers += _basic(channels, stride=1 if stage == 0 else 2, first=stage > 0)
        layers += _basic(channels)
    return (*layers, GlobalMean(), Linear(10))


def _resnet50() -> _Layers:
    """The stride is that of the 3x3 convolutions, as it is in torchvision."""
    layers = [*_unit(Conv(64, 7, stride=2, padding=3)), MaxPool(3, 2, padding=1)]
    for stage, (channels, blocks) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
        layers += _bottleneck(channels, stride=1 if stage == 0 else 2, first=True)
        for _ in range(1, blocks):
            layers += _bottleneck(channels)
    return (*layers, GlobalMean(), Linear(1000))


def _mobilenet_v1() -> _Layers:
    layers = list(_unit(Conv(32, 3, stride=2, padding=1)))
    before = 32
    widths = (64, 128, 128, 256, 256, *(512,) * 6, 1024, 1024)
    for index, channels in enumerate(widths):
        stride = 2 if index in (1, 3, 5, 11) else 1
        layers += _unit(Conv(before, 3, stride=stride, padding=1, groups=before))
        layers += _unit(Conv(channels, 1))
        before = channels
    return (*layers, GlobalMean(), Linear(1000))


def _unit(conv: Conv) -> _Layers:
    return conv, BatchNorm(), Relu()


def _basic(channels: int, stride: int = 1, first: bool = False) -> _Layers:
    """Two 3x3 convolutions; the first block of a stage has a convolution in its shortcut."""
    body = _unit(Conv(channels, 3, stride=stride, padding=1))
    body += (Conv(channels, 3, padding=1), BatchNorm())
    return (Residual(body, _projection(channels, stride) if first else ()),)


def _bottleneck(channels: int, stride: int = 1, first: bool = False) -> _Layers:
    body = _unit(Conv(channels, 1)) + _unit(Conv(channels, 3, stride=stride, padding=1))
    body += (Conv(4 * channels, 1), BatchNorm())
    return (Residual(body, _projection(4 * channels, stride) if first else ()),)


def _projection(channels: int, stride: int) -> _Layers:
    return Conv(channels, 1, stride=stride), BatchNorm()
