"""An object with compiled methods."""

from __future__ import annotations

import pydl
from pydl import nn, optim


class Trainer:
    """A method with all it needs in its object."""

    def __init__(self, seed: int) -> None:
        pydl.manual_seed(seed)
        self.model = nn.Linear(3, 1)
        self.optimizer = optim.Adam(self.model.parameters(), lr=0.1)
        self.count = pydl.zeros((), dtype="int64")
        self.name = "trainer"

    def plain(self, x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = ((self.model(x) - y) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.count[...] = self.count + 1
        return loss.detach()

    @pydl.compile
    def step(self, x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        return self.plain(x, y)
