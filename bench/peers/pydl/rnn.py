"""Recurrent networks, eager and compiled."""

from __future__ import annotations

import pydl
from bench.case import Contender
from bench.peers.pydl.training import contender, linear, train_step
from bench.train_rnn import Rnn, RnnData
from pydl.nn import functional


class _Network(pydl.nn.Module):
    def __init__(self, work: Rnn, data: RnnData) -> None:
        super().__init__()
        self.every_step = work.every_step
        self.words = data.embedding is not None
        if data.embedding is not None:
            self.embedding = pydl.nn.Parameter(pydl.tensor(data.embedding))
        layer = {"lstm": pydl.nn.LSTM, "gru": pydl.nn.GRU}[work.cell]
        self.layers = layer(work.inputs, work.hidden, work.depth)
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self.layers.load_state_dict(
            {
                f"{name}_l{i}": array
                for i, arrays in enumerate(data.layers)
                for name, array in zip(names, arrays, strict=True)
            }
        )
        self.head = linear(*data.head)

    def forward(self, x: pydl.Tensor, lengths: pydl.Tensor | None) -> pydl.Tensor:
        if self.words:
            x = pydl.take(self.embedding, x, 0)
        output, state = self.layers(x, lengths=lengths)
        if self.every_step:
            result: pydl.Tensor = self.head(output)
            return result.reshape(-1, result.shape[-1])
        h = state[0] if isinstance(state, tuple) else state
        last: pydl.Tensor = self.head(h[-1])
        return last


def rnn(work: Rnn, data: RnnData, variant: str) -> Contender:
    model = _Network(work, data)
    x, y = pydl.tensor(data.x), pydl.tensor(data.y)
    lengths = () if data.lengths is None else (pydl.tensor(data.lengths),)

    def loss_of(x: pydl.Tensor, y: pydl.Tensor, *lengths: pydl.Tensor) -> pydl.Tensor:
        found = model(x, lengths[0] if lengths else None)
        if work.regression:
            return functional.mse_loss(found, y)
        return functional.cross_entropy(found, y.reshape(-1))

    step = train_step(model, loss_of, "adam", variant)
    return contender(step, x, y, *lengths)
