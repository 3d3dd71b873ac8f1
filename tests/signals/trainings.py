"""Trains until a signal ends it, or for some steps, and prints a digest of the weights.

Run as ``python trainings.py KIND STEPS RATE``: KIND is a key of `TRAININGS`; RATE is how many times
a second a harmless SIGALRM arrives (0: never). "ready" is printed when training has begun.
"""

from __future__ import annotations

import hashlib
import signal
import sys
from collections.abc import Callable

import numpy as np

import pydl
from pydl import nn
from pydl.nn import functional as F
from pydl.training import Callback

X = np.random.default_rng(0).standard_normal((512, 256)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 10, 512)


class Ready(Callback):
    """Says when training has begun."""

    def __init__(self) -> None:
        self.steps = 0

    def on_train_batch_end(self, step: int) -> None:
        self.steps += 1
        if self.steps == 2:
            print("ready", flush=True)


def mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 10))


def fit(steps: int) -> nn.Module:
    """Four steps an epoch."""
    model = pydl.Sequential(*mlp())
    model.compile("adam", "cross_entropy", ["accuracy"])
    model.fit(X, Y, batch_size=128, epochs=max(steps // 4, 1), callbacks=[Ready()], verbose=0)
    return model


def loop(model: nn.Module, x: pydl.Tensor, steps: int, compiled: bool) -> nn.Module:
    optimizer = pydl.optim.SGD(model.parameters(), lr=0.01)
    y = pydl.tensor(Y[: x.shape[0]])

    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = pydl.compile(step, state=[model, optimizer]) if compiled else step
    for number in range(steps):
        run(x, y)
        if number == 2:
            print("ready", flush=True)
    return model


def compiled(steps: int) -> nn.Module:
    return loop(mlp(), pydl.tensor(X), steps, compiled=True)


class Last(nn.Module):
    """An LSTM's last state, and a layer on it."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.head = nn.LSTM(16, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        scores: pydl.Tensor = self.head(self.lstm(x)[0][:, -1])
        return scores


def lstm(steps: int) -> nn.Module:
    return loop(Last(), pydl.tensor(X[:64].reshape(64, 16, 16)), steps, compiled=False)


def cnn(steps: int) -> nn.Module:
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 64, 3, stride=2, padding=1)),
        *(nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), nn.Flatten()),
        nn.Linear(64 * 64, 10),
    )
    return loop(model, pydl.tensor(X[:64].reshape(64, 1, 16, 16)), steps, compiled=False)


TRAININGS: dict[str, Callable[[int], nn.Module]] = {
    "fit": fit,
    "compiled": compiled,
    "lstm": lstm,
    "cnn": cnn,
}


def main() -> None:
    kind, steps, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    arrived = []
    if rate > 0:
        signal.signal(signal.SIGALRM, lambda *_: arrived.append(1))
        signal.setitimer(signal.ITIMER_REAL, 1 / rate, 1 / rate)
    pydl.manual_seed(5)
    model = TRAININGS[kind](steps)
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert rate == 0 or arrived
    weights = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
    print(hashlib.sha256(weights).hexdigest())


if __name__ == "__main__":
    main()
