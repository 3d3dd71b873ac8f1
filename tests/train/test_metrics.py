"""Metrics and losses in fit and evaluate: exact over batches, right shapes, right decisions."""

from __future__ import annotations

import functools
import re
import warnings

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.nn import functional as F
from pydl.training import Accuracy, Metric, Precision, Recall, additivity, losses


class Given(pydl.Model):
    """Gives its input back: outputs are what a test chooses."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(pydl.ones((1,)))

    def forward(self, x):
        return x * self.scale


def measure(outputs, targets, loss, metric, batch_size=32, jit=True):
    model = Given()
    model.compile("sgd", loss, metric, jit=jit)
    return model.evaluate(
        np.asarray(outputs, np.float32), targets, batch_size=batch_size, verbose=0
    )


def samples(count=23, classes=4, seed=0):
    generator = np.random.default_rng(seed)
    logits = generator.normal(size=(count, classes)).astype(np.float32)
    labels = generator.integers(0, classes, count)
    labels[: count // 3] = -100  # the first batches have fewer labels that count
    return logits, labels


def binary_samples(count=23):
    generator = np.random.default_rng(1)
    wanted = np.sort(generator.integers(0, 2, (count, 1)), axis=0)
    return generator.uniform(0.01, 0.99, (count, 1)).astype(np.float32), wanted


def log_softmax(x):
    return x - np.log(np.exp(x).sum(axis=1, keepdims=True))


def mean_cross_entropy(logits, labels):
    kept = labels >= 0
    return -log_softmax(logits)[kept, labels[kept]].mean()


def of_class(logits, labels, k):
    kept = labels >= 0
    return logits[kept].argmax(axis=1) == k, labels[kept] == k


# Metric: (loss, metric, data, expected value over all samples).
CASES = {
    "accuracy": (
        "cross_entropy", "accuracy", samples(),
        lambda x, y: (x.argmax(axis=1) == y)[y >= 0].mean(),
    ),
    "binary accuracy": (
        "binary_cross_entropy", "acc", binary_samples(), lambda x, y: ((x > 0.5) == y).mean(),
    ),
    "precision": (
        "binary_cross_entropy", "precision", binary_samples(),
        lambda x, y: ((x > 0.5) & (y == 1)).sum() / (x > 0.5).sum(),
    ),
    "recall": (
        "binary_cross_entropy", "recall", binary_samples(),
        lambda x, y: ((x > 0.5) & (y == 1)).sum() / (y == 1).sum(),
    ),
    "precision of a class": (
        "cross_entropy", Precision(class_id=1), samples(),
        lambda x, y: np.logical_and(*of_class(x, y, 1)).sum() / of_class(x, y, 1)[0].sum(),
    ),
    "recall of a class": (
        "cross_entropy", Recall(class_id=1), samples(),
        lambda x, y: np.logical_and(*of_class(x, y, 1)).sum() / of_class(x, y, 1)[1].sum(),
    ),
    "cross_entropy": ("cross_entropy", "cross_entropy", samples(), mean_cross_entropy),
    "mse": ("mse", "mse", binary_samples(), lambda x, y: ((x - y) ** 2).mean()),
    "mae": ("mse", "mae", binary_samples(), lambda x, y: np.abs(x - y).mean()),
    "mean_squared_error": (
        "mse", "mean_squared_error", binary_samples(), lambda x, y: ((x - y) ** 2).mean(),
    ),
    "mean_absolute_error": (
        "mse", "mean_absolute_error", binary_samples(), lambda x, y: np.abs(x - y).mean(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("batch_size", [1, 4, 10, 23])
@pytest.mark.parametrize("case", CASES)
def test_metrics_are_exact_whatever_the_batches(case, batch_size, jit):
    loss, metric, (outputs, targets), expected = CASES[case]
    found = measure(outputs, targets, loss, [metric], batch_size, jit)
    _, value = found.values()
    assert value == pytest.approx(expected(outputs, targets), rel=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_metrics_in_fit_are_those_of_the_epoch(case):
    loss, metric, (outputs, targets), expected = CASES[case]
    model = Given()
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.0), loss, [metric])
    history = model.fit(
        outputs, targets, batch_size=5, validation_data=(outputs, targets), verbose=0
    ).history
    (_, value), (_, own) = history.items() if len(history) == 2 else _pairs(history)
    assert [*value, *own] == pytest.approx([expected(outputs, targets)] * 2, rel=1e-5)


def _pairs(history):
    (_, _), (name, value), (_, _), (_, own) = history.items()
    return (name, value), (name, own)


LOSSES_OF_LABELS = {
    "name": ("cross_entropy", -100, None),
    "function": (F.cross_entropy, -100, None),
    "module": (nn.CrossEntropyLoss(ignore_index=2), 2, None),
    "partial": (functools.partial(F.cross_entropy, ignore_index=2), 2, None),
    "weights": (nn.CrossEntropyLoss(pydl.tensor([1.0, 2.0, 3.0, 4.0])), -100, [1, 2, 3, 4]),
}


@pytest.mark.parametrize("kind", LOSSES_OF_LABELS)
@pytest.mark.parametrize("batch_size", [1, 4, 23])
def test_labels_that_do_not_count_leave_loss_and_accuracy_exact(kind, batch_size):
    loss, ignored, weights = LOSSES_OF_LABELS[kind]
    logits, labels = samples()
    labels = np.where(labels == -100, ignored, labels)
    kept = labels != ignored
    share = np.ones(4) if weights is None else np.array(weights)
    each = -log_softmax(logits)[kept, labels[kept]] * share[labels[kept]]
    found = measure(logits, labels, loss, ["accuracy"], batch_size)
    assert found["loss"] == pytest.approx(each.sum() / share[labels[kept]].sum(), rel=1e-5)
    expected = (logits.argmax(axis=1) == labels)[kept].mean()
    assert found["accuracy"] == pytest.approx(expected)


@pytest.mark.parametrize("axis", ["(N,)", "(N, 1)", "one-hot"])
@pytest.mark.parametrize(
    "loss",
    ["cross_entropy", lambda out, y: (out * 0.0).sum() + 1.0],
    ids=["named", "own"],
)
def test_accuracy_of_right_answers_is_one_in_every_shape(axis, loss):
    labels = np.arange(12) % 4
    outputs = 5.0 * np.eye(4)[labels]
    target = {"(N,)": labels, "(N, 1)": labels[:, None], "one-hot": np.eye(4)[labels]}[axis]
    assert measure(outputs, target, loss, ["accuracy"])["accuracy"] == 1.0


def test_accuracy_of_places_in_images():
    generator = np.random.default_rng(0)
    logits, labels = generator.normal(size=(5, 3, 4, 4)), generator.integers(0, 3, (5, 4, 4))
    expected = (logits.argmax(axis=1) == labels).mean()
    for target in (labels, labels[:, None]):
        found = measure(logits, target, "cross_entropy", ["accuracy"], batch_size=2)
        assert found["accuracy"] == pytest.approx(expected)


LOGITS = [
    "binary_cross_entropy_with_logits",
    F.binary_cross_entropy_with_logits,
    nn.BCEWithLogitsLoss(),
    functools.partial(F.binary_cross_entropy_with_logits, reduction="mean"),
]
PROBABILITIES = [
    "binary_cross_entropy",
    "binary_crossentropy",
    F.binary_cross_entropy,
    nn.BCELoss(),
    functools.partial(F.binary_cross_entropy, reduction="mean"),
    "mse",
    F.mse_loss,
    nn.MSELoss(),
    "mae",
    nn.L1Loss(),
]


def without_address(loss):
    """Names that are the same in every process that collects tests."""
    return re.sub(" of [^ ]+ object at 0x[0-9a-f]+", "", repr(loss))


@pytest.mark.parametrize("loss", LOGITS + PROBABILITIES, ids=without_address)
def test_the_threshold_is_that_of_the_loss_in_every_form(loss):
    outputs, targets = np.array([[0.1], [0.3], [0.7], [0.9]]), np.array([[1], [1], [1], [0]])
    expected = 0.75 if loss in LOGITS else 0.25
    assert measure(outputs, targets, loss, ["accuracy"])["accuracy"] == expected


def test_the_last_layer_gives_the_threshold_of_an_own_loss_or_it_must_be_given():
    def own(out, y):
        return ((out - y) ** 2).mean()

    x, y = np.zeros((4, 2), np.float32), np.ones((4, 1))
    for last, metric in (([nn.Sigmoid()], "accuracy"), ([], Accuracy(threshold=0.0))):
        model = nn.Sequential(nn.Linear(2, 1, init="zeros"), *last)
        with pydl.no_grad():
            model[0].bias.fill_(0.3)
        model.compile("sgd", own, [metric])
        assert model.evaluate(x, y, verbose=0)["accuracy"] == 1.0
    for metric in ("accuracy", "precision", "recall"):
        with pytest.raises(ValueError, match=rf"{metric}.*\(threshold=0.0\) for logits"):
            measure(np.zeros((4, 1)), y, own, [metric])


@pytest.mark.parametrize("metric", ["accuracy", "precision", "recall"])
@pytest.mark.parametrize("shape", [(40,), (40, 1), (40, 3)])
def test_targets_of_a_regression_are_no_decisions(metric, shape):
    generator = np.random.default_rng(0)
    outputs, targets = generator.normal(size=shape), generator.normal(size=shape)
    if len(shape) == 2 and shape[1] > 1 and metric != "accuracy":
        metric = {"precision": Precision, "recall": Recall}[metric](class_id=1)
    for verb in ("evaluate", "fit"):
        model = Given()
        model.compile("sgd", "mse", [metric])
        with pytest.raises(ValueError, match="expected targets that are decisions.*'mae' or 'mse'"):
            getattr(model, verb)(outputs, targets, batch_size=8, verbose=0)


def test_regression_targets_behind_the_first_batches_are_noticed_too():
    targets = np.zeros((40, 1))
    targets[-1] = 0.5
    with pytest.raises(ValueError, match="got 1 others"):
        measure(np.zeros((40, 1)), targets, "mse", ["accuracy"], batch_size=8)


def test_wrong_class_indices_are_noticed():
    labels = np.array([0, 1, -1, 3])
    with pytest.raises(ValueError, match="got 2 others.*ignore_index, -100"):
        measure(np.zeros((4, 3)), labels, lambda out, y: out.sum(), ["accuracy"])
    metric = Accuracy(ignore_index=-1)
    labels[3] = 0
    assert measure(np.eye(4, 3), labels, lambda out, y: out.sum(), [metric])["accuracy"] == 1.0


def test_several_labels_for_a_sample():
    outputs = np.array([[0.9, 0.8], [0.2, 0.9]])
    targets = np.array([[1, 1], [1, 1]])
    assert measure(outputs, targets, "binary_cross_entropy", ["accuracy"])["accuracy"] == 0.75
    own = Accuracy(threshold=0.5, binary=True)
    assert measure(outputs, targets, lambda out, y: out.sum(), [own])["accuracy"] == 0.75


def test_precision_and_recall_without_positives_are_zero():
    found = measure(np.zeros((4, 1)), np.zeros((4, 1)), "mse", ["precision", "recall"])
    assert found["precision"] == found["recall"] == 0.0
    with pytest.raises(ValueError, match=r"outputs of 3 classes.*Recall\(class_id"):
        measure(np.zeros((4, 3)), np.zeros(4, int), "cross_entropy", ["recall"])


def _ratio(hits, of):
    return hits.sum().astype("float32") / of.sum()


NO_MEANS = {
    "recall": lambda o, t: _ratio((o > 0.5) & (t > 0.5), t > 0.5),
    "precision": lambda o, t: _ratio((o > 0.5) & (t > 0.5), o > 0.5),
    "intersection over union": lambda o, t: _ratio((o > 0.5) & (t > 0.5), (o > 0.5) | (t > 0.5)),
    "r2": lambda o, t: 1 - ((o - t) ** 2).sum() / ((t - t.mean()) ** 2).sum(),
    "root mean square": lambda o, t: pydl.sqrt(((o - t) ** 2).mean()),
    "largest": lambda o, t: pydl.abs(o - t).max(),
    "each with each": lambda o, t: ((o - t.squeeze(1)) ** 2).mean(),
}
MEANS = {
    "mse": F.mse_loss,
    "mae": F.l1_loss,
    "cross-entropy": F.binary_cross_entropy,
    "accuracy": lambda o, t: ((o > 0.5) == (t > 0.5)).astype("float32").mean(),
    "sum": lambda o, t: pydl.abs(o - t).sum(),
    "one value per sample": lambda o, t: ((o - t) ** 2).mean(axis=1),
}


class TestOwnMetrics:
    def test_a_metric_that_counts(self):
        class F1(Metric):
            def totals(self, output, target):
                found, wanted = output > 0.5, target > 0.5
                return (found & wanted).sum(), found.sum(), wanted.sum()

            def result(self, hits, found, wanted):
                return 2 * hits / (found + wanted)

        outputs, targets = binary_samples()
        found, wanted = outputs > 0.5, targets == 1
        expected = 2 * (found & wanted).sum() / (found.sum() + wanted.sum())
        for batch_size in (3, 23):
            value = measure(outputs, targets, "mse", [F1()], batch_size)["f1"]
            assert value == pytest.approx(expected)
        with pytest.raises(TypeError, match=r"write F1\(\)"):
            measure(outputs, targets, "mse", [F1])

    @pytest.mark.parametrize("value", ["scalar", "samples", "number"])
    def test_functions_that_are_means_are_exact_and_silent(self, value):
        def error(output, target):
            each = pydl.abs(output - target).squeeze(1)
            return {"scalar": each.mean, "samples": each.copy, "number": each.mean().item}[value]()

        outputs, targets = binary_samples()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = measure(outputs, targets, "mse", [error], 4, jit=value != "number")["error"]
        assert found == pytest.approx(np.abs(outputs - targets).mean(), rel=1e-5)

    def test_a_function_that_is_no_mean_is_noticed(self):
        def recall(output, target):
            hits = ((output > 0.5) & (target > 0.5)).sum().astype("float32")
            return hits / (target > 0.5).sum()

        outputs, targets = binary_samples()
        with pytest.warns(UserWarning, match="'recall' is reported as a mean over batches"):
            measure(outputs, targets.astype(np.float32), "mse", [recall])

    @pytest.mark.parametrize("name", NO_MEANS)
    def test_what_is_no_mean_is_known(self, name):
        function = NO_MEANS[name]
        output, target = pydl.zeros((8, 1)), pydl.zeros((8, 1))
        assert additivity.is_additive(function, output, target) is False

    @pytest.mark.parametrize("name", MEANS)
    def test_what_is_a_mean_is_known(self, name):
        function = MEANS[name]
        output, target = pydl.zeros((8, 1)), pydl.zeros((8, 1))
        assert additivity.is_additive(function, output, target) is True

    def test_functions_of_large_outputs_are_not_tried(self):
        shapes = []

        def error(output, target):
            shapes.append(output.shape)
            return pydl.abs(output - target).mean()

        for width, tried in ((10, 60), (100_000, 20), (500_000, None)):
            shapes.clear()
            measure(np.zeros((2, width)), np.zeros((2, width)), "mse", [error])
            assert {shape[0] for shape in shapes} == (
                {2} if tried is None else {2, tried, tried // 3, tried - tried // 3}
            )

    def test_what_gives_no_numbers_is_named(self):
        with pytest.raises(
            TypeError, match="metric 'text': expected a tensor or a number, got str"
        ):
            measure(*binary_samples(), "mse", [_named("text", lambda out, y: "a")])
        x, y = binary_samples()
        wide = type("Wide", (Metric,), {"totals": lambda self, out, y: out})
        with pytest.raises(ValueError, match=r"metric 'wide': expected totals of shape \(20, 1\)"):
            measure(x, y, "mse", [wide()], batch_size=20)


def _named(name, function):
    function.__name__ = name
    return function


def _losses_like_the_output():
    known = {name: loss for name, loss in losses._BY_NAME.items() if loss.binary or loss.regression}
    return [*known, nn.MSELoss(), nn.L1Loss(), nn.BCELoss(), nn.BCEWithLogitsLoss()]


class TestShapes:
    @pytest.mark.parametrize("loss", _losses_like_the_output(), ids=repr)
    @pytest.mark.parametrize("out_of", [(8, 1), (8,), (8, 3, 1)])
    def test_an_axis_of_one_is_no_difference(self, loss, out_of):
        generator = np.random.default_rng(0)
        outputs = generator.uniform(0.1, 0.9, out_of)
        targets = generator.integers(0, 2, out_of)
        other = targets[..., 0] if out_of[-1] == 1 else targets[:, None]
        expected = measure(outputs, targets, loss, ["mse", "mae"])
        assert measure(outputs, other, loss, ["mse", "mae"]) == expected
        if out_of != (8, 3, 1):
            assert measure(outputs, other, loss, ["accuracy"]) == measure(
                outputs, targets, loss, ["accuracy"]
            )

    @pytest.mark.parametrize("shape", [(12,), (12, 1)])
    def test_class_indices_may_be_floats(self, shape):
        labels = np.arange(12).reshape(shape) % 4
        expected = measure(np.ones((12, 4)), labels, "cross_entropy", ["accuracy"])
        for y in (labels.astype(float), pydl.tensor(labels.astype(np.float32)), labels.tolist()):
            assert measure(np.ones((12, 4)), y, "cross_entropy", ["accuracy"]) == expected
        with pytest.raises(ValueError, match="takes class indices.*not integers, such as 0.5"):
            measure(np.ones((12, 4)), labels + 0.5, "cross_entropy", None)

    @pytest.mark.parametrize("y", [np.zeros(6, int), np.arange(6) % 2, np.ones((6, 1))])
    @pytest.mark.parametrize("loss", ["cross_entropy", nn.CrossEntropyLoss(), F.cross_entropy])
    def test_one_output_has_no_classes_to_choose_from(self, loss, y):
        with pytest.raises(ValueError, match="use 'binary_cross_entropy_with_logits', or a last"):
            measure(np.zeros((6, 1)), y, loss, ["accuracy"])

    def test_fit_learns_from_targets_without_the_axis(self):
        x = np.random.default_rng(0).normal(size=(64, 3))
        y = x @ [1.0, -2.0, 0.5]
        model = nn.Sequential(nn.Linear(3, 1))
        model.compile(pydl.optim.Adam(model.parameters(), lr=0.1), "mse")
        assert model.fit(x, y, epochs=60, verbose=0).history["loss"][-1] < 1e-3

    @pytest.mark.parametrize(
        "loss",
        [
            lambda out, y: ((out - y) ** 2).mean(),
            lambda out, y: pydl.abs(out - y).sum(),
            lambda out, y: ((out - y) ** 2).mean(axis=1),
        ],
    )
    def test_an_own_loss_never_combines_each_sample_with_each(self, loss):
        x, y = np.zeros((6, 1)), np.arange(6.0)
        with pytest.warns(UserWarning, match=r"combines each sample with each.*shape \(6, 1\)"):
            found = measure(x, y, loss, None)
        assert found == measure(x, y[:, None], loss, None)

    def test_an_own_loss_that_minds_the_shapes_is_left_alone(self):
        x, y = np.zeros((6, 1)), np.arange(6.0)
        found = measure(x, y, lambda out, y: ((out.squeeze(1) - y) ** 2).mean(), None)
        assert found["loss"] == pytest.approx((y**2).mean())

    def test_an_own_metric_never_combines_each_sample_with_each(self):
        def error(output, target):
            return pydl.abs(output - target).mean()

        with pytest.warns(UserWarning, match="metric 'error' combines each sample with each"):
            found = measure(np.zeros((6, 1)), np.arange(6.0), "mse", [error])
        assert found["error"] == pytest.approx(2.5)

    @pytest.mark.parametrize("name", [n for n in F.__all__ if "loss" in n or "cross_entropy" in n])
    def test_functional_losses_do_not_broadcast(self, name):
        function = getattr(F, name)
        x, y = pydl.full((6, 1), 0.5), pydl.ones((6,))
        arguments = (x, y, y, y) if name == "ctc_loss" else (x, y)
        with pytest.raises((ValueError, TypeError), match=name):
            function(*arguments)

    def test_outputs_of_several_tensors_are_named(self):
        class Two(pydl.Model):
            def forward(self, x):
                return x, x

        model = Two()
        model.compile("sgd", "mse")
        with pytest.raises(
            TypeError, match="loss takes one tensor as output of the model, got tup"
        ):
            model.evaluate(np.ones((4, 1)), np.ones((4, 1)), verbose=0)


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize(
    ("loss", "kind"),
    [
        (lambda out, y: 0.5, "float"),
        (lambda out, y: None, "NoneType"),
        (lambda out, y: np.float32(1.0), "float32"),
        (lambda out, y: (out.mean(), y), "tuple"),
    ],
)
def test_a_loss_that_returns_no_tensor_is_named(loss, kind, jit):
    model = Given()
    model.compile("sgd", loss, jit=jit)
    with pytest.raises(TypeError, match=f"loss function must return a tensor, got {kind}"):
        model.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0)


@pytest.mark.parametrize("jit", [True, False])
def test_a_loss_without_gradient_is_named(jit):
    model = Given()
    model.compile("sgd", lambda out, y: out.detach().mean(), jit=jit)
    with pytest.raises(ValueError, match="does not depend on a parameter that learns"):
        model.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0)
