"""Films of digits that move: several inputs and outputs, merged by plain functions.

A film shows a digit that drifts to the left, to the right, or stays, in the dark or in bright
light; the light is a second input. The network answers two questions: which digit, and where it
went. `TimeDistributed` applies one convolutional network to all frames; what it says of them is
merged by functions of tensors, means, differences and `concat`, in `forward`. Needs the digits that
`pydl.datasets.load_digits` reads.

    python examples/digit_films.py

With the defaults, in 5 seconds: 0.904 of 1,000 digits of the test films are named rightly, and
0.999 of their drifts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

import pydl
from pydl import nn

Array = npt.NDArray[Any]

FRAMES = 4
SHIFTS = (-3, 0, 3)  # pixels from frame to frame: to the left, none, to the right


def films(images: Array, labels: Array, seed: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """Make inputs {film (N, T, 1, 28, 28), light (N, 1)} and targets {digit (N,), drift (N,)}."""
    rng = np.random.default_rng(seed)
    drift = rng.integers(0, len(SHIFTS), len(images))
    light = rng.uniform(0.2, 1.0, (len(images), 1)).astype(np.float32)
    film = np.zeros((len(images), FRAMES, 1, 28, 28), np.float32)
    for i, image in enumerate(images):
        for frame in range(FRAMES):
            film[i, frame, 0] = np.roll(image, SHIFTS[drift[i]] * frame, axis=1) * light[i]
    return {"film": film, "light": light}, {"digit": labels, "drift": drift}


class Watcher(pydl.Model):
    """From a film and its light to logits of the digit (N, 10) and of the drift (N, 3)."""

    def __init__(self, features: int = 64) -> None:
        super().__init__()
        frame = nn.Sequential(
            nn.Conv2d(1, 8, 5, stride=2), nn.ReLU(), nn.Conv2d(8, 16, 5, stride=2), nn.ReLU(),
            nn.Flatten(), nn.Linear(16 * 4 * 4, features), nn.ReLU(),
        )  # fmt: skip
        self.look = nn.TimeDistributed(frame)
        self.gain = nn.Linear(1, features)
        self.digit = nn.Linear(features, 10)
        self.drift = nn.Sequential(nn.Linear(2 * features, 32), nn.ReLU(), nn.Linear(32, 3))

    def forward(self, film: pydl.Tensor, light: pydl.Tensor) -> dict[str, pydl.Tensor]:
        seen = self.look(film)  # (N, T, features)
        seen = seen * self.gain(light).unsqueeze(1)  # merged with the light: a product
        first, last = seen[:, 0], seen[:, -1]
        return {
            "digit": self.digit(seen.mean(axis=1)),
            "drift": self.drift(pydl.concat([last - first, first + last], axis=1)),
        }


def main(epochs: int = 6, limit: int | None = None) -> dict[str, float]:
    """Train on films of the training images; return the accuracies on those of test images."""
    pydl.manual_seed(0)
    train, test = pydl.datasets.load_digits()
    x, y = films(train[0][:limit], train[1][:limit], seed=0)
    model = Watcher()
    model.compile(
        "adam",
        {"digit": "cross_entropy", "drift": "cross_entropy"},
        {"digit": ["accuracy"], "drift": ["accuracy"]},
        loss_weights={"digit": 1.0, "drift": 0.5},
        learning_rate=2e-3,
    )
    model.fit(x, y, epochs=epochs, batch_size=64, verbose=0)
    results = model.evaluate(*films(*test, seed=1), verbose=0)
    accuracies = {name: results[f"{name}_accuracy"] for name in ("digit", "drift")}
    print(f"accuracy: {accuracies['digit']:.3f} (digit), {accuracies['drift']:.3f} (drift)")
    return accuracies


if __name__ == "__main__":
    main()
