"""Initialisers: functions that overwrite a tensor with starting values.

Each takes a tensor, changes it in place without recording, and returns it. `Linear` and other
layers accept them by name: `Linear(784, 10, init="xavier_uniform")`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from pydl import _core
from pydl._checked_calls import check_public
from pydl._core import Generator, Tensor
from pydl._later import import_later
from pydl.grad_mode import no_grad

Initializer = Callable[[Tensor], object]

Mode = Literal["fan_in", "fan_out"]

_SQRT_2 = math.sqrt(2.0)


def _overwrite(tensor: Tensor, values: Tensor) -> Tensor:
    with no_grad():
        tensor.copy_(values)
    return tensor


def constant_(tensor: Tensor, value: float) -> Tensor:
    """Set every element to `value`.

    Parameters
    ----------
    tensor : Tensor
        Of any floating-point dtype, overwritten in place; any shape.
    value : float
        The number.

    Returns
    -------
    Tensor
        The same tensor.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.init.constant_(pydl.zeros((2,)), 0.5).tolist()
    [0.5, 0.5]
    """
    with no_grad():
        tensor.fill_(value)
    return tensor


def zeros_(tensor: Tensor) -> Tensor:
    """Set every element to 0.

    Parameters
    ----------
    tensor : Tensor
        Of any floating-point dtype, overwritten in place; any shape.

    Returns
    -------
    Tensor
        The same tensor.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.init.zeros_(pydl.ones((2,))).tolist()
    [0.0, 0.0]
    """
    return constant_(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Set every element to 1.

    Parameters
    ----------
    tensor : Tensor
        Of any floating-point dtype, overwritten in place; any shape.

    Returns
    -------
    Tensor
        The same tensor.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.init.ones_(pydl.zeros((2,))).tolist()
    [1.0, 1.0]
    """
    return constant_(tensor, 1)


def uniform_(
    tensor: Tensor, low: float = 0.0, high: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw from the uniform distribution on [low, high).

    Parameters
    ----------
    tensor : Tensor
        Of any floating-point dtype, overwritten in place; any shape.
    low, high : float, default 0.0 and 1.0
        The limits, which PyTorch calls ``a`` and ``b``; those names are accepted too.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.uniform_(pydl.zeros((100,)), -0.5, 0.5)
    >>> bool((weight.abs() <= 0.5).all())
    True
    """
    return _overwrite(
        tensor, _core.uniform(tensor.shape, low, high, dtype=tensor.dtype, generator=generator)
    )


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw from the normal distribution.

    Parameters
    ----------
    tensor : Tensor
        Of any floating-point dtype, overwritten in place; any shape.
    mean, std : float, default 0.0 and 1.0
        Mean and standard deviation.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.normal_(pydl.zeros((1000,)), std=0.01)
    >>> 0.005 < weight.std().item() < 0.02
    True
    """
    return _overwrite(
        tensor, _core.normal(tensor.shape, mean, std, dtype=tensor.dtype, generator=generator)
    )


def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    low: float = -2.0,
    high: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Draw from the normal distribution, restricted to [low, high].

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; any shape and floating-point dtype.
    mean, std : float, default 0.0 and 1.0
        Mean and standard deviation before the restriction.
    low, high : float, default -2.0 and 2.0
        The limits, which PyTorch calls ``a`` and ``b``; those names are accepted too.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.trunc_normal_(pydl.zeros((100,)), std=0.02, low=-0.04, high=0.04)
    >>> bool((weight.abs() <= 0.04).all())
    True
    """
    return _overwrite(
        tensor,
        _core.random.truncated_normal(
            low, high, mean, std, tensor.shape, dtype=tensor.dtype, generator=generator
        ),
    )


def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw uniformly from +-gain * sqrt(6 / (inputs + outputs)) (Glorot and Bengio, 2010).

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (outputs, inputs, ...); sizes of kernels count in both
        numbers. Of any floating-point dtype.
    gain : float, default 1.0
        Factor of the limits; see `calculate_gain`.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.xavier_uniform_(pydl.zeros((2, 4)))
    >>> bool((weight.abs() <= 1).all())
    True
    """
    _require_fans("xavier_uniform_", tensor)
    return _overwrite(
        tensor, _core.nn.xavier_uniform(tensor.shape, gain, dtype=tensor.dtype, generator=generator)
    )


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw normally with standard deviation gain * sqrt(2 / (inputs + outputs)).

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (outputs, inputs, ...); sizes of kernels count in both
        numbers. Of any floating-point dtype.
    gain : float, default 1.0
        Factor of the standard deviation; see `calculate_gain`.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.xavier_normal_(pydl.zeros((100, 100)))
    >>> round(weight.std().item(), 1)
    0.1
    """
    _require_fans("xavier_normal_", tensor)
    return _overwrite(
        tensor, _core.nn.xavier_normal(tensor.shape, gain, dtype=tensor.dtype, generator=generator)
    )


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: Mode = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
    *,
    gain: float | None = None,
) -> Tensor:
    """Draw uniformly from +-gain * sqrt(3 / inputs) (He et al., 2015); by default for ReLU.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (outputs, inputs, ...); sizes of kernels count in both
        numbers. Of any floating-point dtype.
    a : float, default 0.0
        Slope of the leaky ReLU that follows, for negative numbers: 0 is that of ReLU.
    mode : {"fan_in", "fan_out"}, default "fan_in"
        Whether inputs or outputs are counted.
    nonlinearity : str, default "leaky_relu"
        What follows, which decides on the gain; see `calculate_gain`.
    generator : Generator, optional
        Source of randomness instead of the default one.
    gain : float, optional
        Factor of the limits, instead of that of the nonlinearity.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes, another mode, and a nonlinearity that is
        not known.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.kaiming_uniform_(pydl.zeros((2, 6)), nonlinearity="relu")
    >>> bool((weight.abs() <= 1).all())
    True
    """
    if gain is None:
        gain = calculate_gain(nonlinearity, a)
    gain *= _fan_factor("kaiming_uniform_", tensor, mode)
    return _overwrite(
        tensor,
        _core.nn.kaiming_uniform(tensor.shape, gain, dtype=tensor.dtype, generator=generator),
    )


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: Mode = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
    *,
    gain: float | None = None,
) -> Tensor:
    """Draw normally with standard deviation gain / sqrt(inputs); by default for ReLU.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (outputs, inputs, ...); sizes of kernels count in both
        numbers. Of any floating-point dtype.
    a : float, default 0.0
        Slope of the leaky ReLU that follows, for negative numbers: 0 is that of ReLU.
    mode : {"fan_in", "fan_out"}, default "fan_in"
        Whether inputs or outputs are counted.
    nonlinearity : str, default "leaky_relu"
        What follows, which decides on the gain; see `calculate_gain`.
    generator : Generator, optional
        Source of randomness instead of the default one.
    gain : float, optional
        Factor of the standard deviation, instead of that of the nonlinearity.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes, another mode, and a nonlinearity that is
        not known.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.kaiming_normal_(pydl.zeros((100, 200)), mode="fan_in")
    >>> round(weight.std().item(), 1)
    0.1
    """
    if gain is None:
        gain = calculate_gain(nonlinearity, a)
    gain *= _fan_factor("kaiming_normal_", tensor, mode)
    return _overwrite(
        tensor,
        _core.nn.kaiming_normal(tensor.shape, gain, dtype=tensor.dtype, generator=generator),
    )


def _require_fans(caller: str, tensor: Tensor) -> None:
    if tensor.ndim < 2:
        raise ValueError(
            f"{caller}: expected a weight of at least 2 axes, got shape {tensor.shape}"
        )


def _fan_factor(caller: str, tensor: Tensor, mode: str) -> float:
    """Return by what a gain is multiplied, so that a draw by the number of inputs has the mode."""
    _require_fans(caller, tensor)
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{caller}: expected mode 'fan_in' or 'fan_out', got {mode!r}")
    if mode == "fan_out" and tensor.shape[0] > 0:
        return math.sqrt(tensor.shape[1] / tensor.shape[0])
    return 1.0


# Of a normal distribution that is cut at two standard deviations.
_STD_OF_TRUNCATED = 0.87962566103423978


def _truncated(tensor: Tensor, std: float, generator: Generator | None) -> Tensor:
    """Draw from a normal distribution cut at two standard deviations, which leaves `std`."""
    wide = std / _STD_OF_TRUNCATED
    return trunc_normal_(tensor, 0.0, wide, -2 * wide, 2 * wide, generator)


def _fans(caller: str, tensor: Tensor) -> tuple[int, int]:
    """Return the numbers of inputs and of outputs; at least 1, for tensors without elements."""
    _require_fans(caller, tensor)
    outputs, inputs, *sizes = tensor.shape
    size = math.prod(sizes)
    return max(inputs * size, 1), max(outputs * size, 1)


def lecun_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw uniformly from +-sqrt(3 / inputs) (LeCun et al., 1998), as before SELU.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (outputs, inputs, ...); sizes of kernels count in both
        numbers. Of any floating-point dtype.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.lecun_uniform_(pydl.zeros((2, 3)))
    >>> bool((weight.abs() <= 1).all())
    True
    """
    _require_fans("lecun_uniform_", tensor)
    return kaiming_uniform_(tensor, generator=generator, gain=1.0)


def lecun_normal_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw from a truncated normal distribution of standard deviation 1 / sqrt(inputs), as Keras.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (outputs, inputs, ...); sizes of kernels count in both
        numbers. Of any floating-point dtype.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.lecun_normal_(pydl.zeros((100, 100)))
    >>> round(weight.std().item(), 1)
    0.1
    """
    inputs, _ = _fans("lecun_normal_", tensor)
    return _truncated(tensor, math.sqrt(1 / inputs), generator)


def glorot_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw as `xavier_uniform_`; Keras's name.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (outputs, inputs, ...); sizes of kernels count in both
        numbers. Of any floating-point dtype.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.glorot_uniform_(pydl.zeros((2, 4)))
    >>> bool((weight.abs() <= 1).all())
    True
    """
    _require_fans("glorot_uniform_", tensor)
    return xavier_uniform_(tensor, generator=generator)


def glorot_normal_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw as `xavier_normal_`, but cut at two standard deviations and widened, as Keras does.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (outputs, inputs, ...); sizes of kernels count in both
        numbers. Of any floating-point dtype.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.glorot_normal_(pydl.zeros((100, 100)))
    >>> round(weight.std().item(), 1)
    0.1
    """
    inputs, outputs = _fans("glorot_normal_", tensor)
    return _truncated(tensor, math.sqrt(2 / (inputs + outputs)), generator)


def he_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw as `kaiming_uniform_`; Keras's name.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (outputs, inputs, ...); sizes of kernels count in both
        numbers. Of any floating-point dtype.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.he_uniform_(pydl.zeros((2, 6)))
    >>> bool((weight.abs() <= 1).all())
    True
    """
    _require_fans("he_uniform_", tensor)
    return kaiming_uniform_(tensor, generator=generator)


def he_normal_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw as `kaiming_normal_`, but cut at two standard deviations and widened, as Keras does.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (outputs, inputs, ...); sizes of kernels count in both
        numbers. Of any floating-point dtype.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.he_normal_(pydl.zeros((100, 200)))
    >>> round(weight.std().item(), 1)
    0.1
    """
    inputs, _ = _fans("he_normal_", tensor)
    return _truncated(tensor, math.sqrt(2 / inputs), generator)


def eye_(tensor: Tensor) -> Tensor:
    """Make a matrix (A, B) the identity: outputs are the inputs, as far as there are any.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (A, B), of any floating-point dtype.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor that is not a matrix.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.init.eye_(pydl.zeros((2, 3))).tolist()
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    """
    rows, columns = _matrix_shape("eye_", tensor)
    return _overwrite(tensor, _core.eye(rows, columns, dtype=tensor.dtype))


def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Draw a matrix (A, B) normally, and set `sparsity` of each column to 0 (Martens, 2010).

    The number of zeros of a column is rounded up; their rows are random.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (A, B), of any floating-point dtype.
    sparsity : float
        Part of each column that is 0, in [0, 1].
    std : float, default 0.01
        Standard deviation of the others.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor that is not a matrix, and a sparsity outside [0, 1].

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.sparse_(pydl.zeros((10, 4)), sparsity=0.7)
    >>> (weight == 0).sum(axis=0).tolist()
    [7, 7, 7, 7]
    """
    rows, columns = _matrix_shape("sparse_", tensor)
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparse_: expected sparsity in [0, 1], got {sparsity}")
    order = _core.uniform((rows, columns), generator=generator).argsort(axis=0).argsort(axis=0)
    kept = order >= math.ceil(sparsity * rows)
    values = _core.normal((rows, columns), 0.0, std, dtype=tensor.dtype, generator=generator)
    return _overwrite(tensor, _core.where(kept, values, _core.zeros_like(values)))


def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Make kernels (outputs, inputs, ...) of 1 to 3 axes copy their inputs, with "same" padding.

    With `groups`, each group of outputs copies the inputs from the first one on. Outputs beyond the
    number of inputs are 0.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (O, C / groups, ...) with 1 to 3 sizes of the kernel, of any
        floating-point dtype.
    groups : int, default 1
        Number of groups of channels.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For another number of axes, and outputs that the groups do not divide.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.init.dirac_(pydl.zeros((2, 2, 3))).tolist()
    [[[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]], [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]
    """
    if not 3 <= tensor.ndim <= 5:
        raise ValueError(f"dirac_: expected 3 to 5 axes, got shape {tensor.shape}")
    if groups < 1 or tensor.shape[0] % groups != 0:
        raise ValueError(
            f"dirac_: expected groups that divide {tensor.shape[0]} outputs, got {groups}"
        )
    outputs, inputs, *sizes = tensor.shape
    own = outputs // groups
    values = _core.zeros(tensor.shape, dtype=tensor.dtype)
    middle = tuple(size // 2 for size in sizes)
    if 0 not in sizes:
        for group in range(groups):
            for channel in range(min(own, inputs)):
                place = (group * own + channel, channel, *middle)
                values[place] = 1
    return _overwrite(tensor, values)


def _matrix_shape(caller: str, tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim != 2:
        raise ValueError(f"{caller}: expected a matrix, got shape {tensor.shape}")
    return tensor.shape[0], tensor.shape[1]


def orthogonal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Make the rows (the columns, if fewer) orthonormal, times gain (Saxe et al., 2013).

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (A, ...), taken as a matrix of A rows. float32 or float64.
    gain : float, default 1.0
        Length of the rows, or columns.
    generator : Generator, optional
        Source of randomness instead of the default one.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.orthogonal_(pydl.zeros((2, 5)))
    >>> (weight @ weight.T).round().abs().tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: expected at least 2 axes, got shape {tensor.shape}")
    return _overwrite(
        tensor, _core.nn.orthogonal(tensor.shape, gain, dtype=tensor.dtype, generator=generator)
    )


def calculate_gain(nonlinearity: str, parameter: float | None = None) -> float:
    """Return the recommended gain before a nonlinearity.

    Parameters
    ----------
    nonlinearity : str
        "linear", "sigmoid" and the names of convolutions have 1, "tanh" has 5 / 3, "relu" sqrt(2),
        "leaky_relu" sqrt(2 / (1 + slope^2)), "selu" 3 / 4.
    parameter : float, optional
        The slope of "leaky_relu", by default 0.01.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        For any other nonlinearity.

    Examples
    --------
    >>> round(calculate_gain("relu"), 4)
    1.4142
    """
    slope = 0.01 if parameter is None else parameter
    gains = {
        "linear": 1.0,
        "sigmoid": 1.0,
        "tanh": 5.0 / 3.0,
        "relu": _SQRT_2,
        "leaky_relu": math.sqrt(2.0 / (1.0 + slope**2)),
        "selu": 0.75,
    }
    if nonlinearity in _LINEAR_LAYERS:
        return 1.0
    if nonlinearity not in gains:
        expected = ", ".join(gains)
        raise ValueError(f"calculate_gain: expected one of {expected}, got {nonlinearity!r}")
    return gains[nonlinearity]


_LINEAR_LAYERS = frozenset(
    f"conv{kind}{axes}d" for kind in ("", "_transpose") for axes in (1, 2, 3)
)


def linear_default_(tensor: Tensor) -> Tensor:
    """Draw uniformly from +-1 / sqrt(inputs): what `Linear` does by default, as in PyTorch.

    Parameters
    ----------
    tensor : Tensor
        Overwritten in place; shape (outputs, inputs, ...); sizes of kernels count in both
        numbers. Of any floating-point dtype.

    Returns
    -------
    Tensor
        The same tensor.

    Raises
    ------
    ValueError
        For a tensor of less than 2 axes.

    Examples
    --------
    >>> import pydl
    >>> weight = pydl.nn.init.linear_default_(pydl.zeros((3, 4)))
    >>> bool((weight.abs() <= 0.5).all())
    True
    """
    _require_fans("linear_default_", tensor)
    return _overwrite(tensor, _core.nn.default_weight(tensor.shape, dtype=tensor.dtype))


def _random_uniform(tensor: Tensor) -> Tensor:
    return uniform_(tensor, -0.05, 0.05)


def _random_normal(tensor: Tensor) -> Tensor:
    return normal_(tensor, 0.0, 0.05)


def _truncated_normal(tensor: Tensor) -> Tensor:
    return trunc_normal_(tensor, 0.0, 0.05, -0.1, 0.1)


_BY_NAME: dict[str, Initializer] = {
    "zeros": zeros_,
    "ones": ones_,
    "uniform": uniform_,
    "normal": normal_,
    "trunc_normal": trunc_normal_,
    "xavier_uniform": xavier_uniform_,
    "xavier_normal": xavier_normal_,
    "kaiming_uniform": kaiming_uniform_,
    "kaiming_normal": kaiming_normal_,
    "glorot_uniform": glorot_uniform_,
    "glorot_normal": glorot_normal_,
    "he_uniform": he_uniform_,
    "he_normal": he_normal_,
    "lecun_uniform": lecun_uniform_,
    "lecun_normal": lecun_normal_,
    "orthogonal": orthogonal_,
    "eye": eye_,
    "dirac": dirac_,
    # Keras's, with its spreads.
    "random_uniform": _random_uniform,
    "random_normal": _random_normal,
    "truncated_normal": _truncated_normal,
    "identity": eye_,
}


def get(init: str | Initializer | None) -> Initializer:
    """Look up an initialiser by name, as layers do.

    Parameters
    ----------
    init : str, callable or None
        The name of a function of this module, or one of Keras's: "random_uniform",
        "random_normal", "truncated_normal", with a spread of 0.05, and "identity". The
        underscore at the end may be there or not, and "GlorotUniform" is "glorot_uniform". A
        function stands for itself, None for `linear_default_`.

    Returns
    -------
    callable
        It overwrites the tensor that it is called with.

    Raises
    ------
    ValueError
        For a name that is not known; the message lists those that are.

    Examples
    --------
    >>> import pydl
    >>> pydl.nn.init.get("zeros")(pydl.ones(2)).tolist()
    [0.0, 0.0]
    """
    if init is None:
        return linear_default_
    if callable(init):
        return init
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", init).lower().rstrip("_")
    if name not in _BY_NAME:
        raise ValueError(f"init: expected one of {', '.join(_BY_NAME)}, got {init!r}")
    return _BY_NAME[name]


check_public(globals())

if not TYPE_CHECKING:
    __getattr__ = import_later(globals(), {})  # explains what is missing
