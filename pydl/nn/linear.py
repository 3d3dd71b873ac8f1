"""Linear, and the layers without parameters that are used with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydl import _core
from pydl._core import Generator, Tensor
from pydl.nn import init as initializers
from pydl.nn.module import Module, Parameter

if TYPE_CHECKING:
    from pydl._core import DType


class Linear(Module):
    """Affine map: y = x @ weight.T + bias, from (..., in_features) to (..., out_features).

    Parameters
    ----------
    in_features, out_features : int
        Sizes of the last axis of input and output.
    bias : bool, default True
        Whether a bias is added.
    init : str or callable, optional
        How the weight starts: a name such as "xavier_uniform" or a function of `pydl.nn.init`.
        By default uniform in +-1 / sqrt(in_features), as in PyTorch; the bias always starts so.
    dtype : DType or str, default "float32"
        Dtype of the parameters.

    Attributes
    ----------
    weight : Parameter
        Shape (out_features, in_features).
    bias : Parameter or None
        Shape (out_features,).

    Raises
    ------
    ValueError
        For sizes below 1, and for an initialiser that is not known.

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Linear(3, 2)
    >>> layer(pydl.ones((5, 3))).shape
    (5, 2)
    """

    weight: Parameter
    bias: Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        init: str | initializers.Initializer | None = None,
        dtype: DType | str = "float32",
    ) -> None:
        super().__init__()
        if in_features < 1 or out_features < 1:
            raise ValueError(
                "Linear: expected in_features and out_features of at least 1, "
                f"got {in_features} and {out_features}"
            )
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(_core.zeros((out_features, in_features), dtype=dtype))
        initializers.get(init)(self.weight)
        self.bias = None
        if bias:
            self.bias = Parameter(_core.nn.default_bias((out_features,), in_features, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        return _core.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"bias={self.bias is not None}"
        )


class Flatten(Module):
    """Join the axes from `start_axis` to `end_axis` into one: (N, C, H, W) to (N, C * H * W).

    Parameters
    ----------
    start_axis, end_axis : int, default 1 and -1
        The first and the last axis that are joined; those before and behind stay.

    Raises
    ------
    IndexError
        For an axis that the input does not have, when it is called.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Flatten()(pydl.zeros((8, 1, 28, 28))).shape
    (8, 784)
    """

    def __init__(self, start_axis: int = 1, end_axis: int = -1) -> None:
        super().__init__()
        self.start_axis, self.end_axis = start_axis, end_axis

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(self.start_axis, self.end_axis)


class Identity(Module):
    """Return the input unchanged: what replaces a layer that is not wanted.

    Parameters
    ----------
    *args, **kwargs
        Those of the layer whose place it takes; they mean nothing here.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Identity()(pydl.ones((2,))).tolist()
    [1.0, 1.0]
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, x: Any) -> Any:
        return x


class Dropout(Module):
    """Set elements to 0 with probability p and divide the others by 1 - p; only in training mode.

    Parameters
    ----------
    p : float, default 0.5
        Probability in [0, 1].
    generator : Generator, optional
        Source of randomness instead of the default one.

    Raises
    ------
    ValueError
        For a probability outside [0, 1].

    Examples
    --------
    >>> import pydl
    >>> layer = pydl.nn.Dropout(0.5).eval()
    >>> layer(pydl.ones((3,))).tolist()
    [1.0, 1.0, 1.0]
    """

    def __init__(self, p: float = 0.5, *, generator: Generator | None = None) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"{type(self).__name__}: expected a probability in [0, 1], got {p}")
        self.p, self.generator = p, generator

    def forward(self, x: Tensor) -> Tensor:
        return _core.dropout(x, self.p, self.training, self.generator) if self.training else x

    def extra_repr(self) -> str:
        return f"p={self.p}"
