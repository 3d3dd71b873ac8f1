"""Training steps of many kinds, with batches of any size for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

import pydl
from pydl import nn, optim

F = nn.functional
MakeOptimizer = Callable[[Iterable[Any]], optim.Optimizer]


class Case(NamedTuple):
    """A step, what it reads and changes, and a function from a batch size to arguments."""

    step: Callable[..., Any]
    state: list[Any]
    batch: Callable[[int], tuple[Any, ...]]
    axes: Mapping[str, int | None] = MappingProxyType({})


OPTIMIZERS: dict[str, MakeOptimizer] = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01, weight_decay=0.1),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.9),
}

_random = np.random.default_rng(0)


def _floats(*shape: int) -> pydl.Tensor:
    return pydl.tensor(_random.standard_normal(shape).astype(np.float32))


def _classes(count: int, *shape: int) -> pydl.Tensor:
    return pydl.tensor(_random.integers(0, count, shape))


def _lengths(n: int, most: int) -> pydl.Tensor:
    return pydl.tensor(_random.integers(1, most + 1, (n,)))


def _classifier(
    model: nn.Module,
    batch: Callable[[int], tuple[Any, ...]],
    make: MakeOptimizer = OPTIMIZERS["adam"],
    axes: dict[str, int | None] | None = None,
) -> Case:
    optimizer = make(model.parameters())

    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Case(step, [model, optimizer], batch, axes or {})


def _mlp(optimizer: str, dropout: float = 0.2) -> Callable[[], Case]:
    def make() -> Case:
        layers = [nn.Linear(7, 16), nn.Tanh(), nn.Dropout(dropout), nn.Linear(16, 4)]
        model = nn.Sequential(*layers)
        return _classifier(model, lambda n: (_floats(n, 7), _classes(4, n)), OPTIMIZERS[optimizer])

    return make


def _cnn() -> Case:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Dropout2d(0.3),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(6, 3),
    )
    return _classifier(model, lambda n: (_floats(n, 1, 8, 8), _classes(3, n)))


def _adaptive_pooling() -> Case:
    model = nn.Sequential(
        nn.Conv2d(2, 4, 3),
        nn.GroupNorm(2, 4),
        nn.Upsample(scale_factor=1.5, mode="bilinear"),
        nn.AdaptiveMaxPool2d(3),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(16, 3),
    )
    return _classifier(model, lambda n: (_floats(n, 2, 6, 6), _classes(3, n)))


def _layer_norm() -> Case:
    model = nn.Sequential(nn.Linear(5, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3))
    return _classifier(model, lambda n: (_floats(n, 5), _classes(3, n)))


def _embedding() -> Case:
    model = nn.Sequential(nn.Embedding(50, 6, padding_idx=0), nn.Flatten(), nn.Linear(24, 3))
    make: MakeOptimizer = lambda p: optim.SGD(p, lr=0.1)  # noqa: E731
    return _classifier(model, lambda n: (_classes(50, n, 4), _classes(3, n)), make)


class _Recurrent(nn.Module):
    def __init__(self, layer: nn.Module, features: int) -> None:
        super().__init__()
        self.layer = layer
        self.output = nn.Linear(features, 1)

    def forward(self, x: pydl.Tensor, lengths: pydl.Tensor | None = None) -> pydl.Tensor:
        return self.output(self.layer(x, lengths=lengths)[0])


def _sequences(layer: nn.Module, features: int, batch_first: bool) -> Case:
    model = _Recurrent(layer, features)
    optimizer = optim.Adam(model.parameters(), lr=0.02)

    def step(x: pydl.Tensor, lengths: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = F.mse_loss(model(x, lengths), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    def batch(n: int) -> tuple[pydl.Tensor, ...]:
        first = (n, 5) if batch_first else (5, n)
        return _floats(*first, 3), _lengths(n, 5), _floats(*first, 1)

    axes: dict[str, int | None] = {} if batch_first else {"x": 1, "y": 1}
    return Case(step, [model, optimizer], batch, axes)


def _lstm() -> Case:
    return _sequences(nn.LSTM(3, 8, num_layers=2, batch_first=True, dropout=0.1), 8, True)


def _gru_time_major() -> Case:
    return _sequences(nn.GRU(3, 6, bidirectional=True), 12, False)


def _transformer() -> Case:
    layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.1, batch_first=True)

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.output = layer, nn.Linear(8, 3)

        def forward(self, x: pydl.Tensor) -> pydl.Tensor:
            return self.output(self.layer(x).mean(1))

    return _classifier(Classifier(), lambda n: (_floats(n, 6, 8), _classes(3, n)))


def _causal_attention() -> Case:
    attention = nn.MultiheadAttention(8, 2, batch_first=True)
    optimizer = optim.SGD(attention.parameters(), lr=0.1, momentum=0.9)

    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        out, _ = attention(x, x, x, need_weights=False, is_causal=True)
        loss = ((out - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Case(step, [attention, optimizer], lambda n: (_floats(n, 5, 8), _floats(n, 5, 8)))


def _ctc() -> Case:
    model = nn.Linear(4, 5)
    optimizer = optim.Adam(model.parameters(), lr=0.01)

    def step(
        x: pydl.Tensor, targets: pydl.Tensor, input_lengths: pydl.Tensor, lengths: pydl.Tensor
    ) -> pydl.Tensor:
        loss = F.ctc_loss(model(x).log_softmax(-1), targets, input_lengths, lengths)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    def batch(n: int) -> tuple[pydl.Tensor, ...]:
        targets = _classes(4, n, 3) + 1
        return _floats(8, n, 4), targets, pydl.full((n,), 8, dtype="int64"), _lengths(n, 3)

    return Case(step, [model, optimizer], batch, {"x": 1})


def _autocast() -> Case:
    model = nn.Sequential(nn.Linear(7, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = optim.AdamW(model.parameters(), lr=0.01)

    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        with pydl.autocast("bfloat16"):
            loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Case(step, [model, optimizer], lambda n: (_floats(n, 7), _classes(4, n)))


def _checkpoint() -> Case:
    block = nn.Sequential(nn.Linear(7, 16), nn.Dropout(0.4), nn.Tanh())
    output = nn.Linear(16, 4)
    optimizer = optim.Adam([*block.parameters(), *output.parameters()], lr=0.01)

    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = F.cross_entropy(output(pydl.checkpoint(block, x)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Case(step, [block, output, optimizer], lambda n: (_floats(n, 7), _classes(4, n)))


def _scan() -> Case:
    cell = nn.Linear(6, 3)
    optimizer = optim.SGD(cell.parameters(), lr=0.1)

    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        def one(h: pydl.Tensor, x_t: pydl.Tensor) -> tuple[pydl.Tensor, pydl.Tensor]:
            h = cell(pydl.concat([h, x_t], -1)).tanh()
            return h, h

        _, ys = pydl.scan(one, pydl.zeros_like(x[0]), x)
        loss = ((ys - y) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    axes: dict[str, int | None] = {"x": 1, "y": 1}
    return Case(step, [cell, optimizer], lambda n: (_floats(4, n, 3), _floats(4, n, 3)), axes)


def _cond() -> Case:
    model = nn.Linear(5, 2)
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x: pydl.Tensor) -> pydl.Tensor:
        out = model(x)
        loss = pydl.cond(out.sum() > 0, lambda v: v.square().mean(), lambda v: v.abs().mean(), out)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Case(step, [model, optimizer], lambda n: (_floats(n, 5),))


def _own_generator() -> Case:
    generator = pydl.Generator(7)
    model = nn.Sequential(nn.Linear(7, 8), nn.Dropout(0.5, generator=generator), nn.Linear(8, 4))
    optimizer = optim.SGD(model.parameters(), lr=0.1)

    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        # Two streams, drawn from in turn.
        noisy = x + 0.1 * pydl.normal(x.shape) + 0.01 * pydl.uniform(x.shape, generator=generator)
        loss = F.cross_entropy(model(noisy), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Case(step, [model, optimizer], lambda n: (_floats(n, 7), _classes(4, n)))


def _frozen_and_tied() -> Case:
    first, second, last = nn.Linear(5, 5), nn.Linear(5, 5), nn.Linear(5, 3)
    second.weight = first.weight
    last.weight.requires_grad = False
    model = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), last)
    make: MakeOptimizer = lambda p: optim.Adam(  # noqa: E731
        [{"params": [t for t in p if t.requires_grad]}], lr=0.01
    )
    return _classifier(model, lambda n: (_floats(n, 5), _classes(3, n)), make)


CASES: dict[str, Callable[[], Case]] = {
    **{f"mlp_{name}": _mlp(name) for name in OPTIMIZERS},
    "cnn": _cnn,
    "adaptive_pooling": _adaptive_pooling,
    "layer_norm": _layer_norm,
    "embedding": _embedding,
    "lstm": _lstm,
    "gru_time_major": _gru_time_major,
    "transformer": _transformer,
    "causal_attention": _causal_attention,
    "ctc": _ctc,
    "autocast": _autocast,
    "checkpoint": _checkpoint,
    "scan": _scan,
    "cond": _cond,
    "own_generator": _own_generator,
    "frozen_and_tied": _frozen_and_tied,
}
