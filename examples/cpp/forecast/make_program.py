"""Train an LSTM to continue a tide-like series; write it as a program that takes one number a call.

Without a file of numbers, one per line, the series is made up: two tides a day of changing height,
with noise.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import pydl
from pydl import nn
from pydl.data import SeriesWindows, Standardizer


class Forecaster(pydl.Model):
    """The next number of a series, from all before it."""

    def __init__(self, units: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, units, batch_first=True)
        self.head = nn.Linear(units, 1)

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        """Return the number that follows the last of x (N, T, 1)."""
        return self.head(self.lstm(x)[0][:, -1])


def tides(hours: int) -> np.ndarray:
    """Return heights in metres, one per hour."""
    t = np.arange(hours)
    spring = 1 + 0.3 * np.cos(2 * np.pi * t / 354)
    noise = np.random.default_rng(0).normal(0, 0.05, hours)
    return spring * np.cos(2 * np.pi * t / 12.42) + noise


def main() -> None:
    """Write program.pydl and series.txt to a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--series", type=Path, help="numbers to learn from, one per line")
    parser.add_argument("--epochs", type=int, default=5)
    options = parser.parse_args()
    pydl.manual_seed(0)
    series = np.loadtxt(options.series) if options.series else tides(3000)
    scaler = Standardizer().fit(series[:, None])
    scaled = scaler.transform(series[:, None]).astype(np.float32)
    windows = SeriesWindows(scaled, length=48, horizon=1)
    x = np.stack([np.asarray(windows[i][0]) for i in range(len(windows))])
    y = np.stack([np.asarray(windows[i][1]).reshape(-1) for i in range(len(windows))])
    model = Forecaster(32)
    model.compile("adam", "mse")
    model.fit(x, y, epochs=options.epochs, batch_size=64)

    def step(value: pydl.Tensor, h: pydl.Tensor, c: pydl.Tensor) -> dict[str, pydl.Tensor]:
        output, (h, c) = model.lstm(value.expand_dims(1), (h, c))
        return {"forecast": model.head(output[:, 0]), "h": h, "c": c}

    state = pydl.zeros((1, 2, 32))
    pydl.save_program(
        options.folder / "program.pydl",
        {"step": (pydl.compile(step, state=model), (pydl.zeros((2, 1)), state, state))},
        batch_axes={"h": 1, "c": 1},
        preprocessing={"mean": float(series.mean()), "std": float(series.std())},
    )
    np.savetxt(options.folder / "series.txt", series[-200:], fmt="%.6f")


if __name__ == "__main__":
    main()
