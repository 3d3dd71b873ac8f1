"""Modes of a model for a scope."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydl import _core

if TYPE_CHECKING:
    from pydl.nn.module import Module


def set_mode(model: Module, training: bool) -> None:
    """Set a mode as `fit` does: submodules in training keep the mode that they got by themselves.

    What the user froze is not forgotten: the next call finds it again.
    """
    pinned = [(module, module._pinned_mode) for _, module in model._walk("", set())]
    model.train(training)
    if training:
        for module, mode in pinned[1:]:  # outer ones first
            if mode is not None:
                module.train(mode)
    for module, mode in pinned:
        vars(module)["_pinned_mode"] = mode


class in_mode(_core._RestoreScope):  # noqa: N801  (used like a keyword)
    """Set training or evaluation mode for a scope; afterwards each submodule has the mode it had.

    Submodules may have their own modes: layers that the user froze in evaluation mode. Ctrl-C
    leaves no mode switched, whenever it comes.
    """

    def __init__(self, model: Module, training: bool) -> None:
        modes = [
            (vars(module), name)
            for _, module in model._walk("", set())
            for name in ("training", "_pinned_mode")
        ]
        super().__init__(modes, lambda: set_mode(model, training))
