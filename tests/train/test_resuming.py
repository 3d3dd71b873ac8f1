"""Trainings that are stopped, saved, and resumed in another process have the bits of whole ones."""

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
from pydl.training import Callback, EarlyStopping, ModelCheckpoint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.int64)

# Loaders whose orders come from everywhere that they can come from.
LOADERS: dict[str, Callable[[], DataLoader]] = {
    "in order": lambda: DataLoader((X, Y), 8),
    "default generator": lambda: DataLoader((X, Y), 8, shuffle=True),
    "seed": lambda: DataLoader((X, Y), 8, shuffle=True, seed=3),
    "generator": lambda: DataLoader((X, Y), 8, shuffle=True, generator=pydl.Generator(4)),
    "batches made ahead": lambda: DataLoader((X, Y), 8, shuffle=True, prefetch=3),
    "without the rest": lambda: DataLoader((X, Y), 8, shuffle=True, drop_last=True),
    "subset": lambda: DataLoader(
        pydl.data.Subset(pydl.data.TensorDataset(X, Y), np.arange(50)), 8, shuffle=True
    ),
    "augmented": lambda: DataLoader((X, Y), 8, shuffle=True, augment=noisy),
    "weights": lambda: DataLoader((X, Y), 8, sampler=WeightedRandomSampler(1.0 + Y, 50)),
    "weights made ahead": lambda: DataLoader(
        (X, Y), 8, sampler=WeightedRandomSampler(1.0 + Y, 50, seed=2), prefetch=2
    ),
    "buckets": lambda: DataLoader(
        (X, Y), batch_sampler=BucketBatchSampler(np.arange(60), 8, shuffle=True, window=2)
    ),
    "buckets with a seed": lambda: DataLoader(
        (X, Y), batch_sampler=BucketBatchSampler(np.arange(60), 8, shuffle=True, seed=1)
    ),
}


def noisy(images: Any, labels: Any, *, indices: Any, epoch: int) -> tuple[Any, Any]:
    """Change images by epoch and sample, as augmentation does."""
    return images + pydl.tensor((indices * 0.01 + epoch)[:, None].astype(np.float32)), labels


def network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2))


class Training:
    """A loop by hand: gradients of two batches are added up."""

    def __init__(self, loader: DataLoader) -> None:
        self.model, self.loader = network(), loader
        self.optimizer = pydl.optim.Adam(self.model.parameters(), lr=0.01)
        self.parts = {"model": self.model, "optimizer": self.optimizer, "loader": loader}
        self.batches, self.total = 0, 0.0

    def run(self, epochs: int, stop_at: int | None = None) -> bool:
        """Train; whether it came to the end."""
        while self.loader.epoch < epochs:
            for x, y in self.loader:
                loss = nn.functional.cross_entropy(self.model(x), y)
                (loss / 2).backward()
                self.batches, self.total = self.batches + 1, self.total + loss.item()
                if self.batches % 2 == 0:
                    self.optimizer.step()
                    self.optimizer.zero_grad()
                if self.batches == stop_at:
                    return False
        return True

    def save(self, path: Path) -> None:
        state = {
            "random": pydl.get_rng_state(),
            "batches": pydl.tensor(self.batches),
            "total": pydl.tensor(self.total, dtype="float64"),
        }
        for name, part in self.parts.items():
            state |= {f"{name}.{key}": value for key, value in part.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            if parameter.grad is not None:
                state[f"grad.{name}"] = parameter.grad
        pydl.save(path, state)

    def load(self, path: Path) -> None:
        state = pydl.load(path)
        for name, part in self.parts.items():
            part.load_state_dict(below(state, name))
        for name, parameter in self.model.named_parameters():
            parameter.grad = below(state, "grad").get(name)
        self.batches, self.total = int(state["batches"]), float(state["total"])
        pydl.set_rng_state(state["random"])


def below(state: dict[str, Any], name: str) -> dict[str, Any]:
    start = f"{name}."
    return {key[len(start) :]: value for key, value in state.items() if key.startswith(start)}


def assert_same(a: nn.Module, b: nn.Module) -> None:
    for (name, first), second in zip(a.named_parameters(), b.parameters(), strict=True):
        np.testing.assert_array_equal(first.detach().numpy(), second.detach().numpy(), name)


@pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS.keys())
@pytest.mark.parametrize("stop_at", [1, 3, 7, 8, 9, 15])
def test_a_loop_stopped_anywhere(make: Callable[[], DataLoader], stop_at: int, tmp_path: Path):
    pydl.manual_seed(0)
    whole = Training(make())
    assert whole.run(3)
    pydl.manual_seed(0)
    stopped = Training(make())
    assert not stopped.run(3, stop_at)
    stopped.save(tmp_path / "state")
    pydl.manual_seed(99)
    resumed = Training(make())
    resumed.load(tmp_path / "state")
    assert resumed.run(3)
    assert_same(whole.model, resumed.model)
    assert (resumed.batches, resumed.total) == (whole.batches, whole.total)
    # The one that was stopped may go on too: saving has changed nothing.
    pydl.set_rng_state(pydl.load(tmp_path / "state")["random"])
    stopped.loader.load_state_dict(stopped.loader.state_dict())
    assert stopped.run(3)
    assert_same(whole.model, stopped.model)


class SaveAll(Callback):
    def __init__(self, path: Path, parts: dict[str, Any]) -> None:
        self.path, self.parts = path, parts

    def on_epoch_end(self, epoch: int, logs: dict[str, float]) -> None:
        state = {"random": pydl.get_rng_state(), "epoch": pydl.tensor(epoch + 1)}
        for name, part in (self.parts | {"optimizer": self.model.optimizer}).items():
            state |= {f"{name}.{key}": value for key, value in part.state_dict().items()}
        pydl.save(self.path, state)


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS.keys())
def test_fit_stopped_after_an_epoch(make: Callable[[], DataLoader], jit: bool, tmp_path: Path):
    def train(epochs: int) -> tuple[nn.Sequential, dict[str, list[float]]]:
        pydl.manual_seed(0)
        model, loader = network(), make()
        optimizer = pydl.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        model.compile(optimizer, "cross_entropy", jit=jit)
        parts, first = {"model": model, "loader": loader}, 0
        if (tmp_path / "state").exists():
            state = pydl.load(tmp_path / "state")
            for name, part in (parts | {"optimizer": optimizer}).items():
                part.load_state_dict(below(state, name))
            pydl.set_rng_state(state["random"])
            first = int(state["epoch"])
        save = SaveAll(tmp_path / "state", parts)
        history = model.fit(loader, epochs=epochs, initial_epoch=first, callbacks=[save], verbose=0)
        return model, history.history

    _, before = train(2)
    resumed, after = train(4)
    (tmp_path / "state").unlink()
    whole, values = train(4)
    assert_same(whole, resumed)
    assert before["loss"] + after["loss"] == values["loss"]


PUBLIC = [getattr(pydl.training, name) for name in pydl.training.__all__]
# Those of schedules and averages need a schedule or an average: test_schedules.py saves them. The
# others are in test_callback_kinds.py.
ELSEWHERE = {
    name
    for name in pydl.training.__all__
    if name not in ("Callback", "EarlyStopping", "ModelCheckpoint")
}
CALLBACKS = [
    each
    for each in PUBLIC
    if isinstance(each, type) and issubclass(each, Callback) and each.__name__ not in ELSEWHERE
]


class SaveAndStop(SaveAll):
    """Saves after a step within an epoch, and ends the process, as it were."""

    def __init__(self, path: Path, parts: dict[str, Any], steps: int) -> None:
        super().__init__(path, parts)
        self.steps, self.epoch = steps, 0

    def on_epoch_begin(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, step: int) -> None:
        self.steps -= 1
        if self.steps == 0:
            super().on_epoch_end(self.epoch - 1, {})
            raise InterruptedError


@pytest.mark.parametrize("make", LOADERS.values(), ids=LOADERS.keys())
@pytest.mark.parametrize("steps", [3, 11])
def test_fit_stopped_within_an_epoch(make: Callable[[], DataLoader], steps: int, tmp_path: Path):
    def train(stop: int | None) -> nn.Sequential:
        pydl.manual_seed(0)
        model, loader = network(), make()
        optimizer = pydl.optim.Adam(model.parameters(), lr=0.05)
        model.compile(optimizer, "cross_entropy")
        parts, first = {"model": model, "loader": loader}, 0
        if (tmp_path / "state").exists():
            state = pydl.load(tmp_path / "state")
            for name, part in (parts | {"optimizer": optimizer}).items():
                part.load_state_dict(below(state, name))
            pydl.set_rng_state(state["random"])
            first = int(state["epoch"])
        callbacks = [] if stop is None else [SaveAndStop(tmp_path / "state", parts, stop)]
        model.fit(loader, epochs=3, initial_epoch=first, callbacks=callbacks, verbose=0)
        return model

    with pytest.raises(InterruptedError):
        train(steps)
    resumed = train(None)
    (tmp_path / "state").unlink()
    assert_same(train(None), resumed)


def test_fit_of_arrays(tmp_path: Path):
    """Their orders come from the default generator alone."""

    def train(epochs: int) -> nn.Sequential:
        pydl.manual_seed(0)
        model = network()
        optimizer = pydl.optim.Adam(model.parameters())
        model.compile(optimizer, "cross_entropy")
        first = 0
        if (tmp_path / "state").exists():
            state = pydl.load(tmp_path / "state")
            model.load_state_dict(below(state, "model"))
            optimizer.load_state_dict(below(state, "optimizer"))
            pydl.set_rng_state(state["random"])
            first = int(state["epoch"])
        save = SaveAll(tmp_path / "state", {"model": model})
        model.fit(X, Y, epochs=epochs, initial_epoch=first, callbacks=[save], verbose=0)
        return model

    train(1)
    resumed = train(3)
    (tmp_path / "state").unlink()
    assert_same(train(3), resumed)


class TestCallbacks:
    """Callbacks that remember something: found by whether they define `state_dict`."""

    def make(self, kind: type[Callback], path: Path) -> Callback:
        if kind is ModelCheckpoint:
            return ModelCheckpoint(path, save_best_only=True)
        assert kind is EarlyStopping
        return EarlyStopping(patience=2, restore_best_weights=True)

    def with_model(self, callback: Callback) -> Callback:
        callback.model = network()
        callback.on_train_begin()
        return callback

    @pytest.mark.parametrize("kind", CALLBACKS)
    def test_state_goes_through_a_file(self, kind: type[Callback], tmp_path: Path):
        if kind is Callback:
            assert Callback().state_dict() == {}
            with pytest.raises(ValueError, match="expected no state"):
                Callback().load_state_dict({"best": pydl.tensor(1.0)})
            return
        first = self.with_model(self.make(kind, tmp_path / "weights"))
        for epoch, value in enumerate((0.3, 0.1, 0.2)):
            first.on_epoch_end(epoch, {"val_loss": value})
        pydl.save(tmp_path / "state", first.state_dict())
        second = self.make(kind, tmp_path / "weights")
        second.load_state_dict(pydl.load(tmp_path / "state"))
        second = self.with_model(second)
        states = first.state_dict(), second.state_dict()
        assert states[0].keys() == states[1].keys()
        for name, value in states[0].items():
            np.testing.assert_array_equal(value.numpy(), states[1][name].numpy())
        with pytest.raises(ValueError, match=f"{kind.__name__}.load_state_dict: expected"):
            second.load_state_dict({"other": pydl.tensor(1.0)})

    def test_a_resumed_training_keeps_the_best_file(self, tmp_path: Path):
        path = tmp_path / "best"
        first = self.with_model(ModelCheckpoint(path, save_best_only=True))
        first.on_epoch_end(0, {"val_loss": 0.1})
        content = path.read_bytes()
        by_state = ModelCheckpoint(path, save_best_only=True)
        by_state.load_state_dict(first.state_dict())
        by_hand = ModelCheckpoint(path, save_best_only=True, initial_value_threshold=0.1)
        for callback in (by_state, by_hand):
            self.with_model(callback)
            callback.on_epoch_end(1, {"val_loss": 0.9})
            assert path.read_bytes() == content
            callback.on_epoch_end(2, {"val_loss": 0.05})
            assert path.read_bytes() != content
            path.write_bytes(content)

    @pytest.mark.parametrize("mode", ["min", "max"])
    def test_the_threshold_has_a_direction(self, mode: Any, tmp_path: Path):
        path = tmp_path / "best"
        callback = ModelCheckpoint(
            path, "f1", save_best_only=True, mode=mode, initial_value_threshold=0.5
        )
        self.with_model(callback)
        worse, better = (0.6, 0.4) if mode == "min" else (0.4, 0.6)
        callback.on_epoch_end(0, {"f1": worse})
        assert not path.exists()
        callback.on_epoch_end(1, {"f1": better})
        assert path.exists()

    def test_early_stopping_goes_on_counting(self):
        first = self.with_model(EarlyStopping(patience=3))
        for epoch, value in enumerate((0.1, 0.5, 0.5)):
            first.on_epoch_end(epoch, {"val_loss": value})
        second = EarlyStopping(patience=3)
        second.load_state_dict(first.state_dict())
        self.with_model(second)
        assert not second.model.stop_training
        second.on_epoch_end(3, {"val_loss": 0.4})
        assert second.model.stop_training
        # Only the next training goes on; one after it begins anew.
        self.with_model(second)
        second.on_epoch_end(0, {"val_loss": 0.4})
        assert not second.model.stop_training

    def test_the_best_weights_must_be_there(self):
        first = self.with_model(EarlyStopping())
        second = EarlyStopping(restore_best_weights=True)
        second.load_state_dict(first.state_dict())  # nothing has been the best yet
        first.on_epoch_end(0, {"val_loss": 0.1})
        with pytest.raises(ValueError, match="expected the best epoch's parameters"):
            second.load_state_dict(first.state_dict())

    def test_the_best_weights_go_along(self):
        first = self.with_model(EarlyStopping(patience=9, restore_best_weights=True))
        first.on_epoch_end(0, {"val_loss": 0.1})
        second = EarlyStopping(patience=9, restore_best_weights=True)
        second.load_state_dict(first.state_dict())
        self.with_model(second)
        second.on_epoch_end(1, {"val_loss": 0.5})
        second.on_train_end()
        assert_same(first.model, second.model)


class TestLoaderState:
    def test_wrong_states(self):
        loader = DataLoader((X, Y), 8, shuffle=True, seed=0)
        state = loader.state_dict()
        with pytest.raises(ValueError, match="same kind of generator, epoch, generator"):
            loader.load_state_dict({})
        with pytest.raises(ValueError, match="same kind of generator"):
            DataLoader((X, Y), 8, shuffle=True).load_state_dict(state)
        with pytest.raises(ValueError, match=r"position in \[0, 8\], .* got 9"):
            loader.load_state_dict(state | {"position": np.array(9)})
        with pytest.raises(ValueError, match=r"int64 \(2,\), got float64"):
            loader.load_state_dict(state | {"start": np.zeros(2)})
        with pytest.raises(ValueError, match="batch_sampler"):
            loader.load_state_dict(state | {"sampler.generator": np.zeros(2, np.int64)})

    def test_a_sampler_without_state(self):
        batches = [[0, 1], [2, 3], [4]]
        loader = DataLoader(pydl.arange(5), batch_sampler=batches)
        passed = iter(loader)
        next(passed)
        again = DataLoader(pydl.arange(5), batch_sampler=batches)
        again.load_state_dict(loader.state_dict())
        assert [b.tolist() for b in again] == [[2, 3], [4]]
        assert [b.tolist() for b in again] == batches

    def test_the_default_generator_from_python(self):
        pydl.manual_seed(5)
        pydl.randn(3)
        state = pydl.get_rng_state()
        first = pydl.randn(4).tolist()
        pydl.set_rng_state(state)
        assert pydl.randn(4).tolist() == first
        with pytest.raises(ValueError, match="int64"):
            pydl.set_rng_state(pydl.zeros((2,)))
