"""Recurrent networks; varied lengths as packed sequences."""

from __future__ import annotations

import torch
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence

from bench.case import Contender
from bench.peers.torch.training import linear, read, train_step
from bench.train_rnn import Rnn, RnnData


class _Network(torch.nn.Module):
    def __init__(self, work: Rnn, data: RnnData) -> None:
        super().__init__()
        self.every_step = work.every_step
        self.embedding: torch.nn.Module = torch.nn.Identity()
        if data.embedding is not None:
            self.embedding = torch.nn.Embedding.from_pretrained(
                torch.from_numpy(data.embedding.copy()), freeze=False
            )
        layer = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[work.cell]
        self.layers = layer(work.inputs, work.hidden, work.depth)
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        self.layers.load_state_dict(
            {
                f"{name}_l{i}": torch.from_numpy(array)
                for i, arrays in enumerate(data.layers)
                for name, array in zip(names, arrays, strict=True)
            }
        )
        self.head = linear(*data.head)

    def forward(self, x: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        x = self.embedding(x)
        if lengths is not None:
            x = pack_padded_sequence(x, lengths, enforce_sorted=False)
        output, state = self.layers(x)
        if self.every_step:
            result: torch.Tensor = self.head(output)
            return result.flatten(0, 1)
        last: torch.Tensor = self.head((state[0] if isinstance(state, tuple) else state)[-1])
        return last


def rnn(work: Rnn, data: RnnData, variant: str) -> Contender:
    model = _Network(work, data)
    x, y = torch.from_numpy(data.x), torch.from_numpy(data.y)
    lengths = None if data.lengths is None else torch.from_numpy(data.lengths)

    def loss_of(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        found = model(x, lengths)
        if work.regression:
            return functional.mse_loss(found, y)
        return functional.cross_entropy(found, y.flatten())

    step = train_step(model, loss_of, "adam", variant, fused=variant != "eager")
    return Contender(lambda: step(x, y), read)
