"""Modes of a model for a scope."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from pydl import _core

if TYPE_CHECKING:
    from pydl.nn.module import Module


def set_mode(model: Module, training: bool) -> None:
    """Set a mode as `fit` does: submodules in training keep the mode that they got by themselves.

    What the user froze is not forgotten: the next call finds it again.
    """
    _set_mode(_modules(model), training)


def _modules(model: Module) -> list[Module]:
    return [module for _, module in model._walk("", set())]


def _set_mode(modules: list[Module], training: bool) -> None:
    """Set a mode; the first module has the others."""
    pinned = [(module, module._pinned_mode) for module in modules]
    modules[0].train(training)
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
        modules = _modules(model)
        modes = [
            (vars(module), name) for module in modules for name in ("training", "_pinned_mode")
        ]
        super().__init__(modes, lambda: _set_mode(modules, training))


class KnownModes:
    """The modes that a model's modules have now, to give them these again without a search.

    They are those of `set_mode` for as long as the user freezes no other submodules.
    """

    def __init__(self, model: Module) -> None:
        self._modules = _modules(model)
        self._modes = [module.training for module in self._modules]
        self._pinned = [module._pinned_mode for module in self._modules]
        self._places = [(vars(module), "training") for module in self._modules]

    def are_right(self) -> bool:
        """Whether what is frozen is what was."""
        return self._pinned == [module._pinned_mode for module in self._modules]

    def scope(self) -> Any:
        """Return a scope in which the modules have these modes."""
        if self._modes == [module.training for module in self._modules]:
            return nullcontext()
        return _core._RestoreScope(self._places, self._set)

    def _set(self) -> None:
        for (module, name), mode in zip(self._places, self._modes, strict=True):
            module[name] = mode
