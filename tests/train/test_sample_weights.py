"""Weights of samples and classes: in losses, gradients, metrics and epochs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.training import losses
from pydl.training.losses import _BY_NAME

RNG = np.random.default_rng(5)
X = RNG.normal(size=(21, 4)).astype("float32")
LABELS = RNG.integers(0, 3, 21)
WEIGHTS = RNG.uniform(0, 2, 21).astype("float32")


def classifier(outputs: int = 3, loss: Any = "cross_entropy", **options: Any) -> Any:
    pydl.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, outputs))
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.2), loss, **options)
    return model


def losses_of_samples(model: Any, labels: Any) -> Any:
    logits = model(pydl.tensor(X)).detach()
    values = nn.functional.cross_entropy(logits, pydl.tensor(labels), reduction="none")
    return values.numpy().astype("float64")


def same(first: Any, second: Any) -> None:
    for name, value in first.state_dict().items():
        expected = second.state_dict()[name].numpy()
        np.testing.assert_allclose(value.numpy(), expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("batch_size", [4, 21])
def test_evaluate_divides_by_the_number_of_samples(batch_size: int) -> None:
    model = classifier()
    found = model.evaluate(X, LABELS, sample_weight=WEIGHTS, batch_size=batch_size, verbose=0)
    expected = (losses_of_samples(model, LABELS) * WEIGHTS).mean()
    assert found["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("jit", [True, False])
def test_gradients_are_those_of_the_weighted_mean(jit: bool) -> None:
    model, other = classifier(jit=jit), classifier()
    model.fit(X, LABELS, sample_weight=WEIGHTS, batch_size=21, shuffle=False, verbose=0)
    values = nn.functional.cross_entropy(
        other(pydl.tensor(X)), pydl.tensor(LABELS), reduction="none"
    )
    (values * pydl.tensor(WEIGHTS)).mean().backward()
    other.optimizer.step()
    same(model, other)


def test_weights_of_one_change_nothing_and_of_zero_leave_out() -> None:
    plain, ones = classifier(), classifier()
    plain.fit(X, LABELS, batch_size=8, shuffle=False, epochs=2, verbose=0)
    ones.fit(X, LABELS, sample_weight=np.ones(21), batch_size=8, shuffle=False, epochs=2, verbose=0)
    same(plain, ones)
    zeros = classifier()
    before = zeros.state_dict()["0.weight"].numpy().copy()
    zeros.fit(X, LABELS, sample_weight=np.zeros(21), verbose=0)
    np.testing.assert_array_equal(zeros.state_dict()["0.weight"].numpy(), before)


@pytest.mark.parametrize("labels", ["indices", "column", "floats", "one-hot"])
def test_weights_of_classes(labels: str) -> None:
    y: Any = {
        "indices": LABELS, "column": LABELS[:, None], "floats": LABELS.astype("float64"),
        "one-hot": np.eye(3, dtype="float32")[LABELS],
    }[labels]  # fmt: skip
    weights = {0: 0.5, 2: 3.0}
    table = np.array([0.5, 1.0, 3.0])
    model, other = classifier(), classifier()
    first = model.fit(X, y, class_weight=weights, batch_size=8, shuffle=False, verbose=0)
    second = other.fit(
        X, LABELS, sample_weight=table[LABELS], batch_size=8, shuffle=False, verbose=0
    )
    same(model, other)
    assert first.history["loss"] == pytest.approx(second.history["loss"], rel=1e-5)
    both = classifier()
    both.fit(X, y, class_weight=weights, sample_weight=WEIGHTS, shuffle=False, verbose=0)
    product = classifier()
    product.fit(X, LABELS, sample_weight=WEIGHTS * table[LABELS], shuffle=False, verbose=0)
    same(both, product)


def test_binary_classes() -> None:
    y = (LABELS > 0).astype("float32")
    model, other = (classifier(1, "binary_cross_entropy_with_logits") for _ in range(2))
    model.fit(X, y, class_weight={1: 4.0}, shuffle=False, verbose=0)
    other.fit(X, y, sample_weight=np.where(y == 1, 4.0, 1.0), shuffle=False, verbose=0)
    same(model, other)


def test_labels_that_do_not_count_and_weights() -> None:
    labels = np.where(np.arange(21) % 4 == 0, -100, LABELS)
    model = classifier()
    found = model.evaluate(X, labels, sample_weight=WEIGHTS, batch_size=6, verbose=0)["loss"]
    kept = labels != -100
    expected = (losses_of_samples(model, LABELS) * WEIGHTS)[kept].sum() / kept.sum()
    assert found == pytest.approx(expected, rel=1e-5)


def test_weighted_and_plain_metrics() -> None:
    model = classifier(metrics=["accuracy"], weighted_metrics=["accuracy", "recall_macro"])
    found = model.evaluate(X, LABELS, sample_weight=WEIGHTS, batch_size=8, verbose=0)
    right = model.predict(X).numpy().argmax(axis=1) == LABELS
    assert list(found) == ["loss", "accuracy", "weighted_accuracy", "recall_macro"]
    assert found["accuracy"] == pytest.approx(right.mean())
    assert found["weighted_accuracy"] == pytest.approx((right * WEIGHTS).sum() / WEIGHTS.sum())
    plain = model.evaluate(X, LABELS, verbose=0)
    assert plain["weighted_accuracy"] == plain["accuracy"]
    regression = classifier(1, "mse", weighted_metrics=["mae"])
    y = X.sum(axis=1)
    error = np.abs(regression.predict(X).numpy()[:, 0] - y)
    found = regression.evaluate(X, y, sample_weight=WEIGHTS, verbose=0)
    assert found["mae"] == pytest.approx((error * WEIGHTS).sum() / WEIGHTS.sum(), rel=1e-5)


def test_validation_data_datasets_and_splits_have_weights() -> None:
    model = classifier()
    data = pydl.data.TensorDataset(X, LABELS)
    expected = (losses_of_samples(model, LABELS) * WEIGHTS).mean()
    assert model.evaluate(data, sample_weight=WEIGHTS, verbose=0)["loss"] == pytest.approx(
        expected, rel=1e-5
    )
    nested = [((X[i],), LABELS[i], WEIGHTS[i]) for i in range(21)]
    loader = pydl.data.DataLoader(pydl.data.Subset(nested, range(21)), 4)
    assert model.evaluate(loader, verbose=0)["loss"] == pytest.approx(expected, rel=1e-5)
    history = model.fit(
        X, LABELS, validation_data=(X, LABELS, WEIGHTS), epochs=0, verbose=0
    ).history
    assert history == {}
    split = classifier()
    split.optimizer.lr = 0.0
    found = split.fit(X, LABELS, sample_weight=WEIGHTS, validation_split=0.5, verbose=0).history
    values = losses_of_samples(split, LABELS) * WEIGHTS
    assert found["val_loss"][0] == pytest.approx(values[10:].mean(), rel=1e-5)


@pytest.mark.parametrize("name", _BY_NAME)
def test_every_loss_by_name_takes_weights_of_samples(name: str) -> None:
    loss = losses.get(name)
    outputs = RNG.uniform(0.1, 0.9, size=(6, 3)).astype("float32")
    outputs /= outputs.sum(axis=1, keepdims=True)
    target: Any = LABELS[:6] if loss.ignore_index is not None else outputs[::-1].copy()
    if "hinge" in name:
        target = np.where(target > 0.3, 1.0, -1.0).astype("float32")
    one = pydl.tensor(outputs), pydl.asarray(target)
    if name == "dice":
        with pytest.raises(ValueError, match="one value for the whole batch"):
            loss.value(*one, pydl.ones((6,)))
        return
    expected = loss.value(*one).item()
    assert loss.value(*one, pydl.ones((6,))).item() == pytest.approx(expected, rel=1e-5)
    weights = np.arange(6, dtype="float32")
    parts = [loss.value(*(t[i : i + 1] for t in one)).item() for i in range(6)]
    found = loss.value(*one, pydl.tensor(weights)).item()
    assert found == pytest.approx(np.mean(np.array(parts) * weights), rel=2e-5)


def test_losses_of_ones_own() -> None:
    def each(output: Any, target: Any) -> Any:
        return ((output - target) ** 2).sum(axis=1)

    y = RNG.normal(size=(21, 3)).astype("float32")
    model = classifier(loss=each)
    expected = (((model.predict(X).numpy() - y) ** 2).sum(axis=1) * WEIGHTS).mean()
    found = model.evaluate(X, y, sample_weight=WEIGHTS, verbose=0)["loss"]
    assert found == pytest.approx(expected, rel=1e-5)
    model = classifier(loss=lambda output, target: ((output - target) ** 2).mean())
    with pytest.raises(ValueError, match=r"let it return one for each sample, of shape \(N,\)"):
        model.evaluate(X, y, sample_weight=WEIGHTS, verbose=0)
    module = classifier(loss=nn.CrossEntropyLoss(label_smoothing=0.1))
    plain = module.evaluate(X, LABELS, verbose=0)["loss"]
    ones = module.evaluate(X, LABELS, sample_weight=np.ones(21), verbose=0)["loss"]
    assert ones == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_weight": WEIGHTS[:5]}, "got lengths 21 of x, 21 of y, 5 of sample_weight"),
        ({"sample_weight": np.ones((21, 2))}, "sample_weight of the shape of the losses"),
        ({"sample_weight": ["a"] * 21}, "sample_weight holds strings"),
        ({"class_weight": {"a": 1.0}}, "class indices as the keys of class_weight, got 'a'"),
        ({"class_weight": {-1: 1.0}}, "class indices of at least 0 in class_weight, got -1"),
        ({"class_weight": {0: -1.0}}, "at least 0, got -1.0 for class 0"),
        ({"class_weight": {}}, "at least one class"),
        ({"class_weight": 3}, "class_weight as a dict from class to weight, got int"),
    ],
)
def test_wrong_weights_are_refused(options: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        classifier().fit(X, LABELS, verbose=0, **options)


def test_metrics_that_take_no_weights_are_refused_by_compile() -> None:
    class Own(pydl.training.Metric):
        def totals(self, output: Any, target: Any) -> Any:
            return output.sum()

    with pytest.raises(TypeError, match="the metric 'own' takes no weights of samples"):
        classifier(weighted_metrics=[Own()])
