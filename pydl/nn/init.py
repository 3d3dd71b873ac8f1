"""Initialisers: functions that overwrite a tensor with starting values.

Each takes a tensor, changes it in place without recording, and returns it. `Linear` and other
layers accept them by name: `Linear(784, 10, init="xavier_uniform")`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from pydl import _core
from pydl._checked_calls import check_public
from pydl._core import Generator, Tensor
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
    """Set every element to 0."""
    return constant_(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Set every element to 1."""
    return constant_(tensor, 1)


def uniform_(
    tensor: Tensor, low: float = 0.0, high: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw from the uniform distribution on [low, high)."""
    return _overwrite(
        tensor, _core.uniform(tensor.shape, low, high, dtype=tensor.dtype, generator=generator)
    )


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw from the normal distribution."""
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
    """Draw uniformly from +-gain * sqrt(6 / (inputs + outputs)) (Glorot and Bengio, 2010)."""
    return _overwrite(
        tensor, _core.nn.xavier_uniform(tensor.shape, gain, dtype=tensor.dtype, generator=generator)
    )


def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Draw normally with standard deviation gain * sqrt(2 / (inputs + outputs))."""
    return _overwrite(
        tensor, _core.nn.xavier_normal(tensor.shape, gain, dtype=tensor.dtype, generator=generator)
    )


def kaiming_uniform_(
    tensor: Tensor,
    gain: float = _SQRT_2,
    generator: Generator | None = None,
    *,
    mode: Mode = "fan_in",
    nonlinearity: str | None = None,
) -> Tensor:
    """Draw uniformly from +-gain * sqrt(3 / inputs) (He et al., 2015); the gain is ReLU's.

    With `mode` "fan_out", the number of outputs counts instead of that of inputs. A `nonlinearity`
    gives its gain, see `calculate_gain`.
    """
    return _overwrite(
        tensor,
        _core.nn.kaiming_uniform(
            tensor.shape,
            _kaiming_gain("kaiming_uniform_", tensor, gain, mode, nonlinearity),
            dtype=tensor.dtype,
            generator=generator,
        ),
    )


def kaiming_normal_(
    tensor: Tensor,
    gain: float = _SQRT_2,
    generator: Generator | None = None,
    *,
    mode: Mode = "fan_in",
    nonlinearity: str | None = None,
) -> Tensor:
    """Draw normally with standard deviation gain / sqrt(inputs); the default gain is ReLU's.

    `mode` and `nonlinearity` are those of `kaiming_uniform_`.
    """
    return _overwrite(
        tensor,
        _core.nn.kaiming_normal(
            tensor.shape,
            _kaiming_gain("kaiming_normal_", tensor, gain, mode, nonlinearity),
            dtype=tensor.dtype,
            generator=generator,
        ),
    )


def _kaiming_gain(
    caller: str, tensor: Tensor, gain: float, mode: str, nonlinearity: str | None
) -> float:
    """Return the gain for a draw by the number of inputs."""
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"{caller}: expected mode 'fan_in' or 'fan_out', got {mode!r}")
    if nonlinearity is not None:
        gain = calculate_gain(nonlinearity)
    if mode == "fan_out" and tensor.ndim >= 2 and tensor.shape[0] > 0:
        gain *= math.sqrt(tensor.shape[1] / tensor.shape[0])
    return gain


def lecun_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw uniformly from +-sqrt(3 / inputs) (LeCun et al., 1998), as for SELU."""
    return kaiming_uniform_(tensor, 1.0, generator)


def lecun_normal_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw normally with standard deviation 1 / sqrt(inputs), as for SELU."""
    return kaiming_normal_(tensor, 1.0, generator)


def glorot_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw as `xavier_uniform_`; Keras's name."""
    return xavier_uniform_(tensor, generator=generator)


def glorot_normal_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw as `xavier_normal_`; Keras's name."""
    return xavier_normal_(tensor, generator=generator)


def he_uniform_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw as `kaiming_uniform_`; Keras's name."""
    return kaiming_uniform_(tensor, generator=generator)


def he_normal_(tensor: Tensor, generator: Generator | None = None) -> Tensor:
    """Draw as `kaiming_normal_`; Keras's name."""
    return kaiming_normal_(tensor, generator=generator)


def eye_(tensor: Tensor) -> Tensor:
    """Make a matrix (A, B) the identity: outputs are the inputs, as far as there are any.

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
    """Make the rows (the columns, if fewer) orthonormal, times gain (Saxe et al., 2013)."""
    return _overwrite(
        tensor, _core.nn.orthogonal(tensor.shape, gain, dtype=tensor.dtype, generator=generator)
    )


def calculate_gain(nonlinearity: str, parameter: float | None = None) -> float:
    """Recommended gain before a nonlinearity: of "relu", "leaky_relu" (its slope), "tanh", "selu".

    Raises
    ------
    ValueError
        For any other nonlinearity but "linear" and "sigmoid", whose gain is 1.

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
    if nonlinearity not in gains:
        expected = ", ".join(gains)
        raise ValueError(f"calculate_gain: expected one of {expected}, got {nonlinearity!r}")
    return gains[nonlinearity]


def linear_default_(tensor: Tensor) -> Tensor:
    """Draw uniformly from +-1 / sqrt(inputs): what `Linear` does by default, as in PyTorch."""
    return _overwrite(tensor, _core.nn.default_weight(tensor.shape, dtype=tensor.dtype))


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
    "glorot_uniform": xavier_uniform_,
    "glorot_normal": xavier_normal_,
    "he_uniform": kaiming_uniform_,
    "he_normal": kaiming_normal_,
    "lecun_uniform": lecun_uniform_,
    "lecun_normal": lecun_normal_,
    "orthogonal": orthogonal_,
    "eye": eye_,
    "dirac": dirac_,
}


def get(init: str | Initializer | None) -> Initializer:
    """Look up an initialiser by name; a function stands for itself, None for `linear_default_`.

    Raises
    ------
    ValueError
        For a name that is not known; the message lists those that are.
    """
    if init is None:
        return linear_default_
    if callable(init):
        return init
    if init not in _BY_NAME:
        raise ValueError(f"init: expected one of {', '.join(_BY_NAME)}, got {init!r}")
    return _BY_NAME[init]


check_public(globals())
