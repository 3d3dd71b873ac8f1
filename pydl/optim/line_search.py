"""A line search for a point that fulfils the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from pydl._core import Tensor


class Point(NamedTuple):
    """A position on a line: the value and the slope of a function there, and its gradient."""

    position: float
    value: float
    slope: float
    gradient: Tensor


_DECREASE, _CURVATURE = 1e-4, 0.9
_MOST = 25  # evaluations


def strong_wolfe(
    at: Callable[[float], Point], origin: Point, start: float, tolerance: float
) -> Point:
    """Search from `origin`, whose slope is negative (Nocedal and Wright, 2006, section 3.5).

    Parameters
    ----------
    at : callable
        Evaluates the function at a position.
    origin : Point
        Where the line begins.
    start : float
        The first place to try.
    tolerance : float
        Intervals that are not longer end the search.

    Returns
    -------
    Point
        One that fulfils the conditions, or the lowest that was found.
    """
    before, point = origin, at(start)
    for used in range(1, _MOST):
        if not math.isfinite(point.value):
            # Beyond the range of numbers: nearer points are tried.
            point = at((before.position + point.position) / 2)
            continue
        too_high = point.value > _line(origin, point.position)
        if too_high or (used > 1 and point.value >= before.value):
            return _zoom(at, origin, before, point, used, tolerance)
        if abs(point.slope) <= -_CURVATURE * origin.slope:
            return point
        if point.slope >= 0:
            return _zoom(at, origin, point, before, used, tolerance)
        least = point.position + 0.01 * (point.position - before.position)
        position = _cubic(before, point, least, point.position * 10)
        before, point = point, at(position)
    return point if point.value < origin.value else origin


def _line(origin: Point, position: float) -> float:
    """Return the largest value that is low enough at a position."""
    return origin.value + _DECREASE * position * origin.slope


def _zoom(
    at: Callable[[float], Point],
    origin: Point,
    low: Point,
    high: Point,
    used: int,
    tolerance: float,
) -> Point:
    """Make the interval between two points smaller; the first one is the lower."""
    for _ in range(used, _MOST):
        length = abs(high.position - low.position)
        if length <= tolerance:
            break
        ends = sorted((low.position, high.position))
        # Points too near to an end would hardly make the interval smaller.
        margin = 0.1 * length
        point = at(_cubic(low, high, ends[0] + margin, ends[1] - margin))
        too_high = point.value > _line(origin, point.position)
        if too_high or not point.value < low.value:
            high = point
            continue
        if abs(point.slope) <= -_CURVATURE * origin.slope:
            return point
        if point.slope * (high.position - low.position) >= 0:
            high = low
        low = point
    return low


def _cubic(a: Point, b: Point, least: float, most: float) -> float:
    """Return the minimum, within bounds, of the cubic through two points with their slopes."""
    middle = (least + most) / 2
    if a.position == b.position or not math.isfinite(b.value + b.slope):
        return middle
    if a.position > b.position:
        a, b = b, a
    first = a.slope + b.slope - 3 * (a.value - b.value) / (a.position - b.position)
    square = first * first - a.slope * b.slope
    if not square >= 0:
        return middle
    second = math.sqrt(square)
    divisor = b.slope - a.slope + 2 * second
    if divisor == 0:
        return middle
    position = b.position - (b.position - a.position) * (b.slope + second - first) / divisor
    return min(max(position, least), most)
