"""What a traced function reads and changes beside its arguments, and how it would be noticed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydl._core import Tensor
from pydl.compiler.guards import STRUCTURE, Guard, entries
from pydl.nn.module import Module
from pydl.optim import Optimizer


class State:
    """Tensors that live on between calls, by name, and guards of everything that was built in.

    Parameters
    ----------
    objects : iterable
        Modules, optimisers, tensors, and lists, tuples or dicts of them.

    Raises
    ------
    TypeError
        For an object in which nothing can be found.
    """

    def __init__(self, objects: Iterable[tuple[str, Any]]) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.guards: list[Guard] = []
        self._seen: set[int] = set()
        for name, value in objects:
            self._add(name, value)

    def _add(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor):
            self._add_tensor(name, value)
        elif isinstance(value, Module):
            self._add_module(name, value)
        elif isinstance(value, Optimizer):
            self._add_optimizer(name, value)
        elif isinstance(value, Mapping):
            for key, item in value.items():
                self._add(f"{name}[{key!r}]", item)
        elif isinstance(value, (list, tuple)):
            for i, item in enumerate(value):
                self._add(f"{name}[{i}]", item)
        else:
            raise TypeError(
                "compile: state takes modules, optimizers and tensors, got "
                f"{type(value).__name__} at {name}"
            )

    def _add_tensor(self, name: str, tensor: Tensor) -> None:
        if id(tensor) not in self._seen:
            self._seen.add(id(tensor))
            self.tensors[name] = tensor

    def _guard(self, mapping: dict[Any, Any], skipped: frozenset[str] = frozenset()) -> None:
        self.guards.extend(entries(mapping, skipped))

    def _add_module(self, name: str, module: Module) -> None:
        if id(module) in self._seen:
            return
        self._seen.add(id(module))
        self._guard(vars(module), module._unguarded)
        for key, value in vars(module).items():
            if key in module._unguarded:
                continue
            if key == "_layers":  # the layers of a container have their own names
                self._guard(value)
                for child, layer in value.items():
                    self._add(f"{name}.{child}", layer)
            elif isinstance(value, (Tensor, Module, Optimizer)) or _holds_tensors(value):
                self._add(f"{name}.{key}", value)

    def _add_optimizer(self, name: str, optimizer: Optimizer) -> None:
        if id(optimizer) in self._seen:
            return
        self._seen.add(id(optimizer))
        state = optimizer._state
        self.guards.append(Guard(STRUCTURE, state, None, state.structure()))
        for i, group in enumerate(optimizer.groups):
            self._guard(group.options)
            for j, parameter in enumerate(group.parameters):
                self._add_tensor(f"{name}.groups[{i}].parameters[{j}]", parameter)
        for key, tensor in optimizer._state_tensors():
            self._add_tensor(f"{name}.{key}", tensor)


def _holds_tensors(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return any(isinstance(item, (Tensor, Module)) for item in value)
    if isinstance(value, dict):
        return any(isinstance(item, (Tensor, Module)) for item in value.values())
    return False


def bound_objects(function: Any) -> list[tuple[str, Any]]:
    """Return what the object of a bound method holds: its models, optimisers and tensors."""
    owner = getattr(function, "__self__", None)
    if owner is None:
        return []
    if isinstance(owner, (Module, Optimizer)):
        return [("self", owner)]
    return [
        (f"self.{name}", value)
        for name, value in getattr(owner, "__dict__", {}).items()
        if isinstance(value, (Tensor, Module, Optimizer)) or _holds_tensors(value)
    ]
