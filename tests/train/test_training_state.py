"""`Trainer.state_dict`, taken anywhere: a training goes on with the bits of a whole one."""

from __future__ import annotations

import gc
import signal
import weakref
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import Callback, EarlyStopping, LearningRateScheduler, Model, Trainer

RNG = np.random.default_rng(1)
X = RNG.normal(size=(42, 4)).astype(np.float32)
Y = (X[:, 0] > X[:, 1]).astype(np.int64)
EPOCHS = 3


class SaveAt(Callback):
    """Keeps the state of the trainer once: after so many calls of a method."""

    def __init__(self, hook: str, count: int) -> None:
        self.hook, self.count = hook, count
        self.state: dict[str, pydl.Tensor] = {}
        setattr(self, hook, self._look)

    def _look(self, *_: Any) -> None:
        self.count -= 1
        if self.count == 0:
            self.state = self.trainer.state_dict()


def make(seed: int = 0) -> Any:
    pydl.manual_seed(seed)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    model.compile(pydl.optim.Adam(model.parameters(), lr=0.05), "cross_entropy", ["accuracy"])
    schedule = pydl.optim.lr_scheduler.ExponentialLR(model.optimizer, 0.9)
    callbacks = [
        EarlyStopping("loss", patience=9, restore_best_weights=False),
        LearningRateScheduler(schedule, every="step"),
    ]
    return model, callbacks


def fit(model: Any, callbacks: Any, **options: Any) -> Any:
    data: Any = {"x": X, "y": Y, "batch_size": 8, "validation_data": (X, Y)} | options
    return model.fit(**data, epochs=EPOCHS, callbacks=callbacks, verbose=0)


def assert_same(first: nn.Module, second: nn.Module) -> None:
    other = second.state_dict()
    for name, value in first.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), other[name].numpy(), name)


PLACES = [
    ("on_train_begin", 1),
    ("on_epoch_begin", 1),
    ("on_epoch_begin", 2),
    ("on_train_batch_end", 1),
    ("on_train_batch_end", 6),
    ("on_train_batch_end", 9),
    ("on_test_begin", 2),
    ("on_test_batch_end", 8),
    ("on_test_end", 2),
    ("on_epoch_end", 1),
    ("on_epoch_end", 3),
]


@pytest.mark.parametrize(("hook", "count"), PLACES)
@pytest.mark.parametrize("options", [{}, {"accumulate": 4}, {"steps_per_epoch": 4}], ids=str)
def test_from_anywhere(hook: str, count: int, options: Any, tmp_path: Path) -> None:
    whole, others = make()
    save = SaveAt(hook, count)
    expected = fit(whole, [*others, save], **options)
    pydl.save(tmp_path / "state.safetensors", save.state)

    again, fresh = make(seed=5)
    again.trainer.load_state_dict(pydl.load(tmp_path / "state.safetensors"))
    history = fit(again, fresh, **options)
    assert_same(whole, again)
    assert again.optimizer.steps == whole.optimizer.steps
    for first, second in zip(others, fresh, strict=True):
        ours = {name: value.tolist() for name, value in second.state_dict().items()}
        assert {name: value.tolist() for name, value in first.state_dict().items()} == ours
    first_epoch = EPOCHS - len(history.epochs)
    for name, values in history.history.items():
        assert values == expected.history[name][first_epoch:]


def test_saved_and_loaded_unchanged(tmp_path: Path) -> None:
    model, callbacks = make()
    fit(model, callbacks)
    state = model.trainer.state_dict()
    again, _ = make(seed=5)
    again.trainer.load_state_dict(state)
    found = again.trainer.state_dict()
    assert found.keys() == state.keys()
    assert all(found[name].tolist() == state[name].tolist() for name in state)
    arrays = {name: value.numpy() for name, value in state.items()}
    np.savez(tmp_path / "state.npz", **arrays)
    again.trainer.load_state_dict(dict(np.load(tmp_path / "state.npz")))
    assert all(again.trainer.state_dict()[name].tolist() == state[name].tolist() for name in state)
    # It is a copy: what comes later does not change it.
    weight = state["model.0.weight"].tolist()
    fit(model, callbacks)
    assert state["model.0.weight"].tolist() == weight


def test_a_loader_of_the_users_goes_on() -> None:
    def loader() -> Any:
        return pydl.data.DataLoader((X, Y), 8, shuffle=True, seed=3)

    def train(model: Any, data: Any, first: int, last: int) -> None:
        model.fit(data, epochs=last, initial_epoch=first, verbose=0)

    whole, half, again = make()[0], make()[0], make(seed=7)[0]
    train(whole, loader(), 0, 4)
    data = loader()
    pydl.manual_seed(0)
    half, _ = make()
    train(half, data, 0, 2)
    again.trainer.load_state_dict(half.trainer.state_dict())
    assert again.fit(loader(), epochs=4, verbose=0).epochs == [2, 3]
    pydl.manual_seed(0)
    whole, _ = make()
    train(whole, loader(), 0, 4)
    assert_same(whole, again)


class Gan(Model):
    """Two optimisers and a schedule that are attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.generator, self.critic = nn.Linear(2, 4), nn.Linear(4, 1)
        self.g = pydl.optim.Adam(self.generator.parameters(), lr=0.01)
        self.c = pydl.optim.SGD(self.critic.parameters(), lr=0.01, momentum=0.9)
        self.schedule = pydl.optim.lr_scheduler.StepLR(self.c, 3)

    def forward(self, noise: Any) -> Any:
        return self.generator(noise)

    def train_step(self, data: Any) -> Any:
        fake = self.generator(pydl.randn((data.shape[0], 2)))
        critic = self.critic(fake.detach()).mean() - self.critic(data).mean()
        self.c.zero_grad()
        critic.backward()
        self.c.step()
        generator = -self.critic(fake).mean()
        self.g.zero_grad()
        generator.backward()
        self.g.step()
        return {"critic": critic, "generator": generator}


class StepSchedule(Callback):
    def on_train_batch_end(self, batch: int) -> None:
        self.model.schedule.step()


@pytest.mark.parametrize(("hook", "count"), [("on_epoch_end", 1), ("on_train_batch_end", 9)])
def test_several_optimisers(hook: str, count: int) -> None:
    def gan(seed: int) -> Any:
        pydl.manual_seed(seed)
        model = Gan()
        model.compile(None)
        return model

    whole, again, save = gan(0), gan(5), SaveAt(hook, count)
    pydl.manual_seed(0)
    whole.fit(X, batch_size=8, epochs=3, callbacks=[StepSchedule(), save], verbose=0)
    again.trainer.load_state_dict(save.state)
    again.fit(X, batch_size=8, epochs=3, callbacks=StepSchedule(), verbose=0)
    assert_same(whole, again)
    assert again.schedule.state_dict() == whole.schedule.state_dict()
    assert again.c.lr == whole.c.lr


def test_a_loss_that_learns() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(pydl.ones(()))

        def forward(self, output: Any, target: Any) -> Any:
            return (output - target).abs().mean() * pydl.exp(-self.scale) + self.scale

    def trainer(seed: int) -> Any:
        pydl.manual_seed(seed)
        module, loss = nn.Linear(4, 1), Scaled()
        parameters = [*module.parameters(), *loss.parameters()]
        return Trainer(module, pydl.optim.Adam(parameters, lr=0.1), loss), loss

    (whole, loss), (again, other) = trainer(0), trainer(3)
    save, target = SaveAt("on_epoch_end", 1), X.sum(axis=1, keepdims=True)
    whole.fit(X, target, epochs=3, callbacks=save, verbose=0)
    again.load_state_dict(save.state)
    again.fit(X, target, epochs=3, verbose=0)
    assert_same(whole.model, again.model)
    assert loss.scale.item() == other.scale.item() != 1.0


def test_other_callbacks_begin_anew_and_are_named() -> None:
    model, callbacks = make()
    fit(model, callbacks)
    state = model.trainer.state_dict()
    again, (early, _) = make(seed=5)
    again.trainer.load_state_dict(state)
    averaging = pydl.training.WeightAveraging(nn.AveragedModel(again))
    with pytest.warns(UserWarning, match="other callbacks") as caught:
        again.fit(X, Y, epochs=EPOCHS + 1, callbacks=[averaging, early], verbose=0)
    text = str(caught[0].message)
    assert "LearningRateScheduler has a state, but is not given" in text
    assert "WeightAveraging has no state there, and begins anew" in text
    assert "EarlyStopping" not in text and early.state_dict()["best"].item() < np.inf
    # One of the same name with another schedule.
    again.trainer.load_state_dict(state)
    parts = [pydl.optim.lr_scheduler.ConstantLR(again.optimizer) for _ in range(2)]
    other = pydl.optim.lr_scheduler.SequentialLR(again.optimizer, parts, [2])
    with pytest.warns(UserWarning, match="LearningRateScheduler begins anew, because its state"):
        fit(again, [LearningRateScheduler(other), early])


def test_states_of_other_trainings_change_nothing() -> None:
    model, callbacks = make()
    fit(model, callbacks)
    state = model.trainer.state_dict()
    pydl.manual_seed(9)
    other = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 2))
    other.compile(pydl.optim.SGD(other.parameters(), lr=0.5, momentum=0.9), "cross_entropy")
    before = other.trainer.state_dict()
    for bad, message in (
        (state, r"Trainer.load_state_dict: optimizer: "),
        ({k: v for k, v in state.items() if k != "random"}, "got no state of the generator"),
        ({**state, "optimizers.g.lr.0": pydl.ones(())}, "got 'optimizers.g.lr.0' too"),
    ):
        with pytest.raises(ValueError, match=message):
            other.trainer.load_state_dict(bad)
        after = other.trainer.state_dict()
        assert all(before[name].tolist() == after[name].tolist() for name in before)


def test_data_are_not_kept_alive() -> None:
    model, callbacks = make()
    loader = pydl.data.DataLoader((X, Y), 8)
    model.fit(loader, accumulate=2, callbacks=callbacks, verbose=0)
    known = weakref.ref(loader)
    del loader
    gc.collect()
    assert known() is None and "loader.position" not in model.trainer.state_dict()


@pytest.mark.parametrize("arrays", [True, False])
def test_interrupted_within_a_group(arrays: bool) -> None:
    class Interrupt(Callback):
        def on_train_batch_end(self, batch: int) -> None:
            if batch == 2 and self.trainer.state_dict()["epoch"] == 1:
                signal.raise_signal(signal.SIGINT)

    def train(model: Any, *callbacks: Any) -> Any:
        options: Any = {"epochs": 3, "accumulate": 4, "callbacks": callbacks, "verbose": 0}
        if arrays:
            return model.fit(X, Y, batch_size=8, **options)
        return model.fit(pydl.data.DataLoader((X, Y), 8, shuffle=True, seed=1), **options)

    stopped = make()[0]
    assert train(stopped, Interrupt()).interrupted
    state = stopped.trainer.state_dict()
    again = make(seed=5)[0]
    again.trainer.load_state_dict(state)
    train(again)
    whole = make()[0]
    train(whole)
    assert_same(whole, again)


def test_not_while_fit_makes_steps() -> None:
    class Load(Callback):
        def on_epoch_end(self, epoch: int) -> None:
            self.trainer.load_state_dict(self.trainer.state_dict())

    model, _ = make()
    with pytest.raises(RuntimeError, match="fit is running; load the state before fit"):
        model.fit(X, Y, callbacks=Load(), verbose=0)
    model.trainer.load_state_dict(model.trainer.state_dict())  # afterwards it may


def test_not_between_a_batch_and_its_step() -> None:
    model, _ = make()
    with pytest.raises(RuntimeError, match="call it in on_train_batch_end"):
        model.fit(X, Y, callbacks=SaveAt("on_train_batch_begin", 2), verbose=0)


def test_a_state_after_refused_steps() -> None:
    bad = X.copy()
    bad[9] = np.nan  # in the second batch

    def train(model: Any, *callbacks: Any) -> None:
        with pytest.warns(RuntimeWarning, match="goes on without this step"):
            options: Any = {"accumulate": 2, "on_nan": "skip", "shuffle": False, "verbose": 0}
            model.fit(bad, Y, batch_size=8, epochs=2, callbacks=callbacks, **options)

    whole, again, save = make()[0], make(seed=5)[0], SaveAt("on_train_batch_end", 3)
    pydl.manual_seed(0)
    train(whole, save)
    again.trainer.load_state_dict(save.state)
    train(again)
    assert_same(whole, again)


def test_a_state_within_a_group_needs_accumulation() -> None:
    model, callbacks = make()
    save = SaveAt("on_train_batch_end", 2)
    fit(model, [*callbacks, save], accumulate=4)
    model.trainer.load_state_dict(save.state)
    with pytest.raises(ValueError, match="within a group of accumulated batches; give accumulate"):
        fit(model, callbacks)
