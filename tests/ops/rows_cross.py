"""Rows of products of vectors in space, and of triangles of matrices."""

from __future__ import annotations

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core


def _vectors(rng: np.random.Generator) -> list[Sample]:
    shapes = [((3,), 0), ((5, 3), 1), ((3, 4), 0), ((2, 3, 70), 1), ((0, 3), 1), ((3, 0), 0)]
    return [
        Sample((rng.standard_normal(shape), rng.standard_normal(shape)), {"axis": axis})
        for shape, axis in shapes
    ]


def _cross(a: Array, b: Array, axis: int) -> Array:
    return np.cross(a, b, axis=axis)


def _matrices(rng: np.random.Generator) -> list[Sample]:
    shapes = [(1, 1), (3, 4), (4, 3), (2, 5, 5), (0, 3), (3, 0), (2, 40, 70)]
    return [
        Sample((rng.standard_normal(shape),), {"k": k, "lower": lower})
        for shape in shapes
        for k in (0, -1, 2, -9, 9)
        for lower in (True, False)
    ]


def _triangle(x: Array, k: int, lower: bool) -> Array:
    return np.tril(x, k) if lower else np.triu(x, k)


ROWS = [
    Row(
        "cross_product",
        _core.cross_product,
        _cross,
        _vectors,
        smooth=(0, 1),
        bad=(
            BadCall(
                lambda: _core.cross_product(pydl.ones((2, 3)), pydl.ones(3), 0), ValueError, "shape"
            ),
            BadCall(
                lambda: _core.cross_product(pydl.ones(2), pydl.ones(2), 0), ValueError, "size 3"
            ),
            BadCall(lambda: _core.cross_product(pydl.ones(3), pydl.ones(3), 1), IndexError, "axis"),
        ),
    ),
    Row(
        "triangle",
        _core.triangle,
        _triangle,
        _matrices,
        smooth=(0,),
        bad=(BadCall(lambda: _core.triangle(pydl.ones(3)), ValueError, "triangle: .*2 axes"),),
    ),
]
