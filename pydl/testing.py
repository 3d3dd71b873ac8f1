"""Helpers for tests: gradients against finite differences, and comparison within tolerances."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

import pydl
from pydl._checked_calls import check_public
from pydl._core import Tensor

__all__ = ["assert_close", "check_gradients"]

# Relative and absolute tolerance by dtype name: a few hundred units in the last place.
_TOLERANCES = {
    "float64": (1e-10, 1e-12),
    "float32": (2e-5, 1e-6),
    "float16": (5e-3, 1e-3),
    "bfloat16": (4e-2, 1e-2),
}

_Array = npt.NDArray[np.float64]


def _to_numpy(value: Any) -> npt.NDArray[Any]:
    if isinstance(value, Tensor):
        value = value.detach()
        value = (value.astype("float32") if value.dtype == "bfloat16" else value).numpy()
    array: npt.NDArray[Any] = np.asarray(value)
    return array


def assert_close(
    actual: Any, expected: Any, rtol: float | None = None, atol: float | None = None
) -> None:
    """Raise `AssertionError` unless two tensors or arrays agree.

    Parameters
    ----------
    actual, expected : Tensor, array or number
        Of one shape. NaN equals itself.
    rtol, atol : float, optional
        Relative and absolute tolerance; by default those of the dtype of `actual`, and exact for
        integers and bools.

    Examples
    --------
    >>> import pydl
    >>> pydl.testing.assert_close(pydl.tensor([1.0]) / 3, [1 / 3])
    """
    dtype = str(actual.dtype) if hasattr(actual, "dtype") else "float64"
    default_rtol, default_atol = _TOLERANCES.get(dtype, (0.0, 0.0))
    a, b = _to_numpy(actual), _to_numpy(expected)
    if a.shape != b.shape:
        raise AssertionError(f"shapes differ: {a.shape} and {b.shape}")
    np.testing.assert_allclose(
        a,
        b,
        rtol=default_rtol if rtol is None else rtol,
        atol=default_atol if atol is None else atol,
    )


def check_gradients(
    function: Callable[..., Tensor],
    inputs: Sequence[Any],
    *,
    order: int = 1,
    step: float = 1e-5,
    rtol: float = 1e-5,
    atol: float = 1e-6,
    directions: int = 2,
    seed: int = 0,
) -> None:
    """Compare gradients with central finite differences along random directions, in float64.

    The output is projected on a random tensor, so that one number remains; its change along a
    random direction of the inputs must be the product of gradient and direction. For order 2 the
    same is done with the gradient's own projection.

    Parameters
    ----------
    function : callable
        Takes tensors and returns one tensor of floating-point dtype. Must give the same result for
        the same inputs.
    inputs : sequence of array_like
        What to differentiate for, converted to float64.
    order : {1, 2}
        Highest derivative to check.
    step : float
        Half the distance of the two points of a difference.
    rtol, atol : float
        Tolerances, relative to the largest term and absolute.
    directions : int
        How many random directions are tried.
    seed : int
        Of the directions and projections.

    Raises
    ------
    AssertionError
        When they disagree; the message says at which order and by how much.

    Examples
    --------
    >>> import pydl
    >>> pydl.testing.check_gradients(lambda x: x.exp().sum(), [[0.5, 1.0]], order=2)
    """
    if order not in (1, 2):
        raise ValueError(f"check_gradients: expected order 1 or 2, got {order}")
    rng = np.random.default_rng(seed)
    points = [np.asarray(_to_numpy(value), np.float64) for value in inputs]
    _check_first(function, points, rng, step, rtol, atol, directions, 1)
    if order == 2:
        _check_first(
            _projected_gradient(function, points, rng),
            points,
            rng,
            step,
            rtol,
            atol,
            directions,
            2,
        )


def _leaves(points: Sequence[_Array]) -> list[Tensor]:
    return [pydl.tensor(point, requires_grad=True) for point in points]


def _projected_gradient(
    function: Callable[..., Tensor], points: Sequence[_Array], rng: np.random.Generator
) -> Callable[..., Tensor]:
    """Make a function of the gradient of `function`, projected on a random direction."""
    with pydl.no_grad():
        weight = rng.standard_normal(function(*_leaves(points)).shape)
    directions = [rng.standard_normal(point.shape) for point in points]

    def projected(*leaves: Tensor) -> Tensor:
        output = function(*leaves)
        gradients = pydl.grad(
            [output],
            list(leaves),
            [pydl.tensor(weight)],
            create_graph=True,
            allow_unused=True,
        )
        total = pydl.zeros((), dtype="float64")
        for leaf, gradient, direction in zip(leaves, gradients, directions, strict=True):
            # The other term keeps every input in the record, where its gradient is constant.
            total = total + (leaf * 0.0).sum()
            if gradient is not None:
                total = total + (gradient * pydl.tensor(direction)).sum()
        return total

    return projected


def _check_first(
    function: Callable[..., Tensor],
    points: Sequence[_Array],
    rng: np.random.Generator,
    step: float,
    rtol: float,
    atol: float,
    directions: int,
    order: int,
) -> None:
    leaves = _leaves(points)
    output = function(*leaves)
    weight = rng.standard_normal(output.shape)
    gradients = pydl.grad([output], leaves, [pydl.tensor(weight)], allow_unused=True)
    for _ in range(directions):
        direction = [rng.standard_normal(point.shape) for point in points]
        terms = [
            0.0 if gradient is None else float((_to_numpy(gradient) * d).sum())
            for gradient, d in zip(gradients, direction, strict=True)
        ]
        expected = _difference(function, points, direction, weight, step)
        found = float(sum(terms))
        scale = max([abs(expected), *map(abs, terms)])
        if not abs(found - expected) <= atol + rtol * scale:
            raise AssertionError(
                f"check_gradients: order {order}: the derivative along a random direction is "
                f"{found!r}, by finite differences {expected!r}"
            )


def _difference(
    function: Callable[..., Tensor],
    points: Sequence[_Array],
    direction: Sequence[_Array],
    weight: _Array,
    step: float,
) -> float:
    def value(sign: float) -> float:
        moved = [point + sign * step * d for point, d in zip(points, direction, strict=True)]
        return float((_to_numpy(function(*_leaves(moved))) * weight).sum())

    return (value(1.0) - value(-1.0)) / (2 * step)


check_public(globals())
