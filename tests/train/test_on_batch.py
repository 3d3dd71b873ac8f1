"""Single batches, of which those like the one before take a shorter way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn

RNG = np.random.default_rng(6)
X = RNG.normal(size=(12, 3)).astype("float32")
Y = (X[:, 0] > 0).astype(int)


def network(jit: bool = True, metrics: Any = ("accuracy",), **options: Any) -> Any:
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 2))
    optimizer = pydl.optim.Adam(model.parameters(), lr=0.05)
    model.compile(optimizer, "cross_entropy", [*metrics], jit=jit, **options)
    return model


def assert_same(first: Any, second: Any) -> None:
    other = second.state_dict()
    for name, value in first.state_dict().items():
        np.testing.assert_allclose(value.numpy(), other[name].numpy(), rtol=1e-5, atol=1e-6)


def both(change: Any = None, steps: int = 3, **options: Any) -> tuple[Any, Any]:
    """Train with and without compilation, with a change after two steps."""
    models = network(**options), network(jit=False, **options)
    for model in models:
        pydl.manual_seed(1)
        for step in range(2 + steps):
            if step == 2 and change is not None:
                change(model)
            model.train_on_batch(X, Y)
    assert_same(*models)
    return models


def replace(model: Any) -> None:
    pydl.manual_seed(9)
    model[3] = nn.Linear(8, 2)
    parameters = pydl.optim.Adam(model.parameters(), lr=0.05)
    model.compile(parameters, "cross_entropy", ["accuracy"], jit=model.trainer._jit)


CHANGES: dict[str, Any] = {
    "nothing": None,
    "evaluation mode": lambda model: model.eval(),
    "a frozen mode": lambda model: model[1].eval(),
    "a frozen mode in evaluation": lambda model: (model.eval(), model[1].eval()),
    "a dropout that is off": lambda model: model[2].eval(),
    "not trainable": lambda model: setattr(model[1], "trainable", False),
    "a frozen parameter": lambda model: setattr(model[0].weight, "requires_grad", False),
    "another rate": lambda model: setattr(model.optimizer, "lr", 0.5),
    "another option": lambda model: setattr(model.optimizer, "betas", (0.5, 0.9)),
    "another activation": lambda model: setattr(model[2], "p", 0.0),
    "another layer": replace,
    "fit between": lambda model: model.fit(X, Y, shuffle=False, verbose=0),
    "evaluate between": lambda model: model.evaluate(X, Y, verbose=0),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_noticed(name: str) -> None:
    first, second = both(CHANGES[name])
    modes = [[module.training for module in model.modules()] for model in (first, second)]
    assert modes[0] == modes[1]


def test_a_function_of_the_steps_as_rate() -> None:
    both(learning_rate=lambda step: 0.1 / (1 + step))


def test_an_optimiser_by_name_follows_replaced_layers() -> None:
    model = network()
    model.compile("sgd", "cross_entropy", learning_rate=0.1)
    for _ in range(3):
        model.train_on_batch(X, Y)
    model[3] = nn.Linear(8, 2)
    before = model[3].weight.detach().numpy().copy()
    model.train_on_batch(X, Y)
    assert (model[3].weight.detach().numpy() != before).any()


FORMS: dict[str, Any] = {
    "tensors": lambda n: (pydl.tensor(X[:n]), pydl.tensor(Y[:n])),
    "float64": lambda n: (X[:n].astype("float64"), Y[:n]),
    "int32 classes": lambda n: (X[:n], Y[:n].astype("int32")),
    "float classes": lambda n: (X[:n], Y[:n].astype("float64")),
    "bool classes": lambda n: (X[:n], Y[:n].astype(bool)),
    "a column": lambda n: (X[:n], Y[:n, None]),
    "lists": lambda n: (X[:n].tolist(), Y[:n].tolist()),
    "not contiguous": lambda n: (np.asfortranarray(X[:n]), Y[:n]),
    "reversed": lambda n: (X[:n][::-1], Y[:n][::-1]),
    "weights": lambda n: (X[:n], Y[:n], np.linspace(0, 1, n)),
    "another byte order": lambda n: (X[:n].astype(">f4"), Y[:n]),
    "read only": lambda n: (np.broadcast_to(X[:1], (n, 3)), Y[:n]),
}


@pytest.mark.parametrize("name", FORMS)
def test_forms_of_batches(name: str) -> None:
    first, second = network(), network(jit=False)
    try:
        second.train_on_batch(*FORMS[name](12))
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            first.train_on_batch(*FORMS[name](12))
        return
    second = network(jit=False)
    for model in (first, second):
        pydl.manual_seed(1)
        # Alternating with another form, and with other sizes.
        logs = []
        for n in (12, 12, 7, 12, 12):
            logs.append(model.train_on_batch(*FORMS[name](n)))
            logs.append(model.test_on_batch(*FORMS[name](n)))
            model.train_on_batch(X, Y)
            logs.append(model.predict_on_batch(FORMS[name](n)[0]).sum().item())
        vars(model)["logs"] = logs
    assert_same(first, second)
    for a, b in zip(first.logs, second.logs, strict=True):
        assert a == pytest.approx(b, rel=1e-4)


def test_wrong_batches_are_refused_after_right_ones_too() -> None:
    model = network()
    for _ in range(2):
        model.train_on_batch(X, Y)
    for bad, message in (
        ((X[:, :2], Y), "expects 3 inputs"),
        ((X, Y[:5]), "expected arrays of one length"),
        ((X[:0], Y[:0]), "expected at least one sample"),
        ((X, Y + 0.5), "not integers"),
        ((X,), "expected inputs and targets"),
    ):
        with pytest.raises((TypeError, ValueError, RuntimeError), match=message):
            model.train_on_batch(*bad)
    with pytest.raises(IndexError):
        model.train_on_batch(X, Y + 9)


def test_several_inputs_and_outputs() -> None:
    class Two(pydl.training.Model):
        def __init__(self) -> None:
            super().__init__()
            pydl.manual_seed(0)
            self.a, self.b = nn.Linear(3, 1), nn.Linear(2, 1)

        def forward(self, wide: Any, narrow: Any) -> Any:
            return {"sum": self.a(wide) + self.b(narrow), "other": self.b(narrow)}

    models = []
    for jit in (True, False):
        model = Two()
        model.compile("sgd", {"sum": "mse", "other": "mae"}, learning_rate=0.1, jit=jit)
        for _ in range(4):
            x = {"wide": X, "narrow": X[:, :2]}
            logs = model.train_on_batch(x, {"sum": X.sum(axis=1), "other": X[:, 0]})
        assert list(logs) == ["loss", "sum_loss", "other_loss"]
        models.append(model)
    assert_same(*models)


def test_weights_of_classes_and_labels_that_do_not_count() -> None:
    labels = Y.copy()
    labels[::3] = -100
    models = network(), network(jit=False)
    for model in models:
        pydl.manual_seed(1)
        found = [
            model.train_on_batch(X, Y),
            model.train_on_batch(X, Y, class_weight={0: 2.0}),
            model.train_on_batch(X, labels),
            model.train_on_batch(X, Y),
        ]
        vars(model)["found"] = found
    assert_same(*models)
    for a, b in zip(models[0].found, models[1].found, strict=True):
        assert a == pytest.approx(b, rel=1e-5)


def test_a_step_of_ones_own() -> None:
    class Own(nn.Sequential):
        def train_step(self, data: Any) -> Any:
            return {**super().train_step(data), "more": data[0].mean()}

    pydl.manual_seed(0)
    model = Own(nn.Linear(3, 2))
    model.compile("sgd", "cross_entropy", learning_rate=0.1)
    losses = [model.train_on_batch(X, Y)["loss"] for _ in range(4)]
    assert losses == sorted(losses, reverse=True) and len(set(losses)) == 4
    assert list(model.train_on_batch(X, Y)) == ["loss", "more"]
