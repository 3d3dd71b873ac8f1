"""Finding the operation that first computed NaN or an infinity."""

from __future__ import annotations

import os
import sys
from contextlib import ContextDecorator
from typing import Any

from pydl import _core

__all__ = ["detect_anomaly", "set_detect_anomaly"]

_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


class detect_anomaly(_core._AnomalyScope, ContextDecorator):  # noqa: N801  (used like a keyword)
    """Raise where the first operation of a scope computes NaN, or an infinity.

    The error, a RuntimeError, names the operation, the layer, and the file and line of the code
    that called it. For a gradient it names the operation whose derivative computed it, with the
    place of the call in the forward pass. Infinities that an operation was given, as by masks, and
    constants are left alone. Compiled functions run eagerly in the scope, step by step. Everything
    is much slower: each result is looked at.

    Parameters
    ----------
    check_inf : bool, default True
        Whether infinities count, too; some functions compute them in passing, such as a logarithm
        of zero that `where` does not take.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor([0.0, 1.0], requires_grad=True)
    >>> with pydl.detect_anomaly():
    ...     y = x.sqrt().sum()
    ...     y.backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    RuntimeError: backward: the derivative of sqrt, called in ..., computed for its input 0 an ...
    """

    def __init__(self, check_inf: bool = True) -> None:
        self._check_inf = check_inf
        super().__init__(True, check_inf)

    def _recreate_cm(self) -> detect_anomaly:
        # A decorated function may run in several threads at once.
        return type(self)(self._check_inf)


class set_detect_anomaly:  # noqa: N801  (called like a function)
    """Turn `detect_anomaly` on or off on this thread: from now on, or, in ``with``, for a scope.

    Parameters
    ----------
    mode : bool
        Whether to look for anomalies.
    check_inf : bool, default True
        Whether infinities count, too.

    Examples
    --------
    >>> import pydl
    >>> _ = pydl.autograd.set_detect_anomaly(True)
    >>> _ = pydl.autograd.set_detect_anomaly(False)
    """

    def __init__(self, mode: bool, check_inf: bool = True) -> None:
        self._before = _core._set_detect_anomaly(mode, check_inf)

    def __enter__(self) -> set_detect_anomaly:
        return self

    def __exit__(self, *error: object) -> None:
        _core._set_detect_anomaly(*self._before)


def _place(with_layer: bool) -> str:
    """Describe the call that is being computed: file and line of the user, and the layer."""
    frame = sys._getframe()
    place, modules = "", []
    while frame is not None:
        code: Any = frame.f_code
        if not code.co_filename.startswith(_PACKAGE):
            place = place or f"{code.co_filename}:{frame.f_lineno}"
        elif with_layer and code.co_name == "__call__" and "self" in frame.f_locals:
            owner = frame.f_locals["self"]
            if hasattr(owner, "named_modules"):
                modules.append(owner)
        frame = frame.f_back  # type: ignore[assignment]
    return place + _name_of_layer(modules) if modules else place


def _name_of_layer(modules: list[Any]) -> str:
    """Name the innermost of nested modules, the first one, as the outermost knows it."""
    for path, module in modules[-1].named_modules():
        if module is modules[0]:
            kind = type(module).__name__
            return f", in layer {path!r} ({kind})" if path else f", in {kind}"
    return f", in {type(modules[0]).__name__}"


_core._set_anomaly_locator(_place)
