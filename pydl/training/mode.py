"""Modes of a model for a scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydl import _core

if TYPE_CHECKING:
    from pydl.nn.module import Module


class in_mode(_core._RestoreScope):  # noqa: N801  (used like a keyword)
    """Set training or evaluation mode for a scope; afterwards each submodule has the mode it had.

    Submodules may have modes of their own: layers that somebody froze in evaluation mode. Ctrl-C
    leaves no mode switched, whenever it comes.
    """

    def __init__(self, model: Module, training: bool) -> None:
        modes = [(vars(module), "training") for module in model.modules()]
        super().__init__(modes, lambda: model.train(training))
