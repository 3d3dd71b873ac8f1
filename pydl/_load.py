"""Loads the extension module, with threads that do not wait for each other for long."""

from __future__ import annotations

import os
from types import ModuleType


def _load_core() -> ModuleType:
    """Import ``pydl._core`` with a short spin of OpenMP's threads.

    libgomp's threads spin for milliseconds before they sleep. Where other programs use the
    processors too, they keep the very thread that they wait for from running, and a training step
    takes ten times as long. A few tenths of a millisecond bridge the gaps within a step and between
    steps; with less, threads sleep so often that waking them, 0.1 ms in a virtual machine, doubles
    its time. libgomp reads the variable once, when it is loaded with the extension; what the user
    has set stays.
    """
    names = ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")
    chosen = any(name in os.environ for name in names)
    if not chosen:
        os.environ["GOMP_SPINCOUNT"] = "20000"
    try:
        from pydl import _core
    finally:
        if not chosen:
            del os.environ["GOMP_SPINCOUNT"]
    return _core


if _load_core().__file__ is None:
    # The folder of type stubs, which counts as a package: there is no extension module here.
    from pydl import _source_folder

    _source_folder.import_installed()
