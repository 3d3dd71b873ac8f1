"""Whole training steps: forward, loss, backward and optimiser update."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

import pydl
from bench.case import Case, Contender

_Arrays = list[np.ndarray[Any, Any]]


def _mlp_cases() -> Iterator[Case]:
    yield _mlp("mlp_tiny 64-32-10, batch 32, SGD momentum", [64, 32, 10], 32, "sgd")
    yield _mlp("mlp_mnist 784-512-10, batch 128, Adam", [784, 512, 10], 128, "adam")
    yield _mlp(
        "mlp_large 1024-4096-4096-1024, batch 256, Adam", [1024, 4096, 4096, 1024], 256, "adam"
    )


MODELS: dict[str, Callable[[], Iterator[Case]]] = {"mlp": _mlp_cases}


def _mlp(name: str, sizes: list[int], batch: int, optimizer: str) -> Case:
    rng = np.random.default_rng(0)
    weights: _Arrays = []
    for inputs, outputs in pairwise(sizes):
        bound = inputs**-0.5
        weights.append(rng.uniform(-bound, bound, (outputs, inputs)).astype(np.float32))
        weights.append(rng.uniform(-bound, bound, outputs).astype(np.float32))
    x = rng.standard_normal((batch, sizes[0])).astype(np.float32)
    y = rng.integers(0, sizes[-1], batch)
    products = sum(a * b for a, b in pairwise(sizes))
    # Forward, weight gradient, and input gradient of all layers but the first.
    flops = 2.0 * batch * (3 * products - sizes[0] * sizes[1])
    return Case(
        name,
        {
            "pydl": lambda: _pydl_step(weights, x, y, optimizer),
            "torch": lambda: _torch_step(weights, x, y, optimizer, fused=False),
            "torch fused": lambda: _torch_step(weights, x, y, optimizer, fused=True),
        },
        flops=flops,
        tolerance=2e-3,
    )


def _pydl_step(weights: _Arrays, x: Any, y: Any, optimizer: str) -> Contender:
    layers: list[pydl.nn.Module] = []
    for weight, bias in zip(weights[::2], weights[1::2], strict=True):
        layer = pydl.nn.Linear(weight.shape[1], weight.shape[0])
        layer.load_state_dict({"weight": pydl.tensor(weight), "bias": pydl.tensor(bias)})
        layers += [layer, pydl.nn.ReLU()]
    model = pydl.nn.Sequential(*layers[:-1])
    loss_function = pydl.nn.CrossEntropyLoss()
    parameters = list(model.parameters())
    update: pydl.optim.Optimizer = (
        pydl.optim.Adam(parameters, lr=1e-3)
        if optimizer == "adam"
        else pydl.optim.SGD(parameters, lr=1e-3, momentum=0.9)
    )
    inputs, targets = pydl.tensor(x), pydl.tensor(y)

    def step() -> pydl.Tensor:
        update.zero_grad()
        loss = loss_function(model(inputs), targets)
        loss.backward()
        update.step()
        return loss

    return Contender(step, lambda: _curve(lambda: step().item()))


def _torch_step(weights: _Arrays, x: Any, y: Any, optimizer: str, fused: bool) -> Contender:
    import torch

    torch.set_num_threads(pydl.get_num_threads())
    layers: list[Any] = []
    for weight, bias in zip(weights[::2], weights[1::2], strict=True):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(weight))
            layer.bias.copy_(torch.from_numpy(bias))
        layers += [layer, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    loss_function = torch.nn.CrossEntropyLoss()
    update: Any = (
        torch.optim.Adam(model.parameters(), lr=1e-3, fused=fused)
        if optimizer == "adam"
        else torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, fused=fused)
    )
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)

    def step() -> Any:
        update.zero_grad()
        loss = loss_function(model(inputs), targets)
        loss.backward()
        update.step()
        return loss

    return Contender(step, lambda: _curve(lambda: step().item()))


def _curve(loss: Callable[[], float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The first losses, which agree between frameworks that do the same."""
    return np.array([loss() for _ in range(5)])
