"""Loads the extension module, with threads that do not wait for each other for long."""

from __future__ import annotations

import os
from typing import Any


def _load_core() -> None:
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
    _core._set_explainer(_explain)


def _explain(*call: Any) -> str | None:
    """Tell an error of a function of the extension in the words of its caller."""
    from pydl._calls import explain_core

    return explain_core(*call)


_load_core()
