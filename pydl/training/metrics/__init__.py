"""Metrics: exact values over all samples, whatever the sizes of the batches."""

from typing import TYPE_CHECKING

from pydl._later import import_later
from pydl.training.metrics.averages import Averages
from pydl.training.metrics.base import Metric
from pydl.training.metrics.functions import FunctionMean, MetricFunction

if TYPE_CHECKING:
    from pydl.training.metrics.counts import (
        F1,
        BalancedAccuracy,
        CohenKappa,
        ConfusionMatrix,
        FBeta,
        IoU,
        MatthewsCorrelation,
        Precision,
        Recall,
        Specificity,
    )
    from pydl.training.metrics.curves import AUC
    from pydl.training.metrics.decisions import Accuracy, TopKAccuracy
    from pydl.training.metrics.names import NAMES, get_all
    from pydl.training.metrics.regression import (
        R2,
        CosineSimilarity,
        MeanAbsoluteError,
        MeanAbsolutePercentageError,
        MeanSquaredError,
        MeanSquaredLogarithmicError,
        RootMeanSquaredError,
    )
    from pydl.training.metrics.text import BLEU, Perplexity
else:
    __getattr__ = import_later(
        globals(),
        {
            "pydl.training.metrics.counts": [
                *("F1", "BalancedAccuracy", "CohenKappa", "ConfusionMatrix", "FBeta", "IoU"),
                *("MatthewsCorrelation", "Precision", "Recall", "Specificity"),
            ],
            "pydl.training.metrics.curves": ["AUC"],
            "pydl.training.metrics.decisions": ["Accuracy", "TopKAccuracy"],
            "pydl.training.metrics.names": ["NAMES", "get_all"],
            "pydl.training.metrics.regression": [
                *("R2", "CosineSimilarity", "MeanAbsoluteError", "MeanAbsolutePercentageError"),
                *("MeanSquaredError", "MeanSquaredLogarithmicError", "RootMeanSquaredError"),
            ],
            "pydl.training.metrics.text": ["BLEU", "Perplexity"],
        },
    )

__all__ = [
    "AUC",
    "BLEU",
    "F1",
    "NAMES",
    "R2",
    "Accuracy",
    "Averages",
    "BalancedAccuracy",
    "CohenKappa",
    "ConfusionMatrix",
    "CosineSimilarity",
    "FBeta",
    "FunctionMean",
    "IoU",
    "MatthewsCorrelation",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "MetricFunction",
    "Perplexity",
    "Precision",
    "Recall",
    "RootMeanSquaredError",
    "Specificity",
    "TopKAccuracy",
    "get_all",
]
