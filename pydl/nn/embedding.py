"""Embeddings: tables of trained vectors, one for each word, character or category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydl import _core
from pydl._core import Tensor
from pydl.nn.module import Module, Parameter

if TYPE_CHECKING:
    from pydl._core import DType

TableT = TypeVar("TableT", bound="_Table")


class _Table(Module):
    """A table of vectors, and how it starts."""

    weight: Parameter

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        *,
        weight: Any = None,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__()
        name, shape = type(self).__name__, (num_embeddings, embedding_dim)
        if num_embeddings < 1 or embedding_dim < 1:
            raise ValueError(
                f"{name}: expected num_embeddings and embedding_dim of at least 1, got "
                f"{num_embeddings} and {embedding_dim}"
            )
        if padding_idx is not None and not -num_embeddings <= padding_idx < num_embeddings:
            raise ValueError(
                f"{name}: expected a padding_idx within {num_embeddings} embeddings, "
                f"got {padding_idx}"
            )
        self.num_embeddings, self.embedding_dim = shape
        self.padding_idx = None if padding_idx is None else padding_idx % num_embeddings
        if weight is None:
            values = _core.normal(shape, dtype=dtype)
            if self.padding_idx is not None:
                values[self.padding_idx] = 0.0
        else:
            values = _core.asarray(weight).astype(dtype)
            if values.shape != shape:
                raise ValueError(f"{name}: expected a weight of shape {shape}, got {values.shape}")
        self.weight = Parameter(values)

    @classmethod
    def from_pretrained(
        cls: type[TableT], embeddings: Any, freeze: bool = True, **options: Any
    ) -> TableT:
        """Make a layer of given vectors.

        Parameters
        ----------
        embeddings : Tensor or array_like, shape (num_embeddings, embedding_dim)
            Copied.
        freeze : bool, default True
            Whether optimisers shall leave them alone.
        **options
            Further arguments of the layer, such as `padding_idx`.

        Raises
        ------
        ValueError
            For another number of axes than two.

        Examples
        --------
        >>> import pydl
        >>> vectors = pydl.tensor([[1.0, 2.0], [3.0, 4.0]])
        >>> pydl.nn.Embedding.from_pretrained(vectors)(pydl.tensor([1])).tolist()
        [[3.0, 4.0]]
        """
        values = _core.asarray(embeddings)
        if values.ndim != 2:
            raise ValueError(
                f"{cls.__name__}.from_pretrained: expected embeddings of shape "
                f"(num_embeddings, embedding_dim), got {values.shape}"
            )
        options.setdefault("dtype", values.dtype if values.dtype.is_floating else "float32")
        rows, size = values.shape
        layer = cls(rows, size, weight=values, **options)
        layer.weight.requires_grad = not freeze
        return layer

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}"


class Embedding(_Table):
    """Vectors by index: integers of any shape to (..., embedding_dim), as `torch.nn.Embedding`.

    Parameters
    ----------
    num_embeddings : int
        How many vectors; indices are below it.
    embedding_dim : int
        Size of each.
    padding_idx : int, optional
        A vector that starts as zeros and is not trained: that of the padding.
    weight : Tensor or array_like, shape (num_embeddings, embedding_dim), optional
        Values to start with (copied), instead of normal random numbers.
    dtype : DType or str, default "float32"
        Dtype of the vectors.

    Attributes
    ----------
    weight : Parameter
        Shape (num_embeddings, embedding_dim).

    Raises
    ------
    ValueError
        For sizes below 1, a `padding_idx` outside, and a weight of another shape.
    IndexError
        When called with an index outside.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Embedding(10, 3, padding_idx=0)
    >>> layer(pydl.tensor([[1, 2, 0], [4, 0, 0]])).shape
    (2, 3, 3)
    >>> layer(pydl.tensor([0])).tolist()
    [[0.0, 0.0, 0.0]]
    """

    def forward(self, indices: Tensor) -> Tensor:
        return _core.nn.embedding(indices, self.weight, self.padding_idx)


class EmbeddingBag(_Table):
    """Sum, mean or largest elements of the vectors of bags, as `torch.nn.EmbeddingBag`.

    Called with indices of shape (B, L), one bag in each row, or with all bags joined, shape (n,),
    and `offsets` (B,): where each begins. An empty bag gives zeros.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        How many vectors, and the size of each.
    mode : {"mean", "sum", "max"}, default "mean"
        What becomes of the vectors of a bag.
    include_last_offset : bool, default False
        Whether `offsets` has one entry more, the end of the last bag.
    padding_idx : int, optional
        A vector that starts as zeros, does not count in its bag, and is not trained.
    weight : Tensor or array_like, shape (num_embeddings, embedding_dim), optional
        Values to start with (copied), instead of normal random numbers.
    dtype : DType or str, default "float32"
        Dtype of the vectors.

    Attributes
    ----------
    weight : Parameter
        Shape (num_embeddings, embedding_dim).

    Raises
    ------
    ValueError
        For another mode, sizes below 1, and a weight of another shape; when called, for offsets
        beside (B, L) or none beside (n,), for offsets that do not ascend from 0, and for
        `per_sample_weights` with another mode than "sum".

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.EmbeddingBag(4, 1, mode="sum", weight=[[1.0], [2.0], [4.0], [8.0]])
    >>> layer(pydl.tensor([[0, 1], [3, 3]])).tolist()
    [[3.0], [16.0]]
    >>> layer(pydl.tensor([0, 1, 2, 3]), offsets=pydl.tensor([0, 1, 1])).tolist()
    [[1.0], [0.0], [14.0]]
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        *,
        mode: Literal["sum", "mean", "max"] = "mean",
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        weight: Any = None,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, weight=weight, dtype=dtype)
        if mode not in ("sum", "mean", "max"):
            raise ValueError(f"EmbeddingBag: expected mode 'sum', 'mean' or 'max', got {mode!r}")
        self.mode: Literal["sum", "mean", "max"] = mode
        self.include_last_offset = include_last_offset

    def forward(
        self,
        indices: Tensor,
        offsets: Tensor | None = None,
        per_sample_weights: Tensor | None = None,
    ) -> Tensor:
        return _core.nn.embedding_bag(
            indices,
            self.weight,
            offsets,
            self.mode,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, mode={self.mode}"
