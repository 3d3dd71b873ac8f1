"""NumPy's universal functions on tensors, and operators between tensors and arrays."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import pytest

import pydl

UFUNCS = {
    name: function
    for name in dir(np)
    if isinstance(function := getattr(np, name), np.ufunc) and function.signature is None
}
OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow, operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge,
]  # fmt: skip
BITS = [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]
REALS = np.array([[0.25, 0.5, 2.0], [3.0, 1.0, 0.75]])
WHOLE = np.array([[1, 2, 3], [4, 5, 6]])


def as_arrays(results: Any) -> list[Any]:
    return [np.asarray(r) for r in (results if isinstance(results, tuple) else (results,))]


@pytest.mark.parametrize("name", UFUNCS)
@pytest.mark.parametrize("sample", [REALS, WHOLE, WHOLE > 2], ids=["reals", "whole", "bools"])
def test_every_universal_function(name: str, sample: Any) -> None:
    function = UFUNCS[name]
    arrays = [sample] * function.nin
    try:
        with np.errstate(all="ignore"):
            expected = function(*arrays)
    except TypeError:
        return  # not for this dtype
    x = pydl.tensor(sample)
    for arguments in ([x] * function.nin, [x, *arrays[1:]], [*arrays[:-1], x]):
        with np.errstate(all="ignore"):
            try:
                actual = function(*arguments)
            except TypeError as error:  # what operators of tensors refuse, they refuse here too
                assert sample.dtype == bool and "bool" in str(error)
                return
        assert isinstance(actual, tuple) == isinstance(expected, tuple)
        for found, wanted in zip(as_arrays(actual), as_arrays(expected), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-6)
        first = actual[0] if isinstance(actual, tuple) else actual
        if as_arrays(expected)[0].dtype.name in ("float64", "int64", "bool"):
            assert isinstance(first, pydl.Tensor)


def test_the_walk_is_not_empty() -> None:
    assert len(UFUNCS) > 80


@pytest.mark.parametrize("name", UFUNCS)
def test_a_tensor_that_requires_a_gradient_does_not_lose_it(name: str) -> None:
    function = UFUNCS[name]
    x = pydl.tensor(REALS, requires_grad=True)
    try:
        result = function(*[x] * function.nin)
    except RuntimeError as error:
        assert f"numpy.{function.__name__}: a tensor that requires a gradient" in str(error)
    except TypeError:
        assert name.startswith(("bitwise", "left", "right", "invert"))
    else:
        assert isinstance(result, pydl.Tensor)
        assert result.requires_grad or result.dtype == "bool" or name == "floor_divide"


@pytest.mark.parametrize("function", OPERATORS)
def test_operators_between_arrays_and_tensors_stay_those_of_tensors(function: Any) -> None:
    a, b = REALS, REALS[::-1] + 0.5
    expected = function(pydl.tensor(a), pydl.tensor(b))
    left = pydl.tensor(a, requires_grad=True)
    right = pydl.tensor(b, requires_grad=True)
    for result in (function(left, b), function(a, right)):
        assert isinstance(result, pydl.Tensor)
        np.testing.assert_array_equal(result.detach().numpy(), expected.numpy())
    if expected.dtype == "float64" and function is not operator.floordiv:
        function(a, right).sum().backward()
        assert right.grad is not None
    for number in (np.float64(1.5), np.float32(1.5), np.array(1.5)):
        assert isinstance(function(number, left), pydl.Tensor)
        assert isinstance(function(left, number), pydl.Tensor)
    # A number of NumPy does not change the dtype.
    single = pydl.tensor([1.0])
    assert function(np.float64(1.5), single).dtype in ("float32", "bool")


@pytest.mark.parametrize("function", BITS)
def test_bits_of_arrays_and_tensors(function: Any) -> None:
    expected = function(WHOLE, WHOLE).tolist()
    for result in (function(WHOLE, pydl.tensor(WHOLE)), function(pydl.tensor(WHOLE), WHOLE)):
        assert isinstance(result, pydl.Tensor)
        assert result.tolist() == expected


def test_matmul() -> None:
    x = pydl.tensor(REALS)
    for result in (REALS.T @ x, np.matmul(REALS.T, x)):
        assert isinstance(result, pydl.Tensor)
        np.testing.assert_allclose(result.numpy(), REALS.T @ REALS)


def test_in_place_operators_of_arrays_write_into_the_array() -> None:
    array = REALS.copy()
    same = array
    array += pydl.tensor(REALS)
    assert array is same
    np.testing.assert_array_equal(array, REALS + REALS)
    with pytest.raises(RuntimeError, match=r"numpy\.multiply: .*gradient.*detach"):
        array *= pydl.tensor(REALS, requires_grad=True)


def test_out_may_be_a_tensor() -> None:
    x = pydl.tensor(REALS)
    out = pydl.zeros((2, 3), dtype="float64")
    assert np.exp(x, out=out) is out
    np.testing.assert_array_equal(out.numpy(), np.exp(REALS))
    parts = (pydl.zeros((2, 3), dtype="float64"), pydl.zeros((2, 3), dtype="float64"))
    assert np.modf(x, out=parts) == parts or np.modf(x, out=parts)[0] is parts[0]
    np.testing.assert_array_equal(parts[0].numpy(), np.modf(REALS)[0])


def test_what_was_written_by_numpy_is_not_read_by_a_derivative() -> None:
    x = pydl.tensor([1.0, 2.0], requires_grad=True)
    kept = pydl.tensor([3.0, 4.0])
    y = (x * kept).sum()
    np.add(kept.numpy(), 1, out=kept)
    with pytest.raises(RuntimeError, match="overwritten|changed|version"):
        y.backward()


def test_methods_of_universal_functions() -> None:
    x = pydl.tensor(REALS)
    np.testing.assert_array_equal(np.add.reduce(x, axis=0), np.add.reduce(REALS, axis=0))
    np.testing.assert_array_equal(np.multiply.outer(x, x), np.multiply.outer(REALS, REALS))
    np.testing.assert_array_equal(np.add(x, 1, dtype="float32"), (REALS + 1).astype("float32"))
    counts = np.zeros(3)
    np.add.at(counts, pydl.tensor([0, 2, 2]), 1)
    assert counts.tolist() == [1, 0, 2]


def test_dtypes_that_pydl_does_not_have_stay_with_numpy() -> None:
    result = np.add(pydl.tensor([1, 2]), 1, dtype="complex128")
    assert isinstance(result, np.ndarray)
    with pytest.raises(TypeError, match="bfloat16"):
        np.exp(pydl.ones(2, dtype="bfloat16"))
    assert np.add(pydl.ones(2, dtype="bfloat16"), 1).dtype == "bfloat16"


def test_other_functions_of_numpy_read_tensors() -> None:
    x = pydl.tensor(REALS)
    np.testing.assert_array_equal(np.concatenate([x, x]), np.concatenate([REALS, REALS]))
    np.testing.assert_array_equal(np.where(x > 1, x, 0), np.where(REALS > 1, REALS, 0))
    np.testing.assert_array_equal(np.sort(x), np.sort(REALS))
    assert np.allclose(x, REALS)
    assert np.mean(x) == REALS.mean()
