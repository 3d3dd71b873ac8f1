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
from pydl.training import Callback

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


class Images:
    """Batches in random order, each image mirrored or not, and shifted by up to 2 pixels."""

    def __init__(self, images: Array, labels: Array, batch_size: int, seed: int = 0) -> None:
        self.images = np.pad(images, [(0, 0), (2, 2), (2, 2)])
        self.labels, self.batch_size = labels, batch_size
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.labels) // self.batch_size

    def __iter__(self) -> Iterator[tuple[pydl.Tensor, pydl.Tensor]]:
        order = self.rng.permutation(len(self.labels))
        for step in range(len(self)):
            chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
            top, left = self.rng.integers(0, 5, 2)
            batch = self.images[chosen, top : top + 28, left : left + 28]
            mirrored = self.rng.random(len(chosen)) < 0.5
            batch[mirrored] = batch[mirrored, :, ::-1]
            yield pydl.tensor(batch[:, None]), pydl.tensor(self.labels[chosen])


class HalfCosine(Callback):
    """Lower the learning rate from epoch to epoch along a half cosine (Loshchilov, 2017)."""

    def __init__(self, lr: float, epochs: int) -> None:
        self.lr, self.epochs = lr, epochs
        self.start = time.perf_counter()

    def on_epoch_begin(self, epoch: int) -> None:
        """Set the rate of this epoch."""
        assert self.model.optimizer is not None
        self.model.optimizer.lr = self.lr * 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        """Say how long training has taken."""
        print(f"  after {time.perf_counter() - self.start:.0f} s")


def main(epochs: int = 15, limit: int | None = None, seed: int = 0) -> float:
    """Train, and return the accuracy on the test images."""
    train, test = pydl.datasets.load_fashion_mnist()
    train, test = (train[0][:limit], train[1][:limit]), (test[0][:limit], test[1][:limit])
    pydl.manual_seed(seed)
    model = network()
    lr = 2e-3
    model.compile(
        pydl.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01),
        "cross_entropy",
        ["accuracy"],
    )
    model.summary((1, 28, 28))
    model.fit(
        Images(*train, batch_size=128, seed=seed),
        epochs=epochs,
        validation_data=(test[0][:, None], test[1]),
        callbacks=[HalfCosine(lr, epochs)],
    )
    accuracy = model.evaluate(test[0][:, None], test[1], verbose=0)["accuracy"]
    print(f"test accuracy: {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--limit", type=int, help="use so many images only")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
