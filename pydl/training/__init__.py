"""Training models: `Model` with its verbs, callbacks, and the history of what happened."""

from pydl._checked_calls import check_public
from pydl.training.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pydl.training.history import History
from pydl.training.metrics import Accuracy, Metric, Precision, Recall
from pydl.training.model import Model
from pydl.training.schedules import LearningRateScheduler, WeightAveraging

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
]

check_public(globals())
