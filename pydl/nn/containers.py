"""Modules that hold other modules in an order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, overload

from pydl.nn.module import Module
from pydl.training.model import Model


def _require_module(owner: str, name: str, value: object) -> Module:
    if isinstance(value, Module):
        return value
    got = value.__name__ if isinstance(value, type) else repr(value)
    hint = f"; write {got}()" if isinstance(value, type) and issubclass(value, Module) else ""
    raise TypeError(f"{owner}: layer {name}: expected a Module, got {got}{hint}")


class _Layers(Module):
    """Submodules by name, in order; what Sequential and ModuleList share."""

    _layers: dict[str, Module]

    def _members(self) -> Iterable[tuple[str, Any]]:
        return [*super()._members(), *self._layers.items()]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "_layers":
                raise RuntimeError(f"{type(self).__name__}.__init__ must call super().__init__()")
            # Copying asks for methods of its own before there are layers.
            if not name.startswith("__") and name in self._layers:
                return self._layers[name]
            return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self).get("_layers", ()):
            self._layers[name] = _require_module(type(self).__name__, name, value)
        else:
            super().__setattr__(name, value)

    def _name_at(self, index: int) -> str:
        names = list(self._layers)
        if not -len(names) <= index < len(names):
            raise IndexError(
                f"{type(self).__name__}: index {index} is outside its {len(names)} layers"
            )
        return names[index]

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._layers.values())

    def __setitem__(self, index: int, module: Module) -> None:
        name = self._name_at(index)
        self._layers[name] = _require_module(type(self).__name__, name, module)

    def _append(self, module: Module) -> None:
        name = str(len(self._layers))
        if name in self._layers:
            raise ValueError(f"{type(self).__name__}: there is a layer named {name} already")
        self._layers[name] = _require_module(type(self).__name__, name, module)


class Sequential(_Layers, Model):
    """Layers one after the other; also a `Model`, so that it can be compiled and fitted.

    Parameters
    ----------
    *layers : Module, or one mapping of str to Module
        Layers in order. Those given one by one are named "0", "1", ...
    **named_layers : Module
        Further layers with names of their own.

    Raises
    ------
    TypeError
        For something that is not a module.

    Examples
    --------
    >>> import pydl
    >>> from pydl import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> model(pydl.zeros((2, 4))).shape
    (2, 3)
    >>> model[:2]
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
    )
    >>> nn.Sequential(hidden=nn.Linear(4, 8), activation=nn.ReLU()).hidden
    Linear(in_features=4, out_features=8, bias=True)
    """

    def __init__(self, *layers: Module | Mapping[str, Module], **named_layers: Module) -> None:
        super().__init__()
        self._layers = {}
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named_layers = {**layers[0], **named_layers}
            layers = ()
        for layer in layers:
            self._append(_require_module(type(self).__name__, str(len(self._layers)), layer))
        for name, layer in named_layers.items():
            if not name.isidentifier() and not name.isdecimal():
                raise ValueError(f"{type(self).__name__}: {name!r} is no name for a layer")
            if hasattr(type(self), name):
                raise ValueError(f"{type(self).__name__}: the name {name!r} is taken by a method")
            self._layers[name] = _require_module(type(self).__name__, name, layer)

    def forward(self, x: Any) -> Any:
        for layer in self._layers.values():
            x = layer(x)
        return x

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module | Sequential:
        if isinstance(index, slice):
            return Sequential(dict(list(self._layers.items())[index]))
        return self._layers[self._name_at(index)]

    def _last_layer(self) -> Module | None:
        return next(reversed(self._layers.values()), None)

    def append(self, module: Module) -> Sequential:
        """Add a layer at the end, named by its position; return self."""
        self._append(module)
        return self


class ModuleList(_Layers):
    """A list of modules whose parameters are found.

    Examples
    --------
    >>> import pydl
    >>> blocks = pydl.nn.ModuleList(pydl.nn.Linear(4, 4) for _ in range(3))
    >>> len(blocks), len(list(blocks.parameters()))
    (3, 6)
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        self._layers = {}
        self.extend(modules)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> ModuleList: ...
    def __getitem__(self, index: int | slice) -> Module | ModuleList:
        if isinstance(index, slice):
            return ModuleList(list(self)[index])
        return self._layers[self._name_at(index)]

    def append(self, module: Module) -> ModuleList:
        """Add a module at the end; return self."""
        self._append(module)
        return self

    def extend(self, modules: Iterable[Module]) -> ModuleList:
        """Add modules at the end; return self."""
        for module in modules:
            self._append(module)
        return self
