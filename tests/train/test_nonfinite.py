"""Trainings that become NaN: noticed once, named, and stopped or gone on without."""

from __future__ import annotations

import re
import warnings

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import Callback

X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = np.abs(X[:, :1]) + 1.0
NAN, INF = float("nan"), float("inf")


class Explode(nn.Module):
    """Gives something else than what it gets, in the forward or in the backward pass."""

    def __init__(self, forward=1.0, backward=1.0):
        super().__init__()
        self.factor = pydl.tensor(forward)
        self.backward = backward

    def forward(self, x):
        if self.backward != 1.0:  # sqrt has an infinite derivative at 0
            return x + pydl.sqrt(x - x.detach())
        return x * self.factor


class Functional(pydl.Model):
    """The fault is between its layers."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 1)

    def forward(self, x):
        hidden = self.first(x)
        return self.last(pydl.log(hidden * 0.0))


def mlp(middle=None, last=None):
    pydl.manual_seed(0)
    return nn.Sequential(
        nn.Linear(3, 4), middle or nn.Tanh(), nn.Sequential(nn.Linear(4, 1)), last or nn.Identity()
    )


def with_value(array, index, value):
    array = array.copy()
    array[index] = value
    return array


# With the operation, the line and the layer.
A_GRADIENT = (
    r"a gradient is not finite.*gradient for '0.bias'.*the derivative of sqrt, called in "
    r".*test_nonfinite.py:\d+, in layer '1' \(Explode\)"
)


def nan_loss(output, target):
    return (output - target).mean() * NAN


def bad_parameter():
    model = mlp()
    with pydl.no_grad():
        model[2][0].weight[0, 1] = NAN
    return model


def bad_buffer():
    model = mlp(nn.BatchNorm1d(4))
    with pydl.no_grad():
        model[1].running_mean[2] = INF
    return model


# What goes wrong: (model, x, y, loss, what the message says).
CAUSES = {
    "input": (mlp, with_value(X, (13, 2), NAN), Y, "mse",
              r"the input of this batch is not finite, at 1 of 24 places, first \[5, 2\]"),
    "infinite input": (mlp, with_value(X, (13, 2), INF), Y, "mse", "the input of this batch"),
    "target": (mlp, X, with_value(Y, (0, 0), NAN), "mse", "the target of this batch is not finite"),
    "parameter": (bad_parameter, X, Y, "mse", r"the parameter '2\.0\.weight' is not finite"),
    "layer": (lambda: mlp(Explode(NAN)), X, Y, "mse", r"layer '1' \(Explode\) returns values"),
    "infinite layer": (lambda: mlp(Explode(INF)), X, Y, "mse", r"layer '1' \(Explode\)"),
    "masked layer": (lambda: mlp(Explode(-INF)), X, Y, "mse", "layer '1'"),
    "last layer": (lambda: mlp(last=Explode(NAN)), X, Y, "mse", r"layer '3' \(Explode\)"),
    "between layers": (Functional, X, Y, "mse", "the model itself returns values that are"),
    "part": (lambda: nn.Sequential(Functional()), X, Y, "mse", r"layer '0' \(Functional\)"),
    "loss": (mlp, X, Y, nan_loss,
             "the loss function returns a value that is not finite for finite outputs"),
}  # fmt: skip

# These show in the default mode as parameters, because the update has spread them.
SPREAD = {"layer", "infinite layer", "masked layer", "last layer", "between layers", "part", "loss"}


def fit(model, x=X, y=Y, loss="mse", jit=True, **options):
    if model.optimizer is None:
        model.compile(pydl.optim.SGD(model.parameters(), lr=0.01, momentum=0.9), loss, jit=jit)
    options = {"batch_size": 8, "shuffle": False, "verbose": 0} | options
    return model.fit(x, y, **options)


def state(model):
    tensors = {**model.state_dict(), **model.optimizer.state_dict()}
    return {name: value.numpy().copy() for name, value in tensors.items()}


def assert_same(found, expected):
    assert found.keys() >= expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("cause", CAUSES)
def test_the_default_warns_once(cause, jit):
    make, x, y, loss, message = CAUSES[cause]
    model = make()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = fit(model, x, y, loss, jit, epochs=3)
    texts = [str(w.message) for w in caught if issubclass(w.category, RuntimeWarning)]
    assert len(texts) == 1
    if cause == "infinite input":  # tanh hides it from the loss, but not from the gradient
        message = message.replace("this batch", "the batch before")
    assert re.search("the parameter" if cause in SPREAD else message, texts[0])
    step = {"input": 2, "infinite input": 3}.get(cause, 1)
    when = rf"the loss is -?(nan|inf) in epoch 1, step {step}: "
    assert re.match("fit: " + ("before training, " if cause == "parameter" else when), texts[0])
    assert "on_nan='stop'" in texts[0]
    assert history.epochs == [0, 1, 2] and history.skipped == 0


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("on_nan", ["stop", "skip"])
@pytest.mark.parametrize("cause", CAUSES)
def test_a_step_that_is_not_finite_is_not_made_and_named(cause, on_nan, jit):
    make, x, y, loss, message = CAUSES[cause]
    model, reference = make(), make()
    good = slice(0, 8) if "input" in cause else slice(0, 0)
    with pytest.warns(RuntimeWarning, match=message) as caught:
        history = fit(model, x, y, loss, jit, epochs=2, on_nan=on_nan)
    assert len([w for w in caught if "epoch 1, step" in str(w.message)]) == 1
    assert len(caught) == (2 if cause == "parameter" else 1)
    if on_nan == "stop":
        assert history.epochs == [] and history.skipped == 1
        if good.stop:
            fit(reference, x[good], y[good], loss, jit)
            assert_same(state(model), state(reference))
    else:
        bad = 1 if cause in ("input", "infinite input", "target") else 3
        assert history.epochs == [0, 1] and history.skipped == 2 * bad
    if cause not in ("parameter",):
        assert all(np.isfinite(v).all() for v in state(model).values())
    assert all(p.grad is None for p in model.parameters()) or on_nan == "skip"


@pytest.mark.parametrize("jit", [True, False])
def test_skipping_is_like_leaving_the_batch_out(jit):
    x = with_value(X, (9, 0), NAN)  # in the second of three batches
    model, reference = mlp(nn.BatchNorm1d(4)), mlp(nn.BatchNorm1d(4))
    with pytest.warns(RuntimeWarning, match="goes on without this step"):
        history = fit(model, x, jit=jit, epochs=2, on_nan="skip")
    kept = np.r_[0:8, 16:24]
    expected = fit(reference, X[kept], Y[kept], jit=jit, epochs=2)
    assert history.history["loss"] == pytest.approx(expected.history["loss"], rel=1e-6)
    found, wanted = state(model), state(reference)
    for name, value in wanted.items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("on_nan", ["warn", "stop", "skip", "ignore"])
@pytest.mark.parametrize("jit", [True, False])
def test_where_all_is_finite_every_mode_is_the_same_and_silent(on_nan, jit):
    reference = mlp(nn.BatchNorm1d(4))
    fit(reference, jit=jit, epochs=3)
    model = mlp(nn.BatchNorm1d(4))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fit(model, jit=jit, epochs=3, on_nan=on_nan)
    found = state(model)
    for name, value in state(reference).items():
        np.testing.assert_allclose(found[name], value, rtol=1e-6, atol=1e-7, err_msg=name)


@pytest.mark.parametrize("on_nan", ["stop", "skip"])
def test_a_gradient_that_is_not_finite_is_named(on_nan):
    model = mlp(Explode(backward=INF))
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    with pytest.warns(RuntimeWarning, match=A_GRADIENT):
        fit(model, on_nan=on_nan)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    with pytest.warns(RuntimeWarning, match="parameter '0.weight' is not finite"):
        fit(mlp(Explode(backward=INF)))


def test_divergence_is_noticed():
    model = mlp(nn.Identity())
    model.compile(pydl.optim.SGD(model.parameters(), lr=1e6), "mse")
    with pytest.warns(RuntimeWarning, match=r"the loss is (inf|nan) in epoch \d+, step \d+: "):
        fit(model, epochs=30)
    model = mlp(nn.Identity())
    model.compile(pydl.optim.SGD(model.parameters(), lr=1e6), "mse")
    with pytest.warns(RuntimeWarning, match="ends before this step"):
        fit(model, epochs=30, on_nan="stop")
    assert all(np.isfinite(p.detach().numpy()).all() for p in model.parameters())


def test_ignoring():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = fit(mlp(), with_value(X, (0, 0), NAN), on_nan="ignore")
    assert np.isnan(history.history["loss"]).all()
    with pytest.raises(ValueError, match="on_nan 'warn', 'stop', 'skip' or 'ignore', got 'raise'"):
        fit(mlp(), on_nan="raise")


@pytest.mark.parametrize("on_nan", ["warn", "skip"])
def test_a_validation_that_is_not_finite_is_named(on_nan):
    bad = with_value(X, (20, 1), NAN)
    with pytest.warns(RuntimeWarning, match="val_loss is nan in epoch 1: the input of this batch"):
        fit(mlp(), validation_data=(bad, Y), on_nan=on_nan)
    with pytest.warns(RuntimeWarning, match=r"the tensor '1.running_mean' is not finite"):
        fit(bad_buffer(), validation_data=(X, Y), on_nan=on_nan)


def test_parameters_that_no_loss_shows_are_noticed_at_the_end():
    class Hide(nn.Module):
        def forward(self, x):
            return pydl.where(pydl.isfinite(x), x, 0.0)

    model = mlp(Hide())
    with pydl.no_grad():
        model[0].weight[0, 0] = NAN
    with pytest.warns(RuntimeWarning, match="before training, the parameter '0.weight' is not fin"):
        fit(model)

    class Spoil(Callback):
        def on_epoch_end(self, epoch, logs):
            nn.init.constant_(self.model[0].weight, NAN)

    with pytest.warns(RuntimeWarning, match="after training, the parameter '0.weight' is not fin"):
        fit(mlp(Hide()), callbacks=[Spoil()])


def test_batches_without_labels_that_count_are_no_fault():
    labels = np.r_[np.full(8, -100), np.arange(16) % 3]
    for on_nan in ("warn", "stop", "skip"):
        model = nn.Sequential(nn.Linear(3, 3))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            history = fit(model, X, labels, "cross_entropy", on_nan=on_nan)
        assert np.isfinite(history.history["loss"]).all() and history.skipped == 0


def test_looking_for_the_cause_leaves_the_model_as_it_was():
    class Look(Callback):
        def on_train_batch_end(self, step):
            model = self.model
            self.modes = [module.training for module in model.modules()]
            assert not any("forward" in vars(module) for module in model.modules())

    model, look = mlp(nn.BatchNorm1d(4)), Look()
    model[1].eval()
    with pytest.warns(RuntimeWarning):
        fit(model, with_value(X, (0, 0), NAN), callbacks=[look], on_nan="skip")
    assert look.modes == [True, True, False, True, True, True]
    assert model.optimizer.steps == 2
