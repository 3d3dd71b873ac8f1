"""Single convolutions: eager, with images in either layout, and oneDNN without pydl around it."""

from __future__ import annotations

import numpy as np

import pydl
from bench.case import Array, Contender, Values
from bench.conv import BARE, Convolution, ConvolutionData
from bench.peers import NotAvailableError, split
from pydl import _core
from pydl.nn import functional

_Results = tuple[pydl.Tensor, pydl.Tensor, pydl.Tensor | None]


def convolution(work: Convolution, data: ConvolutionData, variant: str) -> Contender:
    return _bare(work, data) if variant == split(BARE)[1] else _eager(work, data, variant)


def _eager(work: Convolution, data: ConvolutionData, variant: str) -> Contender:
    images = _channels_last if variant == "channels-last" else pydl.tensor
    x, gradient = images(data.x), images(data.gradient)
    weight = pydl.tensor(data.weight, requires_grad=True)
    x.requires_grad = work.input_gradient
    layer = work.layer

    def run() -> _Results:
        x.grad = weight.grad = None
        y = functional.conv2d(x, weight, None, layer.stride, layer.padding, 1, layer.groups)
        y.backward(gradient)
        assert weight.grad is not None
        return y.detach(), weight.grad, x.grad

    return Contender(run, lambda results: _values(work, results), wait=lambda results: None)


def _bare(work: Convolution, data: ConvolutionData) -> Contender:
    if _core.info()["onednn_version"] is None:
        raise NotAvailableError("this pydl is built without oneDNN")
    layer = work.layer
    primitives = _core._BareConvolution(
        *map(pydl.tensor, data),
        (layer.stride, layer.stride),
        (layer.padding, layer.padding),
        layer.groups,
        work.input_gradient,
    )

    def read(_: None) -> Values:
        return _values(work, primitives.results())

    return Contender(primitives.run, read, wait=lambda _: None)


def _values(work: Convolution, results: _Results) -> Values:
    y, weight_gradient, input_gradient = results
    return work.values(
        np.asarray(y),
        np.asarray(weight_gradient),
        None if input_gradient is None else np.asarray(input_gradient),
    )


def _channels_last(images: Array) -> pydl.Tensor:
    """A tensor (N, C, H, W) stored as (N, H, W, C)."""
    return pydl.tensor(images.transpose(0, 2, 3, 1)).permute_dims(0, 3, 1, 2)
