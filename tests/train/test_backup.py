"""BackupAndRestore: trainings that are killed anywhere go on with the bits of whole ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.data import DataLoader, WeightedRandomSampler
from pydl.text import BucketBatchSampler
from pydl.training import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    WeightAveraging,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.int64)

LOADERS: dict[str, Callable[[], DataLoader]] = {
    "in order": lambda: DataLoader((X, Y), 8),
    "default generator": lambda: DataLoader((X, Y), 8, shuffle=True),
    "seed": lambda: DataLoader((X, Y), 8, shuffle=True, seed=3),
    "batches made ahead": lambda: DataLoader((X, Y), 8, shuffle=True, prefetch=3),
    "without the rest": lambda: DataLoader((X, Y), 8, shuffle=True, drop_last=True),
    "weights": lambda: DataLoader((X, Y), 8, sampler=WeightedRandomSampler(1.0 + Y, 50)),
    "weights with a seed": lambda: DataLoader(
        (X, Y), 8, sampler=WeightedRandomSampler(1.0 + Y, 55, False, seed=2)
    ),
    "buckets": lambda: DataLoader(
        (X, Y), batch_sampler=BucketBatchSampler(np.arange(60), 8, shuffle=True, window=2)
    ),
}


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))


def assert_same(a: nn.Module, b: nn.Module) -> None:
    for (name, first), second in zip(a.named_parameters(), b.parameters(), strict=True):
        np.testing.assert_array_equal(first.detach().numpy(), second.detach().numpy(), name)


class Kill(Callback):
    """Ends the process after some steps, as it were."""

    def __init__(self, steps: int) -> None:
        self.steps = steps

    def on_train_batch_end(self, batch: int) -> None:
        self.steps -= 1
        if self.steps == 0:
            raise InterruptedError


def train(folder: Path, make: Any = None, kill: int | None = None, **options: Any) -> Any:
    """Train until killed; returns model, history and the callbacks that remember something."""
    pydl.manual_seed(0)
    model = network()
    model.compile(pydl.optim.Adam(model.parameters(), lr=0.05), "cross_entropy", ["accuracy"])
    averaged = nn.AveragedModel(model, decay=0.9)
    schedule = pydl.optim.lr_scheduler.ExponentialLR(model.optimizer, 0.9)
    others = [
        EarlyStopping("loss", patience=9, restore_best_weights=False),
        ReduceLROnPlateau("loss", patience=1, min_delta=0.01),
        ModelCheckpoint(folder / "best.safetensors", "loss", save_best_only=True),
        LearningRateScheduler(schedule, every="step"),
        WeightAveraging(averaged),
        CSVLogger(folder / "log.csv"),
    ]
    backup = BackupAndRestore(folder / "backup", **options)
    data = {"x": X, "y": Y, "batch_size": 8} if make is None else {"x": make()}
    # It is called last, wherever it is in the list.
    callbacks = [backup, *others, Kill(-1 if kill is None else kill)]
    history = model.fit(**data, epochs=4, callbacks=callbacks, verbose=0)
    return model, history, others, averaged


def states(others: Any) -> Any:
    found = [{k: v.tolist() for k, v in each.state_dict().items()} for each in others]
    return found[:-1]  # without the size of the table, which seconds do not change but folders do


@pytest.mark.parametrize("make", [None, *LOADERS.values()], ids=["arrays", *LOADERS])
@pytest.mark.parametrize("kill", [1, 8, 9, 21])
def test_killed_within_an_epoch(make: Callable[[], Any] | None, kill: int, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    whole, history, others, averaged = train(tmp_path / "whole", make)
    with pytest.raises(InterruptedError):
        train(tmp_path, make, kill)
    resumed, after, again, averaged_again = train(tmp_path, make)
    assert_same(whole, resumed)
    assert_same(averaged, averaged_again)
    assert states(others) == states(again)
    first = after.epochs[0]
    assert after.epochs[-1] == 3 and first == (kill - 1) // steps(make)
    for name, values in history.history.items():
        assert after.history[name] == values[first:]
    assert (tmp_path / "log.csv").read_text() == (tmp_path / "whole" / "log.csv").read_text()
    assert not (tmp_path / "backup" / "training.safetensors").exists()


def steps(make: Any) -> int:
    return 8 if make is None else len(make())


@pytest.mark.parametrize("name", ["default generator", "batches made ahead", "buckets"])
@pytest.mark.parametrize("kill", [2, 3, 8, 9, 20])
def test_killed_between_saved_steps(name: str, kill: int, tmp_path: Path) -> None:
    make = LOADERS[name]
    (tmp_path / "whole").mkdir()
    whole, expected, others, averaged = train(tmp_path / "whole", make)
    for steps in (kill, 5):  # killed once, and again when it has gone on
        with pytest.raises(InterruptedError):
            train(tmp_path, make, steps, save_freq=2)
    resumed, history, again, averaged_again = train(tmp_path, make, save_freq=2)
    assert_same(whole, resumed)
    assert_same(averaged, averaged_again)
    assert states(others) == states(again)
    first = history.epochs[0]
    assert history.history["loss"] == expected.history["loss"][first:]
    assert history.history["accuracy"] == pytest.approx(expected.history["accuracy"][first:])
    assert (tmp_path / "log.csv").read_text() == (tmp_path / "whole" / "log.csv").read_text()


def test_ctrl_c_keeps_the_backup(tmp_path: Path) -> None:
    import signal

    class Interrupt(Callback):
        def on_epoch_begin(self, epoch: int) -> None:
            self.epoch = epoch

        def on_train_batch_end(self, batch: int) -> None:
            if self.epoch == 2:
                signal.raise_signal(signal.SIGINT)

    model = network()
    model.compile("sgd")
    options: Any = {"verbose": 0, "epochs": 4}
    backup = BackupAndRestore(tmp_path)
    interrupted = model.fit(X, Y, callbacks=[Interrupt(), backup], **options)
    assert interrupted.epochs == [0, 1] and (tmp_path / "training.safetensors").exists()
    other = nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2))
    other.compile("sgd")
    before = other.state_dict()["0.weight"].tolist()
    with pytest.raises(ValueError, match=r"(?s)backup of another training: .*; delete it to"):
        other.fit(X, Y, callbacks=[Interrupt(), BackupAndRestore(tmp_path)], **options)
    assert other.state_dict()["0.weight"].tolist() == before
    # Callbacks without a state may be others.
    assert model.fit(X, Y, callbacks=backup, **options).epochs == [2, 3]
    assert model.fit(X, Y, callbacks=backup, **options).epochs == [0, 1, 2, 3]


def test_a_kept_backup_ends_the_next_training(tmp_path: Path) -> None:
    model = network()
    model.compile("sgd")
    backup = BackupAndRestore(tmp_path, delete_checkpoint=False)
    model.fit(X, Y, epochs=2, callbacks=backup, verbose=0)
    assert model.fit(X, Y, epochs=2, callbacks=backup, verbose=0).epochs == []
    assert model.fit(X, Y, epochs=3, callbacks=backup, verbose=0).epochs == [2]


def test_stopped_trainings_are_finished(tmp_path: Path) -> None:
    model = network()
    model.compile("sgd")
    stop = EarlyStopping("loss", min_delta=1e9)
    callbacks = [stop, BackupAndRestore(tmp_path)]
    assert model.fit(X, Y, epochs=9, callbacks=callbacks, verbose=0).epochs == [0, 1]
    assert list(tmp_path.iterdir()) == []


def test_options(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="BackupAndRestore: expected save_freq, unless 'epoch'"):
        BackupAndRestore(tmp_path, save_freq=0)


@pytest.mark.parametrize("stop", [0, 1, 3])
def test_averages_go_on(stop: int, tmp_path: Path) -> None:
    """Those whose totals are sums, and those that keep every sample."""
    from pydl.training.layout import flat_layout
    from pydl.training.metrics import Averages
    from pydl.training.sources import Source

    model = network()
    model.compile("sgd", "cross_entropy", ["accuracy", "auc", "f1_macro"])
    objective = model.trainer._objective
    whole, halves = Averages(objective), [Averages(objective) for _ in range(2)]
    with pydl.no_grad():
        for number in range(4):
            x, y = pydl.asarray(X[15 * number :][: 15 - number]), pydl.asarray(Y[15 * number :])
            options = model.trainer._options(Source())(flat_layout(2))
            values = model.trainer._evaluation_step((x, y[: 15 - number]), options)
            if number == stop:
                pydl.save(tmp_path / "state", halves[0].state_dict())
                halves[1].load_state_dict(pydl.load(tmp_path / "state"))
                assert halves[1].batches == stop
            for averages in (whole, halves[number >= stop]):
                averages.add(values, 15 - number)
    assert halves[1].result() == pytest.approx(whole.result(), rel=1e-12)
    assert halves[1].batches == 4
