"""Activations as modules: elementwise unless said otherwise, any shape in, the same shape out."""

from __future__ import annotations

from typing import Literal

from pydl import _core
from pydl._core import Tensor
from pydl.nn.module import Module


class ReLU(Module):
    """The larger of x and 0.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ReLU()(pydl.tensor([-1.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.relu(x)


class ReLU6(Module):
    """The larger of x and 0, but at most 6 (Howard et al., "MobileNets", 2017).

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ReLU6()(pydl.tensor([-1.0, 2.0, 7.0])).tolist()
    [0.0, 2.0, 6.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.relu6(x)


class SELU(Module):
    """Scaled exponential linear unit (Klambauer et al., 2017).

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.SELU()(pydl.tensor([0.0])).tolist()
    [0.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.selu(x)


class SiLU(Module):
    """x * sigmoid(x), also called swish.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.SiLU()(pydl.tensor([0.0])).tolist()
    [0.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.silu(x)


class Mish(Module):
    """x * tanh(softplus(x)) (Misra, 2019).

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Mish()(pydl.tensor([0.0])).tolist()
    [0.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.mish(x)


class Tanh(Module):
    """Hyperbolic tangent.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Tanh()(pydl.tensor([0.0])).tolist()
    [0.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.tanh(x)


class Sigmoid(Module):
    """Logistic function, 1 / (1 + exp(-x)).

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Sigmoid()(pydl.tensor([0.0])).tolist()
    [0.5]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.sigmoid(x)


class Softplus(Module):
    """log(1 + exp(x)), without overflow.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Softplus()(pydl.tensor([100.0])).tolist()
    [100.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.softplus(x)


class Softsign(Module):
    """x / (1 + |x|).

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Softsign()(pydl.tensor([-1.0, 3.0])).tolist()
    [-0.5, 0.75]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.softsign(x)


class BinaryStep(Module):
    """1 where x >= 0, else 0. Its derivative is 0, so nothing before it learns by gradient.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.BinaryStep()(pydl.tensor([-1.0, 0.0, 2.0])).tolist()
    [0.0, 1.0, 1.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.binary_step(x)


class LeakyReLU(Module):
    """x where positive, else negative_slope * x.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.LeakyReLU(0.5)(pydl.tensor([-1.0, 2.0])).tolist()
    [-0.5, 2.0]
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        self.negative_slope = negative_slope

    def forward(self, x: Tensor) -> Tensor:
        return _core.leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """x where positive, else alpha * (exp(x) - 1) (Clevert et al., 2015).

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.ELU()(pydl.tensor([0.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return _core.elu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class GELU(Module):
    """x * Phi(x), Phi the normal distribution function (Hendrycks and Gimpel, 2016).

    Parameters
    ----------
    approximate : {"none", "tanh"}, default "none"
        Whether Phi is computed by the error function or approximated by the hyperbolic tangent.

    Raises
    ------
    ValueError
        For another approximation.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.GELU()(pydl.tensor([0.0])).tolist()
    [0.0]
    """

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        super().__init__()
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: expected approximate 'none' or 'tanh', got {approximate!r}")
        self.approximate: Literal["none", "tanh"] = approximate

    def forward(self, x: Tensor) -> Tensor:
        return _core.gelu(x, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class Softmax(Module):
    """exp(x) divided by its sum along an axis: probabilities.

    `CrossEntropyLoss` takes logits and applies it itself.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Softmax()(pydl.zeros((1, 2))).tolist()
    [[0.5, 0.5]]
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return _core.softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


class LogSoftmax(Module):
    """Logarithm of `Softmax`, without overflow.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.LogSoftmax()(pydl.zeros((1, 1))).tolist()
    [[0.0]]
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return _core.log_softmax(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"
