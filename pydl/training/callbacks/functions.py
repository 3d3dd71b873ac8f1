"""LambdaCallback: functions instead of a class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydl.training.callbacks.base import HOOKS, INSTEAD, Callback


class LambdaCallback(Callback):
    """A callback made of functions, each given under the name of the method that it stands for.

    Parameters
    ----------
    **functions : callable
        Such as `on_epoch_end`, which takes (epoch, logs), and `on_train_begin`, which takes (logs);
        all of them may do without the logs. `model` and `params` are attributes of the callback.

    Raises
    ------
    TypeError
        For names of no method of `Callback`, and for what cannot be called.

    Examples
    --------
    >>> import pydl
    >>> model = pydl.nn.Sequential(pydl.nn.Linear(2, 1))
    >>> model.compile("sgd", "mse")
    >>> tell = pydl.training.LambdaCallback(on_epoch_end=lambda epoch: print("epoch", epoch + 1))
    >>> _ = model.fit(pydl.ones((4, 2)), pydl.ones((4, 1)), epochs=2, callbacks=tell, verbose=0)
    epoch 1
    epoch 2
    """

    def __init__(self, **functions: Callable[..., Any] | None) -> None:
        for name, function in functions.items():
            if name not in HOOKS:
                advice = f"; did you mean {INSTEAD[name]!r}?" if name in INSTEAD else ""
                raise TypeError(
                    f"LambdaCallback: expected names of {', '.join(HOOKS)}; got {name!r}{advice}"
                )
            if function is None:
                continue
            if not callable(function):
                raise TypeError(
                    f"LambdaCallback: expected {name} to be a function, got "
                    f"{type(function).__name__}"
                )
            setattr(self, name, function)
