"""Inputs that several families share: shapes that are odd in one way each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ops.table import Array, Sample, Sampler

SHAPES: tuple[tuple[int, ...], ...] = ((), (1,), (0,), (7,), (3, 5), (2, 0, 3), (2, 3, 4), (33, 40))


def between(low: float, high: float, *, away_from: Sequence[float] = ()) -> Sampler:
    """One array of each shape, uniform in [low, high], no closer than 0.05 to the given points."""

    def sample(rng: np.random.Generator) -> list[Sample]:
        return [Sample((draw(rng, shape, low, high, away_from),)) for shape in SHAPES]

    return sample


def pairs(
    low: float,
    high: float,
    low_b: float | None = None,
    high_b: float | None = None,
    *,
    apart: bool = False,
) -> Sampler:
    """Two arrays that broadcast; `apart` keeps their elements from being nearly equal."""
    shapes = [
        ((), ()),
        ((4,), (4,)),
        ((3, 4), (4,)),
        ((3, 1), (1, 4)),
        ((2, 1, 3), (5, 1)),
        ((0, 3), (3,)),
        ((), (2, 3)),
        ((40, 50), (40, 50)),
    ]

    def sample(rng: np.random.Generator) -> list[Sample]:
        samples = []
        for shape_a, shape_b in shapes:
            a = draw(rng, shape_a, low, high)
            b = draw(
                rng, shape_b, low if low_b is None else low_b, high if high_b is None else high_b
            )
            if apart:
                # Multiples of 0.2, and the same moved by 0.1.
                a, b = np.round(a * 5) / 5, np.round(b * 5) / 5 + 0.1
            samples.append(Sample((a, b)))
        return samples

    return sample


def draw(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    low: float,
    high: float,
    away_from: Sequence[float] = (),
) -> Array:
    """Uniform numbers that stay away from points where a function has a kink."""
    values = np.asarray(rng.uniform(low, high, shape))
    for point in away_from:
        close = np.abs(values - point) < 0.05
        values = np.where(close, point + np.where(values >= point, 0.1, -0.1), values)
    return np.asarray(values)
