"""Optimisers: each updates all of its parameters in one fused operation."""

from pydl._checked_calls import check_public
from pydl.optim.adam import Adam, AdamW
from pydl.optim.clipping import clip_grad_norm_
from pydl.optim.optimizer import Optimizer
from pydl.optim.rmsprop import RMSprop
from pydl.optim.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "RMSprop", "clip_grad_norm_"]

check_public(globals())
