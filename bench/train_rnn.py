"""Training steps of recurrent networks: forward, loss, backward, Adam."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from bench.case import Array, Case
from bench.layers import linear_weights

_CONTENDERS = (
    "pydl eager",
    "pydl compiled",
    "torch eager",
    "torch fused",
    "torch compiled",
    "jax jit",
    "tensorflow graph",
    "tensorflow xla",
)
GATES = {"lstm": 4, "gru": 3}


class RnnData(NamedTuple):
    """Time-major input, targets, lengths, and weights with the shapes and gates of PyTorch."""

    x: Array  # words (T, N), or numbers (T, N, I)
    y: Array  # classes (T, N) or (N,), or numbers (N, outputs)
    lengths: Array | None
    embedding: Array | None  # (vocabulary, I)
    layers: list[tuple[Array, Array, Array, Array]]  # w_ih, w_hh, b_ih, b_hh; r, z, n; i, f, g, o
    head: tuple[Array, Array]


@dataclass(frozen=True)
class Rnn:
    """Embedding of words or plain numbers, LSTM or GRU layers, a linear head.

    The loss is cross-entropy at every step, or of the last state; or the mean square error of the
    last state's `outputs` numbers where `regression` says so. Adam with learning rate 0.001.
    """

    cell: str
    inputs: int
    hidden: int
    outputs: int
    steps: int
    batch: int
    depth: int = 1
    vocabulary: int = 0  # 0: plain numbers
    every_step: bool = False
    regression: bool = False
    varied: bool = field(default=False)  # lengths between 1 and T, T / 2 in the mean

    def data(self) -> RnnData:
        rng = np.random.default_rng(0)
        shape = (self.steps, self.batch)
        x: Array = rng.standard_normal((*shape, self.inputs), dtype=np.float32)
        embedding = None
        if self.vocabulary:
            x = rng.integers(0, self.vocabulary, shape)
            embedding = rng.standard_normal((self.vocabulary, self.inputs), dtype=np.float32)
        y: Array = rng.standard_normal((self.batch, self.outputs), dtype=np.float32)
        if not self.regression:
            y = rng.integers(0, self.outputs, shape if self.every_step else shape[1:])
        lengths = np.linspace(1, self.steps - 1, self.batch).round().astype(np.int64)
        return RnnData(
            x,
            y,
            rng.permutation(lengths) if self.varied else None,
            embedding,
            [self._layer(rng, self.inputs if i == 0 else self.hidden) for i in range(self.depth)],
            linear_weights(rng, self.hidden, self.outputs),
        )

    def _layer(self, rng: np.random.Generator, inputs: int) -> tuple[Array, Array, Array, Array]:
        rows = GATES[self.cell] * self.hidden
        bound = self.hidden**-0.5
        shapes = ((rows, inputs), (rows, self.hidden), (rows,), (rows,))
        a, b, c, d = (rng.uniform(-bound, bound, s).astype(np.float32) for s in shapes)
        return a, b, c, d

    @property
    def flops(self) -> float:
        """Of the products of the steps that count, forward and backward."""
        rows = self.steps * self.batch / (2 if self.varied else 1)
        total = 0
        for i in range(self.depth):
            inputs = self.inputs if i == 0 else self.hidden
            # The gradient for plain numbers is not wanted.
            through = 3 if i > 0 or self.vocabulary else 2
            total += GATES[self.cell] * self.hidden * (3 * self.hidden + through * inputs)
        heads = rows if self.every_step else self.batch
        return 2.0 * (rows * total + 3 * heads * self.hidden * self.outputs)


def cases() -> Iterator[Case]:
    """All cases of this suite."""
    char = Rnn("lstm", 64, 256, 96, steps=64, batch=32, vocabulary=96, every_step=True)
    yield _case("lstm_char", char)
    sentiment = Rnn("lstm", 128, 128, 2, steps=200, batch=32, vocabulary=20_000)
    yield _case("lstm_sentiment", sentiment)
    yield _case("lstm_2x512", Rnn("lstm", 512, 512, 10, steps=32, batch=64, depth=2))
    yield _case("gru_series", Rnn("gru", 14, 64, 1, steps=120, batch=128, regression=True))
    # The same sizes, with and without lengths; PyTorch packs its sequences.
    size = {"steps": 64, "batch": 64}
    own = _CONTENDERS[:4]
    yield _case("lstm_lengths", Rnn("lstm", 128, 256, 10, varied=True, **size), own)
    yield _case("lstm_padded", Rnn("lstm", 128, 256, 10, **size), own)


def _case(name: str, work: Rnn, contenders: tuple[str, ...] = _CONTENDERS) -> Case:
    kind = f"{work.depth} x {work.cell.upper()} {work.hidden}"
    # A layer of Keras has one bias where others learn two.
    return Case(
        f"{name}: {kind} on {work.inputs}, T {work.steps}, batch {work.batch}, Adam",
        work,
        contenders,
        checked_steps=2,
        flops=work.flops,
        tolerance=3e-3,
    )
