"""Training models: `Model` with its verbs, callbacks, and the history of what happened."""

from pydl._checked_calls import check_public
from pydl.training.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pydl.training.history import History
from pydl.training.metrics import Accuracy, Metric, Precision, Recall
from pydl.training.model import Model

__all__ = [
    "Accuracy",
    "Callback",
    "EarlyStopping",
    "History",
    "Metric",
    "Model",
    "ModelCheckpoint",
    "Precision",
    "Recall",
]

check_public(globals())
