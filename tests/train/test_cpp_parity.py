"""Networks trained by a program of the C++ API and by Python: the same bits, in files of one form.

PYDL_CPP_TESTS names the folder of the built C++ tests; that of the preset `release` is the default.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

import pydl
from pydl import nn

FOLDER = Path(
    os.environ.get("PYDL_CPP_TESTS", Path(__file__).parents[2] / "build" / "release" / "tests/cpp")
)
PROGRAM = FOLDER / "parity"

pytestmark = pytest.mark.skipif(
    not PROGRAM.exists(), reason=f"the C++ tests are not built: there is no {PROGRAM}"
)


class Convolutional(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 8, 3, padding="same")
        self.norm = nn.BatchNorm2d(8)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2, groups=2)
        self.out = nn.Linear(4 * 64, 3)

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        pooled = nn.functional.max_pool2d(pydl.relu(self.norm(self.conv(x))), 2)
        result: pydl.Tensor = self.out(pydl.relu(self.up(pooled)).reshape((x.shape[0], -1)))
        return result


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(7, 6, padding_idx=0)
        self.lstm = nn.LSTM(6, 5, num_layers=2, bidirectional=True, batch_first=True)
        self.norm = nn.LayerNorm(10)
        self.gru = nn.GRU(10, 4, batch_first=True)
        self.out = nn.Linear(4, 3)

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        steps, _ = self.lstm(self.words(x))
        _, h = self.gru(self.norm(steps))
        result: pydl.Tensor = self.out(h.reshape((x.shape[0], 4)))
        return result


def make(network: str) -> tuple[Any, Any, tuple[pydl.Tensor, pydl.Tensor]]:
    """Return model, optimiser and data as the program has them."""
    pydl.manual_seed(3)
    generator = pydl.Generator(9)
    if network == "convolutional":
        model: Any = Convolutional()
        x = pydl.normal((24, 2, 8, 8), generator=generator)
        optimizer: Any = pydl.optim.SGD(
            model.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01
        )
    else:
        model = Recurrent()
        x = pydl.randint(0, 7, (24, 5), generator=generator)
        optimizer = pydl.optim.Adam(model.parameters(), lr=0.01)
    return model, optimizer, (x, pydl.randint(0, 3, (24,), generator=generator))


def train(model: Any, optimizer: Any, data: tuple[pydl.Tensor, pydl.Tensor], mode: str) -> None:
    def step(x: pydl.Tensor, y: pydl.Tensor) -> None:
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        optimizer.zero_grad()

    run = pydl.compile(step, state=[model, optimizer]) if mode == "compiled" else step
    loader = pydl.data.DataLoader(data, batch_size=10, shuffle=True, drop_last=True, seed=4)
    for _ in range(2):
        for x, y in loader:
            run(x, y)


def bits(tensors: dict[str, pydl.Tensor]) -> dict[str, Any]:
    return {
        name: (t.dtype.name, t.shape, t.detach().numpy().tobytes()) for name, t in tensors.items()
    }


def make_optimizer(name: str, model: Any) -> Any:
    """Return an optimiser by the name of its update, as the program has it."""
    kinds = {k.lower(): v for k, v in vars(pydl.optim).items() if isinstance(v, type)}
    options: dict[str, Any] = {
        "sgd": {"weight_decay": 0.1, "decoupled_weight_decay": True, "maximize": True},
        "rmsprop": {"momentum": 0.5, "centered": True},
        "adam": {"amsgrad": True, "clip_norm": 0.01},
    }.get(name, {})
    parameters = [p for p in model.parameters() if name != "muon" or p.ndim == 2]
    return kinds[name](parameters, **options)


CASES = [("convolutional", None), ("recurrent", None)] + [
    ("recurrent", name)
    for name in (
        *("sgd", "rmsprop", "adam", "adagrad", "adadelta", "adamax", "nadam", "radam", "rprop"),
        *("lion", "lamb", "muon"),
    )
]


@pytest.mark.parametrize("mode", ["eager", "compiled"])
@pytest.mark.parametrize(("network", "kind"), CASES)
def test_python_and_cpp_train_alike(
    network: str, kind: str | None, mode: str, tmp_path: Path
) -> None:
    model, optimizer, data = make(network)
    if kind is not None:
        optimizer = make_optimizer(kind, model)
    initial = {name: tensor.copy() for name, tensor in model.state_dict().items()}
    train(model, optimizer, data, mode)
    pydl.save(tmp_path / "python.safetensors", model)
    pydl.save(tmp_path / "python_optimizer.safetensors", optimizer)

    library = f"{Path(pydl.__file__).parent}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    threads = str(pydl.get_num_threads())
    subprocess.run(
        [PROGRAM, tmp_path, network, mode, *([kind] if kind else [])],
        check=True,
        env={**os.environ, "LD_LIBRARY_PATH": library, "PYDL_NUM_THREADS": threads},
    )
    assert bits(pydl.load(tmp_path / "initial.safetensors")) == bits(initial)
    trained = pydl.load(tmp_path / "trained.safetensors")
    assert bits(trained) == bits(model.state_dict())
    state = pydl.load(tmp_path / "optimizer.safetensors")
    assert bits(state) == bits(optimizer.state_dict())

    # Python goes on with what C++ wrote, and C++ with what Python wrote.
    other, other_optimizer, _ = make(network)
    if kind is not None:
        other_optimizer = make_optimizer(kind, other)
    other.load_state_dict(trained)
    other_optimizer.load_state_dict(state)
    train(other, other_optimizer, data, mode)
    assert bits(pydl.load(tmp_path / "continued.safetensors")) == bits(other.state_dict())
