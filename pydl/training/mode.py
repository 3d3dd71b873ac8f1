"""Modes of a model for a scope."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydl.nn.module import Module


@contextmanager
def in_mode(model: Module, training: bool) -> Iterator[None]:
    """Set training or evaluation mode for a scope; afterwards each submodule has the mode it had.

    Submodules may have modes of their own: layers that somebody froze in evaluation mode.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.train(training)
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
