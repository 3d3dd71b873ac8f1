"""The trainer: any module, custom steps, accumulation, streams of batches, single batches."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import Model, Trainer

RNG = np.random.default_rng(11)
X = RNG.normal(size=(22, 3)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


def network() -> nn.Sequential:
    pydl.manual_seed(2)
    return nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))


def regression(**options: Any) -> Any:
    model = network()
    model.compile(pydl.optim.Adam(model.parameters(), lr=0.05), "mse", **options)
    return model


def same(first: Any, second: Any, rtol: float = 1e-5) -> None:
    for name, value in first.state_dict().items():
        expected = second.state_dict()[name].numpy()
        np.testing.assert_allclose(value.numpy(), expected, rtol=rtol, atol=1e-6)


def test_any_module_is_trained_as_a_model_is() -> None:
    class Plain(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = network()

        def forward(self, x: Any) -> Any:
            return self.net(x)

    module, model = Plain(), regression(metrics=["mae"])
    optimizer = pydl.optim.Adam(module.parameters(), lr=0.05)
    trainer = Trainer(module, optimizer, "mse", ["mae"])
    first = trainer.fit(X, Y, epochs=3, shuffle=False, batch_size=5, verbose=0)
    second = model.fit(X, Y, epochs=3, shuffle=False, batch_size=5, verbose=0)
    assert first.history == second.history
    assert trainer.evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    np.testing.assert_array_equal(trainer.predict(X).numpy(), model.predict(X).numpy())
    with pytest.raises(TypeError, match="Trainer: expected a Module, got int"):
        Trainer(3)  # type: ignore[arg-type]


@pytest.mark.parametrize("copier", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_train_by_themselves(copier: Any) -> None:
    model = regression(metrics=["mae"])
    model.fit(X, Y, verbose=0)
    other = copier(model)
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    other.fit(X, Y, shuffle=False, verbose=0)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
    model.fit(X, Y, shuffle=False, verbose=0)
    same(model, other, rtol=0)


# --- accumulation and clipping ------------------------------------------------------------------


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize(("batch_size", "accumulate"), [(11, 2), (4, 2), (5, 3), (22, 4), (3, 100)])
def test_accumulation_is_one_large_batch(batch_size: int, accumulate: int, jit: bool) -> None:
    small, large = regression(jit=jit), regression()
    options: Any = {"epochs": 3, "shuffle": False, "verbose": 0}
    found = small.fit(X, Y, batch_size=batch_size, accumulate=accumulate, **options)
    expected = large.fit(X, Y, batch_size=batch_size * accumulate, **options)
    same(small, large)
    assert small.optimizer.steps == large.optimizer.steps
    assert found.history["loss"] == pytest.approx(expected.history["loss"], rel=1e-4)


def test_a_group_that_is_not_finite_is_left_out() -> None:
    bad = X.copy()
    bad[6] = np.nan  # in the second batch of the first group
    model, other = regression(), regression()
    with pytest.warns(RuntimeWarning, match="step 2: the input of this batch is not finite"):
        history = model.fit(
            bad, Y, batch_size=4, accumulate=2, shuffle=False, on_nan="skip", verbose=0
        )
    other.fit(X[8:], Y[8:], batch_size=8, shuffle=False, verbose=0)
    same(model, other)
    assert history.skipped == 1


def test_clipping_for_one_training() -> None:
    model, other = regression(), regression()
    model.fit(X, 1000 * Y, shuffle=False, clip_norm=0.1, verbose=0)
    assert model.optimizer.clip_norm is None
    other.optimizer.clip_norm = 0.1
    other.fit(X, 1000 * Y, shuffle=False, verbose=0)
    same(model, other, rtol=0)
    with pytest.raises(ValueError, match="fit: expected clip_norm or clip_value, got both"):
        model.fit(X, Y, clip_norm=1.0, clip_value=1.0, verbose=0)
    with pytest.raises(ValueError, match="clip"):
        model.fit(X, Y, clip_norm=-1.0, verbose=0)


def test_precision() -> None:
    model, other = regression(), regression()
    model.fit(X, Y, shuffle=False, epochs=2, precision="bfloat16", verbose=0)
    with pydl.autocast("bfloat16"):
        other.fit(X, Y, shuffle=False, epochs=2, verbose=0)
    same(model, other, rtol=0)
    assert model.state_dict()["0.weight"].dtype == pydl.float32
    with pytest.raises(ValueError, match="expected precision 'float32', 'bfloat16' or 'float16'"):
        model.fit(X, Y, precision="float8", verbose=0)


# --- custom steps -------------------------------------------------------------------------


class Scaled(nn.Sequential):
    """Overrides the whole step."""

    def train_step(self, data: Any) -> Any:
        x, y = data
        output = self(x)
        loss = ((output - y) ** 2).mean()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        return {"loss": loss, "largest": output.max()}


def test_a_step_of_ones_own_compiles_and_reports() -> None:
    model = network()
    own = Scaled(*model)
    own.compile(pydl.optim.Adam(own.parameters(), lr=0.05), "mse")
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it would warn, if it could not be compiled
        history = own.fit(X, Y, batch_size=5, epochs=2, shuffle=False, verbose=0).history
    other = regression()
    expected = other.fit(X, Y, batch_size=5, epochs=2, shuffle=False, verbose=0).history
    assert list(history) == ["loss", "largest"]
    assert history["loss"] == pytest.approx(expected["loss"], rel=1e-5)
    same(own, other)
    with pytest.raises(ValueError, match="a custom train_step does by itself"):
        own.fit(X, Y, accumulate=2, verbose=0)


def test_a_step_may_call_the_usual_one() -> None:
    class More(nn.Sequential):
        def train_step(self, data: Any) -> Any:
            return {**super().train_step(data), "inputs": data[0].mean()}

    own = More(*network())
    own.compile(pydl.optim.Adam(own.parameters(), lr=0.05), "mse", ["mae"])
    history = own.fit(X, Y, batch_size=5, shuffle=False, verbose=0).history
    other = regression(metrics=["mae"])
    expected = other.fit(X, Y, batch_size=5, shuffle=False, verbose=0).history
    assert history["inputs"][0] == pytest.approx(X.mean(), abs=1e-5)
    assert history["mae"] == pytest.approx(expected["mae"], rel=1e-5)
    same(own, other)


def test_a_loss_of_more_than_outputs_and_targets() -> None:
    class Penalised(nn.Sequential):
        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            loss = super().compute_loss(x, y, y_pred, sample_weight)
            return loss + 0.1 * (self[0].weight ** 2).sum()

    model = Penalised(*network())
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.1), "mse", ["mae"])
    found = model.evaluate(X, Y, verbose=0)["loss"]
    mse = ((model.predict(X).numpy() - Y) ** 2).mean()
    assert found == pytest.approx(
        mse + 0.1 * (model[0].weight.detach().numpy() ** 2).sum(), rel=1e-5
    )
    assert model.fit(X, Y, epochs=3, verbose=0).history["loss"][-1] < found


@pytest.mark.parametrize("jit", [True, False])
def test_two_optimisers_in_one_step(jit: bool) -> None:
    class Gan(Model):
        def __init__(self) -> None:
            super().__init__()
            self.generator = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
            self.critic = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1))
            self.g_optimizer = pydl.optim.Adam(self.generator.parameters(), lr=0.01)
            self.c_optimizer = pydl.optim.Adam(self.critic.parameters(), lr=0.01)

        def train_step(self, data: Any) -> Any:
            bce = nn.functional.binary_cross_entropy_with_logits
            count = data.shape[0]
            fake = self.generator(pydl.randn((count, 2)))
            real_score, fake_score = self.critic(data), self.critic(fake.detach())
            c_loss = bce(real_score, pydl.ones((count, 1))) + bce(
                fake_score, pydl.zeros((count, 1))
            )
            self.c_optimizer.zero_grad()
            c_loss.backward()
            self.c_optimizer.step()
            g_loss = bce(self.critic(fake), pydl.ones((count, 1)))
            self.g_optimizer.zero_grad()
            g_loss.backward()
            self.g_optimizer.step()
            return {"c_loss": c_loss, "g_loss": g_loss}

        def forward(self, noise: Any) -> Any:
            return self.generator(noise)

    pydl.manual_seed(4)
    model = Gan()
    with pytest.raises(TypeError, match="expected an optimizer; None is for models"):
        regression().compile(None)
    model.compile(None, jit=jit)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = model.fit(X, batch_size=11, epochs=3, verbose=0)
    assert list(history.history) == ["c_loss", "g_loss"]
    assert model.g_optimizer.steps == model.c_optimizer.steps == 6
    assert np.isfinite(history.history["g_loss"]).all()
    assert model.predict(np.zeros((2, 2), "float32")).shape == (2, 3)


def test_what_a_step_of_ones_own_returns_is_checked() -> None:
    class Bad(nn.Sequential):
        result: Any = None

        def train_step(self, data: Any) -> Any:
            return self.result

    for result, message in (
        (None, "train_step must return a dict of names and tensors to report, got NoneType"),
        ({"loss": pydl.ones((2,))}, r"expected one number as 'loss', got shape \(2,\)"),
        ({"loss": "small"}, "expected a tensor as 'loss', got str"),
    ):
        model = Bad(nn.Linear(3, 1))
        model.compile("sgd", "mse", jit=False)
        vars(model)["result"] = result
        with pytest.raises((TypeError, ValueError), match=message):
            model.fit(X, Y, verbose=0)


def test_predictions_and_measurements_of_ones_own() -> None:
    class Own(nn.Sequential):
        def predict_step(self, data: Any) -> Any:
            return super().predict_step(data) * 2

        def test_step(self, data: Any) -> Any:
            return {"mine": (self(data[0]) - data[1]).abs().max()}

    model = Own(*network())
    model.compile(pydl.optim.Adam(model.parameters()), "mse")
    plain = model(pydl.tensor(X)).detach().numpy()
    np.testing.assert_allclose(model.predict(X).numpy(), 2 * plain, rtol=1e-5)
    found = model.evaluate(X, Y, verbose=0)
    assert found == {"mine": pytest.approx(np.abs(plain - Y).max(), rel=1e-5)}
    history = model.fit(X, Y, validation_data=(X, Y), verbose=0).history
    assert list(history) == ["loss", "val_mine"]


# --- streams of batches -------------------------------------------------------------------------


def forever(size: int) -> Any:
    while True:
        for start in range(0, 20, size):
            yield X[start : start + size], Y[start : start + size]


def test_generators_and_steps_per_epoch() -> None:
    model, other = regression(), regression()
    history = model.fit(forever(5), steps_per_epoch=4, epochs=2, verbose=0)
    expected = other.fit(X[:20], Y[:20], batch_size=5, epochs=2, shuffle=False, verbose=0)
    assert history.history == expected.history
    same(model, other, rtol=0)
    found = model.evaluate(forever(5), steps=4, verbose=0)
    assert found == pytest.approx(model.evaluate(X[:20], Y[:20], verbose=0), rel=1e-5)
    once = regression()
    once.fit(((X[i : i + 5], Y[i : i + 5]) for i in range(0, 20, 5)), verbose=0)
    assert once.optimizer.steps == 4
    with pytest.raises(ValueError, match="x is a generator, which gives one pass, but there are 2"):
        once.fit(forever(5), epochs=2, verbose=0)
    inputs = (X[i : i + 5] for i in range(0, 20, 5))
    np.testing.assert_allclose(
        model.predict(inputs).numpy(), model.predict(X[:20]).numpy(), rtol=1e-6
    )


def test_a_generator_that_ends_early_ends_the_training() -> None:
    model = regression()
    batches = ((X[:5], Y[:5]) for _ in range(6))
    with pytest.warns(UserWarning, match="ended after 2 of 4 steps of an epoch"):
        history = model.fit(batches, steps_per_epoch=4, epochs=5, verbose=0)
    assert len(history.epochs) == 2 and model.optimizer.steps == 6


def test_epochs_of_steps_go_on_within_a_pass() -> None:
    model, other = regression(), regression()
    model.fit(X[:20], Y[:20], batch_size=5, shuffle=False, steps_per_epoch=2, epochs=4, verbose=0)
    other.fit(X[:20], Y[:20], batch_size=5, shuffle=False, epochs=2, verbose=0)
    same(model, other, rtol=0)


def test_validation_steps_frequency_and_batch_size() -> None:
    model = regression()
    seen: dict[str, Any] = model.fit(
        X, Y, epochs=5, validation_data=(X, Y), validation_freq=2, validation_steps=2,
        validation_batch_size=5, verbose=0,
    ).history  # fmt: skip
    assert len(seen["loss"]) == 5 and len(seen["val_loss"]) == 2
    chosen = model.fit(X, Y, epochs=5, validation_data=(X, Y), validation_freq=[1, 5], verbose=0)
    assert len(chosen.history["val_loss"]) == 2
    model.optimizer.lr = 0.0
    seen = model.fit(
        X, Y, validation_data=(X, Y), validation_steps=2, validation_batch_size=5, verbose=0
    ).history
    expected = model.evaluate(X[:10], Y[:10], verbose=0)["loss"]
    assert seen["val_loss"][0] == pytest.approx(expected, rel=1e-5)
    with pytest.raises(ValueError, match="validation_steps and validation_batch_size need"):
        model.fit(X, Y, validation_steps=2, verbose=0)


def test_drop_last() -> None:
    model = regression()
    model.fit(X, Y, batch_size=5, drop_last=True, verbose=0)
    assert model.optimizer.steps == 4


# --- single batches -----------------------------------------------------------------------------


def test_on_batch() -> None:
    model, other = regression(metrics=["mae"]), regression(metrics=["mae"])
    model[1].eval()
    modes = [module.training for module in model.modules()]
    before = model.test_on_batch(X, Y)
    assert before == pytest.approx(other.evaluate(X, Y, verbose=0), rel=1e-6)
    for _ in range(3):
        found = model.train_on_batch(X, Y)
    history = other.fit(X, Y, batch_size=22, shuffle=False, epochs=3, verbose=0).history
    assert found == pytest.approx({name: values[-1] for name, values in history.items()})
    same(model, other, rtol=0)
    assert modes == [module.training for module in model.modules()]
    np.testing.assert_array_equal(model.predict_on_batch(X).numpy(), other.predict(X).numpy())
    weighted = model.train_on_batch(X, Y, sample_weight=np.zeros(22))
    assert weighted["loss"] == 0
    with pytest.raises(RuntimeError, match="train_on_batch: call compile"):
        network().train_on_batch(X, Y)
    with pytest.raises(TypeError, match="train_on_batch: expected arrays, got TensorDataset"):
        model.train_on_batch(pydl.data.TensorDataset(X, Y))


# --- what belongs to layers ---------------------------------------------------------------------


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("accumulate", [1, 2])
def test_penalties_and_constraints(accumulate: int, jit: bool) -> None:
    model, other = regression(jit=jit), regression()
    nn.add_penalty(model[0], l2=0.3)
    nn.add_constraint(model[2], nn.NonNeg())
    size = 22 // accumulate
    model.fit(X, Y, batch_size=size, accumulate=accumulate, shuffle=False, epochs=2, verbose=0)
    optimizer = other.optimizer
    for _ in range(2):
        loss = ((other(pydl.tensor(X)) - pydl.tensor(Y)) ** 2).mean()
        optimizer.zero_grad()
        (loss + 0.3 * (other[0].weight ** 2).sum()).backward()
        optimizer.step()
        with pydl.no_grad():
            other[2].weight.copy_(pydl.maximum(other[2].weight, 0.0))
    same(model, other)
    found = model.evaluate(X, Y, verbose=0)["loss"]
    mse = ((model.predict(X).numpy() - Y) ** 2).mean()
    penalty = 0.3 * (model[0].weight.detach().numpy() ** 2).sum()
    assert found == pytest.approx(mse + penalty, rel=1e-5)


def test_lazy_layers_find_their_sizes_from_the_data() -> None:
    def make() -> Any:
        pydl.manual_seed(6)
        model = nn.Sequential(nn.LazyLinear(8), nn.Tanh(), nn.LazyLinear(1))
        model.compile("adam", "mse")
        return model

    lazy, made = make(), make()
    made(pydl.tensor(X))
    lazy.fit(X, Y, batch_size=5, epochs=2, verbose=0)
    assert lazy[0].in_features == 3
    assert lazy.evaluate(X, Y, verbose=0)["loss"] < 10
    with pytest.raises(ValueError, match="fit: the model has lazy layers, .*call it once"):
        make().fit(forever(5), steps_per_epoch=2, verbose=0)
