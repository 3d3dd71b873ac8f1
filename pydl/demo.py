"""`pydl demo`: train a network on real images, look at it, save it and load it again."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import pydl
from pydl import nn
from pydl.datasets import FASHION_MNIST_CLASSES, load_digits, load_fashion_mnist
from pydl.training import Callback

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

_SHADES, _ASCII_SHADES = " ░▒▓█", " .:*#"
_LEARNING_RATE = 1e-3


class Task(NamedTuple):
    """Images and labels to learn, others to test on, and how."""

    title: str
    train: tuple[Array, Array]
    test: tuple[Array, Array]
    classes: tuple[str, ...]
    model: Callable[[], pydl.Sequential]
    epochs: int
    batch_size: int


class LinearDecay(Callback):
    """Lower the learning rate evenly from epoch to epoch."""

    def __init__(self, lr: float, epochs: int) -> None:
        self.lr, self.epochs = lr, epochs

    def on_epoch_begin(self, epoch: int) -> None:
        assert self.model.optimizer is not None
        self.model.optimizer.lr = self.lr * (1 - epoch / self.epochs)


def network(dropout: float) -> pydl.Sequential:
    """Build a small convolutional network for images (N, 1, 28, 28) of 10 classes."""
    return pydl.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(32 * 7 * 7, 128),
        nn.ReLU(),
        nn.Dropout(dropout),
        nn.Linear(128, 10),
    )


def _with_channel(images: Array) -> Array:
    """Give grey images (N, H, W) an axis of channels."""
    return images[:, None]


def digits(seed: int) -> Task:
    """4,000 digits to learn and 1,000 to test on, each digit as often."""
    train, test = load_digits(seed=seed)
    return Task(
        "MNIST subset",
        (_with_channel(train[0]), train[1]),
        (_with_channel(test[0]), test[1]),
        tuple("0123456789"),
        lambda: network(dropout=0.3),
        epochs=15,
        batch_size=64,
    )


def fashion_mnist() -> Task:
    """Learn the 60,000 training images, test on the 10,000 others."""
    train, test = load_fashion_mnist()
    return Task(
        "Fashion-MNIST",
        (_with_channel(train[0]), train[1]),
        (_with_channel(test[0]), test[1]),
        FASHION_MNIST_CLASSES,
        lambda: network(dropout=0.25),
        epochs=10,
        batch_size=128,
    )


def run(data: str, epochs: int | None, seed: int, output: Path) -> float:
    """Run the demonstration; returns the test accuracy.

    Raises
    ------
    OSError
        When the data are not found or `output` cannot be written.
    """
    output.mkdir(parents=True, exist_ok=True)
    task = digits(seed) if data == "digits" else fashion_mnist()
    epochs = task.epochs if epochs is None else epochs
    print(f"{task.title}: {len(task.train[1]):,} training and {len(task.test[1]):,} test images")
    pydl.manual_seed(seed)
    model = task.model()
    model.compile(
        pydl.optim.Adam(model.parameters(), lr=_LEARNING_RATE), "cross_entropy", ["accuracy"]
    )
    model.summary(task.train[0].shape[1:])
    start = time.perf_counter()
    history = model.fit(
        *task.train,
        epochs=epochs,
        batch_size=task.batch_size,
        callbacks=[LinearDecay(_LEARNING_RATE, epochs)],
    )
    print(f"trained {len(history.epochs)} epochs in {time.perf_counter() - start:.1f} s")
    accuracy = model.evaluate(*task.test, batch_size=256, verbose=0)["accuracy"]
    print(f"test accuracy: {accuracy:.4f}")

    predicted = _save_and_load(model, task, output / f"{data}.safetensors")
    print()
    _show(task, predicted, seed)
    _draw(history, task, predicted, output)
    return accuracy


def _save_and_load(model: pydl.Sequential, task: Task, path: Path) -> Array:
    """Check that a model read from a file predicts the same; returns the predicted classes."""
    model.save(path)
    loaded = task.model()
    loaded.load(path)
    expected = model.predict(task.test[0]).numpy()
    if not np.array_equal(expected, loaded.predict(task.test[0]).numpy()):
        raise RuntimeError(f"demo: the model loaded from {path} predicts something else")
    print(f"saved the model to {path}; loaded again, it predicts the same")
    classes: Array = expected.argmax(axis=1)
    return classes


def _show(task: Task, predicted: Array, seed: int) -> None:
    """Print a few test images in two rows, each with its prediction."""
    images, labels = task.test
    width = images.shape[3]
    in_row = max(1, min(4, shutil.get_terminal_size().columns // (width + 2)))
    chosen = np.random.default_rng(seed).choice(len(labels), size=2 * in_row, replace=False)
    for row in (chosen[:in_row], chosen[in_row:]):
        for line in zip(*(_picture(images[i, 0]) for i in row), strict=True):
            print("  ".join(line).rstrip())
        captions = []
        for i in row:
            name = task.classes[predicted[i]]
            right = predicted[i] == labels[i]
            caption = name if right else f"{name}, but is {task.classes[labels[i]]}"
            captions.append(caption[:width].ljust(width))
        print("  ".join(captions).rstrip() + "\n")


def _picture(image: Array) -> list[str]:
    """Lines of characters, denser for brighter pixels; two rows of pixels make one line."""
    shades = _SHADES
    try:
        shades.encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        shades = _ASCII_SHADES
    rows = image.reshape(image.shape[0] // 2, 2, image.shape[1]).mean(axis=1)
    levels = np.minimum((rows * len(shades)).astype(int), len(shades) - 1)
    return ["".join(shades[level] for level in line) for line in levels]


def _draw(history: pydl.training.History, task: Task, predicted: Array, output: Path) -> None:
    """Write history.png and confusion.png, or say what is missing for that."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print("no pictures: they need matplotlib, pip install 'pydl-core[demo]'")
        return
    written = []
    if history.epochs:
        history.plot(output / "history.png")
        written.append("history.png")
    counts = np.zeros((len(task.classes), len(task.classes)), dtype=int)
    np.add.at(counts, (task.test[1], predicted), 1)
    figure = Figure(figsize=(6.5, 6), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(counts, cmap="Blues")
    for (row, column), value in np.ndenumerate(counts):
        color = "white" if value > counts.max() / 2 else "black"
        axes.text(column, row, str(value), ha="center", va="center", color=color, fontsize=8)
    axes.set_xticks(range(len(task.classes)), task.classes, rotation=45, ha="right")
    axes.set_yticks(range(len(task.classes)), task.classes)
    axes.set(xlabel="predicted", ylabel="label", title=f"{task.title}: test images")
    figure.savefig(output / "confusion.png", dpi=120)
    print(f"wrote {' and '.join([*written, 'confusion.png'])} to {output.resolve()}")
