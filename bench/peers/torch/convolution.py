"""Single convolutions, eager, in either layout."""

from __future__ import annotations

import torch
from torch.nn import functional

from bench.case import Array, Contender, Values
from bench.conv import Convolution, ConvolutionData

_Results = tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]
LAYOUTS = {"channels-last": torch.channels_last, "contiguous": torch.contiguous_format}


def convolution(work: Convolution, data: ConvolutionData, variant: str) -> Contender:
    def tensor(array: Array) -> torch.Tensor:
        return torch.from_numpy(array).contiguous(memory_format=LAYOUTS[variant])

    x, weight, gradient = map(tensor, data)
    x.requires_grad_(work.input_gradient)
    weight.requires_grad_()
    layer = work.layer

    def run() -> _Results:
        x.grad = weight.grad = None
        y = functional.conv2d(x, weight, None, layer.stride, layer.padding, 1, layer.groups)
        torch.autograd.backward(y, gradient)
        assert weight.grad is not None
        return y.detach(), weight.grad, x.grad

    def read(results: _Results) -> Values:
        y, weight_gradient, input_gradient = results
        return work.values(
            y.numpy(),
            weight_gradient.numpy(),
            None if input_gradient is None else input_gradient.numpy(),
        )

    return Contender(run, read, wait=lambda results: None)
