"""Training models: `Model` with its verbs, callbacks, and the history of what happened."""

from typing import TYPE_CHECKING

from pydl._checked_calls import check_public
from pydl._later import import_later
from pydl.training.callbacks.base import Callback
from pydl.training.history import History
from pydl.training.metrics import Metric
from pydl.training.model import Model
from pydl.training.plotting import plot_model
from pydl.training.trainer import Trainer

if TYPE_CHECKING:
    from pydl.training.callbacks import (
        BackupAndRestore,
        CSVLogger,
        EarlyStopping,
        JSONLinesLogger,
        LambdaCallback,
        LearningRateMonitor,
        LearningRateScheduler,
        MemoryMonitor,
        ModelCheckpoint,
        ReduceLROnPlateau,
        TensorBoard,
        TerminateOnNaN,
        Timer,
        WeightAveraging,
    )
    from pydl.training.metrics import Accuracy, Precision, Recall
    from pydl.training.summary import summarize
else:
    __getattr__ = import_later(
        globals(),
        {
            "pydl.training.callbacks": [
                *("BackupAndRestore", "CSVLogger", "EarlyStopping", "JSONLinesLogger"),
                *("LambdaCallback", "LearningRateMonitor", "LearningRateScheduler"),
                *("MemoryMonitor", "ModelCheckpoint", "ReduceLROnPlateau", "TensorBoard"),
                *("TerminateOnNaN", "Timer", "WeightAveraging"),
            ],
            "pydl.training.metrics": ["Accuracy", "Precision", "Recall"],
            "pydl.training.summary": ["summarize"],
        },
    )

__all__ = [
    "Accuracy",
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "JSONLinesLogger",
    "LambdaCallback",
    "LearningRateMonitor",
    "LearningRateScheduler",
    "MemoryMonitor",
    "Metric",
    "Model",
    "ModelCheckpoint",
    "Precision",
    "Recall",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
    "Timer",
    "Trainer",
    "WeightAveraging",
    "plot_model",
    "summarize",
]

check_public(globals())
