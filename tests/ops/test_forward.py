"""Results of every row against its reference, in every layout and precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from ops.table import Array, Row, Sample, row_samples, rows

import pydl

ROWS = rows()
IDS = [row.name for row in ROWS]


def _is_real(array: Array) -> bool:
    return array.dtype.kind == "f"


def _rounded(array: Array, dtype: str) -> Array:
    """The array as the dtype can hold it, so that reference and op see the same numbers."""
    return array.astype(dtype).astype(np.float64) if _is_real(array) else array


def _tensor(array: Array, dtype: str) -> pydl.Tensor:
    return pydl.tensor(array, dtype=dtype) if _is_real(array) else pydl.tensor(array)


def _reversed_memory(array: Array) -> Array:
    """The same values with negative strides."""
    return array[(slice(None, None, -1),) * array.ndim].copy()[
        (slice(None, None, -1),) * array.ndim
    ]


def _every_second(array: Array) -> Array:
    """The same values with a gap after each element."""
    wide = np.empty((*array.shape[:-1], array.shape[-1] * 2), array.dtype)
    wide[..., ::2] = array
    return wide[..., ::2]


def _transposed_memory(array: Array) -> Array:
    return np.ascontiguousarray(array.T).T if array.ndim else array


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "reversed": _reversed_memory,
    "gaps": lambda a: _every_second(a) if a.ndim else a,
    "transposed": _transposed_memory,
}


def _compare(row: Row, sample: Sample, tensors: list[pydl.Tensor], expected: Any) -> None:
    actual = row.call(*tensors, **sample.keywords)
    values = actual.detach().numpy()
    expected = np.asarray(expected)
    assert values.shape == expected.shape, f"{row.name} {sample.keywords}"
    np.testing.assert_allclose(
        values.astype(np.float64) if values.dtype.kind == "f" else values,
        expected,
        rtol=row.rtol,
        atol=row.atol,
        err_msg=f"{row.name} {[a.shape for a in sample.arrays]} {sample.keywords}",
    )


def _cases() -> Iterator[Any]:
    for row in ROWS:
        for dtype in row.dtypes:
            yield pytest.param(row, dtype, id=f"{row.name}-{dtype}")


@pytest.mark.parametrize(("row", "dtype"), list(_cases()))
def test_result(row: Row, dtype: str) -> None:
    for sample in row_samples(row):
        arrays = [_rounded(a, dtype) for a in sample.arrays]
        expected = row.reference(*arrays, **sample.keywords)
        _compare(row, sample, [_tensor(a, dtype) for a in arrays], expected)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_layout(row: Row, layout: str) -> None:
    for sample in row_samples(row, seed=1):
        arrays = [_rounded(a, row.dtypes[0]) for a in sample.arrays]
        expected = row.reference(*arrays, **sample.keywords)
        strided = [LAYOUTS[layout](a.astype(row.dtypes[0]) if _is_real(a) else a) for a in arrays]
        _compare(row, sample, [pydl.asarray(a) for a in strided], expected)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "row",
    [r for r in ROWS if "float32" in r.dtypes and r.sixteen_bits],
    ids=lambda r: r.name,
)
def test_sixteen_bits(row: Row, dtype: str) -> None:
    """16-bit floats give what float32 gives on the same numbers, rounded."""
    for sample in row_samples(row, seed=2):
        tensors = [_tensor(a, "float32") for a in sample.arrays]
        small = [t.astype(dtype) if t.dtype == "float32" else t for t in tensors]
        exact = [t.astype("float32") if t.dtype == dtype else t for t in small]
        actual = row.call(*small, **sample.keywords)
        expected = row.call(*exact, **sample.keywords)
        if expected.dtype == "float32":
            assert actual.dtype == dtype, row.name
            expected = expected.astype(dtype).astype("float32")
            actual = actual.astype("float32")
        unit = 1e-3 if dtype == "float16" else 8e-3
        np.testing.assert_allclose(
            actual.numpy(), expected.numpy(), rtol=2 * unit, atol=2 * unit, err_msg=row.name
        )


@pytest.mark.parametrize("row", [r for r in ROWS if r.torch is not None], ids=lambda r: r.name)
def test_agrees_with_torch(row: Row) -> None:
    torch = pytest.importorskip("torch")
    assert row.torch is not None
    for sample in row_samples(row, seed=3):
        tensors = [torch.from_numpy(np.array(a)) for a in sample.arrays]
        expected = row.torch(torch, *tensors, **sample.keywords)
        actual = row.call(*(pydl.tensor(a) for a in sample.arrays), **sample.keywords)
        np.testing.assert_allclose(
            actual.numpy(), expected.numpy(), rtol=1e-9, atol=1e-9, err_msg=row.name
        )


@pytest.mark.parametrize("row", [r for r in ROWS if r.bad], ids=lambda r: r.name)
def test_error_messages(row: Row) -> None:
    for bad in row.bad:
        with pytest.raises(bad.error, match=bad.message):
            bad.call()
