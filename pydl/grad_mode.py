"""Scopes in which operations are recorded for gradients, or are not."""

from __future__ import annotations

from contextlib import ContextDecorator

from pydl import _core

__all__ = ["enable_grad", "no_grad"]


class _GradScope(_core._GradScope, ContextDecorator):
    """Sets recording for a ``with`` block or a decorated function; blocks may nest.

    Entering and leaving are calls into C++, which no signal can interrupt: Ctrl-C leaves nothing
    switched.
    """

    _enabled: bool

    def __init__(self) -> None:
        super().__init__(self._enabled)

    def _recreate_cm(self) -> _GradScope:
        # A decorated function may run in several threads at once.
        return type(self)()


class no_grad(_GradScope):  # noqa: N801  (used like a keyword)
    """Compute without recording: results do not require gradients.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor(1.0, requires_grad=True)
    >>> with pydl.no_grad():
    ...     y = x * 2
    >>> y.requires_grad
    False
    """

    _enabled = False


class enable_grad(_GradScope):  # noqa: N801  (used like a keyword)
    """Record inside a `no_grad` scope again.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor(1.0, requires_grad=True)
    >>> with pydl.no_grad(), pydl.enable_grad():
    ...     y = x * 2
    >>> y.requires_grad
    True
    """

    _enabled = True
