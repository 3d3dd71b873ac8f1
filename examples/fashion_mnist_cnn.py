"""Clothes: a convolutional network on the 60,000 images of Fashion-MNIST.

Two blocks of two convolutions each, batch normalisation, dropout, random mirroring and small
shifts, and a learning rate that falls along a half cosine. Needs the data set
(`pydl.datasets.load_fashion_mnist` says where it looks and fetches it from).

    python examples/fashion_mnist_cnn.py --epochs 15
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

Array = npt.NDArray[Any]


def block(inputs: int, outputs: int, dropout: float) -> list[nn.Module]:
    """Two 3x3 convolutions, then half the height and width."""
    return [
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Dropout2d(dropout),
    ]


def network() -> pydl.Sequential:
    """From images (N, 1, 28, 28) to scores of 10 classes."""
    return pydl.Sequential(
        *block(1, 32, 0.1),
        *block(32, 64, 0.2),
        nn.Flatten(),
        nn.Linear(64 * 7 * 7, 256, bias=False),
        nn.BatchNorm1d(256),
        nn.ReLU(),
        nn.Dropout(0.4),
        nn.Linear(256, 10),
    )


def batches(
    images: Array, labels: Array, size: int, rng: np.random.Generator
) -> Iterator[tuple[pydl.Tensor, pydl.Tensor]]:
    """Batches in random order, images mirrored or not, and shifted by up to 2 pixels."""
    padded = np.pad(images, [(0, 0), (2, 2), (2, 2)])
    order = rng.permutation(len(labels))
    for begin in range(0, len(order) - size + 1, size):
        chosen = order[begin : begin + size]
        top, left = rng.integers(0, 5, 2)
        batch = padded[chosen, top : top + 28, left : left + 28]
        mirrored = rng.random(size) < 0.5
        batch[mirrored] = batch[mirrored, :, ::-1]
        yield pydl.tensor(batch[:, None]), pydl.tensor(labels[chosen])


def main(epochs: int = 15, limit: int | None = None, seed: int = 0) -> float:
    """Train, and return the accuracy on the test images."""
    (images, labels), (test_images, test_labels) = pydl.datasets.load_fashion_mnist()
    images, labels = images[:limit], labels[:limit]
    test_images, test_labels = test_images[:limit, None], test_labels[:limit]
    pydl.manual_seed(seed)
    rng = np.random.default_rng(seed)
    model = network()
    lr = 2e-3
    optimizer = pydl.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)
    model.compile(optimizer, "cross_entropy", ["accuracy"])
    model.summary((1, 28, 28))

    @pydl.compile(state=[model, optimizer])
    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    start = time.perf_counter()
    accuracy = 0.0
    for epoch in range(epochs):
        # A half cosine (Loshchilov and Hutter, 2017).
        optimizer.lr = lr * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
        model.train()
        losses = [step(x, y).item() for x, y in batches(images, labels, 128, rng)]
        accuracy = model.evaluate(test_images, test_labels, batch_size=256, verbose=0)["accuracy"]
        print(
            f"epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}, test accuracy "
            f"{accuracy:.4f}, {time.perf_counter() - start:.0f} s",
            flush=True,
        )
    print(f"test accuracy: {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--limit", type=int, help="use so many images only")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
