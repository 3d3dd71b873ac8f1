"""Better messages for wrong arguments of the public functions and classes written in Python.

Python's own message for an unknown argument does not say which one was meant before version 3.13.
Each package wraps what it shows, once, at the end of its ``__init__``; the work is done when a call
has failed.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from pydl._core import _CheckedFunction

# `help` reads the docstring past the attributes that a wrapper passes on: without this, it would
# find that of the class of wrappers, and show none.
_CheckedFunction.__doc__ = property(  # type: ignore[assignment]
    lambda wrapper: wrapper.__wrapped__.__doc__
)

# Found by name, or inspected as plain functions.
_NOT_WRAPPED = frozenset({"forward"})


def check_public(namespace: dict[str, Any]) -> None:
    """Wrap the public functions of a module, and constructors and public methods of its classes.

    Parameters
    ----------
    namespace : dict
        That of the module, as ``globals()`` returns it.
    """
    public = namespace.get("__all__") or [name for name in namespace if not name.startswith("_")]
    for name in public:
        value = namespace.get(name)
        if isinstance(value, type):
            _check_class(value)
        elif type(value) is FunctionType and value.__module__.startswith("pydl."):
            namespace[name] = _everywhere(value)


def _everywhere(function: FunctionType) -> _CheckedFunction:
    """Wrap a function, also in the module that defines it, where `pickle` looks for it."""
    wrapper = _CheckedFunction(function, _explain_function)
    home = sys.modules[function.__module__]
    if getattr(home, function.__name__, None) is function:
        setattr(home, function.__name__, wrapper)
    return wrapper


def _check_class(kind: type) -> None:
    """Wrap what makes an object, and public methods: those of base classes of ours, too."""
    for owner in kind.__mro__:
        if not owner.__module__.startswith("pydl.") or "_pydl_checked" in vars(owner):
            continue
        for name, member in list(vars(owner).items()):
            function = getattr(member, "__func__", member) if name == "__new__" else member
            if type(function) is not FunctionType or not _is_wrapped(name, function):
                continue
            wrapper: Any = _CheckedFunction(function, _explain_method)
            wrapper._pydl_owner = owner
            setattr(owner, name, staticmethod(wrapper) if name == "__new__" else wrapper)
        if not issubclass(owner, tuple):
            owner._pydl_checked = True  # type: ignore[attr-defined]


def _is_wrapped(name: str, function: FunctionType) -> bool:
    if name in ("__init__", "__new__"):
        return True
    code = function.__code__
    takes_arguments = code.co_argcount + code.co_kwonlyargcount > 1
    return takes_arguments and not name.startswith("_") and name not in _NOT_WRAPPED


def _explain_function(wrapper: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    from pydl._calls import explain_python

    return explain_python(wrapper.__name__, wrapper.__wrapped__, args, kwargs)


def _explain_method(wrapper: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> str | None:
    from pydl._calls import explain_python

    if not args:
        return None
    kind, method = args[0] if isinstance(args[0], type) else type(args[0]), wrapper.__name__
    for base in kind.__mro__:  # the most derived one that has the method, its own or inherited
        if next((b for b in base.__mro__ if method in vars(b)), None) is wrapper._pydl_owner:
            kind = base
            break
    is_constructor = method in ("__init__", "__new__")
    name = kind.__name__ if is_constructor else f"{kind.__name__}.{method}"
    return explain_python(name, wrapper.__wrapped__, args[1:], kwargs, 1)
