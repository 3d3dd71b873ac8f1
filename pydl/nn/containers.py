"""Modules that hold other modules in an order."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeVar, overload

from pydl.nn.module import Module, _freeze
from pydl.nn.recurrent import _Recurrent
from pydl.training.model import Model


def _require_module(owner: str, name: str, value: object) -> Module:
    if isinstance(value, Module):
        return value
    got = value.__name__ if isinstance(value, type) else repr(value)
    hint = f"; write {got}()" if isinstance(value, type) and issubclass(value, Module) else ""
    raise TypeError(f"{owner}: layer {name}: expected a Module, got {got}{hint}")


LayerListT = TypeVar("LayerListT", bound="_LayerList")


class _Layers(Module):
    """Submodules by name, in order; what the containers share."""

    _layers: dict[str, Module]

    def _members(self) -> Iterable[tuple[str, Any]]:
        return [*super()._members(), *self._layers.items()]

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name == "_layers":
                raise RuntimeError(f"{type(self).__name__}.__init__ must call super().__init__()")
            # Copying looks up its methods before there are layers.
            if not name.startswith("__") and name in self._layers:
                return self._layers[name]
            return super().__getattr__(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name in vars(self).get("_layers", ()):
            self._put(name, value)
        else:
            super().__setattr__(name, value)

    def __len__(self) -> int:
        return len(self._layers)

    def _put(self, name: str, module: Module) -> None:
        self._layers[name] = _require_module(type(self).__name__, name, module)
        if not self._trainable:
            _freeze(module)


class _LayerList(_Layers):
    """What Sequential and ModuleList share: layers by position."""

    def __iter__(self) -> Iterator[Module]:
        return iter(self._layers.values())

    def __setitem__(self, index: int, module: Module) -> None:
        self._put(self._name_at(index), module)

    def __delitem__(self, index: int | slice) -> None:
        kept = list(self._layers.items())
        if not isinstance(index, slice):
            self._name_at(index)  # an error that names the container
        del kept[index]
        self._arrange(kept)

    def __iadd__(self: LayerListT, modules: Iterable[Module]) -> LayerListT:
        return self.extend(modules)

    def extend(self: LayerListT, modules: Iterable[Module]) -> LayerListT:
        """Add modules at the end; return self."""
        for module in modules:
            self._append(module)
        return self

    def insert(self: LayerListT, index: int, module: Module) -> LayerListT:
        """Put a module before the one at a position; numbers of later ones grow. Return self."""
        _require_module(type(self).__name__, str(index), module)
        layers = list(self._layers.items())
        layers.insert(index, (str(len(layers)), module))
        self._arrange(layers)
        return self

    def pop(self, index: int = -1) -> Module:
        """Take a module out and return it; numbers of later ones fall."""
        module = self._layers[self._name_at(index)]
        del self[index]
        return module

    def _arrange(self, layers: Iterable[tuple[str, Module]]) -> None:
        """Take these layers instead; numbers are their positions, and names stay."""
        made: dict[str, Module] = {}
        for position, (name, module) in enumerate(layers):
            made[str(position) if name.isdecimal() else name] = module
        self._layers.clear()
        for name, module in made.items():
            self._put(name, module)

    def _name_at(self, index: int) -> str:
        names = list(self._layers)
        if not -len(names) <= index < len(names):
            raise IndexError(
                f"{type(self).__name__}: index {index} is outside its {len(names)} layers"
            )
        return names[index]

    def _append(self, module: Module) -> None:
        name = str(len(self._layers))
        if name in self._layers:
            raise ValueError(f"{type(self).__name__}: there is a layer named {name} already")
        self._put(name, module)


class Sequential(_LayerList, Model):
    """Layers one after the other; also a `Model`, so that it can be compiled and fitted.

    A recurrent layer hands its output (N, T, H) on to the next layer, without the final state, as
    in Keras with return_sequences; as the last layer it gives both. Other layers of several results
    need a module around them.

    Parameters
    ----------
    *layers : Module, or one mapping of str to Module
        Layers in order. Those given one by one are named "0", "1", ...
    **named_layers : Module
        Further layers, by name.

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
            _check_name(self, name)
            self._layers[name] = _require_module(type(self).__name__, name, layer)

    def forward(self, x: Any) -> Any:
        before: Module | None = None
        for layer in self._layers.values():
            if x.__class__ is tuple and before is not None:
                x = self._handed_on(x, before, layer)
            x = layer(x)
            before = layer
        return x

    def _handed_on(self, x: tuple[Any, ...], before: Module, layer: Module) -> Any:
        """Return what the next layer gets of a result of several parts."""
        if isinstance(_innermost_last(before), _Recurrent):
            return x[0]
        if type(layer).__module__.startswith("pydl.nn.") and not isinstance(layer, Sequential):
            name = next(name for name, known in self._layers.items() if known is layer)
            raise TypeError(
                f"{type(self).__name__}: layer {name} ({type(layer).__name__}) takes one tensor, "
                f"but the layer before, {type(before).__name__}, gives a tuple of {len(x)}; write "
                "a module whose forward returns the part that is wanted"
            )
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

    def _check_layout(self) -> None:
        for name, layer in self._layers.items():
            if not type(layer).__module__.startswith("pydl.nn."):
                return  # it may change the order of the axes
            parts = [getattr(module, "batch_first", True) for module in layer.modules()]
            if not all(parts):
                kind = type(layer).__name__
                warnings.warn(
                    f"compile: layer {name} ({kind}) takes steps along axis 0 and samples along "
                    f"axis 1, but axis 0 of data for fit are samples; give {kind} batch_first=True",
                    stacklevel=3,
                )

    def append(self, module: Module) -> Sequential:
        """Add a layer at the end, named by its position; return self."""
        self._append(module)
        return self


def _innermost_last(layer: Module | None) -> Module | None:
    """Return the layer that a result comes from, inside of containers."""
    while isinstance(layer, Sequential) and len(layer) > 0:
        layer = layer._last_layer()
    return layer


class ModuleList(_LayerList):
    """A list of modules whose parameters are found.

    Parameters
    ----------
    modules : iterable of Module, optional
        In order; they are named "0", "1" and so on.

    Raises
    ------
    TypeError
        For something that is not a module.

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


class ModuleDict(_Layers):
    """Modules by name, whose parameters are found.

    Parameters
    ----------
    modules : mapping of str to Module, optional
        Names are those of attributes: "conv1" or "0", not "a.b".

    Raises
    ------
    TypeError
        For something that is not a module.
    ValueError
        For a name that cannot be part of a path, or is that of a method.

    Examples
    --------
    >>> import pydl
    >>> heads = pydl.nn.ModuleDict({"age": pydl.nn.Linear(4, 1), "kind": pydl.nn.Linear(4, 3)})
    >>> heads["kind"](pydl.ones((2, 4))).shape
    (2, 3)
    >>> list(heads), len(list(heads.parameters()))
    (['age', 'kind'], 4)
    """

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        self._layers = {}
        for name, module in (modules or {}).items():
            self[name] = module

    def __getitem__(self, name: str) -> Module:
        if name not in self._layers:
            raise KeyError(f"ModuleDict: there is no {name!r}; it has {', '.join(self._layers)}")
        return self._layers[name]

    def __setitem__(self, name: str, module: Module) -> None:
        _check_name(self, name)
        self._put(name, module)

    def __delitem__(self, name: str) -> None:
        del self._layers[name]

    def __contains__(self, name: object) -> bool:
        return name in self._layers

    def __iter__(self) -> Iterator[str]:
        return iter(self._layers)

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]]) -> None:
        """Add modules, or put them in the place of those of the same names."""
        for name, module in dict(modules).items():
            self[name] = module

    def pop(self, name: str) -> Module:
        """Take a module out and return it."""
        module = self[name]
        del self[name]
        return module

    def clear(self) -> None:
        """Take all modules out."""
        self._layers.clear()

    def keys(self) -> Iterable[str]:
        """Names, in order."""
        return self._layers.keys()

    def values(self) -> Iterable[Module]:
        """Modules, in order."""
        return self._layers.values()

    def items(self) -> Iterable[tuple[str, Module]]:
        """Names with their modules, in order."""
        return self._layers.items()


def _check_name(owner: Module, name: object) -> None:
    """Raise `ValueError` for a name that attributes cannot have."""
    kind = type(owner).__name__
    if not isinstance(name, str) or not (name.isidentifier() or name.isdecimal()):
        raise ValueError(f"{kind}: {name!r} is not a name for a layer")
    if hasattr(type(owner), name):
        raise ValueError(f"{kind}: the name {name!r} is taken by a method")
