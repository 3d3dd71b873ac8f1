"""Layers of two inputs: the bilinear map, and the likeness of vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydl import _core
from pydl._core import Tensor
from pydl.nn.module import Module, Parameter

if TYPE_CHECKING:
    from pydl._core import DType


class Bilinear(Module):
    """Bilinear map: y[o] = x1 . weight[o] . x2 + bias[o], as `torch.nn.Bilinear`.

    Called with x1 (..., in1_features) and x2 (..., in2_features), whose leading axes are the same;
    returns (..., out_features).

    Parameters
    ----------
    in1_features, in2_features, out_features : int
        Sizes of the last axes of inputs and output.
    bias : bool, default True
        Whether a bias is added.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight : Parameter
        Shape (out_features, in1_features, in2_features); at first uniform in
        +-1 / sqrt(in1_features), as is the bias.
    bias : Parameter or None
        Shape (out_features,).

    Raises
    ------
    ValueError
        For sizes below 1; when called, for shapes that do not fit.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Bilinear(2, 3, 4)
    >>> layer(pydl.ones((5, 2)), pydl.ones((5, 3))).shape
    (5, 4)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__()
        sizes = (in1_features, in2_features, out_features)
        if min(sizes) < 1:
            raise ValueError(f"Bilinear: expected sizes of at least 1, got {sizes}")
        self.in1_features, self.in2_features, self.out_features = sizes
        shape = (out_features, in1_features, in2_features)
        self.weight = Parameter(_core.nn.default_bias(shape, in1_features, dtype=dtype))
        self.bias = None
        if bias:
            self.bias = Parameter(_core.nn.default_bias((out_features,), in1_features, dtype=dtype))

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return _core.nn.bilinear(x1, x2, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in1_features={self.in1_features}, in2_features={self.in2_features}, "
            f"out_features={self.out_features}, bias={self.bias is not None}"
        )


class CosineSimilarity(Module):
    """The cosine of the angle between vectors along an axis; see `functional.cosine_similarity`.

    Parameters
    ----------
    axis : int, default 1
        Along which the vectors lie.
    eps : float, default 1e-8
        The least norm by which a vector is divided.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.CosineSimilarity()
    >>> layer(pydl.tensor([[1.0, 0.0]]), pydl.tensor([[0.0, 2.0]])).tolist()
    [0.0]
    """

    def __init__(self, axis: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.axis, self.eps = axis, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return _core.nn.cosine_similarity(x1, x2, self.axis, self.eps)


class PairwiseDistance(Module):
    """The distance of vectors along the last axis: norm(x1 - x2 + eps).

    Parameters
    ----------
    p : float, default 2.0
        Order of the norm.
    eps : float, default 1e-6
        Added to each difference, as in PyTorch.
    keepdims : bool, default False
        Whether the last axis is kept with size 1.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.PairwiseDistance(eps=0.0)
    >>> layer(pydl.tensor([[3.0, 4.0]]), pydl.zeros((1, 2))).tolist()
    [5.0]
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False) -> None:
        super().__init__()
        self.p, self.eps, self.keepdims = p, eps, keepdims

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return _core.nn.pairwise_distance(x1, x2, self.p, self.eps, self.keepdims)
