"""Public classes and functions say what they take and what they return, as numpydoc has it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import types
from collections.abc import Iterator
from typing import Any

import pytest

import pydl


def _public() -> Iterator[tuple[str, Any]]:
    """Names and objects that public packages show and Python code of pydl defines."""
    seen = set()
    for module in _modules():
        for name in _names(module):
            shown = getattr(module, name)
            value = getattr(shown, "__wrapped__", shown)
            written = isinstance(value, (type, types.FunctionType))
            if written and value.__module__.startswith("pydl.") and id(value) not in seen:
                seen.add(id(value))
                if not value.__module__.startswith("pydl._core"):
                    yield f"{module.__name__}.{name}", value


def _names(module: types.ModuleType) -> list[str]:
    """Return those of `__all__`, or, as of `nn.init`, what is defined there."""
    own = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    return list(getattr(module, "__all__", own))


def _modules() -> Iterator[types.ModuleType]:
    """Return packages that users import from: the others are parts of these."""
    yield pydl
    for found in pkgutil.walk_packages(pydl.__path__, "pydl."):
        parent, _, name = found.name.rpartition(".")
        if not name.startswith("_") and "._" not in parent:
            module = importlib.import_module(found.name)
            package = importlib.import_module(parent)
            shown = name in getattr(package, "__all__", ())
            is_itself = getattr(package, name, None) is module  # and no function of that name
            if is_itself and (shown or (parent == "pydl" and hasattr(module, "__all__"))):
                yield module


PUBLIC = dict(_public())


def _sections(value: Any) -> set[str]:
    return set(re.findall(r"^(\w[\w ]*)\n-+$", inspect.getdoc(value) or "", flags=re.M))


def _arguments(value: Any) -> list[inspect.Parameter]:
    """Return what a call takes; nothing for exceptions, protocols and what pydl makes itself."""
    if isinstance(value, type):
        if issubclass(value, BaseException) or getattr(value, "_is_protocol", False):
            return []
        if issubclass(value, tuple):  # its fields are attributes
            return []
    return list(inspect.signature(value).parameters.values())


def test_many_names_are_walked() -> None:
    assert len(PUBLIC) > 400
    assert {
        "pydl.nn.Conv1d",
        "pydl.optim.AdamW",
        "pydl.nn.init.zeros_",
        "pydl.nn.utils.weight_norm",
    } <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_taken_is_stated(name: str) -> None:
    value = PUBLIC[name]
    doc = inspect.getdoc(value) or ""
    assert doc, "no docstring"
    if isinstance(value, type) and issubclass(value, tuple):
        assert _sections(value) & {"Attributes", "Parameters"}
    if not _arguments(value) or "Made by " in doc:
        return
    assert "Parameters" in _sections(value)
    # A class that says "as of another one" states them for all names at once.
    text = doc.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    stated = re.findall(r"\*{0,2}(\w+)", " ".join(re.findall(r"^\S[^:\n]*", text, flags=re.M)))
    missing = [p.name for p in _arguments(value) if p.name not in stated]
    assert not missing, f"{name} does not state {missing}"


@pytest.mark.parametrize("name", [n for n, v in PUBLIC.items() if not isinstance(v, type)])
def test_what_is_returned_is_stated(name: str) -> None:
    value = PUBLIC[name]
    returned = inspect.signature(value).return_annotation
    if returned in (None, "None", "NoReturn"):
        return
    assert _sections(value) & {"Returns", "Yields"}
