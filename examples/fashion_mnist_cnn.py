"""Clothes: a convolutional network on the 60,000 images of Fashion-MNIST.

Two blocks of two convolutions each, batch normalisation, dropout, random mirroring and small
shifts, and a learning rate that falls along a half cosine. Needs the data set
(`pydl.datasets.load_fashion_mnist` says where it looks and fetches it from).

    python examples/fashion_mnist_cnn.py --epochs 15
"""

from __future__ import annotations

import argparse
import math

import pydl
from pydl import nn
from pydl.data import Augment, DataLoader, RandomCrop, RandomFlip
from pydl.training import Callback


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


class HalfCosine(Callback):
    """Let the learning rate fall along a half cosine (Loshchilov and Hutter, 2017)."""

    def __init__(self, optimizer: pydl.optim.Optimizer, epochs: int) -> None:
        self.optimizer, self.first, self.epochs = optimizer, optimizer.lr, epochs

    def on_epoch_begin(self, epoch: int) -> None:
        self.optimizer.lr = self.first * 0.5 * (1 + math.cos(math.pi * epoch / self.epochs))


def main(epochs: int = 15, limit: int | None = None, seed: int = 0) -> float:
    """Train, and return the accuracy on the test images."""
    (images, labels), (test_images, test_labels) = pydl.datasets.load_fashion_mnist()
    images, labels = images[:limit, None], labels[:limit]
    test = DataLoader((test_images[:limit, None], test_labels[:limit]), 256)
    # Mirrored or not, and shifted by up to 2 pixels, in the background of the training.
    augment = Augment([RandomCrop(28, padding=2), RandomFlip()], seed)
    training = DataLoader(
        (images, labels), 128, shuffle=True, drop_last=True, seed=seed, augment=augment, prefetch=2
    )
    pydl.manual_seed(seed)
    model = network()
    optimizer = pydl.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    model.compile(optimizer, "cross_entropy", ["accuracy"])
    model.summary((1, 28, 28))
    schedule = HalfCosine(optimizer, epochs)
    history = model.fit(
        training, epochs=epochs, validation_data=test, callbacks=[schedule], verbose=2
    )
    accuracy = history.history["val_accuracy"][-1]
    print(f"test accuracy: {accuracy:.4f}")
    return accuracy


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--limit", type=int, help="use so many images only")
    parser.add_argument("--seed", type=int, default=0)
    main(**vars(parser.parse_args()))
