"""Names that other libraries have lead to those of pydl."""

from __future__ import annotations

import importlib
import re
from functools import reduce

import pytest

import pydl
from pydl._missing_names import HINTS

NAMES = [(module, name) for module, hints in HINTS.items() for name in hints]


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_hints(module: str, name: str) -> None:
    hint = HINTS[module][name]
    for named in re.findall(r"pydl(?:\.\w+)+", hint):
        assert reduce(getattr, named.split(".")[1:], pydl) is not None
    with pytest.raises(AttributeError) as caught:
        getattr(importlib.import_module(module), name)
    assert str(caught.value).startswith(f"module {module!r} has no attribute {name!r}")
    assert hint in str(caught.value)


def test_misspelt_names() -> None:
    with pytest.raises(AttributeError, match="'linspce'; use pydl.linspace$"):
        pydl.linspce  # noqa: B018
    with pytest.raises(AttributeError, match="'solvee'; use pydl.linalg.solve$"):
        pydl.linalg.solvee  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'qqqqq'$"):
        pydl.qqqqq  # noqa: B018
    with pytest.raises(AttributeError, match="'Conv2D'; use pydl.nn.Conv2d$"):
        pydl.nn.Conv2D  # noqa: B018
    with pytest.raises(AttributeError, match="'AdaMW'; use pydl.optim.AdamW$"):
        pydl.optim.AdaMW  # noqa: B018
    with pytest.raises(AttributeError, match="'DataLoder'; use pydl.data.DataLoader$"):
        pydl.data.DataLoder  # noqa: B018
    assert not hasattr(pydl, "__wrapped__")


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("conv2d", "nn.functional"),
        ("layer_norm", "nn.functional"),
        ("Linear", "nn"),
        ("Adam", "optim"),
        ("solve", "linalg"),
        ("DataLoader", "data"),
    ],
)
def test_names_of_other_modules(name: str, place: str) -> None:
    with pytest.raises(AttributeError, match=rf"no attribute '{name}'; use pydl\.{place}\.{name}$"):
        getattr(pydl, name)


@pytest.mark.parametrize("place", ["nn.functional", "nn", "optim", "linalg", "random", "data"])
def test_every_name_of_other_modules_is_found(place: str) -> None:
    module = importlib.import_module(f"pydl.{place}")
    for name in module.__all__:
        if not hasattr(pydl, name):
            with pytest.raises(AttributeError, match=rf"{name}'(; use|:) "):
                getattr(pydl, name)
