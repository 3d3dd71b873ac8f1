"""Training models: `Model` with its verbs, callbacks, and the history of what happened."""

from typing import TYPE_CHECKING

from pydl._checked_calls import check_public
from pydl._later import import_later
from pydl.training.model import Model

if TYPE_CHECKING:
    from pydl.training.callbacks import (
        BackupAndRestore,
        Callback,
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
    from pydl.training.history import History
    from pydl.training.metrics import Accuracy, Metric, Precision, Recall
    from pydl.training.plotting import plot_model
    from pydl.training.summary import summarize
    from pydl.training.trainer import Trainer
else:
    __getattr__ = import_later(
        globals(),
        {
            "pydl.training.callbacks": [
                *("BackupAndRestore", "CSVLogger", "Callback", "EarlyStopping", "JSONLinesLogger"),
                *("LambdaCallback", "LearningRateMonitor", "LearningRateScheduler"),
                *("MemoryMonitor", "ModelCheckpoint", "ReduceLROnPlateau", "TensorBoard"),
                *("TerminateOnNaN", "Timer", "WeightAveraging"),
            ],
            "pydl.training.history": ["History"],
            "pydl.training.metrics": ["Accuracy", "Metric", "Precision", "Recall"],
            "pydl.training.plotting": ["plot_model"],
            "pydl.training.trainer": ["Trainer"],
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
