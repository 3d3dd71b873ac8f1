"""Train a small CNN on half of the digits; write it as a program, and the other half as data."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import pydl
from pydl import nn
from pydl.datasets import load_digits


def main() -> None:
    """Write program.pydl and data.safetensors to a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--samples", type=int, default=4000)
    options = parser.parse_args()
    pydl.manual_seed(0)
    (images, labels), _ = load_digits(seed=0)
    images = images[: options.samples, None].astype(np.float32)
    labels = labels[: options.samples].astype(np.int64)
    half = len(images) // 2
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.MaxPool2d(4),
        nn.Flatten(),
        nn.Dropout(0.1),
        nn.Linear(8 * 7 * 7, 10),
    )
    model.compile("adam", "cross_entropy", ["accuracy"])
    model.fit(images[:half], labels[:half], epochs=1)
    model.save(options.folder / "program.pydl", class_names=[str(i) for i in range(10)])
    pydl.save(options.folder / "data.safetensors", {"x": images[half:], "target": labels[half:]})


if __name__ == "__main__":
    main()
