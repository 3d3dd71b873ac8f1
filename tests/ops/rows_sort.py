"""Rows of the ops that order elements along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample, joined

import pydl
from pydl import _core

_SHAPES: list[tuple[tuple[int, ...], int]] = [
    ((1,), 0),
    ((7,), -1),
    ((4, 5), 0),
    ((3, 200), 1),
    ((2, 130, 3), 1),
    ((0, 3), 1),
    ((2, 0), -1),
]


def _numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers that are apart, so that there are derivatives; test_sort.py has equal ones."""
    return rng.permutation(int(np.prod(shape))).reshape(shape) * 0.5 - 3.0


def _sort_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((_numbers(rng, shape),), {"axis": axis, "descending": descending})
        for shape, axis in _SHAPES
        for descending in (False, True)
    ]


def _topk_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((_numbers(rng, shape),), {"k": k, "axis": axis, "largest": largest})
        for shape, axis in _SHAPES
        for largest in (False, True)
        for k in sorted({0, min(2, shape[axis]), shape[axis]})
    ]


def _order(x: Array, axis: int, descending: bool) -> Array:
    """NumPy's stable sort has no other direction: of the negated numbers it is that."""
    return np.argsort(-x if descending else x, axis=axis, kind="stable")


def _call_sort(x: pydl.Tensor, **keywords: Any) -> pydl.Tensor:
    return joined(*_core.sort_with_indices(x, **keywords))


def _call_topk(x: pydl.Tensor, **keywords: Any) -> pydl.Tensor:
    return joined(*pydl.topk(x, **keywords))


def _search_samples(rng: np.random.Generator) -> list[Sample]:
    shapes: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
        ((6,), ()),
        ((6,), (4, 5)),
        ((1,), (3,)),
        ((0,), (2,)),
        ((100,), (300,)),
        ((3, 7), (3, 4)),
        ((2, 3, 5), (2, 3, 1)),
        ((2, 3), (2, 0)),
    ]
    return [
        Sample(
            (np.sort(rng.integers(0, 9, known), axis=-1) * 0.5, rng.integers(-1, 10, wanted) * 0.5),
            {"right": right},
        )
        for known, wanted in shapes
        for right in (False, True)
    ]


def _search(known: Array, wanted: Array, right: bool) -> Array:
    """How many elements come before, counted."""
    lines = known if known.ndim == 1 else known[..., None, :]
    before = lines <= wanted[..., None] if right else lines < wanted[..., None]
    return np.asarray(before.sum(axis=-1))


def _reference(x: Array, k: int, axis: int, descending: bool) -> Array:
    indices = np.take(_order(x, axis, descending), np.arange(k), axis=axis)
    values = np.take_along_axis(x, indices, axis)
    return np.concatenate([values.reshape(-1), indices.reshape(-1)])


ROWS = [
    Row(
        "sort_with_indices",
        _call_sort,
        lambda x, axis, descending: _reference(x, x.shape[axis], axis, descending),
        _sort_samples,
        smooth=(0,),
        bad=(
            BadCall(lambda: pydl.sort(pydl.ones((2, 3)), 2), IndexError, "sort: axis 2"),
            BadCall(lambda: pydl.sort(pydl.ones(2), "x"), TypeError, "sort"),
        ),
    ),
    Row(
        "sort_values",
        _core.sort_values,
        lambda x, axis, descending: np.take_along_axis(x, _order(x, axis, descending), axis),
        _sort_samples,
        smooth=(0,),
        bad=(
            BadCall(lambda: pydl.sort(pydl.ones((2, 3)), 2), IndexError, "sort: axis 2"),
            BadCall(lambda: _core.sort_values(pydl.ones(2), 1), IndexError, "sort_values: axis 1"),
        ),
    ),
    Row(
        "argsort",
        pydl.argsort,
        lambda x, axis, descending: _order(x, axis, descending),
        _sort_samples,
        bad=(BadCall(lambda: pydl.argsort(pydl.ones(2), 1), IndexError, "argsort: axis 1"),),
    ),
    Row(
        "topk",
        _call_topk,
        lambda x, k, axis, largest: _reference(x, k, axis, largest),
        _topk_samples,
        smooth=(0,),
        bad=(
            BadCall(lambda: pydl.topk(pydl.ones((2, 3)), 4), ValueError, "topk: expected k from 0"),
            BadCall(lambda: pydl.topk(pydl.ones(2), -1), ValueError, "topk: expected k from 0"),
            BadCall(lambda: pydl.topk(pydl.ones(2)), TypeError, "k"),
        ),
    ),
    Row(
        "search_sorted",
        _core.search_sorted,
        _search,
        _search_samples,
        bad=(
            BadCall(
                lambda: _core.search_sorted(pydl.ones((2, 3)), pydl.ones((3, 3))),
                ValueError,
                r"search_sorted: .*\(3, 3\), .*got \(2, 3\)",
            ),
            BadCall(
                lambda: pydl.searchsorted(pydl.ones((2, 3)), pydl.ones(3)),
                ValueError,
                "searchsorted: expected sorted elements of one axis",
            ),
            BadCall(
                lambda: _core.search_sorted(pydl.ones(2), pydl.zeros(2, "int64")),
                TypeError,
                "search_sorted",
            ),
        ),
    ),
]
