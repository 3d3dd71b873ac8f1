"""Rosenblatt's perceptron: a binary step that learns by its own rule, without gradients.

A weight moves by lr * (target - prediction) * input. If a straight line divides the two classes,
the rule finds one after finitely many mistakes (Rosenblatt, 1958; Novikoff, 1962).
"""

from __future__ import annotations

import numpy as np

import pydl
from pydl import nn


class Perceptron(nn.Module):
    """Decides by the side of a line that an input (N, features) is on: outputs 0 or 1, (N,)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1, init="zeros")
        nn.init.zeros_(self.linear.bias)

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        return pydl.binary_step(self.linear(x)).squeeze(1)

    def learn(self, x: pydl.Tensor, target: pydl.Tensor, lr: float = 1.0) -> int:
        """Go through the samples once, correcting each mistake; returns how many there were."""
        mistakes = 0
        with pydl.no_grad():
            for sample, wanted in zip(x, target, strict=True):
                error = (wanted - self(sample.expand_dims(0))[0]).item()
                if error != 0:
                    mistakes += 1
                    self.linear.weight += lr * error * sample
                    self.linear.bias += lr * error
        return mistakes


def separable_points(count: int, seed: int = 0) -> tuple[pydl.Tensor, pydl.Tensor]:
    """Points in the plane, (count, 2), and on which side of a line they are, with a gap between."""
    points = np.random.default_rng(seed).uniform(-1, 1, (4 * count, 2)).astype(np.float32)
    side = points @ np.array([1.0, -2.0], dtype=np.float32) + 0.25
    chosen = np.abs(side) > 0.15
    return pydl.tensor(points[chosen][:count]), pydl.tensor((side > 0)[chosen][:count], "float32")


def main(epochs: int = 100) -> int:
    """Learn until a whole pass has no mistakes; returns the number of passes."""
    x, target = separable_points(200)
    model = Perceptron(2)
    for epoch in range(1, epochs + 1):
        mistakes = model.learn(x, target)
        print(f"pass {epoch}: {mistakes} mistakes")
        if mistakes == 0:
            break
    accuracy = (model(x) == target).astype("float32").mean().item()
    print(f"accuracy: {accuracy:.3f}")
    return epoch


if __name__ == "__main__":
    main()
