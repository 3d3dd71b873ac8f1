"""Initialisers: functions that overwrite a tensor with starting values.

Each takes a tensor, changes it in place without recording, and returns it. `Linear` and other
layers accept them by name: `Linear(784, 10, init="xavier_uniform")`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from pydl import _core
from pydl._checked_calls import check_public
from pydl._core import Generator, Tensor
from pydl.grad_mode import no_grad

Initializer = Callable[[Tensor], object]

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
    tensor: Tensor, gain: float = _SQRT_2, generator: Generator | None = None
) -> Tensor:
    """Draw uniformly from +-gain * sqrt(3 / inputs) (He et al., 2015); the gain is ReLU's."""
    return _overwrite(
        tensor,
        _core.nn.kaiming_uniform(tensor.shape, gain, dtype=tensor.dtype, generator=generator),
    )


def kaiming_normal_(
    tensor: Tensor, gain: float = _SQRT_2, generator: Generator | None = None
) -> Tensor:
    """Draw normally with standard deviation gain / sqrt(inputs); the default gain is ReLU's."""
    return _overwrite(
        tensor, _core.nn.kaiming_normal(tensor.shape, gain, dtype=tensor.dtype, generator=generator)
    )


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
    "orthogonal": orthogonal_,
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
