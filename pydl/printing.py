"""How tensors are written as text inside a `with` block."""

from __future__ import annotations

from contextlib import ContextDecorator

from pydl import _core
from pydl._checked_calls import check_public

__all__ = ["printoptions"]


class printoptions(_core._PrintScope, ContextDecorator):  # noqa: N801  (used like a keyword)
    """Set how tensors are written for a ``with`` block, as `set_printoptions` does for good.

    Parameters
    ----------
    precision, threshold, edgeitems, linewidth, profile, sci_mode
        See `set_printoptions`.

    Examples
    --------
    >>> import pydl
    >>> x = pydl.tensor([1 / 3, 1e-7])
    >>> with pydl.printoptions(precision=1, sci_mode=True):
    ...     print(x)
    tensor([3.3e-01, 1.0e-07], dtype=float32)
    """

    def __init__(
        self,
        precision: int | None = None,
        threshold: float | None = None,
        edgeitems: int | None = None,
        linewidth: int | None = None,
        profile: str | None = None,
        sci_mode: bool | None = None,
    ) -> None:
        super().__init__(precision, threshold, edgeitems, linewidth, profile, sci_mode)
        self._options = (precision, threshold, edgeitems, linewidth, profile, sci_mode)

    def _recreate_cm(self) -> printoptions:
        # A decorated function may run in several threads at once.
        return type(self)(*self._options)


check_public(globals())
