"""The trainer, schedules and L-BFGS of C++ beside Python's: the same bits, or the same numbers.

PYDL_CPP_TESTS names the folder of the built C++ tests; that of the preset `release` is the default.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.optim import lr_scheduler

FOLDER = Path(
    os.environ.get("PYDL_CPP_TESTS", Path(__file__).parents[2] / "build" / "release" / "tests/cpp")
)
PROGRAM = FOLDER / "trainer_parity"

pytestmark = pytest.mark.skipif(
    not PROGRAM.exists(), reason=f"the C++ tests are not built: there is no {PROGRAM}"
)


def run(folder: Path, *arguments: str) -> None:
    library = f"{Path(pydl.__file__).parent}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    threads = str(pydl.get_num_threads())
    subprocess.run(
        [PROGRAM, folder, *arguments],
        check=True,
        env={**os.environ, "LD_LIBRARY_PATH": library, "PYDL_NUM_THREADS": threads},
    )


def make() -> tuple[Any, pydl.Tensor, pydl.Tensor]:
    """Return model and data as the program has them."""
    pydl.manual_seed(3)
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, 3))
    generator = pydl.Generator(9)
    x = pydl.normal((47, 4), generator=generator)
    return model, x, pydl.randint(0, 3, (47,), generator=generator)


def same_bits(written: dict[str, pydl.Tensor], model: Any) -> bool:
    own = model.state_dict()
    return sorted(written) == sorted(own) and all(
        written[name].numpy().tobytes() == own[name].detach().numpy().tobytes() for name in own
    )


@pytest.mark.parametrize("mode", ["eager", "compiled"])
def test_fit_gives_the_same_bits(mode: str, tmp_path: Path) -> None:
    model, x, y = make()
    run(tmp_path, "fit", mode)
    assert same_bits(pydl.load(tmp_path / "initial.safetensors"), model)
    optimizer = pydl.optim.Adam(model.parameters())
    other = pydl.optim.Adam([nn.Parameter(pydl.ones(1))], lr=0.01)
    schedule = lr_scheduler.CosineWithWarmup(other, 18, warmup_steps=4)
    rates = []
    for _ in range(20):
        rates.append(other.lr)
        schedule.step()
    model.compile(
        optimizer,
        "cross_entropy",
        ["accuracy"],
        learning_rate=lambda step: rates[step],
        jit=mode == "compiled",
    )
    loader = pydl.data.DataLoader((x, y), batch_size=10, shuffle=True, seed=4)
    validation = pydl.data.DataLoader((x, y), batch_size=10)
    history = model.fit(loader, epochs=4, validation_data=validation, verbose=0)
    assert same_bits(pydl.load(tmp_path / "trained.safetensors"), model)
    written = pydl.load(tmp_path / "history.safetensors")
    assert sorted(written) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    for name, values in written.items():
        # A share of right decisions in a batch is a float32 in Python.
        tolerance = 1e-7 if "accuracy" in name else 1e-15
        assert values.tolist() == pytest.approx(history.history[name], rel=tolerance), name


@pytest.mark.parametrize("how", ["search", "steps"])
def test_lbfgs_gives_the_same_bits(how: str, tmp_path: Path) -> None:
    model, x, y = make()
    run(tmp_path, "lbfgs", how)
    model.eval()
    optimizer = pydl.optim.LBFGS(
        model.parameters(),
        lr=0.5,
        max_iter=6,
        history_size=3,
        line_search_fn="strong_wolfe" if how == "search" else None,
    )

    def closure() -> pydl.Tensor:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        return loss

    losses = [optimizer.step(closure) for _ in range(4)]
    assert pydl.load(tmp_path / "history.safetensors")["loss"].tolist() == losses
    assert same_bits(pydl.load(tmp_path / "trained.safetensors"), model)


def one_after_the_other(optimizer: Any) -> Any:
    parts = [
        lr_scheduler.LinearLR(optimizer, 0.1, total_iters=4),
        lr_scheduler.ExponentialLR(optimizer, 0.8),
    ]
    return lr_scheduler.SequentialLR(optimizer, parts, milestones=[4])


SCHEDULES: dict[str, Callable[[Any], Any]] = {
    "step": lambda o: lr_scheduler.StepLR(o, 3, 0.3),
    "multi_step": lambda o: lr_scheduler.MultiStepLR(o, [2, 5, 5, 11], 0.3),
    "exponential": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "linear": lambda o: lr_scheduler.LinearLR(o, 0.2, 0.9, 7),
    "polynomial": lambda o: lr_scheduler.PolynomialLR(o, 9, 1.7),
    "cosine": lambda o: lr_scheduler.CosineWithWarmup(o, 15, 4, eta_min=0.01, warmup_start=0.1),
    "plain_cosine": lambda o: lr_scheduler.CosineWithWarmup(o, 15),
    "restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3, 2, 0.02),
    "even_restarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 4),
    "one_cycle": lambda o: lr_scheduler.OneCycleLR(o, 0.5, 20),
    "three_phases": lambda o: lr_scheduler.OneCycleLR(
        o, 0.5, 20, pct_start=0.4, anneal_strategy="linear", three_phase=True
    ),
    "sequence": one_after_the_other,
}


def test_schedules_give_the_same_rates(tmp_path: Path) -> None:
    run(tmp_path, "schedules")
    written = pydl.load(tmp_path / "rates.safetensors")
    assert sorted(written) == sorted(SCHEDULES)
    for name, make_schedule in SCHEDULES.items():
        optimizer = pydl.optim.SGD([nn.Parameter(pydl.ones(1))], lr=0.5)
        schedule = make_schedule(optimizer)
        rates = [optimizer.lr]
        for _ in range(19):
            schedule.step()
            rates.append(optimizer.lr)
        # Python multiplies the last rate in some of them, and rounds in each step.
        assert np.allclose(written[name].numpy(), rates, rtol=1e-13, atol=1e-300), name
