"""Schedules of learning rates, with the names and the numbers of `torch.optim.lr_scheduler`.

A schedule is made with an optimiser, sets its rate at once, and again at each `step`: after each
epoch, or after each step of the optimiser, as the schedule is meant. The learning rate is an input
of compiled steps, so a new one traces nothing again; `step` itself stays outside of them.

``fit`` steps schedules by the callback `pydl.training.LearningRateScheduler`.
"""

from __future__ import annotations

from typing import Any

from pydl._checked_calls import check_public
from pydl.optim.lr_scheduler.averaging import SWALR
from pydl.optim.lr_scheduler.base import LRScheduler
from pydl.optim.lr_scheduler.composite import ChainedScheduler, SequentialLR
from pydl.optim.lr_scheduler.cosine import (
    CosineAnnealingLR,
    CosineAnnealingWarmRestarts,
    CosineWithWarmup,
)
from pydl.optim.lr_scheduler.cycles import CyclicLR, OneCycleLR
from pydl.optim.lr_scheduler.factors import (
    ConstantLR,
    ExponentialLR,
    LinearLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from pydl.optim.lr_scheduler.functions import LambdaLR, MultiplicativeLR
from pydl.optim.lr_scheduler.plateau import ReduceLROnPlateau

__all__ = [
    "SWALR",
    "ChainedScheduler",
    "ConstantLR",
    "CosineAnnealingLR",
    "CosineAnnealingWarmRestarts",
    "CosineWithWarmup",
    "CyclicLR",
    "ExponentialLR",
    "LRScheduler",
    "LambdaLR",
    "LinearLR",
    "MultiStepLR",
    "MultiplicativeLR",
    "OneCycleLR",
    "PolynomialLR",
    "ReduceLROnPlateau",
    "SequentialLR",
    "StepLR",
]


def __getattr__(name: str) -> Any:
    """Explain what is missing."""
    from pydl._missing_names import message

    raise AttributeError(message(__name__, name, __all__))


check_public(globals())
