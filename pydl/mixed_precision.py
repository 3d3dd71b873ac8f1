"""Mixed precision: products and convolutions in 16 bits, everything else in float32."""

from __future__ import annotations

from contextlib import ContextDecorator
from typing import TYPE_CHECKING

from pydl import _core

if TYPE_CHECKING:
    from pydl._core import DType

__all__ = ["autocast"]


class autocast(_core._AutocastScope, ContextDecorator):  # noqa: N801  (used like a keyword)
    """Compute products and convolutions of float32 tensors in 16 bits.

    Inside of the block, `matmul`, linear layers and convolutions convert float32 operands to the
    given dtype, accumulate in float32, and return 16-bit results. Losses, softmax and log-softmax
    convert 16-bit inputs back to float32, and so do operations that mix both. Parameters stay
    float32: their gradients arrive in float32, and optimisers update them so.

    This is faster where the processor multiplies 16-bit numbers itself (AVX512-BF16, AMX; see
    `pydl.info()`), and correct, but slower than float32, elsewhere.

    Parameters
    ----------
    dtype : DType or str, default "bfloat16"
        "bfloat16" has the range of float32, with 8 significant bits; "float16" has 11, and
        overflows at 65504.
    enabled : bool, default True
        False computes in float32, also inside of another scope.

    Raises
    ------
    ValueError
        For another dtype.

    Notes
    -----
    Micikevicius et al., "Mixed precision training", 2018; Kalamkar et al., "A study of BFLOAT16 for
    deep learning training", 2019. Call ``backward()`` inside the block or after it: gradients
    are computed in the dtypes of what was recorded. A scope concerns the thread that enters it.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Linear(4, 2)
    >>> with pydl.autocast("bfloat16"):
    ...     y = layer(pydl.ones((3, 4)))
    >>> y.dtype
    pydl.bfloat16
    >>> y.sum().backward()
    >>> layer.weight.grad.dtype
    pydl.float32
    """

    def __init__(self, dtype: DType | str = "bfloat16", enabled: bool = True) -> None:
        wanted = _core.empty((0,), dtype=dtype).dtype
        if wanted not in (_core.bfloat16, _core.float16):
            raise ValueError(f"autocast: expected bfloat16 or float16, got {dtype}")
        super().__init__(
            wanted if enabled else None
        )  # enters and leaves where no signal interrupts
        self.dtype, self.enabled = wanted, enabled

    def _recreate_cm(self) -> autocast:
        # A decorated function may run in several threads at once.
        return type(self)(self.dtype, self.enabled)
