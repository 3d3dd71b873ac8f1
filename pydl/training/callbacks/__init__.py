"""Callbacks: what `fit`, `evaluate` and `predict` call between steps and epochs."""

from typing import TYPE_CHECKING

from pydl._checked_calls import check_public
from pydl._later import import_later
from pydl.training.callbacks.base import Callback
from pydl.training.callbacks.calls import CallbackList

if TYPE_CHECKING:
    from pydl.training.callbacks.averaging import WeightAveraging
    from pydl.training.callbacks.backup import BackupAndRestore
    from pydl.training.callbacks.checkpoints import ModelCheckpoint
    from pydl.training.callbacks.functions import LambdaCallback
    from pydl.training.callbacks.loggers import CSVLogger, JSONLinesLogger
    from pydl.training.callbacks.measuring import MemoryMonitor, Timer
    from pydl.training.callbacks.schedules import (
        LearningRateMonitor,
        LearningRateScheduler,
        ReduceLROnPlateau,
    )
    from pydl.training.callbacks.stopping import EarlyStopping, TerminateOnNaN
    from pydl.training.callbacks.tensorboard import TensorBoard
else:
    __getattr__ = import_later(
        globals(),
        {
            "pydl.training.callbacks.averaging": ["WeightAveraging"],
            "pydl.training.callbacks.backup": ["BackupAndRestore"],
            "pydl.training.callbacks.checkpoints": ["ModelCheckpoint"],
            "pydl.training.callbacks.functions": ["LambdaCallback"],
            "pydl.training.callbacks.loggers": ["CSVLogger", "JSONLinesLogger"],
            "pydl.training.callbacks.measuring": ["MemoryMonitor", "Timer"],
            "pydl.training.callbacks.schedules": [
                *("LearningRateMonitor", "LearningRateScheduler", "ReduceLROnPlateau"),
            ],
            "pydl.training.callbacks.stopping": ["EarlyStopping", "TerminateOnNaN"],
            "pydl.training.callbacks.tensorboard": ["TensorBoard"],
        },
    )

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "JSONLinesLogger",
    "LambdaCallback",
    "LearningRateMonitor",
    "LearningRateScheduler",
    "MemoryMonitor",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TensorBoard",
    "TerminateOnNaN",
    "Timer",
    "WeightAveraging",
]

check_public(globals())
