"""Which methods of callbacks are called when, with or without the values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import Callback, EarlyStopping
from pydl.training.callbacks.base import HOOKS

X = np.random.default_rng(0).normal(size=(10, 2)).astype(np.float32)
Y = X.sum(axis=1, keepdims=True)


def compiled(**options: Any) -> Any:
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 1))
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.0), "mse", ["mae"], **options)
    return model


def recorder(*, logs: bool, hooks: Any = HOOKS) -> Any:
    """A callback that writes down all calls, made of methods with or without `logs`."""
    seen: list[Any] = []

    def method(name: str) -> Any:
        numbered = "epoch" in name or "batch" in name
        if logs and numbered:
            return lambda self, number, logs=None: seen.append((name, number, dict(logs)))
        if logs:
            return lambda self, logs=None: seen.append((name, dict(logs)))
        if numbered:
            return lambda self, number: seen.append((name, number))
        return lambda self: seen.append((name,))

    kind = type("Record", (Callback,), {name: method(name) for name in hooks})
    callback = kind()
    callback.seen = seen
    return callback


BATCH = [("on_train_batch_begin", 0), ("on_train_batch_end", 0)]
TEST = [
    ("on_test_begin",), ("on_test_batch_begin", 0), ("on_test_batch_end", 0),
    ("on_test_batch_begin", 1), ("on_test_batch_end", 1), ("on_test_end",),
]  # fmt: skip
FIT = [
    ("on_train_begin",), ("on_epoch_begin", 3), *BATCH,
    *[(name, 1) for name, _ in BATCH], *TEST, ("on_epoch_end", 3), ("on_train_end",),
]  # fmt: skip


@pytest.mark.parametrize("logs", [True, False])
def test_order_of_calls(logs: bool) -> None:
    callback = recorder(logs=logs)
    options = {"batch_size": 6, "epochs": 4, "initial_epoch": 3, "validation_data": (X, Y)}
    compiled().fit(X, Y, callbacks=callback, verbose=0, **options)
    assert [tuple(v for v in call if not isinstance(v, dict)) for call in callback.seen] == FIT


@pytest.mark.parametrize("logs", [True, False])
def test_evaluate_and_predict(logs: bool) -> None:
    callback, model = recorder(logs=logs), compiled()
    values = model.evaluate(X, Y, batch_size=6, verbose=0, callbacks=[callback])
    calls = [tuple(v for v in call if not isinstance(v, dict)) for call in callback.seen]
    assert calls == TEST
    if logs:
        assert callback.seen[-1] == ("on_test_end", values)
        assert callback.seen[-2][2] == values  # of all batches so far, and this was the last
    callback.seen.clear()
    outputs = model.predict(X, batch_size=6, callbacks=callback)
    names = [call[0] for call in callback.seen]
    batch = ["on_predict_batch_begin", "on_predict_batch_end"]
    assert names == ["on_predict_begin", *batch, *batch, "on_predict_end"]
    if logs:
        parts = [call[2]["outputs"] for call in callback.seen if call[0] == batch[1]]
        np.testing.assert_array_equal(pydl.concat(parts).numpy(), outputs.numpy())


def test_values_of_batches_are_means_over_samples_so_far() -> None:
    callback = recorder(logs=True, hooks=["on_train_batch_end", "on_epoch_end", "on_train_end"])
    model = compiled()
    model.fit(X, Y, batch_size=4, shuffle=False, callbacks=callback, verbose=0)
    errors = model.predict(X).numpy() - Y  # the rate is 0
    for number, count in enumerate((4, 8, 10)):
        name, batch, values = callback.seen[number]
        assert (name, batch) == ("on_train_batch_end", number)
        assert values["loss"] == pytest.approx(float((errors[:count] ** 2).mean()), rel=1e-5)
        assert values["mae"] == pytest.approx(float(abs(errors[:count]).mean()), rel=1e-5)
    assert callback.seen[3][2] == callback.seen[2][2]
    assert callback.seen[4] == ("on_train_end", callback.seen[3][2])


def test_values_are_not_computed_for_those_without_them(monkeypatch: Any) -> None:
    from pydl.training.metrics import Averages

    count = 0
    result = Averages.result

    def counted(self: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        return result(self, **options)

    monkeypatch.setattr(Averages, "result", counted)
    compiled().fit(X, Y, batch_size=1, callbacks=recorder(logs=False), verbose=0)
    without = count
    assert without < 10
    count = 0
    several = [recorder(logs=True), recorder(logs=True)]
    compiled().fit(X, Y, batch_size=1, callbacks=several, verbose=0)
    assert count == without + 10  # once for both


def test_signatures() -> None:
    class Varied(Callback):
        def on_train_begin(self, *args: Any) -> None:
            assert args == ({},)

        def on_epoch_end(self, epoch: int) -> None:  # type: ignore[override]
            self.epoch = epoch

        def on_train_batch_begin(self, batch: int, logs: Any = None, more: int = 3) -> None:
            assert (logs, more) == ({}, 3)

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            super().on_train_batch_end(batch, logs)

    callback = Varied()
    compiled().fit(X, Y, callbacks=callback, verbose=0)
    assert callback.epoch == 0

    class Wrong(Callback):
        def on_train_batch_end(self, trainer: Any, module: Any, outputs: Any) -> None:
            raise AssertionError

    with pytest.raises(
        TypeError, match=r"Wrong.on_train_batch_end to take \(batch, logs=None\).* got \(trainer"
    ):
        compiled().fit(X, Y, callbacks=Wrong(), verbose=0)
    Wrong.on_train_batch_end = Callback.on_train_batch_end  # type: ignore[method-assign]
    Wrong.on_train_end = lambda self, a, b: None  # type: ignore[assignment, misc]
    with pytest.raises(TypeError, match=r"Wrong.on_train_end to take \(logs=None\)"):
        compiled().fit(X, Y, callbacks=Wrong(), verbose=0)


@pytest.mark.parametrize("verb", ["fit", "evaluate", "predict"])
def test_what_is_no_callback(verb: str) -> None:
    model = compiled()
    data = (X,) if verb == "predict" else (X, Y)
    with pytest.raises(TypeError, match=f"{verb}: expected callbacks, got int"):
        getattr(model, verb)(*data, callbacks=3)
    with pytest.raises(TypeError, match=f"{verb}: .* EarlyStopping; write EarlyStopping"):
        getattr(model, verb)(*data, callbacks=[EarlyStopping])

    class Lightning(Callback):
        def on_validation_epoch_end(self) -> None:
            raise AssertionError

    with pytest.raises(TypeError, match=f"{verb}: Lightning.* never be called; write on_test_end"):
        getattr(model, verb)(*data, callbacks=[Lightning()])


def test_callbacks_of_fit_may_be_given_to_evaluate() -> None:
    """What they watch exists in `fit` only, which is no error."""
    compiled().evaluate(X, Y, callbacks=EarlyStopping("val_loss"), verbose=0)


def test_stopping_within_an_epoch() -> None:
    class Stop(Callback):
        def on_train_batch_end(self, batch: int) -> None:
            self.batch = batch
            self.model.stop_training = batch == 2

    callback, calls = Stop(), recorder(logs=False)
    history = compiled().fit(
        X, Y, batch_size=1, epochs=3, validation_data=(X, Y), callbacks=[callback, calls], verbose=0
    )
    assert callback.batch == 2
    assert history.epochs == [0] and "val_loss" in history.history
    assert [call[0] for call in calls.seen[-2:]] == ["on_epoch_end", "on_train_end"]


def test_params() -> None:
    seen = {}

    class Look(Callback):
        def on_train_begin(self) -> None:
            seen.update(self.params)

    model = compiled()
    model.fit(X, Y, batch_size=4, epochs=2, callbacks=Look(), verbose=0)
    assert seen == {"epochs": 2, "steps": 3, "samples": 10}
    loader = pydl.data.DataLoader((X, Y), 4, drop_last=True)
    model.fit(loader, callbacks=Look(), verbose=0)
    assert seen == {"epochs": 1, "steps": 2, "samples": 8}
    loader = pydl.data.DataLoader((X, Y), batch_sampler=[[0, 1], [2]])
    model.fit(loader, callbacks=Look(), verbose=0)
    assert seen == {"epochs": 1, "steps": 2, "samples": None}


def test_values_that_callbacks_add_are_in_the_history() -> None:
    class Add(Callback):
        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            logs["own"] = epoch * 2.0

    assert compiled().fit(X, Y, epochs=3, callbacks=Add(), verbose=0).history["own"] == [0, 2, 4]
