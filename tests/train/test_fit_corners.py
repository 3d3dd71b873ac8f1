"""Corners of `fit`: empty and ending data, batches that count nothing, and what errors leave."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn

RNG = np.random.default_rng(11)
X = RNG.normal(size=(50, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)
LABELS = (Y[:, 0] > 0).astype("int64")


class Batches:
    """An iterable of batches of ten samples without a length, which may be iterated repeatedly."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        for start in range(0, 10 * self.count, 10):
            yield X[start : start + 10], Y[start : start + 10]


class TwoHeads(pydl.Model):
    def __init__(self) -> None:
        super().__init__()
        self.label, self.value = nn.Linear(4, 2), nn.Linear(4, 1)

    def forward(self, x: Any) -> dict[str, Any]:
        return {"label": self.label(x), "value": self.value(x)}


def compiled(outputs: int = 1, loss: Any = "mse", **options: Any) -> Any:
    pydl.manual_seed(1)
    model = nn.Sequential(nn.Linear(4, outputs))
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.1), loss, **options)
    return model


def weights_of(model: Any) -> Any:
    return model[0].weight.detach().numpy().copy()


# --- what errors leave ----------------------------------------------------------------------------


def test_an_unknown_precision_leaves_the_clipping_of_the_optimizer() -> None:
    model = compiled()
    with pytest.raises(ValueError, match="expected precision"):
        model.fit(X, Y, clip_norm=1.0, precision="int8", verbose=0)
    assert model.optimizer.clip_norm is None


# --- weights of samples ---------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(50,), (50, 1)])
def test_class_weights_multiply_weights_of_samples_of_either_shape(shape: tuple[int, ...]) -> None:
    given = RNG.uniform(0, 2, 50).astype("float32")
    both = given * np.where(LABELS == 0, 3, 1)
    targets = LABELS[:, None].astype("float32")
    first, second = (compiled(loss="binary_cross_entropy_with_logits") for _ in range(2))
    options: Any = {"shuffle": False, "verbose": 0}
    first.fit(X, targets, class_weight={0: 3.0}, sample_weight=given.reshape(shape), **options)
    second.fit(X, targets, sample_weight=both, **options)
    np.testing.assert_allclose(weights_of(first), weights_of(second), rtol=1e-5)


@pytest.mark.parametrize(
    ("loss", "outputs", "targets"),
    [
        (nn.MSELoss(reduction="sum"), 1, Y),
        (nn.CrossEntropyLoss(reduction="sum"), 2, LABELS),
    ],
)
def test_weights_of_1_change_nothing_of_a_loss_that_is_a_sum(
    loss: Any, outputs: int, targets: Any
) -> None:
    model = compiled(outputs, loss)
    plain = model.test_on_batch(X, targets)["loss"]
    assert model.test_on_batch(X, targets, np.ones(50))["loss"] == pytest.approx(plain, rel=1e-5)


def test_weights_that_are_a_dict_need_a_loss_for_each_output() -> None:
    with pytest.raises(ValueError, match=r"fit: sample_weight is a dict with 'a'"):
        compiled().fit(X, Y, sample_weight={"a": np.ones(50)}, verbose=0)


# --- batches of which nothing counts --------------------------------------------------------------


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("options", [{}, {"on_nan": "skip"}, {"accumulate": 2}])
def test_an_output_of_which_nothing_counts_in_a_batch(options: dict[str, Any]) -> None:
    labels = LABELS.copy()
    labels[:10] = -100
    pydl.manual_seed(0)
    model = TwoHeads()
    losses = {"label": "cross_entropy", "value": "mse"}
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.0), losses)
    history = model.fit(
        X, {"label": labels, "value": Y}, batch_size=10, shuffle=False, verbose=0, **options
    )
    logits, values = (part.detach().numpy() for part in model(pydl.tensor(X)).values())
    logs = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(50), LABELS]
    expected = [logs[10:].mean(), np.square(values - Y).mean()]
    got = [history.history[name][0] for name in ("label_loss", "value_loss", "loss")]
    np.testing.assert_allclose(got, [*expected, sum(expected)], rtol=1e-5)
    assert history.skipped == 0


# --- data that end, or are empty ------------------------------------------------------------------


@pytest.mark.parametrize("rows", [0, 10])
def test_steps_of_data_without_a_batch(rows: int) -> None:
    with pytest.raises(ValueError, match="fit: expected at least one sample, got none"):
        compiled().fit(
            X[:rows], Y[:rows], steps_per_epoch=2, batch_size=32, drop_last=True, verbose=0
        )


def test_steps_of_evaluate_are_the_most_of_one_pass() -> None:
    model = compiled()
    for count, steps in ((3, 5), (5, 2)):
        rows = 10 * min(count, steps)
        expected = model.evaluate(X[:rows], Y[:rows], verbose=0)["loss"]
        got = model.evaluate(Batches(count), steps=steps, verbose=0)["loss"]
        assert got == pytest.approx(expected, rel=1e-6)


def test_a_validation_begins_anew_in_each_epoch() -> None:
    model = compiled(learning_rate=0.0)
    history = model.fit(
        X, Y, epochs=3, validation_data=Batches(5), validation_steps=2, verbose=0
    ).history
    assert len(set(history["val_loss"])) == 1


def test_a_generator_as_validation_of_several_epochs_is_an_error_at_once() -> None:
    model = compiled()
    before = weights_of(model)
    with pytest.raises(ValueError, match=r"validation_data is a generator.*validation_steps"):
        model.fit(X, Y, epochs=2, validation_data=(b for b in Batches(5)), verbose=0)
    assert (weights_of(model) == before).all()


@pytest.mark.parametrize("endless", [False, True])
def test_a_generator_as_validation(endless: bool) -> None:
    def batches() -> Iterator[Any]:
        yield from Batches(5)
        while endless:
            yield from Batches(5)

    options: dict[str, Any] = {"epochs": 3, "validation_steps": 5} if endless else {"epochs": 1}
    history = compiled(learning_rate=0.0).fit(X, Y, validation_data=batches(), verbose=0, **options)
    expected = compiled().evaluate(X, Y, verbose=0)["loss"]
    assert history.history["val_loss"] == pytest.approx([expected] * options["epochs"], rel=1e-6)


# --- accumulation ---------------------------------------------------------------------------------


@pytest.mark.parametrize("accumulate", [2, 3, 7])
def test_what_is_left_of_a_stream_of_unknown_length_is_an_update(accumulate: int) -> None:
    first, second = compiled(), compiled()
    first.fit((b for b in Batches(5)), accumulate=accumulate, verbose=0)
    second.fit(X, Y, batch_size=10, shuffle=False, accumulate=accumulate, verbose=0)
    assert first.optimizer.steps == second.optimizer.steps
    np.testing.assert_allclose(weights_of(first), weights_of(second), rtol=1e-5)


def test_a_skipped_group_leaves_the_buffers_as_they_were() -> None:
    x = X.copy()
    x[23] = np.nan
    pydl.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))
    model.compile("sgd", "mse")
    with pytest.warns(RuntimeWarning, match="goes on without"):
        model.fit(x, Y, batch_size=10, shuffle=False, accumulate=2, on_nan="skip", verbose=0)
    for _, buffer in model.named_buffers():
        assert np.isfinite(buffer.numpy()).all()


# --- custom steps ---------------------------------------------------------------------------


def test_a_metric_that_keeps_samples_cannot_be_reported_by_a_step_of_ones_own() -> None:
    class Own(nn.Sequential):
        def train_step(self, data: Any) -> dict[str, Any]:
            return super().train_step(data)

    model = Own(nn.Linear(4, 1))
    model.compile("sgd", "binary_cross_entropy_with_logits", ["auc"])
    with pytest.raises(ValueError, match=r"'auc' is one of all samples.*train_step"):
        model.fit(X, LABELS[:, None].astype("float32"), verbose=0)


def test_a_loss_of_ones_own_may_add_to_that_of_several_outputs() -> None:
    class Own(TwoHeads):
        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return super().compute_loss(x, y, y_pred, sample_weight) + 1.0

    found = []
    for kind in (TwoHeads, Own):
        pydl.manual_seed(0)
        model = kind()
        model.compile("sgd", {"label": "cross_entropy", "value": "mse"})
        found.append(model.fit(X, {"label": LABELS, "value": Y}, verbose=0).history["loss"][0])
    assert found[1] == pytest.approx(found[0] + 1, rel=1e-5)


# --- where warnings point -------------------------------------------------------------------------


def test_warnings_point_to_the_line_that_calls_fit() -> None:
    x = X.copy()
    x[0] = np.nan

    class Reads(nn.Sequential):
        def forward(self, x: Any) -> Any:
            return super().forward(x) * (1.0 if float(x.sum()) > 0 else 2.0)

    pydl.manual_seed(0)
    for model in (compiled(), Reads(nn.Linear(4, 1))):
        model.compile("sgd", "mse")
        calls: list[Callable[[Any], Any]] = [
            lambda m: m.fit(x, Y, verbose=0),
            lambda m: m.fit(x, Y, verbose=0, on_nan="skip"),
            lambda m: m.fit(x, Y, verbose=0, accumulate=2),
            lambda m: m.evaluate(x, Y, verbose=0),
            lambda m: m.predict(x),
        ]
        for call in calls:
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                call(model)
            for warning in caught:
                assert warning.filename == __file__, warning.message
    with pytest.warns(UserWarning, match="the data ended after") as caught_by_pytest:
        compiled().fit((b for b in Batches(2)), steps_per_epoch=3, verbose=0)
    assert [warning.filename for warning in caught_by_pytest] == [__file__]


def test_a_validation_of_which_nothing_counts_is_named_so() -> None:
    model = compiled(2, "cross_entropy")
    with pytest.warns(RuntimeWarning, match=r"val_loss is nan in epoch 1: an output has no target"):
        model.fit(X, LABELS, validation_data=(X, np.full(50, -100)), verbose=0)


def test_samples_without_targets_and_weights_are_refused() -> None:
    """A row of two numbers is no input with a target."""
    rows = [pydl.tensor([1.0, 2.0]), pydl.tensor([3.0, 4.0])]
    model = nn.Sequential(nn.Linear(1, 1))
    model.compile("sgd", "mse")
    data = pydl.data.Subset(rows, [0, 1])
    for verb in ("fit", "evaluate"):
        with pytest.raises(ValueError, match=f"^{verb}: expected samples .x, y. beside sample_w"):
            getattr(model, verb)(data, sample_weight=np.ones(2), verbose=0)


def test_classes_of_each_decision_have_weights() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(12, 3)), rng.integers(0, 2, (12, 4)).astype("float32")
    models = []
    for options in ({"class_weight": {1: 5.0}}, {"sample_weight": np.where(y == 1, 5.0, 1.0)}):
        pydl.manual_seed(1)
        model = nn.Sequential(nn.Linear(3, 4))
        model.compile("sgd", "binary_cross_entropy_with_logits")
        model.fit(x, y, shuffle=False, verbose=0, **options)
        models.append(model.predict(x).numpy())
    np.testing.assert_allclose(models[0], models[1], rtol=1e-5)
    for wrong in (np.nan, 0.5):
        y[0, 0] = wrong
        with pytest.raises(ValueError, match="class_weight needs targets that are classes, got v"):
            model.fit(x, y, class_weight={1: 5.0}, verbose=0)


@pytest.mark.parametrize("weights", [{"c": 1}, {"a": 1, "c": 1}])
def test_weights_for_no_output_are_refused(weights: Any) -> None:
    class Two(pydl.training.Model):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            return {"a": self.linear(x), "b": self.linear(x)}

    model = Two()
    model.compile("sgd", {"a": "mse", "b": "mse"}, loss_weights={"a": np.float32(0.5)})
    x, y = np.ones((4, 2)), {"a": np.ones((4, 1)), "b": np.ones((4, 1))}
    given = {name: np.ones(4) for name in weights}
    for verb in ("fit", "evaluate"):
        with pytest.raises(ValueError, match=f"{verb}: sample_weight is a dict .*are .a., .b."):
            getattr(model, verb)(x, y, sample_weight=given, verbose=0)
    model.fit(x, y, sample_weight={"a": np.ones(4)}, verbose=0)


def test_the_usual_step_needs_an_optimizer() -> None:
    class Own(nn.Sequential):
        def train_step(self, data: Any) -> Any:
            return super().train_step(data)

    model = Own(nn.Linear(2, 1))
    model.compile(None, "mse")
    with pytest.raises(RuntimeError, match="Own: compile got optimizer=None.*give compile an opt"):
        model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)


@pytest.mark.parametrize(
    "verb",
    ["fit", "evaluate", "predict", "train_on_batch", "test_on_batch", "predict_on_batch"],
)
def test_every_verb_lets_lazy_layers_find_their_sizes(verb: str) -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(1))
    model.compile("sgd", "mse")
    x, y = np.ones((4, 3)), np.ones((4, 1))
    options = {"verbose": 0} if verb in ("fit", "evaluate", "predict") else {}
    data = (x,) if "predict" in verb else (x, y)
    getattr(model, verb)(*data, **options)
    assert model[0].in_features == 3


def test_a_last_batch_of_one_sample_is_found_with_weights_of_classes() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    model.compile("sgd", "cross_entropy")
    with pytest.raises(ValueError, match="the last batch of each epoch has one sample"):
        model.fit(np.ones((9, 3)), np.zeros(9, int), batch_size=4, class_weight={0: 2}, verbose=0)


@pytest.mark.parametrize("verbose", [0, 1, 2])
def test_predict_shows_what_it_is_asked_for(verbose: Any, capsys: Any) -> None:
    model = nn.Sequential(nn.Linear(3, 1))
    model.predict(np.ones((9, 3)), batch_size=4, verbose=verbose)
    shown = capsys.readouterr()
    text = shown.out + shown.err
    assert (text == "") == (verbose == 0)
    assert verbose == 0 or ("predict" in text and not text.rstrip().endswith(","))
    with pytest.raises(TypeError, match="return_dict.*always a dict"):
        model.evaluate(np.ones((9, 3)), return_dict=True)
