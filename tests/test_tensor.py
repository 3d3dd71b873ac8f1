"""Making tensors, looking at them, converting, copying and overwriting them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl

NUMPY_DTYPES = ["bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]


# --- creation -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "dtype", "shape"),
    [
        (1, "int64", ()),
        (1.5, "float32", ()),
        (True, "bool", ()),
        ([], "float32", (0,)),
        ([[]], "float32", (1, 0)),
        ([[], []], "float32", (2, 0)),
        ([1, 2], "int64", (2,)),
        ((1, 2), "int64", (2,)),
        ([1, 2.5], "float32", (2,)),
        ([True, False], "bool", (2,)),
        ([True, 2], "int64", (2,)),
        ([[1.0, 2.0], [3.0, 4.0]], "float32", (2, 2)),
        ([np.float64(1), np.float64(2)], "float64", (2,)),
        ([np.arange(2), np.arange(2)], "int64", (2, 2)),
        (np.int8(3), "int8", ()),
        (np.float16(3), "float16", ()),
        (bytearray(b"ab"), "uint8", (2,)),
        (memoryview(np.arange(3.0)), "float64", (3,)),
    ],
)
def test_dtype_of_data(data: Any, dtype: str, shape: tuple[int, ...]) -> None:
    x = pydl.tensor(data)
    assert x.dtype == dtype
    assert x.shape == shape
    np.testing.assert_array_equal(x.numpy(), np.asarray(data, dtype).reshape(shape))


@pytest.mark.parametrize("dtype", NUMPY_DTYPES)
def test_arrays_keep_their_dtype(dtype: str) -> None:
    array = np.array([[0, 1], [1, 0]], dtype)
    x = pydl.tensor(array)
    assert x.dtype == dtype
    assert x.numpy().dtype == array.dtype
    assert x.tolist() == array.tolist()


@pytest.mark.parametrize("dtype", [pydl.int16, "int16", np.int16, np.dtype("int16")])
def test_ways_to_name_a_dtype(dtype: Any) -> None:
    assert pydl.zeros(2, dtype=dtype).dtype is pydl.int16
    assert pydl.tensor([1.9, -1.9], dtype=dtype).tolist() == [1, -1]


def test_python_types_as_dtypes() -> None:
    assert pydl.zeros(1, dtype=float).dtype is pydl.float64
    assert pydl.zeros(1, dtype=int).dtype is pydl.int64
    assert pydl.zeros(1, dtype=bool).dtype is pydl.bool


def test_floats_keep_their_digits_in_float64() -> None:
    assert pydl.tensor(0.1, dtype="float64").item() == 0.1
    assert pydl.tensor([0.1], dtype="float64").item() == 0.1
    assert pydl.tensor([[0.1], [0.7]], dtype="float64").tolist() == [[0.1], [0.7]]


def test_extreme_integers_are_exact() -> None:
    values = [-(2**63), 2**63 - 1, 2**53 + 1]
    x = pydl.tensor(values)
    assert x.tolist() == values
    assert [x[i].item() for i in range(3)] == values
    assert all(str(value) in repr(x) for value in values)


def test_tensors_in_lists_are_stacked() -> None:
    rows = [pydl.tensor([1.0, 2.0], dtype="float64"), pydl.tensor([3.0, 4.0], dtype="float64")]
    x = pydl.tensor(rows)
    assert x.dtype == "float64"
    assert x.tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_tensor_copies_and_asarray_shares() -> None:
    x = pydl.tensor([1.0, 2.0])
    copied, shared = pydl.tensor(x), pydl.asarray(x)
    x[0] = 9
    assert copied.tolist() == [1.0, 2.0]
    assert shared.tolist() == [9.0, 2.0]
    assert pydl.asarray(x, copy=True).tolist() == [9.0, 2.0]
    assert pydl.asarray(x, dtype="int32").dtype == "int32"


def test_functions_of_shapes() -> None:
    assert pydl.zeros(3).tolist() == [0.0] * 3
    assert pydl.ones((2, 1), dtype="int8").tolist() == [[1], [1]]
    assert pydl.full((2,), 7).tolist() == [7, 7]
    assert pydl.full((2,), 1.5).dtype == "float32"
    assert pydl.full([2], True).dtype == "bool"
    assert pydl.empty((2, 3), dtype="float64").shape == (2, 3)
    assert pydl.zeros((2**62, 0)).size == 0
    like = pydl.tensor([[1, 2]], dtype="int16")
    assert pydl.zeros_like(like).dtype == like.dtype
    assert pydl.ones_like(like).tolist() == [[1, 1]]


@pytest.mark.parametrize(
    "arguments",
    [(0,), (5,), (2, 5), (5, 0, -2), (0, 7, 3), (3, 3), (5, 2), (-3, 4, 2), (0, -1, -1)],
)
def test_arange_of_integers(arguments: tuple[int, ...]) -> None:
    x = pydl.arange(*arguments)
    assert x.dtype == "int64"
    assert x.tolist() == list(range(*arguments))


def test_arange_at_the_ends_of_int64() -> None:
    assert pydl.arange(2**63 - 3, 2**63 - 1).tolist() == [2**63 - 3, 2**63 - 2]
    steps = pydl.arange(-(2**63), 2**63 - 1, 2**62)
    assert steps.tolist() == list(range(-(2**63), 2**63 - 1, 2**62))


def test_arange_and_linspace_of_floats() -> None:
    assert pydl.arange(0, 1, 0.25).tolist() == [0.0, 0.25, 0.5, 0.75]
    assert pydl.arange(1.0, 0.0, -0.5).tolist() == [1.0, 0.5]
    assert pydl.arange(3, dtype="float64").dtype == "float64"
    assert pydl.linspace(0, 1, 5).tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert pydl.linspace(2, 1, 1).tolist() == [2.0]
    assert pydl.linspace(0, 1, 0).shape == (0,)
    x = pydl.linspace(-3, 7, 101, dtype="float64")
    np.testing.assert_allclose(x.numpy(), np.linspace(-3, 7, 101), rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("arguments", [(3,), (2, 3), (3, 2, 1), (3, 3, -2), (2, 2, 5), (0,)])
def test_eye(arguments: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(pydl.eye(*arguments).numpy(), np.eye(*arguments))


# --- refused arguments --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: pydl.tensor(None), TypeError, "NoneType"),
        (lambda: pydl.tensor("abc"), TypeError, "str"),
        (lambda: pydl.tensor(b"abc"), TypeError, "S3"),
        (lambda: pydl.tensor({1: 2}), TypeError, "dict"),
        (lambda: pydl.tensor(object()), TypeError, "object"),
        (lambda: pydl.tensor(1j), TypeError, "complex"),
        (lambda: pydl.tensor([1j]), TypeError, "complex128"),
        (lambda: pydl.tensor([None]), TypeError, "object"),
        (lambda: pydl.tensor(["a"]), TypeError, "U1"),
        (lambda: pydl.tensor(np.ones(2, complex)), TypeError, "complex128"),
        (lambda: pydl.tensor(np.array([None, 1])), TypeError, "object"),
        (lambda: pydl.tensor(np.zeros(2, "datetime64[s]")), TypeError, "datetime64"),
        (lambda: pydl.from_numpy(np.zeros(2, "uint16")), TypeError, "uint16"),
        (lambda: pydl.tensor(np.zeros(2, "longdouble")), TypeError, "float128|longdouble"),
        (lambda: pydl.tensor(np.zeros(2, [("a", "f4")])), TypeError, "f4"),
        (lambda: pydl.tensor([[1, 2], [3]]), ValueError, "rows of one length"),
        (lambda: pydl.tensor([1, [2, 3]]), ValueError, "rows of one length"),
        (lambda: pydl.tensor(2**63), OverflowError, "int64"),
        (lambda: pydl.tensor([2**63]), OverflowError, "int64"),
        (lambda: pydl.tensor(np.zeros((1,) * 9)), ValueError, "at most 8 axes"),
        (lambda: pydl.tensor([[[[[[[[[1]]]]]]]]]), ValueError, "at most 8 axes"),
        (lambda: pydl.tensor(1, dtype="float128"), TypeError, "float128"),
        (lambda: pydl.tensor([1], requires_grad=True), TypeError, "floating-point"),
        (lambda: pydl.zeros((1,) * 9), ValueError, "at most 8 axes"),
        (lambda: pydl.zeros(-1), ValueError, "negative"),
        (lambda: pydl.empty((2, -3)), ValueError, "negative"),
        (lambda: pydl.zeros((2**62, 2**62)), MemoryError, "memory"),
        (lambda: pydl.empty((2**40, 2**10)), MemoryError, "memory"),
        (lambda: pydl.zeros(2**62), MemoryError, "memory"),
        (lambda: pydl.zeros(2**64), OverflowError, "too big"),
        (lambda: pydl.zeros(2.5), TypeError, "shape"),
        (lambda: pydl.zeros(None), TypeError, "shape"),
        (lambda: pydl.zeros(True), TypeError, "shape"),
        (lambda: pydl.zeros((2, None)), TypeError, "shape"),
        (lambda: pydl.zeros(2, dtype="nope"), TypeError, "nope"),
        (lambda: pydl.zeros(2, dtype=np.complex64), TypeError, "complex64"),
        (lambda: pydl.full((2,), "a"), TypeError, "full"),
        (lambda: pydl.arange(0, 5, 0), ValueError, "step"),
        (lambda: pydl.arange(0, float("nan")), ValueError, "finite"),
        (lambda: pydl.arange(0, float("inf")), ValueError, "finite"),
        (lambda: pydl.arange(0, 1e18), MemoryError, "memory"),
        (lambda: pydl.linspace(0, 1, -1), ValueError, "negative"),
        (lambda: pydl.eye(-1), ValueError, "negative"),
        (lambda: pydl.from_numpy([1, 2]), TypeError, "from_numpy"),
        (lambda: pydl.asarray([1, 2], copy=False), ValueError, "copy"),
        (lambda: pydl.asarray(np.arange(2), dtype="int8", copy=False), ValueError, "copy"),
        (lambda: pydl.Tensor(None), TypeError, "NoneType"),
    ],
)
def test_refused_arguments(
    make: Callable[[], object], error: type[Exception], message: str
) -> None:
    before = pydl.live_tensor_count()
    with pytest.raises(error, match=message):
        make()
    assert pydl.live_tensor_count() == before


# --- attributes and text ------------------------------------------------------------------------


def test_attributes() -> None:
    x = pydl.zeros((2, 3, 4), dtype="int16")
    assert (x.shape, x.strides, x.ndim, x.size, x.nbytes) == ((2, 3, 4), (12, 4, 1), 3, 24, 48)
    assert x.device == "cpu"
    assert x.dtype is pydl.int16
    assert x.is_leaf
    assert not x.requires_grad
    assert x.grad is None
    assert len(x) == 2
    assert x.mT.shape == (2, 4, 3)
    assert x[0].T.strides == (1, 4)


def test_t_needs_a_matrix() -> None:
    with pytest.raises(ValueError, match="T: expected 2 axes"):
        _ = pydl.zeros(3).T
    with pytest.raises(ValueError, match="matrix_transpose"):
        _ = pydl.zeros(3).mT


@pytest.mark.parametrize("name", ["shape", "strides", "ndim", "size", "dtype", "is_leaf", "T"])
def test_attributes_are_read_only(name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(pydl.zeros((2, 2)), name, 1)


def test_dtype_objects() -> None:
    assert pydl.float32 == np.float32
    assert pydl.float32 == "float32"
    assert pydl.float32 != pydl.float64
    assert pydl.float32 != 3
    assert len({pydl.float32, pydl.float64, pydl.float32}) == 2
    assert (pydl.bfloat16.itemsize, pydl.bfloat16.is_floating) == (2, True)
    assert (str(pydl.int8), repr(pydl.int8)) == ("int8", "pydl.int8")
    assert pydl.int8.numpy == np.dtype("int8")
    with pytest.raises(TypeError, match="bfloat16"):
        _ = pydl.bfloat16.numpy


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (1, "tensor(1, dtype=int64)"),
        (1.5, "tensor(1.5000, dtype=float32)"),
        ([], "tensor([], dtype=float32)"),
        ([1.0, 2.0], "tensor([1., 2.], dtype=float32)"),
        ([-1, 20], "tensor([-1, 20], dtype=int64)"),
        ([True, False], "tensor([ True, False], dtype=bool)"),
        ([1e-10, 1.0], "tensor([1.0000e-10, 1.0000e+00], dtype=float32)"),
        ([[1, 2], [3, 4]], "tensor([[1, 2],\n        [3, 4]], dtype=int64)"),
        (np.zeros((2, 0), "int8"), "tensor([], shape=(2, 0), dtype=int8)"),
    ],
)
def test_repr(data: Any, text: str) -> None:
    assert repr(pydl.tensor(data)) == text
    assert str(pydl.tensor(data)) == text


def test_repr_of_large_and_of_recorded_tensors() -> None:
    text = "tensor([   0,    1,    2, ..., 1997, 1998, 1999], dtype=int64)"
    assert repr(pydl.arange(2000)) == text
    assert len(repr(pydl.zeros((100, 100, 100)))) < 2000
    x = pydl.tensor([1.0], requires_grad=True)
    assert repr(x) == "tensor([1.], dtype=float32, requires_grad=True)"
    assert "requires_grad=True" in repr(x * 2)
    assert "nan" in repr(pydl.tensor([float("nan"), float("inf")]))


def test_repr_of_a_huge_shape_without_elements() -> None:
    assert repr(pydl.zeros((2**62, 0))) == f"tensor([], shape=({2**62}, 0), dtype=float32)"


# --- conversion ---------------------------------------------------------------------------------


def test_numbers_out_of_tensors() -> None:
    assert pydl.tensor([[2.5]]).item() == 2.5
    assert isinstance(pydl.tensor(3).item(), int)
    assert pydl.tensor([True]).item() is True
    assert (int(pydl.tensor(2.7)), float(pydl.tensor(3)), bool(pydl.tensor(0.0))) == (2, 3.0, False)
    assert [10, 20, 30][pydl.tensor(1)] == 20
    assert list(range(pydl.tensor(3))) == [0, 1, 2]
    assert pydl.tensor([1.5, 2.5], dtype="bfloat16").tolist() == [1.5, 2.5]
    assert pydl.tensor([[1, 2], [3, 4]]).T.tolist() == [[1, 3], [2, 4]]


@pytest.mark.parametrize(
    ("convert", "error"),
    [
        (lambda: pydl.tensor([1.0, 2.0]).item(), ValueError),
        (lambda: pydl.tensor([]).item(), ValueError),
        (lambda: bool(pydl.tensor([])), ValueError),
        (lambda: bool(pydl.tensor([1, 2])), ValueError),
        (lambda: float(pydl.tensor([1, 2])), ValueError),
        (lambda: int(pydl.tensor(float("nan"))), ValueError),
        (lambda: int(pydl.tensor(float("inf"))), OverflowError),
        (lambda: range(pydl.tensor(3.0)), TypeError),
        (lambda: len(pydl.tensor(1)), TypeError),
        (lambda: iter(pydl.tensor(1)), TypeError),
        (lambda: pydl.tensor(1.0, dtype="bfloat16").numpy(), TypeError),
        (lambda: pydl.tensor(1.0, requires_grad=True).numpy(), RuntimeError),
        (lambda: pydl.tensor(1.0).to("cuda"), RuntimeError),
        (lambda: pydl.tensor(1.0).to("nowhere"), TypeError),
        (lambda: pydl.tensor(1.0).to(None), TypeError),
    ],
)
def test_refused_conversions(convert: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        convert()


def test_iteration_gives_views() -> None:
    x = pydl.zeros((3, 2))
    for i, row in enumerate(x):
        row[:] = i
    assert x.tolist() == [[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]


def test_to_and_astype() -> None:
    x = pydl.tensor([0.0, -1.7, 2.7])
    assert x.to("cpu").tolist() == x.tolist()
    assert x.to(pydl.int32).tolist() == [0, -1, 2]
    assert x.astype("bool").tolist() == [False, True, True]
    assert x.astype("float32").tolist() == x.tolist()
    assert x.astype("float64").astype("bfloat16").dtype is pydl.bfloat16


# --- copies -------------------------------------------------------------------------------------


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, pydl.copy, pydl.tensor])
def test_copies_have_memory_of_their_own(duplicate: Callable[[Any], Any]) -> None:
    x = pydl.tensor([[1.0, 2.0], [3.0, 4.0]])
    y = duplicate(x.T)
    x.fill_(0)
    assert y.tolist() == [[1.0, 3.0], [2.0, 4.0]]


def test_deepcopy_of_leaves_and_of_subclasses() -> None:
    x = pydl.tensor([1.0], requires_grad=True)
    y = copy.deepcopy(x)
    assert y.requires_grad
    assert y.is_leaf
    with pytest.raises(RuntimeError, match="detach"):
        copy.deepcopy(x * 2)
    parameter = pydl.nn.Parameter(pydl.ones(2))
    assert type(copy.deepcopy(parameter)) is type(parameter)
    # The same object twice stays one object.
    first, second = copy.deepcopy([x, x])
    assert first is second


def test_contiguous_copies_only_when_needed() -> None:
    x = pydl.arange(6).reshape(2, 3)
    assert x.is_contiguous()
    assert x.contiguous().numpy().ctypes.data == x.numpy().ctypes.data
    assert not x.T.is_contiguous()
    y = x.T.contiguous()
    assert y.is_contiguous()
    assert y.tolist() == x.T.tolist()


# --- operators ----------------------------------------------------------------------------------


def test_operators_with_python_and_numpy_operands() -> None:
    x = pydl.tensor([1, 2])
    pair = [1, 2]
    assert (x + pair).tolist() == (pair + x).tolist() == [2, 4]
    for result in (np.array([3, 4]) - x, pydl.tensor([3, 4]) - x):
        assert isinstance(result, pydl.Tensor)
        assert result.tolist() == [2, 2]
    assert isinstance(np.float64(2) * x, pydl.Tensor)
    assert (2**x).tolist() == [2, 4]
    assert (7 // x).tolist() == [7, 3]
    assert (-7 % pydl.tensor([3])).tolist() == [2]
    assert (1 / x).tolist() == [1.0, 0.5]
    assert (x @ np.array([3, 4])).item() == 11
    assert (x == None) is False  # noqa: E711
    assert (x != "a") is True
    assert (x >= 2).tolist() == [False, True]


@pytest.mark.parametrize("other", [None, "a", {}, object()])
def test_operands_without_meaning(other: Any) -> None:
    x = pydl.tensor([1.0])
    with pytest.raises(TypeError, match="unsupported operand"):
        x + other
    with pytest.raises(TypeError):
        other - x
    with pytest.raises(TypeError):
        x += other
    with pytest.raises(TypeError, match="not supported"):
        x < other  # noqa: B015


def test_logical_operators_of_bools() -> None:
    a, b = pydl.tensor([True, True, False]), pydl.tensor([True, False, False])
    assert (a & b).tolist() == [True, False, False]
    assert (a | b).tolist() == [True, True, False]
    assert (a ^ b).tolist() == [False, True, False]
    assert (~a).tolist() == [False, False, True]
    assert (a & 1).tolist() == [1, 1, 0]  # of integers, they are bitwise
    assert (pydl.tensor([4]) | a).tolist() == [5, 5, 4]
    for operation in (lambda: a & 1.5, lambda: ~pydl.tensor([1.0])):
        with pytest.raises(TypeError, match="expected integers or bools"):
            operation()
    with pytest.raises(TypeError, match="bool"):
        pydl.negative(a)
    with pytest.raises(TypeError, match="third argument"):
        pow(pydl.tensor(2), 2, 3)


# --- overwriting --------------------------------------------------------------------------------


def test_in_place_operators_keep_the_object_and_its_memory() -> None:
    x = pydl.tensor([2.0, 4.0])
    view, before = x[:1], x
    x += 1
    x *= [2.0, 2.0]
    x -= pydl.tensor([1.0, 1.0])
    x /= 5
    assert x is before
    assert x.tolist() == pytest.approx([1.0, 1.8])
    assert view.tolist() == [1.0]


def test_in_place_operators_broadcast_only_the_operand() -> None:
    x = pydl.zeros((2, 3))
    x += pydl.tensor([1.0, 2.0, 3.0])
    assert x.tolist() == [[1.0, 2.0, 3.0]] * 2
    y = pydl.zeros(3)
    with pytest.raises(ValueError, match="shape"):
        y += pydl.zeros((2, 3))
    assert y.tolist() == [0.0] * 3


def test_in_place_operators_keep_the_dtype() -> None:
    x = pydl.tensor([1, 2])
    with pytest.raises(TypeError, match="int64 into float32"):
        x += 0.5
    with pytest.raises(TypeError, match="float32 into float64"):
        y = pydl.zeros(2)
        y += pydl.zeros(2, dtype="float64")
    with pytest.raises(TypeError, match="int64 into float32"):
        x /= 2
    assert x.tolist() == [1, 2]
    z = pydl.tensor([1.0], dtype="float16")
    z += pydl.tensor([1])
    assert (z.dtype, z.tolist()) == (pydl.float16, [2.0])


def test_in_place_with_itself_and_with_overlap() -> None:
    x = pydl.arange(5)
    x += x
    assert x.tolist() == [0, 2, 4, 6, 8]
    tail = x[1:]
    tail += x[:-1]
    assert x.tolist() == [0, 2, 6, 10, 14]


def test_fill_zero_and_copy() -> None:
    x = pydl.zeros((2, 2))
    assert x.fill_(3) is x
    assert x.copy_([1, 2]) is x
    assert x.tolist() == [[1.0, 2.0]] * 2
    x.T.copy_(pydl.tensor([[1, 2], [3, 4]]))
    assert x.tolist() == [[1.0, 3.0], [2.0, 4.0]]
    assert x.zero_() is x
    assert not x.any()
    with pytest.raises(ValueError, match="shape|broadcast"):
        x.copy_([1, 2, 3])
    with pytest.raises(TypeError):
        x.fill_("a")


@pytest.mark.parametrize(
    "overwrite",
    [
        lambda x: x.fill_(1),
        lambda x: x.zero_(),
        lambda x: x.copy_(x),
        lambda x: x.__setitem__(0, 1),
        lambda x: x.__iadd__(1),
    ],
)
def test_read_only_memory_is_not_overwritten(overwrite: Callable[[Any], object]) -> None:
    array = np.arange(3.0)
    array.flags.writeable = False
    x = pydl.from_numpy(array)
    with pytest.raises((RuntimeError, ValueError), match="read-only"):
        overwrite(x)
    assert array.tolist() == [0.0, 1.0, 2.0]
    assert not x.numpy().flags.writeable
    assert (x + 1).tolist() == [1.0, 2.0, 3.0]


def test_subclasses_share_the_tensor() -> None:
    class Named(pydl.Tensor):
        name = "weights"

    x = pydl.tensor([1.0, 2.0])
    named = Named(x)
    named.fill_(3)
    assert isinstance(named, pydl.Tensor)
    assert named.name == "weights"
    assert x.tolist() == [3.0, 3.0]
    assert (named + 1).tolist() == [4.0, 4.0]
