"""Optimisers, each of which updates all of its parameters in one fused operation, and schedules."""

from typing import TYPE_CHECKING

from pydl._checked_calls import check_public
from pydl._later import import_later
from pydl.optim.adadelta import Adadelta
from pydl.optim.adagrad import Adagrad
from pydl.optim.adam import Adam, AdamW
from pydl.optim.adamax import Adamax
from pydl.optim.clipping import clip_grad_norm_, clip_grad_value_
from pydl.optim.lamb import LAMB
from pydl.optim.lion import Lion
from pydl.optim.muon import Muon
from pydl.optim.nadam import NAdam
from pydl.optim.optimizer import Optimizer
from pydl.optim.radam import RAdam
from pydl.optim.rmsprop import RMSprop
from pydl.optim.rprop import Rprop
from pydl.optim.sgd import SGD

if TYPE_CHECKING:
    from pydl.optim import lr_scheduler
    from pydl.optim.lbfgs import LBFGS
    from pydl.optim.rate_finder import RateSearch, find_learning_rate
else:
    __getattr__ = import_later(
        globals(),
        {
            "pydl.optim.lbfgs": ["LBFGS"],
            "pydl.optim.lr_scheduler": [],
            "pydl.optim.rate_finder": ["RateSearch", "find_learning_rate"],
        },
    )

__all__ = [
    "LAMB",
    "LBFGS",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "RateSearch",
    "Rprop",
    "clip_grad_norm_",
    "clip_grad_value_",
    "find_learning_rate",
    "lr_scheduler",
]

check_public(globals())
