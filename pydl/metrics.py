"""Metrics for `fit` and `evaluate`, and by themselves: exact over all samples.

A metric counts what its value needs, whatever the sizes of the batches:

>>> import pydl
>>> metric = pydl.metrics.F1(average="macro")
>>> for _ in range(3):
...     metric.update(pydl.eye(4), pydl.arange(4))
>>> metric.compute()
1.0

`reset` forgets the batches, `merge` adds those of another process, and `state_dict` gives the
counts for `pydl.save`. In ``compile(metrics=[...])``, metrics are given by name or as objects.
"""

import pydl.nn  # noqa: F401, the layers first: they import what is imported here
from pydl._checked_calls import check_public
from pydl.training.metrics import (
    AUC,
    BLEU,
    F1,
    R2,
    Accuracy,
    BalancedAccuracy,
    CohenKappa,
    ConfusionMatrix,
    CosineSimilarity,
    FBeta,
    IoU,
    MatthewsCorrelation,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Metric,
    Perplexity,
    Precision,
    Recall,
    RootMeanSquaredError,
    Specificity,
    TopKAccuracy,
)

__all__ = [
    "AUC",
    "BLEU",
    "F1",
    "R2",
    "Accuracy",
    "BalancedAccuracy",
    "CohenKappa",
    "ConfusionMatrix",
    "CosineSimilarity",
    "FBeta",
    "IoU",
    "MatthewsCorrelation",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "Perplexity",
    "Precision",
    "Recall",
    "RootMeanSquaredError",
    "Specificity",
    "TopKAccuracy",
]

check_public(globals())
