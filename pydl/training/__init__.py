"""Training models: `Model` with its verbs, callbacks, and the history of what happened."""

from typing import TYPE_CHECKING

from pydl._checked_calls import check_public
from pydl._later import import_later
from pydl.training.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pydl.training.history import History
from pydl.training.metrics import Metric
from pydl.training.model import Model
from pydl.training.plotting import plot_model

if TYPE_CHECKING:
    from pydl.training.metrics import Accuracy, Precision, Recall
    from pydl.training.schedules import LearningRateScheduler, WeightAveraging
    from pydl.training.summary import summarize
else:
    __getattr__ = import_later(
        globals(),
        {
            "pydl.training.metrics": ["Accuracy", "Precision", "Recall"],
            "pydl.training.schedules": ["LearningRateScheduler", "WeightAveraging"],
            "pydl.training.summary": ["summarize"],
        },
    )

__all__ = [
    "Accuracy",
    "Callback",
    "EarlyStopping",
    "History",
    "LearningRateScheduler",
    "Metric",
    "Model",
    "ModelCheckpoint",
    "Precision",
    "Recall",
    "WeightAveraging",
    "plot_model",
    "summarize",
]

check_public(globals())
