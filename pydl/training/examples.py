"""Inputs to try a model with, from the shapes of one sample or from examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pydl._core import Tensor, asarray, zeros
from pydl.nn.module import Module
from pydl.training.layout import are_arguments

Call = tuple[tuple[Any, ...], dict[str, Any]]


def example_call(
    function: str, model: Module, input_shape: Any, dtype: Any, example: Any = None
) -> Call:
    """Return arguments for a model: the example, or a batch of one sample of zeros.

    Parameters
    ----------
    function : str
        Whose arguments these are, for messages.
    model : Module
        The model.
    input_shape : tuple of int, or tuple or dict of them, or None
        Shape of one sample; of several inputs, one for each.
    dtype : DType, str, None, or tuple or dict of them
        Dtypes; by default that of the parameters.
    example : Tensor, array, tuple or dict of them, or None
        The inputs themselves.

    Returns
    -------
    tuple and dict
        Positional arguments, and those by name.

    Examples
    --------
    >>> import pydl
    >>> args, _ = example_call("summary", pydl.nn.Linear(2, 1), (2,), None)
    >>> args[0].shape
    (1, 2)
    """
    if example is not None:
        inputs = _converted(example)
    elif input_shape is not None:
        default = next((p.dtype for p in model.parameters()), "float32")
        inputs = _zeros(function, input_shape, dtype, default)
    else:
        raise ValueError(
            f"{function}: expected input_shape, the shape of one sample such as (3, 32, 32), or an "
            "example"
        )
    if isinstance(inputs, Mapping):
        return ((), dict(inputs)) if are_arguments(model, [*inputs]) else ((dict(inputs),), {})
    return (inputs if isinstance(inputs, tuple) else (inputs,)), {}


def _converted(example: Any) -> Any:
    if isinstance(example, Mapping):
        return {name: _converted(value) for name, value in example.items()}
    if isinstance(example, tuple):
        return tuple(map(_converted, example))
    return asarray(example) if isinstance(example, (np.ndarray, list)) else example


def _is_shape(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and all(isinstance(size, int) for size in value)


def _zeros(function: str, shape: Any, dtype: Any, default: Any) -> Any:
    """Return zeros for one shape, or for each of several."""

    def one(shape: Sequence[int], dtype: Any) -> Tensor:
        return zeros((1, *shape), dtype=default if dtype is None else dtype)

    of: Callable[[Any], Any] = lambda key: dtype  # noqa: E731
    if isinstance(dtype, Mapping):
        of = dtype.get
    elif isinstance(dtype, (tuple, list)):
        of = dict(enumerate(dtype)).get
    if _is_shape(shape):
        return one(shape, of(0))
    if isinstance(shape, Mapping) and all(map(_is_shape, shape.values())):
        return {name: one(each, of(name)) for name, each in shape.items()}
    if isinstance(shape, (tuple, list)) and all(map(_is_shape, shape)):
        return tuple(one(each, of(i)) for i, each in enumerate(shape))
    raise TypeError(
        f"{function}: expected the shape of one sample, such as (3, 32, 32), or one for each "
        f"input, such as ((4,), (3,)) or a dict of them; got {shape!r}"
    )
