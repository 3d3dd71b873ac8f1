"""What may be assigned to a module: nothing by which tensors get lost, nothing without effect."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cache
from types import CodeType
from typing import TYPE_CHECKING, Any

from pydl._core import Tensor

if TYPE_CHECKING:
    from pydl.nn.module import Module

_CONTAINERS = (list, tuple, dict, set, frozenset, deque)

# Items of these types hold no tensors; long lists of them are passed over quickly.
_PLAIN = frozenset({int, float, complex, bool, str, bytes, type(None)})

# What parameters were made for; methods may read it, to check inputs, say.
_MADE_WITH = frozenset(
    {"in_channels", "out_channels", "kernel_size", "in_features", "out_features", "num_features"}
    | {"num_channels", "hidden_size", "input_size", "num_layers", "proj_size", "bidirectional"}
    | {"embed_dim", "kdim", "vdim"}
)

# Methods that say what a layer is, but do not compute with it.
_DESCRIPTIVE = ("__init__", "extra_repr")

_ADVICE = "use ModuleList, ModuleDict or Sequential, or one attribute each"


def held_in_containers(name: str, value: Any, kinds: tuple[type, ...]) -> Iterator[tuple[str, Any]]:
    """Yield what lists, tuples, dicts and sets hold of some kinds, nested ones too, with paths."""
    if not isinstance(value, _CONTAINERS):
        return
    pending: list[tuple[str, Any]] = [(name, value)]
    seen: set[int] = set()
    while pending:
        path, container = pending.pop()
        values: Iterable[Any] = container.values() if isinstance(container, dict) else container
        if id(container) in seen or _PLAIN.issuperset(map(type, values)):
            continue
        seen.add(id(container))
        items = container.items() if isinstance(container, dict) else enumerate(container)
        for key, item in items:
            if isinstance(item, kinds):
                yield f"{path}[{key!r}]", item
            elif isinstance(item, _CONTAINERS):
                pending.append((f"{path}[{key!r}]", item))


def check_all_found(root: Module, found: Iterable[tuple[str, Module]], kinds: Any) -> None:
    """Raise `TypeError` for a module or parameter that only a list or dict holds.

    `found` are the modules that belong to `root`, with their paths. What also belongs to one of
    these is not lost: containers may refer to it.
    """
    suspects = [
        (path, module, name, item)
        for path, module in found
        for attribute, value in vars(module).items()
        if attribute not in module._unguarded and attribute != "_layers"
        for name, item in held_in_containers(attribute, value, kinds)
    ]
    if not suspects:
        return
    known = {id(module) for _, module in found}
    known |= {id(value) for _, module in found for _, value in module._members()}
    for path, module, name, item in suspects:
        if id(item) not in known:
            full = f"{path}.{name}" if path else f"{type(module).__name__}.{name}"
            raise TypeError(
                f"{full} is a {type(item).__name__} that does not belong to the "
                f"{type(root).__name__}: modules and parameters in lists, tuples and dicts are not "
                f"found; {_ADVICE}"
            )


def check_class(cls: type, kinds: Any) -> None:
    """Raise `TypeError` for parameters of a class as a whole: its instances do not own them."""
    for name, value in vars(cls).items():
        items = [value] if isinstance(value, kinds) else []
        items += [item for _, item in held_in_containers(name, value, kinds)]
        for item in items:
            if isinstance(item, Tensor) or any(True for _ in item._named_tensors(Tensor)):
                raise TypeError(
                    f"{cls.__name__}.{name}: modules and parameters that are attributes of the "
                    "class are not found; make them in __init__, as attributes of self"
                )


def check_container(module: Module, name: str, value: object, kinds: Any) -> None:
    """Refuse lists and dicts with modules or parameters that do not belong to the module."""
    if name in module._unguarded or name == "_layers":
        return
    suspects = list(held_in_containers(name, value, kinds))
    if not suspects:
        return
    known = {id(child) for _, child in module._walk("", set())}
    known |= {id(v) for _, child in module._walk("", set()) for _, v in child._members()}
    for path, item in suspects:
        if id(item) not in known:
            raise TypeError(
                f"{type(module).__name__}.{path}: modules and parameters in a "
                f"{type(value).__name__} are not found; {_ADVICE}"
            )


def check_effect(module: Module, name: str, value: object) -> None:
    """Raise `AttributeError` for an assignment that would do nothing.

    Of pydl's own layers it is known which attributes they read. Attributes of other modules, and
    of containers, may mean something to code outside.
    """
    cls: Any = type(module)
    own = _is_own_layer(cls)
    if name == "requires_grad" and name not in _names_of_users(cls):
        raise AttributeError(
            f"{cls.__name__}.requires_grad does nothing; call requires_grad_({value!r}), or set "
            "trainable"
        )
    if name.startswith("_") or not own:
        return
    has_tensors = any(isinstance(member, Tensor) for member in vars(module).values())
    fixed = name in _MADE_WITH and name in vars(module) and has_tensors
    if _is_settable(cls, name) and not fixed:
        return
    if isinstance(value, Tensor) or hasattr(value, "named_modules"):
        return
    if name in vars(module):
        raise AttributeError(
            f"{cls.__name__}.{name} says how the layer was made: changing it does nothing; "
            f"make a new {cls.__name__}"
        )
    if name not in _names_of_constructor(cls):
        from difflib import get_close_matches

        known = [own for own in vars(module) if not own.startswith("_")]
        similar = get_close_matches(name, known, n=1)
        hint = f"did you mean {similar[0]!r}?" if similar else f"it has {', '.join(known)}"
        raise AttributeError(f"{cls.__name__} does not read an attribute {name!r}; {hint}")


@cache
def _is_own_layer(cls: type) -> bool:
    of_users = (
        "Module",
        "Sequential",
        "ModuleList",
        "ModuleDict",
        "ParameterList",
        "ParameterDict",
    )
    return cls.__module__.startswith("pydl.nn.") and cls.__name__ not in of_users


@cache
def _is_settable(cls: type, name: str) -> bool:
    """Whether methods read the attribute, or the class defines it."""
    return name in _names_read(cls) or hasattr(cls, name)


@cache
def _names_read(cls: type) -> frozenset[str]:
    """Names of attributes in the methods of a class, but for those that only describe it."""
    return frozenset(
        name
        for method, function in _functions(cls)
        if method not in _DESCRIPTIVE
        for name in _names_in(function.__code__)
    )


@cache
def _names_of_users(cls: type) -> frozenset[str]:
    """Names of attributes in the methods that are not pydl's."""
    return frozenset(
        name
        for base in cls.__mro__
        if not base.__module__.startswith("pydl.")
        for _, function in _functions_of(base)
        for name in _names_in(function.__code__)
    )


@cache
def _names_of_constructor(cls: type) -> frozenset[str]:
    return frozenset(
        name
        for method, function in _functions(cls)
        if method in _DESCRIPTIVE
        for name in _names_in(function.__code__)
    )


def _functions(cls: type) -> Iterator[tuple[str, Any]]:
    for base in cls.__mro__:
        if not (base.__name__ == "Module" and base.__module__ == "pydl.nn.module"):
            yield from _functions_of(base)


def _functions_of(cls: type) -> Iterator[tuple[str, Any]]:
    for name, value in vars(cls).items():
        if isinstance(value, property):
            value = value.fget
        value = inspect.unwrap(getattr(value, "__func__", value))
        if inspect.isfunction(value):
            yield name, value


def _names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
