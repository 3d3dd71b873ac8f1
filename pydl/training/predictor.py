"""Predictor: what a model predicts with before `compile`."""

from __future__ import annotations

from typing import Any

from pydl._core import Tensor
from pydl.training.trainer import Trainer


class Predictor(Trainer):
    """A trainer of a model that was not compiled: it predicts, and knows what it has seen."""

    _trains = False

    def train_step(self, data: Any) -> dict[str, Tensor]:
        raise RuntimeError("call compile(optimizer, loss, metrics) first")
