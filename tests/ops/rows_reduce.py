"""Rows of the reductions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

_AXES: list[tuple[tuple[int, ...], Any]] = [
    ((), None),
    ((6,), None),
    ((6,), 0),
    ((3, 5), 0),
    ((3, 5), -1),
    ((3, 5), (0, 1)),
    ((2, 3, 4), 1),
    ((2, 3, 4), (0, 2)),
    ((70, 90), 0),
    ((70, 90), 1),
]
_EMPTY: list[tuple[tuple[int, ...], Any]] = [((0,), None), ((2, 0, 3), 1), ((0, 3), 1)]


def _distinct(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Numbers far enough apart that a small change does not reorder them."""
    count = int(np.prod(shape))
    return ((rng.permutation(count) - count / 2) * (4.0 / max(count, 4))).reshape(shape)


def _samples(empty: bool, plain: bool = False) -> Callable[[np.random.Generator], list[Sample]]:
    def sample(rng: np.random.Generator) -> list[Sample]:
        cases = _AXES + (_EMPTY if empty else [])
        return [
            Sample(
                (_distinct(rng, shape),),
                {"axis": axis} if plain else {"axis": axis, "keepdims": keepdims},
            )
            for shape, axis in cases
            for keepdims in ((False,) if plain else (False, True))
        ]

    return sample


def _row(
    name: str,
    reference: Callable[..., Any],
    *,
    empty: bool = True,
    smooth: bool = True,
    torch: Callable[..., Any] | None = None,
    atol: float = 2e-6,
    dtypes: tuple[str, ...] = ("float32", "float64"),
) -> Row:
    function = getattr(pydl, name)
    bad = [
        BadCall(lambda: function(pydl.ones((2, 3)), axis=2), IndexError, name),
        BadCall(lambda: function(pydl.ones((2, 3)), axis="rows"), TypeError, "axis|incompatible"),
    ]
    if name not in ("argmax", "argmin"):
        bad.append(BadCall(lambda: function(pydl.ones((2, 3)), axis=(0, 0)), ValueError, name))
    if not empty:
        bad.append(BadCall(lambda: function(pydl.ones((0, 3)), axis=0), ValueError, name))
    return Row(
        name,
        function,
        reference,
        _samples(empty),
        smooth=(0,) if smooth else (),
        bad=tuple(bad),
        torch=torch,
        atol=atol,
        dtypes=dtypes,
    )


def _torch(name: str) -> Callable[..., Any]:
    def call(torch: Any, x: Any, axis: Any, keepdims: bool) -> Any:
        if axis is None:
            result = getattr(torch, name)(x)
            return result.reshape((1,) * x.ndim) if keepdims else result
        return getattr(torch, name)(x, dim=axis, keepdim=keepdims)

    return call


def _single_axis(samples: list[Sample]) -> list[Sample]:
    return [s for s in samples if not isinstance(s.keywords["axis"], tuple)]


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same without NumPy's warnings about empty slices."""

    def call(*args: Any, **keywords: Any) -> Any:
        import warnings

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return function(*args, **keywords)

    return call


def _arg_row(name: str, reference: Callable[..., Any]) -> Row:
    row = _row(name, reference, empty=False, smooth=False)
    return Row(
        name,
        row.call,
        reference,
        lambda rng: _single_axis(list(_samples(False)(rng))),
        bad=row.bad,
        torch=lambda torch, x, axis, keepdims: getattr(torch, name)(x, dim=axis, keepdim=keepdims),
    )


def _prod_samples(rng: np.random.Generator) -> list[Sample]:
    shapes: list[tuple[tuple[int, ...], Any]] = [
        ((), None), ((4,), 0), ((3, 4), 1), ((2, 3, 2), (0, 2)), ((0, 2), 0), ((2, 3), None)
    ]  # fmt: skip
    return [Sample((rng.uniform(0.5, 1.5, shape),), {"axis": axis}) for shape, axis in shapes]


def _euclidean_norm(x: pydl.Tensor, axis: Any, keepdims: bool) -> pydl.Tensor:
    axes = range(x.ndim) if axis is None else (axis,) if isinstance(axis, int) else axis
    return _core.euclidean_norm(x, sorted(each % x.ndim for each in axes), keepdims)


def _norm_of(x: Array, axis: Any, keepdims: bool) -> Array:
    return np.sqrt(np.sum(np.square(x), axis=axis, keepdims=keepdims))


ROWS = [
    _row("nansum", np.nansum, torch=_torch("nansum"), atol=2e-5),
    Row(
        "euclidean_norm",
        _euclidean_norm,
        _norm_of,
        # The norm of nothing has no derivative.
        lambda rng: [s for s in _samples(True)(rng) if np.all(_norm_of(*s.arrays, **s.keywords))],
        smooth=(0,),
        bad=(
            BadCall(lambda: _core.euclidean_norm(pydl.ones((2, 3)), [2]), IndexError, "norm"),
            BadCall(lambda: _core.euclidean_norm(pydl.arange(3), [0]), TypeError, "euclidean_norm"),
        ),
    ),
    _row("sum", np.sum, torch=_torch("sum"), atol=2e-5),
    _row("mean", _quiet(np.mean), torch=_torch("mean")),
    _row("max", np.max, empty=False, torch=_torch("amax")),
    _row("min", np.min, empty=False, torch=_torch("amin")),
    _row("any", np.any, smooth=False),
    _row("all", np.all, smooth=False),
    _row("var", _quiet(np.var)),
    Row(
        "prod",
        pydl.prod,
        np.prod,
        _prod_samples,
        smooth=(0,),
        bad=(BadCall(lambda: pydl.prod(pydl.ones(2), axis=1), IndexError, "prod"),),
    ),
    _arg_row("argmax", np.argmax),
    _arg_row("argmin", np.argmin),
]
