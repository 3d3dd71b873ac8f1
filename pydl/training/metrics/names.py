"""Metrics by name, and the metrics that `compile` makes of its argument."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from pydl.nn import functional
from pydl.training.losses import Loss
from pydl.training.metrics.base import Metric
from pydl.training.metrics.counts import (
    F1,
    BalancedAccuracy,
    CohenKappa,
    IoU,
    MatthewsCorrelation,
    Precision,
    Recall,
    Specificity,
)
from pydl.training.metrics.curves import AUC
from pydl.training.metrics.decisions import Accuracy, TopKAccuracy
from pydl.training.metrics.functions import FunctionMean, MetricFunction, _CrossEntropy
from pydl.training.metrics.regression import (
    R2,
    CosineSimilarity,
    MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError,
    RootMeanSquaredError,
)
from pydl.training.metrics.text import Perplexity
from pydl.training.other_names import meant

_MEANS: dict[str, MetricFunction] = {
    "mse": functional.mse_loss,
    "mae": functional.l1_loss,
    "mean_squared_error": functional.mse_loss,
    "mean_absolute_error": functional.l1_loss,
}
_AVERAGED = {
    "precision": Precision,
    "recall": Recall,
    "specificity": Specificity,
    "f1": F1,
    "iou": IoU,
}
_CLASSES: dict[str, Callable[[], Metric]] = {
    "accuracy": Accuracy,
    "acc": Accuracy,
    "binary_accuracy": Accuracy,
    "categorical_accuracy": Accuracy,
    "sparse_categorical_accuracy": Accuracy,
    "top_k_accuracy": TopKAccuracy,
    "top_k_categorical_accuracy": TopKAccuracy,
    "sparse_top_k_categorical_accuracy": TopKAccuracy,
    **_AVERAGED,
    **{
        f"{name}_{average}": partial(kind, average=average)
        for name, kind in _AVERAGED.items()
        for average in ("micro", "macro", "weighted")
    },
    "mean_iou": partial(IoU, average="macro"),
    "balanced_accuracy": BalancedAccuracy,
    "matthews_correlation": MatthewsCorrelation,
    "cohen_kappa": CohenKappa,
    "auc": AUC,
    "pr_auc": partial(AUC, "PR"),
    "rmse": RootMeanSquaredError,
    "root_mean_squared_error": RootMeanSquaredError,
    "mape": MeanAbsolutePercentageError,
    "mean_absolute_percentage_error": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "mean_squared_logarithmic_error": MeanSquaredLogarithmicError,
    "r2": R2,
    "cosine_similarity": CosineSimilarity,
    "perplexity": Perplexity,
}
NAMES = [name for name in (*_CLASSES, *_MEANS, "cross_entropy") if name != "acc"]


def get_all(
    metrics: Sequence[str | MetricFunction | Metric] | None, loss: Loss
) -> dict[str, Metric]:
    """Metrics by the names under which they are reported.

    Raises
    ------
    ValueError
        For a name that is not known, or taken.
    TypeError
        For something that is not a metric.
    """
    found: dict[str, Metric] = {}
    single = isinstance(metrics, (str, Metric)) or callable(metrics)
    given: Any = [metrics] if single else metrics or ()
    for metric in given:
        one = _get(metric, loss)
        if one.name in found or one.name == "loss":
            raise ValueError(f"compile: there is a metric named {one.name!r} already")
        found[one.name] = one
    return found


# What to write for metrics that have no name here, because they take arguments or inputs of a kind.
_WITHOUT_NAME = {
    "fbeta": "write pydl.metrics.FBeta(beta) with a number",
    "f_beta": "write pydl.metrics.FBeta(beta) with a number",
    "fbeta_score": "write pydl.metrics.FBeta(beta) with a number",
    "bleu": "the outputs of models are no texts: call update(texts, references) of a "
    "pydl.metrics.BLEU()",
    "confusion_matrix": "write pydl.metrics.ConfusionMatrix()",
}


def _get(metric: Any, loss: Loss) -> Metric:
    if isinstance(metric, Metric):
        return metric._bound(loss)
    if isinstance(metric, type):
        raise TypeError(f"compile: expected a metric, got a class; write {metric.__name__}()")
    if isinstance(metric, str):
        if metric in _CLASSES:
            found = _CLASSES[metric]()._bound(loss)
            found.name = "accuracy" if metric == "acc" else metric
            return found
        if metric in _MEANS:
            return FunctionMean(_MEANS[metric], metric, own=True)
        if metric == "cross_entropy":
            return _CrossEntropy(Loss(functional.cross_entropy, ignore_index=-100))
        advice = _WITHOUT_NAME.get(metric.lower())
        raise ValueError(
            f"compile: expected a metric of {', '.join(NAMES)}; got {metric!r}"
            + (f"; {advice}" if advice else meant(metric, NAMES))
        )
    if not callable(metric):
        raise TypeError(f"compile: expected a metric name or function, got {metric!r}")
    own = any(metric is known for known in _MEANS.values())
    return FunctionMean(metric, getattr(metric, "__name__", type(metric).__name__), own)
