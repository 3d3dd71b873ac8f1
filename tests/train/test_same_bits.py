"""Whole trainings give the same bits for any number of threads, and from run to run.

Work is cut by shapes alone, and what is summed up in parts is summed up in their order. The shapes
here are large enough for several parts, in every kind of kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.nn import functional as F

STEPS = 3


@pytest.fixture(autouse=True)
def restored_threads() -> Iterator[None]:
    before = pydl.get_num_threads()
    yield
    pydl.set_num_threads(before)


class Recurrent(nn.Module):
    """An LSTM and a GRU over sequences of several lengths, and attention over the result."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(300, 48)
        self.lstm = nn.LSTM(48, 64, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(128, 64, batch_first=True)
        self.head = nn.Linear(64, 7)

    def forward(self, tokens: pydl.Tensor, lengths: pydl.Tensor) -> pydl.Tensor:
        h, _ = self.lstm(self.embed(tokens), lengths=lengths)
        h, _ = self.gru(h, lengths=lengths)
        scores: pydl.Tensor = self.head(h.mean(axis=1))
        return scores


class Attention(nn.Module):
    """A Transformer's encoder on rows of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.TransformerEncoderLayer(64, 4, 128, batch_first=True)
        self.head = nn.Linear(64, 7)

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        scores: pydl.Tensor = self.head(self.encoder(x).mean(axis=1))
        return scores


class Volumes(nn.Module):
    """Convolutions over one and three spatial axes."""

    def __init__(self) -> None:
        super().__init__()
        self.volume = nn.Conv3d(2, 24, 3, padding=1)
        self.line = nn.Conv1d(24, 32, 5, stride=2)
        self.head = nn.Linear(32, 7)

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        h = F.relu(self.volume(x)).flatten(2)
        scores: pydl.Tensor = self.head(F.relu(self.line(h)).mean(axis=2))
        return scores


def mlp() -> nn.Module:
    return nn.Sequential(
        nn.Linear(300, 512), nn.ReLU(), nn.LayerNorm(512), nn.Dropout(0.2), nn.Linear(512, 7)
    )


def cnn() -> nn.Module:
    """First layer of few channels, Winograd's, strided, depthwise, and 1 x 1 convolutions."""
    return nn.Sequential(
        *(nn.Conv2d(3, 8, 5, padding=2), nn.ReLU(), nn.Conv2d(8, 32, 3, padding=1)),
        *(nn.BatchNorm2d(32), nn.ReLU(), nn.Conv2d(32, 32, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.BatchNorm2d(64), nn.ReLU()),
        *(nn.Conv2d(64, 64, 3, padding=1, groups=64), nn.ReLU(), nn.Conv2d(64, 64, 1), nn.ReLU()),
        *(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(64 * 36, 7)),
    )


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


def lengths(count: int, longest: int) -> np.ndarray:
    return np.random.default_rng(4).integers(1, longest + 1, count)


TRAININGS: dict[str, tuple[Callable[[], nn.Module], tuple[np.ndarray, ...]]] = {
    "mlp": (mlp, (normal(96, 300),)),
    "cnn": (cnn, (normal(10, 3, 24, 24),)),
    "volumes": (Volumes, (normal(6, 2, 12, 12, 12),)),
    "recurrent": (
        Recurrent,
        (np.random.default_rng(5).integers(0, 300, (24, 20)), lengths(24, 20)),
    ),
    "transformer": (Attention, (normal(16, 40, 64),)),
}


def train(
    name: str, threads: int, compiled: bool, without: tuple[str, ...] = ()
) -> dict[str, bytes]:
    """The bytes of everything that a training has changed."""
    pydl.set_num_threads(threads)
    pydl.manual_seed(11)
    make, data = TRAININGS[name]
    model = make()
    update = pydl.optim.Adam(model.parameters(), lr=0.01)
    inputs = [pydl.tensor(array) for array in data]
    targets = pydl.tensor(np.random.default_rng(6).integers(0, 7, len(data[0])))

    def step(*arguments: pydl.Tensor) -> pydl.Tensor:
        loss = F.cross_entropy(model(*arguments[:-1]), arguments[-1])
        update.zero_grad()
        loss.backward()
        update.step()
        return loss

    run = pydl.compile(step, state=[model, update], without=without) if compiled else step
    losses = [run(*inputs, targets).detach().numpy().tobytes() for _ in range(STEPS)]
    state = {key: value.numpy().tobytes() for key, value in model.state_dict().items()}
    return {**state, "losses": b"".join(losses)}


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("name", TRAININGS)
def test_any_number_of_threads(name: str, compiled: bool) -> None:
    expected = train(name, 1, compiled)
    for threads in (1, 2, 3, 4):
        found = train(name, threads, compiled)
        differ = [key for key in expected if found[key] != expected[key]]
        assert differ == [], f"{threads} threads"


@pytest.mark.parametrize("name", TRAININGS)
def test_compiled_steps_add_up_as_eager_ones(name: str) -> None:
    """Sums that are joined to the work before them are cut in other places; others are not."""
    expected = train(name, 2, False)
    found = train(name, 2, True, without=("fuse_reductions",))
    assert [key for key in expected if found[key] != expected[key]] == []


def test_bfloat16() -> None:
    x, w = (pydl.tensor(normal(*shape)) for shape in ((12, 32, 20, 20), (48, 32, 3, 3)))

    def gradients(threads: int) -> list[bytes]:
        pydl.set_num_threads(threads)
        operands = [operand.astype("bfloat16").detach() for operand in (x, w)]
        for operand in operands:
            operand.requires_grad = True
        y = F.relu(F.conv2d(operands[0], operands[1], stride=2, padding=1))
        found = pydl.grad(y.astype("float32").sum(), operands)
        return [tensor.astype("float32").numpy().tobytes() for tensor in (y.detach(), *found)]

    expected = gradients(1)
    assert all(gradients(threads) == expected for threads in (2, 3, 4))
