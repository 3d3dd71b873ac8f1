"""Convolutional networks, in either layout; the optimisers are fused."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.nn import functional

from bench.case import Array, Contender
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
    Weights,
)
from bench.peers.torch.convolution import LAYOUTS
from bench.peers.torch.training import load, read, train_step
from bench.train_cnn import Cnn, CnnData


def cnn(work: Cnn, data: CnnData, variant: str) -> Contender:
    layout = LAYOUTS["contiguous" if variant == "eager" else "channels-last"]
    model = _sequence(work.layers, iter(data.weights))
    model.to(memory_format=layout)  # type: ignore[call-overload]

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(model(x), y)

    step = train_step(
        model, loss_of, work.optimizer, variant, fused=True, weight_decay=work.weight_decay
    )
    x, y = torch.from_numpy(data.x).contiguous(memory_format=layout), torch.from_numpy(data.y)
    return Contender(lambda: step(x, y), read)


def _sequence(layers: Sequence[Layer], weights: Iterator[Weights]) -> torch.nn.Sequential:
    return torch.nn.Sequential(*(_module(layer, weights) for layer in layers))


def _module(layer: Layer, weights: Iterator[Weights]) -> torch.nn.Module:
    match layer:
        case Conv() | BatchNorm() | Linear():
            return _with_parameters(layer, *next(weights))
        case Residual():
            return _Residual(_sequence(layer.body, weights), _sequence(layer.shortcut, weights))
        case MaxPool():
            return torch.nn.MaxPool2d(layer.kernel, layer.stride, layer.padding)
        case Dropout():
            return torch.nn.Dropout(layer.p)
        case Relu():
            return torch.nn.ReLU(inplace=True)
        case GlobalMean():
            return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
        case Flatten():
            return torch.nn.Flatten()
    raise TypeError(f"unknown layer {layer}")


def _with_parameters(
    layer: Conv | BatchNorm | Linear, weight: Array, bias: Array | None
) -> torch.nn.Module:
    module: torch.nn.Module
    match layer:
        case Conv():
            module = torch.nn.Conv2d(
                weight.shape[1] * layer.groups, layer.channels, layer.kernel, layer.stride,
                layer.padding, groups=layer.groups, bias=layer.bias,
            )  # fmt: skip
        case BatchNorm():
            module = torch.nn.BatchNorm2d(len(weight))
        case Linear():
            module = torch.nn.Linear(weight.shape[1], layer.features)
    load(module, weight, bias)
    return module


class _Residual(torch.nn.Module):
    def __init__(self, body: torch.nn.Module, shortcut: torch.nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu_(self.body(x).add_(self.shortcut(x)))
