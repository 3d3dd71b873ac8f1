"""Convolutional networks: eager, compiled, and compiled with products in bfloat16."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pydl
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
from bench.peers import NotAvailableError
from bench.peers.pydl.training import contender, load, train_step
from bench.train_cnn import Cnn, CnnData
from pydl import _core
from pydl.nn import functional


def cnn(work: Cnn, data: CnnData, variant: str) -> Contender:
    model = _sequence(work.layers, iter(data.weights))
    in_bfloat16 = variant == "bfloat16"
    if in_bfloat16 and not {"avx512_bf16", "amx_bf16"} & set(_core.info()["features"]):
        raise NotAvailableError("this processor does not multiply in bfloat16")

    def loss_of(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        with pydl.autocast("bfloat16", in_bfloat16):
            return functional.cross_entropy(model(x), y)

    step = train_step(model, loss_of, work.optimizer, variant, weight_decay=work.weight_decay)
    x, y = pydl.tensor(data.x), pydl.tensor(data.y)
    return contender(step, x, y)


def _sequence(layers: Sequence[Layer], weights: Iterator[Weights]) -> pydl.nn.Sequential:
    return pydl.nn.Sequential(*(_module(layer, weights) for layer in layers))


def _module(layer: Layer, weights: Iterator[Weights]) -> pydl.nn.Module:
    match layer:
        case Conv() | BatchNorm() | Linear():
            return _with_parameters(layer, *next(weights))
        case Residual():
            return _Residual(_sequence(layer.body, weights), _sequence(layer.shortcut, weights))
        case MaxPool():
            return pydl.nn.MaxPool2d(layer.kernel, layer.stride, layer.padding)
        case Dropout():
            return pydl.nn.Dropout(layer.p)
        case Relu():
            return pydl.nn.ReLU()
        case GlobalMean():
            return _GlobalMean()
        case Flatten():
            return pydl.nn.Flatten()
    raise TypeError(f"unknown layer {layer}")


def _with_parameters(
    layer: Conv | BatchNorm | Linear, weight: Array, bias: Array | None
) -> pydl.nn.Module:
    module: pydl.nn.Module
    match layer:
        case Conv():
            module = pydl.nn.Conv2d(
                weight.shape[1] * layer.groups, layer.channels, layer.kernel, layer.stride,
                layer.padding, groups=layer.groups, bias=layer.bias,
            )  # fmt: skip
        case BatchNorm():
            module = pydl.nn.BatchNorm2d(len(weight))
        case Linear():
            module = pydl.nn.Linear(weight.shape[1], layer.features)
    load(module, weight, bias)
    return module


class _Residual(pydl.nn.Module):
    def __init__(self, body: pydl.nn.Module, shortcut: pydl.nn.Module) -> None:
        super().__init__()
        self.body, self.shortcut = body, shortcut

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        return pydl.relu(self.body(x) + self.shortcut(x))


class _GlobalMean(pydl.nn.Module):
    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        return x.mean((2, 3))
