"""The source folder, where no extension modules were built, steps aside for the installed package.

In the root of the repository, Python finds the folder ``pydl`` with the sources before the package
that ``pip install .`` made: the current folder is searched first.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.machinery import EXTENSION_SUFFIXES, ModuleSpec, PathFinder
from pathlib import Path

_HERE = Path(__file__).resolve().parent


def import_installed() -> None:
    """Make ``import pydl`` return the installed package instead of this folder.

    Raises
    ------
    ImportError
        If none is installed for this Python, or if it was built from other sources: then the user
        has to say which of the two is meant.
    """
    spec = _find_installed()
    if spec is None or spec.origin is None or spec.loader is None:
        raise ImportError(
            f"{_HERE} holds the sources of pydl without its extension modules, and pydl is not "
            f"installed for {sys.executable}: install it with `pip install .`"
        )
    installed = Path(spec.origin).parent
    changed = _difference(installed)
    if changed is not None:
        raise ImportError(
            f"{_HERE} holds the sources of pydl without its extension modules, and the pydl "
            f"installed in {installed} was built from other sources ({changed} differs): "
            "reinstall it with `pip install .`, use an editable installation (CONTRIBUTING.md), "
            "or start Python in another folder to use what is installed"
        )
    for name in [name for name in sys.modules if name.split(".")[0] == "pydl"]:
        del sys.modules[name]
    package = importlib.util.module_from_spec(spec)
    # A module may replace itself in sys.modules while it is imported; the replacement counts.
    sys.modules["pydl"] = package
    spec.loader.exec_module(package)


def _find_installed() -> ModuleSpec | None:
    """Find the first package `pydl` of the search path that has its extension module."""
    for entry in sys.path:
        spec = PathFinder.find_spec("pydl", [entry])
        if spec is not None and spec.origin is not None:
            folder = Path(spec.origin).resolve().parent
            built = any((folder / f"_core{suffix}").exists() for suffix in EXTENSION_SUFFIXES)
            if folder != _HERE and built:
                return spec
    return None


def _difference(installed: Path) -> str | None:
    """Name the first Python file that is not the same in the installed package."""
    names = {path.relative_to(root) for root in (_HERE, installed) for path in root.rglob("*.py")}
    for name in sorted(names):
        here, there = _HERE / name, installed / name
        if not (here.exists() and there.exists() and here.read_bytes() == there.read_bytes()):
            return f"pydl/{name}"
    return None
