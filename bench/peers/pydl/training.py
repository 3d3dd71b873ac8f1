"""What all training steps share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

import pydl
from bench.case import Array, Contender, Values
from bench.peers import NotAvailableError

Step = Callable[..., pydl.Tensor]


def read(result: pydl.Tensor) -> Values:
    return np.asarray(result.detach())


def contender(step: Step, *inputs: pydl.Tensor) -> Contender:
    """One step on the same inputs each time, with the kernels of its program if it is compiled."""

    def kernels() -> dict[str, int]:
        steps = [one for program in getattr(step, "programs", []) for one in program.steps()]
        return dict(Counter(_kernel_name(one) for one in steps))

    return Contender(lambda: step(*inputs), read, kernels=kernels)


def _kernel_name(step: dict[str, Any]) -> str:
    provider, implementation = step["provider"], step["implementation"]
    served = provider if provider == implementation else f"{provider}: {implementation}"
    return f"{step['name']} ({served})"


def linear(weight: Array, bias: Array) -> pydl.nn.Linear:
    layer = pydl.nn.Linear(weight.shape[1], weight.shape[0])
    load(layer, weight, bias)
    return layer


def load(layer: pydl.nn.Module, weight: Array, bias: Array | None) -> None:
    """Give a layer its initial parameters."""
    state: dict[str, Any] = {**layer.state_dict(), "weight": weight}
    if bias is not None:
        state["bias"] = bias
    layer.load_state_dict(state)


def train_step(
    model: pydl.nn.Module,
    loss_of: Step,
    optimizer: str,
    variant: str,
    *,
    weight_decay: float = 0.0,
) -> Step:
    """One step of training, a function of the inputs of `loss_of`."""
    parameters = list(model.parameters())
    update: pydl.optim.Optimizer = (
        pydl.optim.Adam(parameters, lr=1e-3)
        if optimizer == "adam"
        else pydl.optim.SGD(parameters, lr=1e-3, momentum=0.9, weight_decay=weight_decay)
    )

    def step(*inputs: pydl.Tensor) -> pydl.Tensor:
        update.zero_grad()
        loss = loss_of(*inputs)
        loss.backward()
        update.step()
        return loss

    if variant == "eager":
        return step
    if not hasattr(pydl, "compile"):
        raise NotAvailableError("this pydl has no pydl.compile")
    compiled: Step = pydl.compile(state=[model, update])(step)
    return compiled
