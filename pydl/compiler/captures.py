"""Names of what a function captures, for messages."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

from pydl._core import Tensor
from pydl.compiler.state import State
from pydl.nn.module import Module
from pydl.optim import Optimizer


def captured(function: Callable[..., Any]) -> Iterator[tuple[str, Any]]:
    """Yield the variables of enclosing functions and modules that a function uses, by name."""
    if isinstance(function, Module):
        yield "self", function
        return
    if isinstance(function, functools.partial):
        yield from captured(function.func)
        yield from ((f"argument {i}", value) for i, value in enumerate(function.args))
        yield from function.keywords.items()
        return
    if not (inspect.isroutine(function) or inspect.ismethod(function)):
        yield from ((f"self.{k}", v) for k, v in getattr(function, "__dict__", {}).items())
        function = type(function).__call__
    inner = inspect.unwrap(getattr(function, "__func__", function))
    if not inspect.isfunction(inner):
        return
    defaults = inspect.signature(inner).parameters.items()
    yield from ((k, v.default) for k, v in defaults if v.default is not v.empty)
    variables = inspect.getclosurevars(inner)
    yield from variables.nonlocals.items()
    yield from variables.globals.items()
    owner = getattr(function, "__self__", None)
    if owner is not None:
        own = getattr(owner, "__dict__", {})
        yield from ((f"self.{name}", value) for name, value in own.items())
        slots = getattr(type(owner), "__slots__", ())
        yield from ((f"self.{name}", getattr(owner, name, None)) for name in slots)


def tensors_in(name: str, value: Any, depth: int = 3) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors that an object holds, by name."""
    if isinstance(value, Tensor):
        yield name, value
    elif isinstance(value, (Module, Optimizer)):
        yield from State([(name, value)]).tensors.items()
    elif depth > 0 and isinstance(value, dict):
        for key, item in value.items():
            yield from tensors_in(f"{name}[{key!r}]", item, depth - 1)
    elif depth > 0 and isinstance(value, (list, tuple, set)):
        for i, item in enumerate(value):
            yield from tensors_in(f"{name}[{i}]", item, depth - 1)
    elif depth > 0 and _is_plain_object(value):
        for key, item in vars(value).items():
            yield from tensors_in(f"{name}.{key}", item, depth - 1)


def _is_plain_object(value: object) -> bool:
    return hasattr(value, "__dict__") and not (
        inspect.ismodule(value) or isinstance(value, type) or callable(value)
    )


def name_of(tensor: Tensor, function: Callable[..., Any]) -> str | None:
    """Return the name under which a function reaches a tensor, where that can be found."""
    for name, value in captured(function):
        for path, candidate in tensors_in(name, value):
            if hash(candidate) == hash(tensor):  # the hash is the tensor's identity
                return path
    return None


def line_of(traceback: TracebackType | None, package: str) -> str | None:
    """Return file:line of the innermost frame that is not part of the package."""
    place = None
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not file.startswith(package):
            place = f"{file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
