"""Reductions and normalised exponentials of every integer dtype, and of bool: NumPy's values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special as special
from ops.table import Array

import pydl
from pydl import _core

DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64"]
REFERENCES: dict[str, Callable[..., Any]] = {
    "sum": np.sum,
    "mean": np.mean,
    "prod": np.prod,
    "max": np.max,
    "min": np.min,
    "var": np.var,
    "std": np.std,
    "any": np.any,
    "all": np.all,
    "argmax": np.argmax,
    "argmin": np.argmin,
    "logsumexp": special.logsumexp,
    "nansum": np.nansum,
}
# Of these, floating-point numbers are asked for.
REFUSED = ["softmax", "log_softmax"]


def test_all_reductions_are_in_the_table() -> None:
    of_floats = {"euclidean_norm"}  # `vector_norm` converts integers
    names = {op["name"] for op in _core.ops() if op["reduction"]}
    assert names - of_floats <= set(REFERENCES)


def _values(dtype: str) -> Array:
    if dtype == "bool":
        return np.array([[True, False, True], [False, False, False], [True, True, True]])
    info = np.iinfo(dtype)
    small = np.array([[0, 1, 2], [3, 5, 7], [100, 90, 120]])
    if dtype == "uint8":
        return np.concatenate([small, [[255, 254, 0]]]).astype(dtype)
    return np.concatenate(
        [small, [[-128, -3, 127]], np.clip([[-1000, 7, 999]], info.min, info.max)]
    ).astype(dtype)


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REFERENCES)
def test_values(name: str, dtype: str, axis: int | None) -> None:
    x = _values(dtype)
    # Numbers of NumPy's own width, so that its reference does not wrap around.
    reference = x if name in ("any", "all", "argmax", "argmin") else x.astype(np.int64)
    if name in ("max", "min") and dtype == "bool":
        reference = x
    wanted = REFERENCES[name](reference, axis=axis)
    found = getattr(pydl, name)(pydl.tensor(x), axis=axis)
    if name in ("mean", "var", "std", "logsumexp"):
        assert found.dtype == "float32"
        np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-6)
    else:
        np.testing.assert_array_equal(found.numpy(), wanted)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, dtype: str) -> None:
    with pytest.raises(TypeError, match=name):
        getattr(pydl, name)(pydl.tensor(_values(dtype)))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@pytest.mark.parametrize("name", ["argmax", "argmin"])
def test_extrema_of_long_rows(name: str, dtype: str) -> None:
    """Rows are read in blocks: the first extremum of all counts, and the first NaN."""
    rng = np.random.default_rng(0)
    for length in (1, 63, 64, 65, 2048, 4096, 4097, 20000):
        x = rng.integers(-5, 6, (4, length)).astype(dtype)
        x[1] = x[1, 0]
        if "float" in dtype:
            x[2, length * 2 // 3 :: 7] = np.nan
            x[3] = -np.inf if name == "argmax" else np.inf
        found = getattr(pydl, name)(pydl.tensor(x), axis=1)
        np.testing.assert_array_equal(found.numpy(), getattr(np, name)(x, axis=1))


@pytest.mark.parametrize("shape", [(5, 16), (5, 17), (3, 5000), (70001,), (0, 3), (3, 0)])
def test_sums_of_bools(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).random(shape) < 0.6
    t = pydl.tensor(x)
    views = (
        (x, t),
        (x.T, pydl.permute_dims(t, tuple(range(t.ndim))[::-1])),
        (x[..., ::2], t[..., ::2]),
    )
    for array, tensor in views:
        for axis in (None, 0, -1):
            for keepdims in (False, True):
                found = pydl.sum(tensor, axis=axis, keepdims=keepdims)
                assert found.dtype == "int64"
                expected = array.sum(axis=axis, keepdims=keepdims)
                np.testing.assert_array_equal(found.numpy(), expected)
                count = pydl.count_nonzero(tensor, axis=axis, keepdims=keepdims)
                np.testing.assert_array_equal(count.numpy(), expected)
                compiled = pydl.compile(lambda t, a=axis, k=keepdims: pydl.sum(t, a, k))
                np.testing.assert_array_equal(compiled(tensor).numpy(), expected)
