"""Modes of a model for a scope."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydl.nn.module import Module


def set_mode(model: Module, training: bool) -> None:
    """Set a mode as `fit` does: submodules in training keep the mode that they got by themselves.

    Nothing is forgotten of what somebody froze: the next call finds it again.
    """
    pinned = [(module, module._pinned_mode) for _, module in model._walk("", set())]
    model.train(training)
    if training:
        for module, mode in pinned[1:]:  # outer ones first
            if mode is not None:
                module.train(mode)
    for module, mode in pinned:
        vars(module)["_pinned_mode"] = mode


@contextmanager
def in_mode(model: Module, training: bool) -> Iterator[None]:
    """Set a mode for a scope as `set_mode` does; afterwards each submodule has the mode it had."""
    modes = [(module, module.training) for _, module in model._walk("", set())]
    set_mode(model, training)
    try:
        yield
    finally:
        for module, mode in modes:
            vars(module)["training"] = mode
