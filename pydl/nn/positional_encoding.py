"""Positional encodings: vectors that tell attention where in a sequence an element is."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pydl import _core
from pydl._core import Tensor
from pydl.nn.linear import Dropout
from pydl.nn.module import Buffer, Module, Parameter

if TYPE_CHECKING:
    from pydl._core import DType, Generator


class _PositionalEncoding(Module):
    """Adds a row of a table (max_length, size) to each element, then drops out."""

    def __init__(
        self,
        size: int,
        max_length: int,
        dropout: float,
        batch_first: bool,
        generator: Generator | None,
    ) -> None:
        super().__init__()
        if size < 1 or max_length < 1:
            raise ValueError(
                f"{type(self).__name__}: expected size and max_length of at least 1, "
                f"got {size} and {max_length}"
            )
        self.size, self.max_length, self.batch_first = size, max_length, batch_first
        self.dropout = Dropout(dropout, generator=generator)

    def _table(self) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim not in (2, 3) or x.shape[-1] != self.size:
            axes = "(N, T" if self.batch_first else "(T, N"
            raise ValueError(
                f"{type(self).__name__}: expected x of shape {axes}, {self.size}) or "
                f"(T, {self.size}), got {x.shape}"
            )
        length = x.shape[-2] if self.batch_first else x.shape[0]
        if length > self.max_length:
            raise ValueError(
                f"{type(self).__name__}: x of shape {x.shape} is longer than max_length "
                f"{self.max_length}"
            )
        rows = self._table()[:length].to(x.dtype)
        y = x + (rows.expand_dims(1) if x.ndim == 3 and not self.batch_first else rows)
        encoded: Tensor = self.dropout(y)
        return encoded

    def extra_repr(self) -> str:
        return f"{self.size}, max_length={self.max_length}, batch_first={self.batch_first}"


class SinusoidalPositionalEncoding(_PositionalEncoding):
    """Add sines and cosines of the position, of wavelengths 2 pi to 20,000 pi.

    Element t gets sin(t / 10000^(2 i / size)) at positions 2 i and the cosine at positions 2 i + 1
    (Vaswani et al., 2017, "Attention is all you need", section 3.5). Nothing is trained or saved.

    Parameters
    ----------
    size : int
        Size of the elements.
    max_length : int, default 5000
        The longest sequence.
    dropout : float, default 0.0
        Of the sum, in training.
    batch_first : bool, default False
        Whether sequences are (N, T, size) instead of (T, N, size); (T, size) is taken too.
    generator : Generator, optional
        Source of dropout's randomness instead of the default one.
    dtype : DType or str, default "float32"

    Raises
    ------
    ValueError
        For sizes below 1; when called, for a longer sequence or elements of another size.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.SinusoidalPositionalEncoding(4)
    >>> layer(pydl.zeros((2, 1, 4)))[0].tolist()
    [[0.0, 1.0, 0.0, 1.0]]
    """

    encoding: Buffer

    def __init__(
        self,
        size: int,
        max_length: int = 5000,
        dropout: float = 0.0,
        batch_first: bool = False,
        *,
        generator: Generator | None = None,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__(size, max_length, dropout, batch_first, generator)
        places = np.arange(size)
        rates = np.exp(-math.log(10000.0) * (places - places % 2) / size)
        angles = np.arange(max_length)[:, None] * rates
        table = np.where(places % 2 == 0, np.sin(angles), np.cos(angles))
        self.encoding = Buffer(_core.asarray(table).to(dtype or "float32"), persistent=False)

    def _table(self) -> Tensor:
        return self.encoding


class LearnedPositionalEncoding(_PositionalEncoding):
    """Add a trained vector for each position (Gehring et al., 2017; Devlin et al., 2019).

    Parameters
    ----------
    size : int
        Size of the elements.
    max_length : int
        The longest sequence, and the number of vectors.
    dropout : float, default 0.0
        Of the sum, in training.
    batch_first : bool, default False
        Whether sequences are (N, T, size) instead of (T, N, size); (T, size) is taken too.
    generator : Generator, optional
        Source of dropout's randomness instead of the default one.
    dtype : DType or str, default "float32"
        Dtype of the vectors.

    Attributes
    ----------
    weight : Parameter
        Shape (max_length, size); it starts normal with a standard deviation of 0.02.

    Raises
    ------
    ValueError
        For sizes below 1; when called, for a longer sequence or elements of another size.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.LearnedPositionalEncoding(4, 10)(pydl.zeros((2, 1, 4))).shape
    (2, 1, 4)
    """

    weight: Parameter

    def __init__(
        self,
        size: int,
        max_length: int,
        dropout: float = 0.0,
        batch_first: bool = False,
        *,
        generator: Generator | None = None,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__(size, max_length, dropout, batch_first, generator)
        self.weight = Parameter(_core.normal((max_length, size), std=0.02, dtype=dtype))

    def _table(self) -> Tensor:
        return self.weight
