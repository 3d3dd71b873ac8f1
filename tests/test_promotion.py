"""The dtype of results: array API within a kind, floats beat integers, bool yields."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl

# One row per first operand, one column per second; the order is that of the heading.
TABLE = """
          bool     uint8    int8     int16    int32    int64    float16  bfloat16 float32  float64
bool      bool     uint8    int8     int16    int32    int64    float16  bfloat16 float32  float64
uint8     uint8    uint8    int16    int16    int32    int64    float16  bfloat16 float32  float64
int8      int8     int16    int8     int16    int32    int64    float16  bfloat16 float32  float64
int16     int16    int16    int16    int16    int32    int64    float16  bfloat16 float32  float64
int32     int32    int32    int32    int32    int32    int64    float16  bfloat16 float32  float64
int64     int64    int64    int64    int64    int64    int64    float16  bfloat16 float32  float64
float16   float16  float16  float16  float16  float16  float16  float16  float32  float32  float64
bfloat16  bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 bfloat16 float32  bfloat16 float32  float64
float32   float32  float32  float32  float32  float32  float32  float32  float32  float32  float64
float64   float64  float64  float64  float64  float64  float64  float64  float64  float64  float64
"""


def read_table() -> dict[tuple[str, str], str]:
    heading, *rows = (line.split() for line in TABLE.strip().splitlines())
    return {
        (row[0], column): cell
        for row in rows
        for column, cell in zip(heading, row[1:], strict=True)
    }


PROMOTED = read_table()
DTYPES = list(dict.fromkeys(a for a, _ in PROMOTED))
FLOATS = [name for name in DTYPES if "float" in name]
INTEGERS = [name for name in DTYPES if "int" in name]
Binary = Callable[[Any, Any], pydl.Tensor]


def ones(dtype: str, *shape: int) -> pydl.Tensor:
    return pydl.ones(shape or (2,), dtype=dtype)


def test_the_table_is_whole_and_symmetric() -> None:
    assert len(PROMOTED) == 100
    assert all(PROMOTED[b, a] == result for (a, b), result in PROMOTED.items())


@pytest.mark.parametrize(("a", "b"), list(PROMOTED))
def test_promote_types(a: str, b: str) -> None:
    assert pydl._core.promote_types(a, b) == PROMOTED[a, b]


@pytest.mark.parametrize(("a", "b"), list(PROMOTED))
def test_tensors_meet_in_the_promoted_dtype(a: str, b: str) -> None:
    expected = PROMOTED[a, b]
    operations: list[Binary] = [pydl.maximum, lambda x, y: pydl.where(x == x, x, y)]
    if expected != "bool":
        operations += [pydl.add, pydl.multiply, pydl.pow, pydl.remainder, pydl.floor_divide]
    for operation in operations:
        result = operation(ones(a), ones(b))
        assert result.dtype == expected
        assert (result > 0).any() or operation is pydl.remainder
    # The rank of an operand does not matter.
    assert pydl.maximum(ones(a, 2), pydl.ones((), dtype=b)).dtype == expected
    assert pydl.concat([ones(a), ones(b)]).dtype == expected
    assert (ones(a) == ones(b)).dtype == "bool"


@pytest.mark.parametrize(("a", "b"), list(PROMOTED))
def test_division_gives_floats(a: str, b: str) -> None:
    expected = PROMOTED[a, b] if PROMOTED[a, b] in FLOATS else "float32"
    for operation in (pydl.divide, pydl.atan2):
        assert operation(ones(a), ones(b)).dtype == expected


@pytest.mark.parametrize(("a", "b"), list(itertools.product(FLOATS, FLOATS)))
def test_matmul_and_linear_promote(a: str, b: str) -> None:
    assert (ones(a, 2, 3) @ ones(b, 3, 2)).dtype == PROMOTED[a, b]
    assert pydl.linear(ones(a, 2, 3), ones(b, 4, 3)).dtype == PROMOTED[a, b]


@pytest.mark.parametrize(
    ("a", "b"), [pair for pair in PROMOTED if "bfloat16" not in pair and pair[0] != pair[1]]
)
def test_within_a_kind_numpy_agrees(a: str, b: str) -> None:
    same_kind = (a in FLOATS) == (b in FLOATS)
    if same_kind or "bool" in (a, b):
        assert str(np.promote_types(a, b)) == PROMOTED[a, b]
    else:
        assert PROMOTED[a, b] == (a if a in FLOATS else b)


@pytest.mark.parametrize("dtype", DTYPES)
def test_python_numbers_are_weak(dtype: str) -> None:
    x = ones(dtype)
    with_integer = "int64" if dtype == "bool" else dtype
    with_float = dtype if dtype in FLOATS else "float32"
    for operation in (pydl.add, pydl.multiply, pydl.maximum):
        for a, b in itertools.permutations((x, 2)):
            assert operation(a, b).dtype == with_integer
        for a, b in itertools.permutations((x, 2.5)):
            assert operation(a, b).dtype == with_float
    if dtype != "bool":
        assert (x + True).dtype == dtype
        assert (x**2).dtype == dtype
        assert (2**x).dtype == dtype
    assert (x / 2).dtype == with_float
    assert (1 / x).dtype == with_float
    assert pydl.maximum(x, True).dtype == dtype
    assert pydl.where(x == x, x, 2.5).dtype == with_float
    assert pydl.where(x == x, 2.5, x).dtype == with_float


def test_weak_numbers_keep_their_value() -> None:
    assert (pydl.ones(1, dtype="int32") * 2.5).tolist() == [2.5]
    assert (pydl.ones(1, dtype="bool") + 2).tolist() == [3]
    assert (pydl.ones(1, dtype="float64") + 0.1).item() == 1.1
    assert (pydl.zeros(1, dtype="int64") + (2**62 + 1)).item() == 2**62 + 1


def test_numpy_arrays_are_strong() -> None:
    x = pydl.ones(2, dtype="float16")
    assert (x + np.ones(2)).dtype == "float64"
    assert (np.ones((), "float32") * x).dtype == "float32"


def test_numpy_scalars_are_weak_beside_tensors() -> None:
    small, half = pydl.ones(2, dtype="int8"), pydl.ones(2, dtype="float16")
    for scalar in (np.int32(1), np.int64(1), np.uint8(1), np.bool_(True)):
        assert (small + scalar).dtype == (scalar + small).dtype == "int8"
    for scalar in (np.float16(1), np.float32(1), np.float64(1)):
        assert (half * scalar).dtype == (scalar * half).dtype == "float16"
        assert (small * scalar).dtype == "float32"
    assert pydl.tensor(np.int32(1)).dtype == "int32"
    with pytest.raises(TypeError, match="complex64"):
        small + np.complex64(1)


@pytest.mark.parametrize("dtype", DTYPES)
def test_reductions(dtype: str) -> None:
    x = ones(dtype)
    total = dtype if dtype in FLOATS else "int64"
    assert pydl.sum(x).dtype == total
    assert pydl.prod(x).dtype == total
    assert pydl.mean(x).dtype == (dtype if dtype in FLOATS else "float32")
    assert pydl.argmax(x).dtype == "int64"
    assert pydl.any(x).dtype == "bool"


@pytest.mark.parametrize("dtype", DTYPES)
def test_functions_of_real_numbers_take_integers_as_float32(dtype: str) -> None:
    expected = dtype if dtype in FLOATS else "float32"
    for function in (pydl.exp, pydl.sqrt, pydl.sigmoid, pydl.tanh):
        assert function(ones(dtype)).dtype == expected


def test_bool_has_no_arithmetic_beside_sums_and_products() -> None:
    x = pydl.tensor([True, False])
    for operation in (lambda: x - x, lambda: x - True, lambda: x**x, lambda: -x):
        with pytest.raises(TypeError, match="bool"):
            operation()


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_wrap_around(dtype: str) -> None:
    info = np.iinfo(dtype)
    x = pydl.tensor(np.array([info.max, info.min], dtype))
    np.testing.assert_array_equal((x + 1).numpy(), np.array([info.min, info.min + 1], dtype))
    assert (x + 1).dtype == dtype
