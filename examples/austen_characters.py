"""Characters: an LSTM that learns to write like Jane Austen, one character after the other.

It reads five of the novels and is tested on the sixth, Persuasion. The text runs through the
network in parallel streams, 64 characters at a time: each part starts from the last one's state,
gradients do not (truncated backpropagation through time). At the end it continues a sentence at
three temperatures. Needs the novels (`pydl.datasets.load_austen` says where it looks and fetches
them from).

    python examples/austen_characters.py

After 2 epochs it needs 1.93 bits per character of Persuasion; the frequencies of the characters
alone give 4.43.
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

import pydl
from pydl import nn
from pydl.text import CharacterTokenizer, Vocabulary

Codes = npt.NDArray[np.int64]

HELD_OUT = "Persuasion"
OPENING = "It is a truth universally acknowledged, that "


class CharacterModel(nn.Module):
    """Scores of the next character, after each character of a text."""

    def __init__(self, characters: int, embedding: int = 64, hidden: int = 256) -> None:
        super().__init__()
        self.embedding = nn.Embedding(characters, embedding)
        self.lstm = nn.LSTM(embedding, hidden)
        self.scores = nn.Linear(hidden, characters)

    def forward(
        self, text: pydl.Tensor, h: pydl.Tensor, c: pydl.Tensor
    ) -> tuple[pydl.Tensor, pydl.Tensor, pydl.Tensor]:
        """From characters (T, N) and a state to scores (T, N, characters) and the next state."""
        output, (h, c) = self.lstm(self.embedding(text), (h, c))
        return self.scores(output), h, c

    def initial_state(self, streams: int) -> tuple[pydl.Tensor, pydl.Tensor]:
        """Return the state before the first character of each stream."""
        shape = (1, streams, self.lstm.hidden_size)
        return pydl.zeros(shape), pydl.zeros(shape)


def mean_loss(scores: pydl.Tensor, following: pydl.Tensor) -> pydl.Tensor:
    """Cross-entropy over all characters, in nats."""
    return nn.functional.cross_entropy(
        scores.reshape((-1, scores.shape[-1])), following.reshape((-1,))
    )


def parts(codes: Codes, streams: int, length: int) -> Iterator[tuple[Codes, Codes]]:
    """Cut a text into parallel streams: characters (length, streams), and those that follow."""
    rows = len(codes) // streams
    columns = np.ascontiguousarray(codes[: rows * streams].reshape(streams, rows).T)
    for start in range(0, rows - length, length):
        yield columns[start : start + length], columns[start + 1 : start + length + 1]


def train(
    model: CharacterModel,
    codes: Codes,
    epochs: int,
    *,
    streams: int = 32,
    length: int = 64,
    lr: float = 4e-3,
    seed: int = 0,
) -> None:
    """Read the text so many times, with a learning rate that falls to 0."""
    optimizer = pydl.optim.Adam(model.parameters(), lr=lr)

    @pydl.compile(state=[model, optimizer])
    def step(x: pydl.Tensor, y: pydl.Tensor, h: pydl.Tensor, c: pydl.Tensor) -> Any:
        scores, h, c = model(x, h, c)
        loss = mean_loss(scores, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, h.detach(), c.detach()

    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        start, losses = time.perf_counter(), []
        h, c = model.initial_state(streams)
        # The streams begin elsewhere each time, so that the text is cut at other positions.
        turned = np.roll(codes, rng.integers(len(codes)))
        steps = (len(codes) // streams - 1) // length
        for number, (x, y) in enumerate(parts(turned, streams, length)):
            optimizer.lr = lr * (1 - (epoch + number / steps) / epochs)
            loss, h, c = step(x, y, h, c)
            losses.append(loss)
        bits = float(np.mean([loss.item() for loss in losses])) / math.log(2)
        seconds = time.perf_counter() - start
        print(f"epoch {epoch + 1}/{epochs}: {bits:.3f} bits per character, {seconds:.0f} s")


def bits_per_character(
    model: CharacterModel, codes: Codes, streams: int = 16, length: int = 128
) -> float:
    """How many bits each character of a text takes, given those before it."""

    @pydl.compile(state=model)
    def measure(x: pydl.Tensor, y: pydl.Tensor, h: pydl.Tensor, c: pydl.Tensor) -> Any:
        with pydl.no_grad():
            scores, h, c = model(x, h, c)
            return mean_loss(scores, y), h, c

    losses = []
    h, c = model.initial_state(streams)
    for x, y in parts(codes, streams, length):
        loss, h, c = measure(x, y, h, c)
        losses.append(loss.item())
    return float(np.mean(losses)) / math.log(2)


def write(
    model: CharacterModel,
    vocabulary: Vocabulary,
    opening: str,
    length: int,
    temperature: float,
    seed: int = 0,
) -> str:
    """Continue a text by characters drawn at random; the colder, the safer each choice."""

    @pydl.compile(state=model)
    def following(x: pydl.Tensor, h: pydl.Tensor, c: pydl.Tensor) -> Any:
        with pydl.no_grad():
            scores, h, c = model(x, h, c)
            return pydl.softmax(scores[-1, 0] / temperature, axis=-1), h, c

    rng = np.random.default_rng(seed)
    codes = vocabulary.encode(CharacterTokenizer()(opening))
    chances, h, c = following(codes[:, None], *model.initial_state(1))
    written = []
    for _ in range(length):
        chosen = np.searchsorted(np.cumsum(chances.numpy().astype(np.float64)), rng.random())
        written.append(min(int(chosen), len(vocabulary) - 1))
        chances, h, c = following(np.array([[written[-1]]]), h, c)
    return opening + "".join(vocabulary.decode(written))


def main(epochs: int = 10, limit: int | None = None, hidden: int = 256, seed: int = 0) -> float:
    """Train, print three samples, and return the bits per character of the held-out novel."""
    novels = pydl.datasets.load_austen()
    held_out = novels.pop(HELD_OUT)[:limit]
    text = "".join(novels.values())[:limit]
    tokenizer = CharacterTokenizer()
    # The alphabet is all that is known of the held-out novel.
    vocabulary = Vocabulary(tokenizer(text + held_out), padding=None, unknown=None)
    print(f"{len(text)} characters to learn, {len(held_out)} to test, {len(vocabulary)} different")

    pydl.manual_seed(seed)
    model = CharacterModel(len(vocabulary), hidden=hidden)
    train(model, vocabulary.encode(tokenizer(text)), epochs, seed=seed)
    bits = bits_per_character(model, vocabulary.encode(tokenizer(held_out)))
    print(f"{HELD_OUT}: {bits:.3f} bits per character")

    known = "".join(character for character in OPENING if character in vocabulary)
    for temperature in (0.5, 0.8, 1.1):
        print(f"\n--- temperature {temperature}")
        print(write(model, vocabulary, known, 300, temperature, seed))
    return bits


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--limit", type=int, help="use so many characters of each part only")
    parser.add_argument("--hidden", type=int, default=256, help="units of the LSTM")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
