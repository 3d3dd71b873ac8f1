"""Train an LSTM to write like a text; write it as a program that takes one character a call."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import pydl
from pydl import nn


class Writer(pydl.Model):
    """Scores of the next character after each character of a text."""

    def __init__(self, characters: int, units: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, 32)
        self.lstm = nn.LSTM(32, units, batch_first=True)
        self.head = nn.Linear(units, characters)

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        """Return logits (N, K, T) of x (N, T)."""
        return self.head(self.lstm(self.embedding(x))[0]).permute_dims((0, 2, 1))


def main() -> None:
    """Write program.pydl to a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path, help="any text in UTF-8")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--units", type=int, default=128)
    options = parser.parse_args()
    pydl.manual_seed(0)
    text = options.text.read_text(encoding="utf-8")
    characters = sorted(set(text))
    numbers = np.array([characters.index(c) for c in text])
    length = 64
    count = (len(numbers) - 1) // length
    x = numbers[: count * length].reshape(count, length)
    y = numbers[1 : count * length + 1].reshape(count, length)
    model = Writer(len(characters), options.units)
    model.compile(pydl.optim.Adam(model.parameters(), lr=3e-3), "cross_entropy")
    model.fit(x, y, epochs=options.epochs, batch_size=32)

    def step(character: pydl.Tensor, h: pydl.Tensor, c: pydl.Tensor) -> dict[str, pydl.Tensor]:
        output, (h, c) = model.lstm(model.embedding(character).expand_dims(1), (h, c))
        return {"logits": model.head(output[:, 0]), "h": h, "c": c}

    state = pydl.zeros((1, 2, options.units))
    character = pydl.zeros((2,), dtype="int64")
    pydl.save_program(
        options.folder / "program.pydl",
        {"step": (pydl.compile(step, state=model), (character, state, state))},
        batch_axes={"h": 1, "c": 1},
        class_names=characters,
    )


if __name__ == "__main__":
    main()
