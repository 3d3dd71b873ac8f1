"""Training models: `Model` with its verbs, callbacks, and the history of what happened."""

from pydl._checked_calls import check_public
from pydl.training.callbacks import Callback, EarlyStopping, ModelCheckpoint
from pydl.training.history import History
from pydl.training.model import Model

__all__ = ["Callback", "EarlyStopping", "History", "Model", "ModelCheckpoint"]

check_public(globals())
