"""Losses of one's own: shapes of targets, and more numbers to report."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import EarlyStopping, Model, Trainer

RNG = np.random.default_rng(8)
X = RNG.normal(size=(20, 3)).astype("float32")
Y = X.sum(axis=1)
QUIET: Any = {"verbose": 0, "shuffle": False, "batch_size": 8}


class Network(Model):
    """A model whose outputs have shape (N, 1), or (N,)."""

    def __init__(self, flat: bool = False) -> None:
        super().__init__()
        pydl.manual_seed(3)
        self.linear, self.flat = nn.Linear(3, 1), flat
        self.calls = nn.Buffer(pydl.zeros(()))

    def forward(self, x: Any) -> Any:
        y = self.linear(x)
        return y.squeeze(1) if self.flat else y


def network(flat: bool, loss: Callable[..., Any], **methods: Any) -> Network:
    return type("Own", (Network,), {"compute_loss": loss, **methods})(flat)


def weight(model: Any) -> Any:
    return model.linear.weight.detach().numpy().copy()


# --- shapes of targets --------------------------------------------------------------------------


def squares(self: Any, x: Any, y: Any, y_pred: Any) -> Any:
    return ((y_pred - y) ** 2).mean()


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("flat", [False, True])
def test_targets_get_the_shape_of_outputs(flat: bool, jit: bool) -> None:
    model, other = network(flat, squares), network(flat, squares)
    wrong, right = (Y[:, None], Y) if flat else (Y, Y[:, None])
    for each, y in ((model, wrong), (other, right)):
        each.compile("sgd", learning_rate=0.1, jit=jit)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            each.fit(X, y, epochs=2, validation_data=(X, y), **QUIET)
            each.train_on_batch(X, y)
        assert len(caught) == (each is model)
        if caught:
            text = str(caught[0].message)
            shapes = ("(8,)", "(8, 1)") if flat else ("(8, 1)", "(8,)")
            assert f"outputs have shape {shapes[0]} and targets {shapes[1]}" in text
            assert "compute_loss combines each sample with each" in text
            assert caught[0].filename == __file__
    np.testing.assert_allclose(weight(model), weight(other), rtol=1e-6)


FINE: dict[str, Callable[..., Any]] = {
    "minds the shapes": lambda self, x, y, y_pred: ((y_pred[:, 0] - y) ** 2).mean(),
    "reshapes": lambda self, x, y, y_pred: ((y_pred - y.reshape(y_pred.shape)) ** 2).mean(),
    "of the class": lambda self, x, y, y_pred: Model.compute_loss(self, x, y, y_pred),
    "combines by intention": lambda self, x, y, y_pred: pydl.relu(
        1 - (y_pred - y_pred.swapaxes(0, 1)) * pydl.sign(y[:, None] - y[None])
    ).mean(),
    "uses inputs": lambda self, x, y, y_pred: ((y_pred[:, 0] - y) ** 2 * x[:, 0].abs()).mean(),
    "draws": lambda self, x, y, y_pred: ((y_pred[:, 0] - y) ** 2 * pydl.rand(y.shape)).mean(),
}


@pytest.mark.parametrize("name", FINE)
def test_no_false_alarms(name: str) -> None:
    model = network(False, FINE[name])
    model.compile("sgd", "mse", learning_rate=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = model.fit(X, Y, epochs=2, **QUIET)
    assert np.isfinite(history.history["loss"]).all()


def test_the_trial_leaves_no_trace() -> None:
    def loss(self: Any, x: Any, y: Any, y_pred: Any) -> Any:
        self.calls.copy_(self.calls + 1)
        return ((y_pred - y) ** 2).mean() + 0 * pydl.rand(()) + self.linear.weight[0, 0] * 0.1

    model, other = network(False, loss), network(False, loss)
    drawn = []
    for each, y in ((model, Y), (other, Y[:, None])):
        each.compile("sgd", learning_rate=0.1)
        pydl.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            each.fit(X, y, **QUIET)
        drawn.append(pydl.rand(()).item())
    assert drawn[0] == drawn[1]
    np.testing.assert_array_equal(weight(model), weight(other))
    assert float(model.calls) == float(other.calls) == 3


def test_a_trainer_with_a_loss_of_its_own() -> None:
    class Own(Trainer):
        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return ((y_pred - y) ** 2).mean()

    trainer = Own(Network(), "sgd")
    with pytest.warns(UserWarning, match="combines each sample with each"):
        found = trainer.evaluate(X, Y, verbose=0)
    assert found == trainer.evaluate(X, Y[:, None], verbose=0)


def test_functions_of_one_output_among_several() -> None:
    class Two(Network):
        def forward(self, x: Any) -> Any:
            return {"a": self.linear(x), "b": self.linear(x)}

    def own(output: Any, target: Any) -> Any:
        return (output - target).abs().mean()

    model = Two()
    model.compile("sgd", {"a": own, "b": "mae"})
    with pytest.warns(UserWarning, match="the loss own combines each sample with each"):
        found = model.evaluate(X, {"a": Y, "b": Y}, verbose=0)
    assert found["a_loss"] == pytest.approx(found["b_loss"])


# --- more numbers -------------------------------------------------------------------------------


def reporting(self: Any, x: Any, y: Any, y_pred: Any) -> Any:
    error = y_pred[:, 0] - y
    return {"loss": (error**2).mean(), "bias": error.mean(), "largest": error.abs().max()}


@pytest.mark.parametrize("accumulate", [1, 2])
@pytest.mark.parametrize("jit", [True, False])
def test_a_loss_reports_more_numbers(jit: bool, accumulate: int, capsys: Any) -> None:
    def plain(self: Any, x: Any, y: Any, y_pred: Any) -> Any:
        return reporting(self, x, y, y_pred)["loss"]

    model, other = network(False, reporting), network(False, plain)
    histories = []
    for each in (model, other):
        each.compile("sgd", metrics=["mae"], learning_rate=0.1, jit=jit)
        data: Any = {"validation_data": (X, Y), "accumulate": accumulate}
        histories.append(each.fit(X, Y, epochs=2, **data, **{**QUIET, "verbose": 2}).history)
    np.testing.assert_array_equal(weight(model), weight(other))
    names = ["loss", "bias", "largest", "mae"]
    assert list(histories[0]) == [*names, *(f"val_{name}" for name in names)]
    assert histories[0]["loss"] == histories[1]["loss"]
    assert "bias=" in capsys.readouterr().out
    # Means over samples, of uneven batches too.
    error = model.predict(X).numpy()[:, 0] - Y
    found = model.evaluate(X, Y, batch_size=8, verbose=0)
    assert found["bias"] == pytest.approx(error.mean(), abs=1e-6)
    largest = [np.abs(error[part]).max() for part in (slice(8), slice(8, 16), slice(16, None))]
    assert found["largest"] == pytest.approx(np.dot(largest, [8, 8, 4]) / 20, rel=1e-5)
    assert list(model.train_on_batch(X, Y)) == names
    assert list(model.test_on_batch(X, Y)) == names


def test_a_step_of_ones_own_adds_to_them() -> None:
    def step(self: Any, data: Any) -> Any:
        return {**Model.train_step(self, data), "inputs": data[0].mean()}

    model = network(False, reporting, train_step=step)
    model.compile("sgd")
    assert list(model.fit(X, Y, **QUIET).history) == ["loss", "bias", "largest", "inputs"]


def test_callbacks_may_watch_them() -> None:
    model = network(False, reporting)
    model.compile("sgd")
    stop = EarlyStopping("val_largest", mode="min", patience=5)
    data: Any = {"validation_data": (X, Y), "epochs": 2}
    assert len(model.fit(X, Y, callbacks=stop, **data, **QUIET).epochs) == 2
    stop = EarlyStopping("val_larges", mode="min")
    with pytest.raises(ValueError, match="expected monitor to be one of loss, bias, largest, val_"):
        model.fit(X, Y, callbacks=stop, **data, **QUIET)


def test_averages_of_them_are_part_of_the_state() -> None:
    class Save(pydl.training.Callback):
        def on_train_batch_end(self, batch: int) -> None:
            if batch == 1:
                self.state = self.trainer.state_dict()

    model, again, save = network(False, reporting), network(False, reporting), Save()
    for each in (model, again):
        each.compile("sgd")
    expected = model.fit(X, Y, callbacks=save, **QUIET).history
    again.trainer.load_state_dict(save.state)
    assert again.fit(X, Y, **QUIET).history == expected


@pytest.mark.parametrize(
    ("result", "message"),
    [
        ({"mse": pydl.ones(())}, "with a tensor as 'loss', got dict"),
        ({"loss": 3.0}, "with a tensor as 'loss', got dict"),
        (3.0, "must return a tensor, or a dict"),
        ({"loss": "y", "mae": "y"}, "there is a metric named 'mae' already"),
        ({"loss": "y", "more": pydl.ones((2,))}, r"one number as 'more', got shape \(2,\)"),
    ],
)
def test_wrong_results(result: Any, message: str) -> None:
    def loss(self: Any, x: Any, y: Any, y_pred: Any) -> Any:
        if not isinstance(result, dict):
            return result
        return {name: y_pred.mean() if v == "y" else v for name, v in result.items()}

    model = network(False, loss)
    model.compile("sgd", metrics=["mae"], jit=False)
    with pytest.raises((TypeError, ValueError), match=message):
        model.fit(X, Y, **QUIET)
