"""Activations as modules: elementwise unless said otherwise, any shape in, the same shape out."""

from __future__ import annotations

from typing import Literal

from pydl import _core
from pydl._core import DType, Generator, Tensor
from pydl.nn import functional
from pydl.nn.module import Module, Parameter


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
    """log(1 + exp(beta x)) / beta, without overflow.

    Parameters
    ----------
    beta : float, default 1.0
        How sharp the bend at 0 is.
    threshold : float, optional
        Where beta x is larger, the result is x itself. By default there is no such limit, which
        PyTorch has at 20: in float32, there is no difference.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Softplus()(pydl.tensor([100.0])).tolist()
    [100.0]
    """

    def __init__(self, beta: float = 1.0, threshold: float | None = None) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, x: Tensor) -> Tensor:
        return functional.softplus(x, self.beta, self.threshold)

    def extra_repr(self) -> str:
        limit = "" if self.threshold is None else f", threshold={self.threshold}"
        return f"beta={self.beta}{limit}"


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

    Parameters
    ----------
    negative_slope : float, default 0.01
        Slope for negative x.

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

    Parameters
    ----------
    alpha : float, default 1.0
        Negative of the value that very negative x approach.

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


class LogSigmoid(Module):
    """Logarithm of `Sigmoid`, without overflow.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.LogSigmoid()(pydl.tensor([-100.0])).tolist()
    [-100.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.log_sigmoid(x)


class Hardsigmoid(Module):
    """(x + 3) / 6, limited to [0, 1].

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Hardsigmoid()(pydl.tensor([-4.0, 0.0, 4.0])).tolist()
    [0.0, 0.5, 1.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.hardsigmoid(x)


class Hardswish(Module):
    """x * hardsigmoid(x) (Howard et al., "Searching for MobileNetV3", 2019).

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Hardswish()(pydl.tensor([-4.0, 0.0, 4.0])).tolist()
    [0.0, 0.0, 4.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.hardswish(x)


class Tanhshrink(Module):
    """x - tanh(x).

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Tanhshrink()(pydl.tensor([0.0])).tolist()
    [0.0]
    """

    def forward(self, x: Tensor) -> Tensor:
        return _core.tanhshrink(x)


class Hardshrink(Module):
    """x, but 0 within [-lambd, lambd].

    Parameters
    ----------
    lambd : float, default 0.5
        Half the width of the interval; at least 0.

    Raises
    ------
    ValueError
        For a negative lambd, when it is called.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Hardshrink()(pydl.tensor([-1.0, 0.25, 2.0])).tolist()
    [-1.0, 0.0, 2.0]
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, x: Tensor) -> Tensor:
        return _core.hardshrink(x, self.lambd)

    def extra_repr(self) -> str:
        return f"lambd={self.lambd}"


class Softshrink(Module):
    """x moved towards 0 by lambd, 0 within [-lambd, lambd].

    Parameters
    ----------
    lambd : float, default 0.5
        By how much elements move; at least 0.

    Raises
    ------
    ValueError
        For a negative lambd, when it is called.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Softshrink()(pydl.tensor([-1.0, 0.25, 2.0])).tolist()
    [-0.5, 0.0, 1.5]
    """

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, x: Tensor) -> Tensor:
        return _core.softshrink(x, self.lambd)

    def extra_repr(self) -> str:
        return f"lambd={self.lambd}"


class Hardtanh(Module):
    """x limited to [min_val, max_val].

    Parameters
    ----------
    min_val, max_val : float, default -1.0 and 1.0
        The limits.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Hardtanh()(pydl.tensor([-2.0, 0.5, 2.0])).tolist()
    [-1.0, 0.5, 1.0]
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0) -> None:
        super().__init__()
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, x: Tensor) -> Tensor:
        return _core.hardtanh(x, self.min_val, self.max_val)

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class Threshold(Module):
    """x where it is larger than the threshold, else `value`.

    Parameters
    ----------
    threshold : float
        What x must exceed to be kept.
    value : float
        What takes the place of the others.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.Threshold(1.0, -1.0)(pydl.tensor([0.5, 2.0])).tolist()
    [-1.0, 2.0]
    """

    def __init__(self, threshold: float, value: float) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        return _core.threshold(x, self.threshold, self.value)

    def extra_repr(self) -> str:
        return f"threshold={self.threshold}, value={self.value}"


class CELU(Module):
    """x where positive, else alpha * (exp(x / alpha) - 1) (Barron, 2017).

    Parameters
    ----------
    alpha : float, default 1.0
        Negative of the value that very negative x approach.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.CELU()(pydl.tensor([0.0, 2.0])).tolist()
    [0.0, 2.0]
    """

    def __init__(self, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = alpha

    def forward(self, x: Tensor) -> Tensor:
        return _core.celu(x, self.alpha)

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class RReLU(Module):
    """x where positive, else x times a slope (Xu et al., 2015).

    In training, the slopes are random, one per element; in evaluation, they are the mean of the
    limits.

    Parameters
    ----------
    lower, upper : float
        Limits of the slopes.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Raises
    ------
    ValueError
        If `lower` is larger than `upper`, when it is called.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.RReLU(0.25, 0.75).eval()(pydl.tensor([-1.0, 2.0])).tolist()
    [-0.5, 2.0]
    """

    def __init__(
        self,
        lower: float = 1 / 8,
        upper: float = 1 / 3,
        *,
        generator: Generator | None = None,
    ) -> None:
        super().__init__()
        self.lower, self.upper, self.generator = lower, upper, generator

    def forward(self, x: Tensor) -> Tensor:
        return _core.rrelu(x, self.lower, self.upper, self.training, self.generator)

    def extra_repr(self) -> str:
        return f"lower={self.lower}, upper={self.upper}"


class PReLU(Module):
    """x where positive, else weight * x, with weights that are learned (He et al., 2015).

    Parameters
    ----------
    num_parameters : int, default 1
        One weight for all elements, or one for each channel of x (N, C, ...).
    init : float, default 0.25
        Where the weights start.
    dtype : DType or str, default "float32"
        Dtype of the weights.

    Attributes
    ----------
    weight : Parameter
        Shape (num_parameters,).

    Raises
    ------
    ValueError
        If `num_parameters` is below 1, or, when it is called, if x has another number of channels.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.PReLU()(pydl.tensor([-1.0, 2.0])).tolist()
    [-0.25, 2.0]
    """

    weight: Parameter

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, *, dtype: DType | str = "float32"
    ) -> None:
        super().__init__()
        if num_parameters < 1:
            raise ValueError(f"PReLU: expected num_parameters >= 1, got {num_parameters}")
        self.num_parameters = num_parameters
        self.weight = Parameter(_core.full((num_parameters,), init, dtype=dtype))

    def forward(self, x: Tensor) -> Tensor:
        return _core.prelu(x, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class GLU(Module):
    """The first half of x along an axis, times the sigmoid of the second (Dauphin et al., 2017).

    Parameters
    ----------
    axis : int, default -1
        Its size must be even; that of the result is half of it.

    Raises
    ------
    ValueError
        If the size is odd, when it is called.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.GLU()(pydl.tensor([3.0, 4.0, 0.0, 0.0])).tolist()
    [1.5, 2.0]
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        return _core.glu(x, self.axis)

    def extra_repr(self) -> str:
        return f"axis={self.axis}"


class Softmax(Module):
    """exp(x) divided by its sum along an axis: probabilities.

    `CrossEntropyLoss` takes logits and applies it itself.

    Parameters
    ----------
    axis : int, default -1
        The axis along which the results sum to 1: that of the classes. The shape stays.

    Raises
    ------
    IndexError
        For an axis that x does not have, when it is called.

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

    Parameters
    ----------
    axis : int, default -1
        The axis of the classes. The shape stays.

    Raises
    ------
    IndexError
        For an axis that x does not have, when it is called.

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
