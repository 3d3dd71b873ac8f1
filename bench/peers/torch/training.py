"""What all training steps share."""

from __future__ import annotations

from collections.abc import Callable

import torch

from bench.case import Array, Values

Step = Callable[..., torch.Tensor]


def read(result: torch.Tensor) -> Values:
    values: Values = result.detach().numpy()
    return values


def linear(weight: Array, bias: Array) -> torch.nn.Linear:
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    load(layer, weight, bias)
    return layer


def load(layer: torch.nn.Module, weight: Array, bias: Array | None) -> None:
    """Give a layer its initial parameters."""
    parameters = dict(layer.named_parameters())
    with torch.no_grad():
        parameters["weight"].copy_(torch.from_numpy(weight))
        if bias is not None:
            parameters["bias"].copy_(torch.from_numpy(bias))


def train_step(
    model: torch.nn.Module,
    loss_of: Step,
    optimizer: str,
    variant: str,
    *,
    fused: bool,
    weight_decay: float = 0.0,
) -> Step:
    """One step of training, a function of the inputs of `loss_of`."""
    update: torch.optim.Optimizer = (
        torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
        if optimizer == "adam"
        else torch.optim.SGD(
            model.parameters(), lr=1e-3, momentum=0.9, weight_decay=weight_decay, fused=fused
        )
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
