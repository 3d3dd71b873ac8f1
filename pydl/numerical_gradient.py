"""Derivatives of functions that are known at points, by differences of neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from pydl import _core
from pydl._checked_calls import check_public
from pydl._core import Tensor
from pydl._named_errors import names_errors

__all__ = ["gradient"]


@names_errors
def gradient(
    x: Tensor,
    *spacing: float | Tensor,
    axis: int | Sequence[int] | None = None,
    edge_order: int = 1,
) -> Tensor | tuple[Tensor, ...]:
    """Estimate derivatives along axes from differences of neighbours, as NumPy does.

    Inside, differences are central, with an error of second order in the distances.

    Parameters
    ----------
    x : Tensor
        Values of a function; integers are converted to float32.
    *spacing : float or Tensor of one axis
        One for all axes, or one for each: the distance of the points, or their positions. By
        default, a distance of 1.
    axis : int or sequence of int, optional
        All axes by default.
    edge_order : {1, 2}
        The order of the error at both ends.

    Returns
    -------
    Tensor, or tuple of Tensor
        One derivative per axis, of the shape of x; a tensor, if there is one axis.

    Raises
    ------
    ValueError
        If an axis has fewer than ``edge_order + 1`` points, or a spacing does not fit.

    Examples
    --------
    >>> import pydl
    >>> y = pydl.tensor([0.0, 1.0, 4.0, 9.0])
    >>> pydl.gradient(y).tolist()
    [1.0, 2.0, 4.0, 5.0]
    >>> pydl.gradient(y, edge_order=2).tolist()
    [0.0, 2.0, 4.0, 6.0]
    >>> pydl.gradient(y, pydl.tensor([0.0, 1.0, 4.0, 9.0])).tolist()
    [1.0, 1.0, 1.0, 1.0]
    """
    x = _core.asarray(x)
    if not x.dtype.is_floating:
        x = x.astype(_core.float32)
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: expected edge_order 1 or 2, got {edge_order}")
    axes = _axes(x, axis)
    if len(spacing) not in (0, 1, len(axes)):
        raise ValueError(
            f"gradient: expected one spacing, or one for each of {len(axes)} axes, "
            f"got {len(spacing)}"
        )
    steps = spacing * len(axes) if len(spacing) == 1 else spacing or (1.0,) * len(axes)
    results = tuple(
        _along(x, along, step, edge_order) for along, step in zip(axes, steps, strict=True)
    )
    return results[0] if len(results) == 1 else results


def _axes(x: Tensor, axis: int | Sequence[int] | None) -> list[int]:
    given = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    axes = []
    for each in given:
        if not -x.ndim <= each < x.ndim:
            raise ValueError(f"gradient: axis {each} is out of range for {x.ndim} axes")
        axes.append(each % x.ndim)
    if len(set(axes)) != len(axes):
        raise ValueError(f"gradient: expected different axes, got {tuple(given)}")
    return axes


def _along(x: Tensor, axis: int, step: float | Tensor, edge_order: int) -> Tensor:
    count = x.shape[axis]
    if count <= edge_order:
        raise ValueError(
            f"gradient: edge_order={edge_order} takes at least {edge_order + 1} points, "
            f"axis {axis} has {count}"
        )
    positions = _core.asarray(step)
    if positions.ndim == 0:
        return _even(x, axis, step, edge_order)
    if positions.shape != (count,):
        raise ValueError(
            f"gradient: expected a number or the positions of {count} points along axis {axis}, "
            f"got shape {positions.shape}"
        )
    if not positions.dtype.is_floating:
        positions = positions.astype(x.dtype)
    shape = [1] * x.ndim
    shape[axis] = count - 1
    return _uneven(x, axis, _core.reshape(_core.diff(positions), shape), edge_order)


def _even(x: Tensor, axis: int, step: float | Tensor, edge_order: int) -> Tensor:
    count = x.shape[axis]

    def at(start: int, size: int = 1) -> Tensor:
        return _core.narrow(x, axis, start % count, size)

    if edge_order == 1:
        first, last = at(1) - at(0), at(-1) - at(-2)
    else:
        first = at(1) * 2 - at(0) * 1.5 - at(2) * 0.5
        last = at(-1) * 1.5 - at(-2) * 2 + at(-3) * 0.5
    inner = (at(2, count - 2) - at(0, count - 2)) * 0.5 if count > 2 else at(0, 0)
    return _core.concat([first, inner, last], axis) / step


def _uneven(x: Tensor, axis: int, steps: Tensor, edge_order: int) -> Tensor:
    count = x.shape[axis]

    def at(start: int, size: int = 1) -> Tensor:
        return _core.narrow(x, axis, start % count, size)

    def step(start: int, size: int = 1) -> Tensor:
        return _core.narrow(steps, axis, start % (count - 1), size)

    # The slopes of the chords between neighbours: all results are their weighted means.
    slopes = (at(1, count - 1) - at(0, count - 1)) / steps

    def slope(start: int, size: int = 1) -> Tensor:
        return _core.narrow(slopes, axis, start % (count - 1), size)

    if edge_order == 1:
        first, last = slope(0), slope(-1)
    else:
        first = slope(0) - (slope(1) - slope(0)) * (step(0) / (step(0) + step(1)))
        last = slope(-1) + (slope(-1) - slope(-2)) * (step(-1) / (step(-2) + step(-1)))
    if count == 2:
        return _core.concat([first, last], axis)
    before, after = step(0, count - 2), step(1, count - 2)
    inner = (slope(0, count - 2) * after + slope(1, count - 2) * before) / (before + after)
    return _core.concat([first, inner, last], axis)


check_public(globals())
