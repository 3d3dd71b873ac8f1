"""Every metric against NumPy and scikit-learn, over uneven batches, weighted, merged, saved."""

from __future__ import annotations

import inspect
import math
import pickle
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import metrics as M
from pydl.training import metrics

Array = np.ndarray[Any, np.dtype[Any]]
COUNT, CLASSES = 41, 4


def _scores(rng: np.random.Generator) -> tuple[Array, Array]:
    """Probabilities of classes, of which the last one is never right."""
    p = rng.dirichlet(np.ones(CLASSES), COUNT).astype(np.float32)
    return p, rng.integers(0, CLASSES - 1, COUNT)


def _binary(rng: np.random.Generator) -> tuple[Array, Array]:
    """Scores of which some are equal."""
    return (rng.integers(0, 20, COUNT) / 20).astype(np.float32), rng.integers(0, 2, COUNT)


def _inside_intervals(rng: np.random.Generator) -> tuple[Array, Array]:
    """Scores that rounding does not move to the next of 20 intervals."""
    x, y = _binary(rng)
    return x + np.float32(0.01), y


def _labels(rng: np.random.Generator) -> tuple[Array, Array]:
    return rng.random((COUNT, 3)).astype(np.float32), rng.integers(0, 2, (COUNT, 3))


def _numbers(rng: np.random.Generator) -> tuple[Array, Array]:
    target = rng.uniform(0.5, 4, COUNT).astype(np.float32)
    return (target + rng.normal(size=COUNT) / 4).astype(np.float32), target


def _vectors(rng: np.random.Generator) -> tuple[Array, Array]:
    return tuple(rng.normal(size=(COUNT, 5)).astype(np.float32) for _ in range(2))  # type: ignore[return-value]


# --- the oracle of NumPy: from a confusion matrix, rows true ------------------------------------


def _confusion(x: Array, y: Array, w: Array) -> Array:
    found = x.argmax(axis=1) if x.ndim > 1 else (x > 0.5).astype(int)
    matrix = np.zeros((CLASSES, CLASSES) if x.ndim > 1 else (2, 2))
    for a, b, weight in zip(y, found, w, strict=True):
        matrix[a, b] += weight
    return matrix


def _tally(kind: str, matrix: Array) -> Array:
    """The value of each class."""
    hits, found, wanted = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
    rejected = matrix.sum() - found - wanted + hits
    part, whole = {
        "precision": (hits, found),
        "recall": (hits, wanted),
        "specificity": (rejected, matrix.sum() - wanted),
        "f1": (2 * hits, found + wanted),
        "fbeta": (5 * hits, 4 * wanted + found),
        "iou": (hits, found + wanted - hits),
    }[kind]
    return np.divide(part, whole, out=np.zeros(len(matrix)), where=whole > 0)


def _of_class(kind: str, k: int) -> Callable[..., Any]:
    return lambda x, y, w: _tally(kind, _confusion(x, y, w))[k]


def _averaged(kind: str, average: str) -> Callable[..., Any]:
    def value(x: Array, y: Array, w: Array) -> Any:
        matrix = _confusion(x, y, w)
        values, support = _tally(kind, matrix), matrix.sum(axis=1)
        if average == "none":
            return values
        present = support + matrix.sum(axis=0) > 0
        return values[present].mean() if average == "macro" else np.average(values, weights=support)

    return value


def _kappa(x: Array, y: Array, w: Array) -> Any:
    p = _confusion(x, y, w) / w.sum()
    chance = p.sum(axis=0) @ p.sum(axis=1)
    return (np.trace(p) - chance) / (1 - chance)


def _matthews(x: Array, y: Array, w: Array) -> Any:
    """The correlation of one-hot vectors."""
    found = np.eye(CLASSES)[x.argmax(axis=1)] if x.ndim > 1 else np.eye(2)[(x > 0.5).astype(int)]
    wanted = np.eye(found.shape[1])[y]
    found, wanted = (v - np.average(v, axis=0, weights=w) for v in (found, wanted))
    cov = [
        (w[:, None] * a * b).sum() for a, b in ((found, wanted), (found, found), (wanted, wanted))
    ]
    return cov[0] / math.sqrt(cov[1] * cov[2])


def _roc(x: Array, y: Array, w: Array) -> Any:
    """How often a positive has a larger score than a negative."""
    above = (x[:, None] > x[None]) + 0.5 * (x[:, None] == x[None])
    pairs = w[:, None] * w[None] * (y[:, None] == 1) * (y[None] == 0)
    return (above * pairs).sum() / pairs.sum()


def _pr(x: Array, y: Array, w: Array) -> Any:
    total, before = 0.0, 0.0
    for limit in sorted(set(x.tolist()), reverse=True):
        found = x >= limit
        recall = (w * found * y).sum() / (w * y).sum()
        total += (recall - before) * (w * found * y).sum() / (w * found).sum()
        before = recall
    return total


def _roc_of_classes(x: Array, y: Array, w: Array) -> Any:
    return np.array([_roc(x[:, k], (y == k).astype(int), w) for k in range(CLASSES - 1)])


def _mean(error: Callable[[Array, Array], Array], root: bool = False) -> Callable[..., Any]:
    def value(x: Array, y: Array, w: Array) -> Any:
        mean = np.average(error(x.astype(float), y.astype(float)), weights=w)
        return math.sqrt(mean) if root else mean

    return value


def _r2(x: Array, y: Array, w: Array) -> Any:
    x, y = x.astype(float), y.astype(float)
    return 1 - (w * (x - y) ** 2).sum() / (w * (y - np.average(y, weights=w)) ** 2).sum()


def _perplexity(x: Array, y: Array, w: Array) -> Any:
    p = np.exp(x.astype(float))
    p = p / p.sum(axis=1, keepdims=True)
    return math.exp(-np.average(np.log(p[np.arange(COUNT), y]), weights=w))


def _top2(x: Array, y: Array, w: Array) -> Any:
    right = [label in np.argsort(-row)[:2] for row, label in zip(x, y, strict=True)]
    return np.average(right, weights=w)


def _pooled_f1(x: Array, y: Array, w: Array) -> Any:
    found = x > 0.5
    w = w[:, None]
    return 2 * (w * found * y).sum() / ((w * found).sum() + (w * y).sum())


def _f1_by_label(x: Array, y: Array, w: Array) -> Any:
    return np.array([_averaged("f1", "none")(x[:, k], y[:, k], w)[1] for k in range(3)])


def _cosines(x: Array, y: Array) -> Array:
    return (x * y).sum(axis=1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)


@dataclass(frozen=True)
class MetricCase:
    make: Callable[[], M.Metric]
    data: Callable[[np.random.Generator], tuple[Array, Array]]
    expected: Callable[[Array, Array, Array], Any]
    # The function of sklearn.metrics, its options, and what it takes as prediction.
    twin: tuple[str, dict[str, Any], str] | None = None


def _class_cases() -> dict[str, MetricCase]:
    kinds: dict[str, tuple[Callable[..., M.Metric], str | None, dict[str, Any]]] = {
        "precision": (M.Precision, "precision_score", {}),
        "recall": (M.Recall, "recall_score", {}),
        "specificity": (M.Specificity, None, {}),
        "f1": (M.F1, "f1_score", {}),
        "fbeta": (lambda *a, **k: M.FBeta(2.0, *a, **k), "fbeta_score", {"beta": 2.0}),
        "iou": (M.IoU, "jaccard_score", {}),
    }
    cases = {}
    for kind, (make, twin, options) in kinds.items():
        options = {"zero_division": 0, **options}

        def twin_of(average: str, twin: Any = twin, options: Any = options) -> Any:
            kind = "classes" if average != "binary" else "decisions"
            return twin and (twin, {"average": average, **options}, kind)

        cases[kind] = MetricCase(
            lambda make=make: make(0.5), _binary, _of_class(kind, 1), twin_of("binary")
        )
        cases[f"{kind} of a class"] = MetricCase(
            lambda make=make: make(class_id=2), _scores, _of_class(kind, 2)
        )
        for average in ("macro", "weighted", "none"):
            cases[f"{kind}, {average}"] = MetricCase(
                lambda make=make, average=average: make(average=average),
                _scores,
                _averaged(kind, average),
                twin_of(average) if average != "none" else None,
            )
            cases[f"{kind} of decisions, {average}"] = MetricCase(
                lambda make=make, average=average: make(0.5, average=average),
                _binary,
                _averaged(kind, average),
            )
    return cases


CASES: dict[str, MetricCase] = {
    **_class_cases(),
    "accuracy": MetricCase(
        lambda: M.Accuracy(), _scores,
        lambda x, y, w: np.average(x.argmax(axis=1) == y, weights=w),
        ("accuracy_score", {}, "classes"),
    ),
    "f1, micro": MetricCase(
        lambda: M.F1(average="micro"), _scores,
        lambda x, y, w: np.average(x.argmax(axis=1) == y, weights=w),
        ("f1_score", {"average": "micro"}, "classes"),
    ),
    "f1 of labels": MetricCase(lambda: M.F1(0.5, binary=True), _labels, _pooled_f1),
    "f1 of labels, micro": MetricCase(
        lambda: M.F1(0.5, binary=True, average="micro"), _labels, _pooled_f1,
        ("f1_score", {"average": "micro"}, "labels"),
    ),
    "f1 of labels, macro": MetricCase(
        lambda: M.F1(0.5, binary=True, average="macro"), _labels,
        lambda x, y, w: _f1_by_label(x, y, w).mean(),
        ("f1_score", {"average": "macro"}, "labels"),
    ),
    "f1 of labels, none": MetricCase(
        lambda: M.F1(0.5, binary=True, average="none"), _labels, _f1_by_label
    ),
    "top_k_accuracy": MetricCase(lambda: M.TopKAccuracy(2), _scores, _top2),
    "balanced_accuracy": MetricCase(
        lambda: M.BalancedAccuracy(), _scores,
        lambda x, y, w: _tally("recall", _confusion(x, y, w))[: CLASSES - 1].mean(),
        ("balanced_accuracy_score", {}, "classes"),
    ),
    "matthews_correlation": MetricCase(
        lambda: M.MatthewsCorrelation(), _scores, _matthews,
        ("matthews_corrcoef", {}, "classes"),
    ),
    "matthews_correlation of decisions": MetricCase(
        lambda: M.MatthewsCorrelation(0.5), _binary, _matthews,
        ("matthews_corrcoef", {}, "decisions"),
    ),
    "cohen_kappa": MetricCase(
        lambda: M.CohenKappa(), _scores, _kappa, ("cohen_kappa_score", {}, "classes")
    ),
    "confusion_matrix": MetricCase(
        lambda: M.ConfusionMatrix(), _scores, _confusion,
        ("confusion_matrix", {"labels": list(range(CLASSES))}, "classes"),
    ),
    "confusion_matrix of decisions": MetricCase(
        lambda: M.ConfusionMatrix(0.5, normalize="true"), _binary,
        lambda x, y, w: (m := _confusion(x, y, w)) / m.sum(axis=1, keepdims=True),
        ("confusion_matrix", {"normalize": "true"}, "decisions"),
    ),
    "auc": MetricCase(lambda: M.AUC(), _binary, _roc, ("roc_auc_score", {}, "scores")),
    "auc by thresholds": MetricCase(lambda: M.AUC(thresholds=20), _inside_intervals, _roc),
    "pr_auc": MetricCase(
        lambda: M.AUC("PR"), _binary, _pr, ("average_precision_score", {}, "scores")
    ),
    "auc of classes": MetricCase(
        lambda: M.AUC(average="none"),
        lambda rng: ((lambda x, y: (x, np.r_[0, 1, 2, 3, y[4:]]))(*_scores(rng))),
        lambda x, y, w: np.array([_roc(x[:, k], (y == k).astype(int), w) for k in range(CLASSES)]),
    ),
    "mean_squared_error": MetricCase(
        lambda: M.MeanSquaredError(), _numbers, _mean(lambda x, y: (x - y) ** 2),
        ("mean_squared_error", {}, "scores"),
    ),
    "root_mean_squared_error": MetricCase(
        lambda: M.RootMeanSquaredError(), _numbers, _mean(lambda x, y: (x - y) ** 2, True),
        ("root_mean_squared_error", {}, "scores"),
    ),
    "mean_absolute_error": MetricCase(
        lambda: M.MeanAbsoluteError(), _numbers, _mean(lambda x, y: abs(x - y)),
        ("mean_absolute_error", {}, "scores"),
    ),
    "mean_absolute_percentage_error": MetricCase(
        lambda: M.MeanAbsolutePercentageError(), _numbers, _mean(lambda x, y: 100 * abs(x / y - 1))
    ),
    "mean_squared_logarithmic_error": MetricCase(
        lambda: M.MeanSquaredLogarithmicError(), _numbers,
        _mean(lambda x, y: (np.log1p(np.maximum(x, 0)) - np.log1p(y)) ** 2),
    ),
    "r2": MetricCase(lambda: M.R2(), _numbers, _r2, ("r2_score", {}, "scores")),
    "cosine_similarity": MetricCase(lambda: M.CosineSimilarity(), _vectors, _mean(_cosines)),
    "perplexity": MetricCase(lambda: M.Perplexity(), _scores, _perplexity),
}  # fmt: skip


def data_of(name: str) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(7)
    x, y = CASES[name].data(rng)
    return x, y, rng.uniform(0.2, 2, COUNT)


def measured(metric: M.Metric, x: Array, y: Array, w: Array | None, cuts: list[int]) -> Any:
    for part in np.split(np.arange(len(x)), cuts):
        metric.update(x[part], y[part], *(() if w is None else (w[part],)))
    value = metric.compute()
    return value.numpy() if isinstance(value, pydl.Tensor) else value


def test_every_metric_is_walked():
    public = {kind for kind in vars(M).values() if inspect.isclass(kind) and kind is not M.Metric}
    assert {type(case.make()) for case in CASES.values()} == public - {M.BLEU}
    assert {getattr(M, name) for name in M.__all__} == public | {M.Metric}
    assert all(issubclass(kind, M.Metric) and kind.__doc__ for kind in public)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("cuts", [[], [1, 1, 20, 40, 41], list(range(COUNT))], ids=str)
@pytest.mark.parametrize("name", CASES)
def test_values_are_exact_whatever_the_batches(name, cuts, weighted):
    x, y, w = data_of(name)
    expected = CASES[name].expected(x, y, w if weighted else np.ones(COUNT))
    found = measured(CASES[name].make(), x, y, w if weighted else None, cuts)
    np.testing.assert_allclose(found, expected, rtol=2e-6)


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.twin])
def test_values_are_those_of_scikit_learn(name, weighted):
    sklearn = pytest.importorskip("sklearn.metrics")
    case = CASES[name]
    assert case.twin is not None
    function, options, kind = case.twin
    x, y, w = data_of(name)
    prediction = {
        "classes": lambda: x.argmax(axis=1),
        "decisions": lambda: (x > 0.5).astype(int),
        "labels": lambda: (x > 0.5).astype(int),
        "scores": lambda: x,
    }[kind]()
    weights = w if weighted else None
    expected = getattr(sklearn, function)(y, prediction, sample_weight=weights, **options)
    np.testing.assert_allclose(measured(case.make(), x, y, weights, [3, 30]), expected, rtol=1e-6)


# What scikit-learn computes under another name, in other units, or from other arguments.
SKLEARN_OTHERWISE: dict[str, Callable[[Any, Array, Array, Array], Any]] = {
    "specificity": lambda m, x, y, w: m.recall_score(y, x > 0.5, pos_label=0, sample_weight=w),
    "top_k_accuracy": lambda m, x, y, w: m.top_k_accuracy_score(
        y, x, k=2, labels=range(CLASSES), sample_weight=w
    ),
    "mean_absolute_percentage_error": lambda m, x, y, w: (
        100 * m.mean_absolute_percentage_error(y, x, sample_weight=w)
    ),
    "mean_squared_logarithmic_error": lambda m, x, y, w: m.mean_squared_log_error(
        y, x, sample_weight=w
    ),
    "perplexity": lambda m, x, y, w: np.exp(
        m.log_loss(y, _softmax(x), labels=range(CLASSES), sample_weight=w)
    ),
    "cosine_similarity": lambda m, x, y, w: np.average(
        1 - m.pairwise.paired_cosine_distances(x, y), weights=w
    ),
    "auc of classes": lambda m, x, y, w: [
        m.roc_auc_score(y == k, x[:, k], sample_weight=w) for k in range(CLASSES)
    ],
}


def _softmax(x: Array) -> Array:
    e = np.exp(x.astype(np.float64))
    return e / e.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", SKLEARN_OTHERWISE)
def test_values_are_those_of_scikit_learn_in_other_words(name, seed):
    sklearn = pytest.importorskip("sklearn.metrics")
    x, y = CASES[name].data(np.random.default_rng(seed))
    w = np.random.default_rng(seed + 9).uniform(0.2, 2, COUNT)
    found = measured(CASES[name].make(), x, y, w, [3, 30])
    expected = SKLEARN_OTHERWISE[name](sklearn, x, y, w)
    np.testing.assert_allclose(found, expected, rtol=2e-6)


def test_every_metric_is_compared_with_scikit_learn():
    """A new one needs a twin there, or is named here with its other oracle."""
    compared = {type(case.make()) for case in CASES.values() if case.twin}
    compared |= {type(CASES[name].make()) for name in SKLEARN_OTHERWISE}
    public = {getattr(M, name) for name in M.__all__} - {M.Metric}
    assert public - compared == {M.BLEU}  # by the example of its paper, see `TestBLEU`


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("name", CASES)
def test_outputs_of_16_bits_count_like_the_same_numbers_in_32(name, dtype):
    x, y, w = data_of(name)
    narrow = pydl.tensor(x).astype(dtype)
    wide = narrow.astype("float32")
    cuts = [1, 7, COUNT]
    found, expected = (CASES[name].make() for _ in range(2))
    for start, stop in zip([0, *cuts[:-1]], cuts, strict=True):
        part = slice(start, stop)
        found.update(narrow[part], y[part], w[part])
        expected.update(wide[part], y[part], w[part])
    # Errors of single samples are of the dtype of the outputs.
    bound = {"float16": 2e-3, "bfloat16": 2e-2}[dtype]
    np.testing.assert_allclose(
        np.asarray(found.compute()), np.asarray(expected.compute()), rtol=bound, atol=bound / 10
    )


def _ignoring(name: str) -> M.Metric | None:
    """Return the metric of a case that ignores the label 9, if metrics of its kind can."""
    metric = CASES[name].make()
    if not hasattr(metric, "ignore_index"):
        return None
    metric.ignore_index = 9
    return metric


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", [name for name in CASES if _ignoring(name) is not None])
def test_labels_that_are_ignored_change_nothing(name, weighted):
    x, y, w = data_of(name)
    ignored = np.random.default_rng(3).random(COUNT) < 0.3
    # Of several labels for a sample, all, so that samples can be left out.
    with_ignored = np.where(ignored[:, None] if y.ndim > 1 else ignored, 9, y)
    metric = _ignoring(name)
    assert metric is not None
    weights = w if weighted else None
    found = measured(metric, x, with_ignored, weights, [2, 11])
    left = ~ignored
    expected = measured(CASES[name].make(), x[left], y[left], w[left] if weighted else None, [])
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_merged_saved_and_pickled_counts_are_those_of_all_batches(name, tmp_path):
    x, y, w = data_of(name)
    whole = measured(CASES[name].make(), x, y, w, [])
    first, second, third = (CASES[name].make() for _ in range(3))
    measured(first, x[:10], y[:10], w[:10], [])
    measured(second, x[10:], y[10:], w[10:], [4])
    first = pickle.loads(pickle.dumps(first))
    pydl.save(tmp_path / "metric.safetensors", second.state_dict())
    third.load_state_dict(pydl.load(tmp_path / "metric.safetensors"))
    first.merge(third)
    first.merge(CASES[name].make())  # one without batches
    value = first.compute()
    np.testing.assert_allclose(np.asarray(value), whole, rtol=1e-12)
    first.reset()
    assert math.isnan(first.compute()) and first.state_dict() == {}


def test_a_metric_of_another_kind_is_not_merged():
    with pytest.raises(TypeError, match=r"F1\.merge: expected a F1, got Recall"):
        M.F1().merge(M.Recall())
    with pytest.raises(ValueError, match="load_state_dict: expected names"):
        M.F1().load_state_dict({"hits": pydl.ones(2)})


class Given(pydl.Model):
    """Gives its input back."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = pydl.nn.Parameter(pydl.ones((1,)))

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        return x * self.scale


def evaluated(metric: Any, x: Array, y: Array, loss: Any = None, jit: bool = True) -> float:
    model = Given()
    model.compile("sgd", loss or (lambda out, y: (out * 0.0).sum(axis=-1)), [metric], jit=jit)
    _, value = model.evaluate(x, y, batch_size=9, verbose=0).values()
    return value


@pytest.mark.parametrize("jit", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_models_report_the_same(name, jit):
    x, y, _ = data_of(name)
    metric = CASES[name].make()
    expected = CASES[name].expected(x, y, np.ones(COUNT))
    found = evaluated(metric, x, y, jit=jit)
    assert isinstance(found, np.ndarray if np.ndim(expected) else float)
    np.testing.assert_allclose(found, expected, rtol=2e-6)


@pytest.mark.parametrize("name", metrics.NAMES)
def test_every_name_is_a_metric_of_models(name):
    rng = np.random.default_rng(0)
    decisions = {"precision", "recall", "specificity", "f1", "iou", "binary_accuracy", "pr_auc"}
    numbers = ("mean_", "mse", "mae", "rmse", "root", "mape", "msle", "r2", "cosine")
    if name in decisions:
        x, y = _binary(rng)
        loss = "binary_cross_entropy"
    elif name.startswith(numbers) and name != "mean_iou":
        x, y = _vectors(rng)
        loss = "mse"
    else:
        x, y = _scores(rng)
        y[:4] = range(4)
        loss = "cross_entropy"
    x = np.clip(x, 0.01, 0.99) if loss == "binary_cross_entropy" else x
    model = Given()
    model.compile(pydl.optim.SGD(model.parameters(), lr=0.0), loss, [name])
    history = model.fit(x, y, epochs=1, batch_size=9, verbose=0).history
    assert list(history) == ["loss", name]
    assert np.isfinite(history[name]).all()


class TestEdges:
    def test_one_class_only(self):
        x, y = pydl.tensor([0.9, 0.2]), pydl.tensor([1, 1])
        for metric, value in (
            (M.AUC(), math.nan), (M.AUC("PR"), 1.0), (M.MatthewsCorrelation(0.5), 0.0),
            (M.BalancedAccuracy(0.5), 0.5), (M.Recall(0.5), 0.5), (M.Specificity(0.5), 0.0),
            (M.F1(0.5, average="macro"), 1 / 3),
        ):  # fmt: skip
            metric.update(x, y)
            assert metric.compute() == pytest.approx(value, nan_ok=True), metric.name
        kappa = M.CohenKappa(0.5)
        kappa.update(pydl.tensor([0.9, 0.8]), y)
        assert math.isnan(kappa.compute())

    def test_numbers_that_are_none(self):
        x, y = pydl.tensor([math.nan, 0.2]), pydl.tensor([1, 0])
        for metric in (M.AUC(), M.MeanSquaredError(), M.R2(), M.CosineSimilarity()):
            metric.update(x, y)
            assert math.isnan(metric.compute()), metric.name
        top = M.TopKAccuracy(1)
        top.update(pydl.tensor([[math.nan, 0.2], [math.nan, 0.2]]), pydl.tensor([0, 1]))
        assert top.compute() == 0

    def test_labels_that_do_not_count(self):
        x, y, _ = data_of("accuracy")
        kept = np.arange(COUNT) % 3 > 0
        hidden = np.where(kept, y, 9)
        for make in (M.Accuracy, M.TopKAccuracy, M.BalancedAccuracy, M.ConfusionMatrix):
            all_of, some = make(ignore_index=9), make()
            all_of.update(x, hidden)
            some.update(x[kept], y[kept])
            np.testing.assert_array_equal(np.asarray(all_of.compute()), np.asarray(some.compute()))
        perplexity, part = M.Perplexity(ignore_index=9), M.Perplexity()
        perplexity.update(x, hidden)
        part.update(x[kept], y[kept])
        assert perplexity.compute() == pytest.approx(part.compute())

    def test_places_in_images(self):
        rng = np.random.default_rng(0)
        x, y = rng.normal(size=(3, 4, 5, 6)), rng.integers(0, 4, (3, 5, 6))
        flat = x.transpose(0, 2, 3, 1).reshape(-1, 4), y.reshape(-1)
        for make in (lambda: M.IoU(average="macro"), lambda: M.TopKAccuracy(2), M.ConfusionMatrix):
            images, places = make(), make()
            images.update(x, y, np.array([1.0, 2.0, 0.5]))
            places.update(*flat, np.repeat([1.0, 2.0, 0.5], 30))
            np.testing.assert_allclose(np.asarray(images.compute()), np.asarray(places.compute()))

    def test_equal_scores_at_the_limit_are_all_among_the_best(self):
        metric = M.TopKAccuracy(1)
        metric.update(pydl.tensor([[0.5, 0.5]] * 2), pydl.tensor([0, 1]))
        assert metric.compute() == 1

    def test_logits_of_a_model_become_probabilities(self):
        x, y, _ = data_of("auc of classes")
        logits = np.log(x) + np.linspace(-9, 9, COUNT)[:, None].astype(np.float32)
        own = evaluated(M.AUC(), logits, y, "cross_entropy")
        alone = M.AUC(from_logits=True)
        alone.update(logits, y)
        assert own == pytest.approx(alone.compute(), rel=1e-6)
        exact = CASES["auc of classes"].expected(x, y, np.ones(COUNT)).mean()
        assert own == pytest.approx(exact, rel=1e-3)

    def test_large_numbers_keep_their_r2(self):
        y = 1e6 + np.linspace(0, 1, 50)
        metric = M.R2()
        metric.update(y + 0.1, y)
        assert metric.compute() == pytest.approx(1 - 50 * 0.01 / ((y - y.mean()) ** 2).sum(), 1e-3)

    @pytest.mark.parametrize(
        ("make", "message"),
        [
            (lambda: M.F1(average="mean"), "F1: expected average 'binary'"),
            (lambda: M.Recall(class_id=1, average="macro"), "either class_id or average"),
            (lambda: M.FBeta(0.0), "FBeta: expected beta above 0"),
            (lambda: M.TopKAccuracy(0), "TopKAccuracy: expected k of at least 1"),
            (lambda: M.AUC("F"), "AUC: expected curve 'ROC' or 'PR'"),
            (lambda: M.AUC(thresholds=1), "thresholds of at least 2"),
            (lambda: M.AUC(average="micro"), "AUC: expected average"),
            (lambda: M.ConfusionMatrix(normalize="rows"), "ConfusionMatrix: expected normalize"),
            (lambda: M.BLEU(0), "BLEU: expected an order of at least 1"),
        ],
    )
    def test_wrong_options_are_named(self, make, message):
        with pytest.raises(ValueError, match=message):
            make()

    @pytest.mark.parametrize(
        ("metric", "x", "y", "message"),
        [
            (M.Precision(), (3, 2), [0, 1, 1], "need the class that counts"),
            (M.Precision(class_id=2), (3, 2), [0, 1, 1], "class_id below 2"),
            (M.BalancedAccuracy(0.5, binary=True), (2, 2), [[0, 1]] * 2, "one class for each"),
            (M.TopKAccuracy(), (2,), [0, 1], "threshold"),
            (M.F1(average="macro"), (2, 2), [0, 5], "got 1 others"),
            (M.ConfusionMatrix(), (2, 2), [0, 5], "got 1 others"),
            (M.MeanSquaredError(), (2, 2), [0, 5], "targets of the shape of the output"),
            (M.AUC(), (2, 2, 2), [0, 1], r"outputs \(N,\), \(N, 1\) or \(N, K\)"),
            (M.AUC(), (2, 2), [0, 1, 1], "expect class indices of shape"),
        ],
    )
    def test_data_that_do_not_fit_are_refused(self, metric, x, y, message):
        with pytest.raises(ValueError, match=message):
            metric.update(pydl.ones(x), np.array(y))

    def test_weights_of_other_samples_are_refused(self):
        with pytest.raises(ValueError, match="expected sample weights of the leading axes"):
            M.Accuracy().update(pydl.ones((3, 2)), np.array([0, 1, 1]), np.ones(2))


TEXTS = ["the cat is on the mat", "a dog sat down on the old mat today"]
REFERENCES = [
    ["there is a cat on the mat", "a cat is on the mat"],
    ["a dog sat down on an old mat today", "today a dog sat on the old mat in here"],
]


class TestBLEU:
    def test_value(self):
        """From counts of n-grams, by their definition."""
        right, given, length, wanted = [0] * 4, [0] * 4, 0, 0
        for text, references in zip(TEXTS, REFERENCES, strict=True):
            tokens, others = text.split(), [reference.split() for reference in references]
            length += len(tokens)
            wanted += len(min(others, key=lambda o: (abs(len(o) - len(tokens)), len(o))))
            for n in range(1, 5):
                grams = [
                    Counter(" ".join(t[i : i + n]) for i in range(len(t) - n + 1))
                    for t in (tokens, *others)
                ]
                given[n - 1] += sum(grams[0].values())
                right[n - 1] += sum(
                    min(count, max(other[gram] for other in grams[1:]))
                    for gram, count in grams[0].items()
                )
        expected = math.prod(r / g for r, g in zip(right, given, strict=True)) ** 0.25
        expected *= math.exp(min(0, 1 - wanted / length))
        whole, first, second = M.BLEU(), M.BLEU(), M.BLEU()
        whole.update(TEXTS, REFERENCES)
        first.update(TEXTS[:1], REFERENCES[:1])
        second.update(TEXTS[1:], REFERENCES[1:])
        second.merge(first)
        assert whole.compute() == pytest.approx(expected)
        assert second.compute() == pytest.approx(expected)

    def test_short_texts(self):
        metric, smooth = M.BLEU(), M.BLEU(smooth=True)
        for bleu in (metric, smooth):
            bleu.update([["a", "cat"]], [[["a", "cat", "sat"]]])
        assert metric.compute() == 0
        assert smooth.compute() == pytest.approx(math.exp(1 - 3 / 2))
        empty = M.BLEU()
        empty.update([""], [["a"]])
        assert empty.compute() == 0

    def test_wrong_texts(self):
        with pytest.raises(ValueError, match="references for each of 1 texts, got 2"):
            M.BLEU().update(["a"], [["a"], ["b"]])
        with pytest.raises(TypeError, match="a list of references"):
            M.BLEU().update(["a"], ["a"])
        with pytest.raises(ValueError, match="at least one reference"):
            M.BLEU().update(["a"], [[]])
        with pytest.raises(TypeError, match="no weights"):
            M.BLEU().update(["a"], [["a"]], [1.0])
