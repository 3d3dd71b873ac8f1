"""Errors of public functions that are composed of others, named after the public function."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_RENAMED = (TypeError, ValueError, IndexError, MemoryError, OverflowError)


def names_errors(function: Callable[P, R]) -> Callable[P, R]:
    """Let errors of the functions that `function` calls begin with its own name."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except _RENAMED as error:
            message = _renamed(function, str(error)) if type(error) in _RENAMED else None
            if message is None:
                raise
            raise type(error)(message) from None

    return call


def _renamed(function: Callable[..., object], message: str) -> str | None:
    from pydl._calls import LEADING_NAME, renamed  # imported when a call has failed

    if LEADING_NAME.match(message) is None:
        return None
    return renamed(function.__name__, message, inspect.signature(function).parameters)
