"""Python numbers beside tensors: with all their digits, and never as another number."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import _core

INTEGERS = {
    "uint8": (0, 2**8 - 1),
    "int8": (-(2**7), 2**7 - 1),
    "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1),
    "int64": (-(2**63), 2**63 - 1),
}
FLOATS = ["float16", "bfloat16", "float32", "float64"]
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}
Function = Callable[..., Any]


def edges(dtype: str) -> list[int]:
    """Numbers at and beyond the ends of the dtype, and of int64."""
    least, most = INTEGERS[dtype]
    edges = [least - 1, least, least + 1, 0, 1, most - 1, most, most + 1]
    return [*edges, 2**63, 2**64, -(2**63) - 1, 10**400, -(10**400)]


def values(dtype: str) -> list[int]:
    least, most = INTEGERS[dtype]
    return [least, least + 1, 1, 44, most - 1, most]


def holds(dtype: str, number: int) -> bool:
    least, most = INTEGERS[dtype]
    return least <= number <= most


# Ops whose second argument is not an operand: bounds, a number of digits, a bound.
NOT_OPERANDS = ("clip", "round", "logit")


def elementwise_with_a_number() -> list[str]:
    """Return the elementwise ops that take a tensor of integers and a Python number."""
    found = []
    for op in _core.ops():
        function = getattr(_core, op["name"], None)
        if not op["elementwise"] or function is None or op["name"] in NOT_OPERANDS:
            continue
        try:
            function(pydl.tensor([1, 2], dtype="int32"), 1)
        except TypeError:
            continue
        found.append(op["name"])
    return found


WITH_A_NUMBER = elementwise_with_a_number()
# Of a tensor; their parameters may be numbers.
ACTIVATIONS = ("leaky_relu", "elu", "celu", "hardshrink", "hardtanh", "softshrink")


def test_the_walk_finds_the_ops() -> None:
    assert set(COMPARISONS) < set(WITH_A_NUMBER)
    assert {"add", "pow", "maximum", "bitwise_and", "atan2", "remainder"} < set(WITH_A_NUMBER)
    assert len(WITH_A_NUMBER) >= 25


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", COMPARISONS)
class TestComparisonsOfIntegers:
    def test_with_integers(self, name: str, dtype: str) -> None:
        compare = COMPARISONS[name]
        numbers = values(dtype)
        x = pydl.tensor(numbers, dtype=dtype)
        for number in edges(dtype):
            expected = [compare(value, number) for value in numbers]
            turned = [compare(number, value) for value in numbers]
            assert compare(x, number).tolist() == expected, number
            assert compare(number, x).tolist() == turned, number
            assert getattr(pydl, name)(x, number).tolist() == expected, number
            assert getattr(pydl, name)(number, x).tolist() == turned, number

    def test_with_floats(self, name: str, dtype: str) -> None:
        compare = COMPARISONS[name]
        numbers = values(dtype)
        x = pydl.tensor(numbers, dtype=dtype)
        special = [0.5, 1.0, 43.9999, 1e300, -1e300, 2.0**63, -(2.0**63), math.inf, -math.inf]
        for number in [*special, math.nan, float(numbers[-1]), float(numbers[0])]:
            expected = [compare(value, number) for value in numbers]
            assert compare(x, number).tolist() == expected, number
            assert compare(number, x).tolist() == [compare(number, v) for v in numbers], number

    def test_with_numbers_of_numpy(self, name: str, dtype: str) -> None:
        compare = COMPARISONS[name]
        numbers = values(dtype)
        x = pydl.tensor(numbers, dtype=dtype)
        for number in (np.uint64(2**64 - 1), np.int64(-(2**63)), np.int16(300), np.float64(44.5)):
            expected = [compare(value, number.item()) for value in numbers]
            assert compare(x, number).tolist() == expected, number
            turned = [compare(number.item(), value) for value in numbers]
            assert compare(number, x).tolist() == turned, number

    def test_compiled(self, name: str, dtype: str) -> None:
        numbers = values(dtype)
        x = pydl.tensor(numbers, dtype=dtype)
        compare = COMPARISONS[name]
        for number in edges(dtype):
            compiled = pydl.compile(lambda t, n=number: compare(t, n))
            assert compiled(x).tolist() == [compare(value, number) for value in numbers], number


@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_of_bools_and_of_tensors_of_several_kinds(name: str) -> None:
    compare = COMPARISONS[name]
    flags = pydl.tensor([False, True])
    for number in (-1, 0, 1, 2, 0.5, 1.0000000001, math.nan, 2**70):
        expected = [compare(value, number) for value in (False, True)]
        assert compare(flags, number).tolist() == expected, number
    whole = 2**24 + 1  # which float32 does not hold
    for dtype in ("int32", "int64"):
        x = pydl.tensor([whole, 5], dtype=dtype)
        y = pydl.tensor([2.0**24, 5.0])
        assert compare(x, y).tolist() == [compare(whole, 2**24), compare(5, 5)]
        assert compare(y, x).tolist() == [compare(2**24, whole), compare(5, 5)]
    half = pydl.tensor([2048.0], dtype="float16")
    odd = pydl.tensor([2049], dtype="int16")
    assert compare(odd, half).tolist() == [compare(2049, 2048)]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("name", [n for n in WITH_A_NUMBER if n not in COMPARISONS])
@pytest.mark.parametrize("jit", [False, True])
def test_numbers_beside_integers_are_themselves_or_an_error(
    name: str, dtype: str, jit: bool
) -> None:
    function = getattr(_core, name)
    x = pydl.tensor(values(dtype), dtype=dtype)
    for number in edges(dtype):
        calls = [lambda t, n=number: function(t, n), lambda t, n=number: function(n, t)]
        if name in ACTIVATIONS:
            calls = calls[:1]
        for i, call in enumerate(calls):
            run = pydl.compile(call) if jit else call
            if name in ("hardshrink", "softshrink") and number < 0:
                with pytest.raises((ValueError, OverflowError), match=r"at least 0|does not fit"):
                    run(x)
                continue
            if not holds(dtype, number):
                with pytest.raises(OverflowError, match=r"does not fit into"):
                    run(x)
                continue
            same = pydl.tensor(number, dtype=dtype)
            expected = function(x, same) if i == 0 else function(same, x)
            assert str(run(x).tolist()) == str(expected.tolist()), (number, i)


OPERATORS = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.floordiv, operator.mod,
    operator.pow, operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift,
    operator.iadd, operator.isub, operator.imul, operator.iand, operator.ior, operator.ixor,
    operator.ifloordiv, operator.imod, operator.ipow, operator.ilshift, operator.irshift,
]  # fmt: skip


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("function", OPERATORS)
def test_operators(function: Function, dtype: str) -> None:
    for number in edges(dtype):
        x = pydl.tensor(values(dtype), dtype=dtype)
        if holds(dtype, number):
            assert function(x, number).shape == (6,)
            continue
        with pytest.raises(OverflowError, match="does not fit into"):
            function(x, number)
        assert x.tolist() == values(dtype)


def _filled(x: pydl.Tensor, fill: Callable[[pydl.Tensor], object]) -> pydl.Tensor:
    fill(x)
    return x


def _set(x: pydl.Tensor, value: object) -> pydl.Tensor:
    x[0] = value
    return x[0]


TRUE = [True]
# Every way by which a Python number becomes an element of a tensor of a given dtype.
WAYS: dict[str, Callable[[Any, str], pydl.Tensor]] = {
    "tensor": lambda n, d: pydl.tensor(n, dtype=d),
    "tensor of list": lambda n, d: pydl.tensor([n], dtype=d),
    "tensor of nested lists": lambda n, d: pydl.tensor([[0], [n]], dtype=d)[1],
    "tensor of tuple": lambda n, d: pydl.tensor((n,), dtype=d),
    "tensor of list with a float": lambda n, d: pydl.tensor([n, 0.5], dtype=d)[0],
    "tensor of list with an integer": lambda n, d: pydl.tensor([n, 1], dtype=d)[0],
    "tensor of list with a tensor": lambda n, d: pydl.tensor([pydl.tensor(1, dtype=d), n])[1],
    "tensor of list before a tensor": lambda n, d: pydl.tensor([n, pydl.tensor(1, dtype=d)])[0],
    "asarray": lambda n, d: pydl.asarray(n, dtype=d),
    "asarray of list": lambda n, d: pydl.asarray([n], dtype=d),
    "asarray, copied": lambda n, d: pydl.asarray([n], dtype=d, copy=True),
    "full": lambda n, d: pydl.full((2,), n, dtype=d)[0],
    "fill_": lambda n, d: _filled(pydl.zeros(2, dtype=d), lambda x: x.fill_(n))[0],
    "copy_": lambda n, d: _filled(pydl.zeros(2, dtype=d), lambda x: x.copy_(n))[0],
    "copy_ of list": lambda n, d: _filled(pydl.zeros(2, dtype=d), lambda x: x.copy_([n, n]))[0],
    "setitem": lambda n, d: _set(pydl.zeros(2, dtype=d), n),
    "setitem of list": lambda n, d: _set(pydl.zeros((2, 1), dtype=d), [n])[0],
    "where, first": lambda n, d: pydl.where(pydl.tensor(TRUE), n, pydl.zeros(1, dtype=d)),
    "where, second": lambda n, d: pydl.where(pydl.tensor([False]), pydl.zeros(1, dtype=d), n),
    "arange": lambda n, d: pydl.arange(n, n + 1, dtype=d)[0],
    "pad": lambda n, d: pydl.nn.functional.pad(pydl.ones(1, dtype=d), (1, 0), value=n)[0],
    "add": lambda n, d: pydl.zeros(1, dtype=d) + n,
    "add, turned": lambda n, d: n + pydl.zeros(1, dtype=d),
    "add a list": lambda n, d: operator.add(pydl.zeros(1, dtype=d), [n]).astype(d),
    "in-place add": lambda n, d: _filled(pydl.zeros(1, dtype=d), lambda x: x.__iadd__(n)),
    "multiply": lambda n, d: pydl.ones(1, dtype=d) * n,
}  # fmt: skip


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("way", WAYS)
def test_integers_into_integer_tensors(way: str, dtype: str) -> None:
    for number in edges(dtype):
        if way == "add a list":  # a list has a dtype of its own, int64
            if not holds("int64", number):
                with pytest.raises(OverflowError):
                    WAYS[way](number, dtype)
            continue
        if way == "arange" and number == 2**63 - 1:  # there is no integer behind it
            continue
        if holds(dtype, number):
            result = WAYS[way](number, dtype)
            assert result.dtype == dtype
            assert result.item() == number
            continue
        with pytest.raises(OverflowError, match="fit|too large|too big"):
            WAYS[way](number, dtype)


NOT_REAL = {"add", "add, turned", "add a list", "in-place add", "multiply", "arange",
            "where, first", "where, second", "tensor of list with a tensor",
            "tensor of list before a tensor"}  # fmt: skip


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("way", [way for way in WAYS if way not in NOT_REAL])
def test_floats_into_integer_tensors(way: str, dtype: str) -> None:
    assert WAYS[way](1.9, dtype).item() == 1
    assert WAYS[way](-0.9, dtype).item() == 0
    most = INTEGERS[dtype][1]
    if most < 2**53:
        assert WAYS[way](most + 0.5, dtype).item() == most
    with pytest.raises(ValueError, match=r"(?i)nan|NaN"):
        WAYS[way](math.nan, dtype)
    for number in (math.inf, -math.inf, 1e300, float(most) + 1, -(2.0**64)):
        with pytest.raises(OverflowError):
            WAYS[way](number, dtype)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [0.1, 1 / 3, 1e300, -2.5e-300, 2.0**53])
def test_floats_into_float64(way: str, number: float) -> None:
    if way == "arange" and abs(number) >= 2**53:  # where the next number is the same
        return
    result = WAYS[way](number, "float64")
    assert result.dtype == "float64"
    assert result.item() == number


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("arange", "add a list")])
def test_integers_into_floating_point_tensors(way: str, dtype: str) -> None:
    for number in (2**63, 2**64, -(2**63) - 1, 2**70):
        expected = np.float32(number) if dtype in ("float32", "bfloat16") else float(number)
        if dtype == "float16":
            expected = math.copysign(math.inf, number)
        assert WAYS[way](number, dtype).item() == expected
    with pytest.raises(OverflowError):
        WAYS[way](10**400, dtype)


@pytest.mark.parametrize("way", WAYS)
def test_whole_numbers_keep_all_bits_in_int64(way: str) -> None:
    for number in (2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)):
        if way == "arange" and number == 2**63 - 1:
            continue
        assert WAYS[way](number, "int64").item() == number


@pytest.mark.parametrize("name", WITH_A_NUMBER)
def test_floats_beside_float64(name: str) -> None:
    function = getattr(_core, name)
    x = pydl.tensor([0.3, 0.1, 7.0], dtype="float64")
    same = pydl.tensor(0.1, dtype="float64")
    try:
        expected = function(x, same)
    except TypeError:
        assert "bitwise" in name
        return
    for number in (0.1, np.float64(0.1)):
        assert str(function(x, number).tolist()) == str(expected.tolist())
    if name not in ACTIVATIONS:
        assert str(function(x, [0.1]).tolist()) == str(expected.tolist())
        assert str(function(0.1, x).tolist()) == str(function(same, x).tolist())


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", COMPARISONS)
def test_comparisons_of_floats_with_integers_beyond_all_of_them(name: str, dtype: str) -> None:
    numbers = [-math.inf, -1.0, 0.0, 2.0, math.inf, math.nan]
    x = pydl.tensor(numbers, dtype=dtype)
    compare = COMPARISONS[name]
    for number in (10**400, -(10**400)):
        finite = [compare(value, number) for value in (-1.0, 0.0, 2.0)]
        assert compare(x, number).tolist()[1:4] == finite
        assert compare(x, number).tolist() == [compare(value, number) for value in numbers]


def test_numbers_of_numpy_in_lists() -> None:
    for number in (np.int64(300), np.uint64(2**64 - 1), np.float64(1e30), np.float32(np.inf)):
        with pytest.raises(OverflowError, match="does not fit into uint8"):
            pydl.tensor([number], dtype="uint8")
        with pytest.raises(OverflowError, match="does not fit into uint8"):
            pydl.tensor(number, dtype="uint8")
    with pytest.raises(ValueError, match="NaN"):
        pydl.tensor([np.float64("nan")], dtype="int64")
    assert pydl.tensor([np.int8(3), 4.5], dtype="int16").tolist() == [3, 4]


def test_lists_of_python_numbers_without_a_dtype() -> None:
    assert pydl.tensor([1, 2]).dtype == "int64"
    assert pydl.tensor([1, 0.5]).dtype == "float32"
    assert pydl.tensor([]).dtype == "float32"
    assert pydl.tensor([np.float64(0.1), 0.2]).dtype == "float64"
    assert pydl.tensor([0.2, np.float64(0.1)]).dtype == "float64"
    assert pydl.tensor([0.5, 2**64]).tolist() == [0.5, 2.0**64]
    for numbers in ([2**63], [2**64, 1], [2**63, -1], [[1], [-(2**63) - 1]]):
        with pytest.raises(OverflowError):
            pydl.tensor(numbers)


def test_tensors_in_lists_decide_wherever_they_are() -> None:
    x = pydl.tensor(2.0, dtype="float64", requires_grad=True)
    for numbers in ([0.1, x], [x, 0.1]):
        y = pydl.asarray(numbers)
        assert y.dtype == "float64"
        assert 0.1 in y.tolist()
        assert y.requires_grad


@pytest.mark.parametrize("numbers", [[], [1.0], [[1, 2], [3.5, 4]]])
@pytest.mark.parametrize("dtype", [*INTEGERS, *FLOATS, "bool"])
def test_lists_in_every_dtype(numbers: list[Any], dtype: str) -> None:
    expected = np.array(numbers).astype("float32" if dtype == "bfloat16" else dtype)
    assert pydl.tensor(numbers, dtype=dtype).tolist() == expected.tolist()


@pytest.mark.parametrize("dtype", INTEGERS)
def test_clip_takes_bounds_as_numbers(dtype: str) -> None:
    numbers = values(dtype)
    least, most = INTEGERS[dtype]
    x = pydl.tensor(numbers, dtype=dtype)
    for low in edges(dtype):
        for high in [number for number in edges(dtype) if number >= low]:
            if low > most or high < least:
                with pytest.raises(OverflowError, match="does not fit into"):
                    pydl.clip(x, low, high)
                continue
            expected = [min(max(value, low), high) for value in numbers]
            assert pydl.clip(x, low, high).tolist() == expected
            assert x.clip(low, None).tolist() == [max(value, low) for value in numbers]
            assert x.clip(max=high).tolist() == [min(value, high) for value in numbers]
            assert pydl.clip(x, low, high).dtype == dtype


@pytest.mark.parametrize("dtype", INTEGERS)
def test_ranges_stay_in_their_dtype(dtype: str) -> None:
    _, most = INTEGERS[dtype]
    start = most - 3
    stop = min(most, 2**63 - 2) + 1
    assert pydl.arange(start, stop, dtype=dtype).tolist() == list(range(start, stop))
    if most < 2**63 - 1:
        with pytest.raises(OverflowError, match="arange"):
            pydl.arange(start, most + 2, dtype=dtype)
        with pytest.raises(OverflowError, match="arange"):
            pydl.arange(0.5, most + 5.0, most + 1, dtype=dtype)


def test_messages_name_the_number_and_the_dtype() -> None:
    with pytest.raises(OverflowError, match=r"300 does not fit into uint8, which holds 0 to 255"):
        pydl.tensor([1], dtype="uint8") + 300
    with pytest.raises(OverflowError, match=r"300 does not fit into uint8"):
        pydl.tensor([300], dtype="uint8")
    with pytest.raises(OverflowError, match=r"full: .*300 does not fit into uint8"):
        pydl.full(2, 300, dtype="uint8")


def test_arrays_and_tensors_are_converted_as_by_numpy() -> None:
    wide = np.array([300, -1])
    expected = wide.astype("uint8").tolist()
    assert pydl.tensor(wide, dtype="uint8").tolist() == expected
    assert pydl.tensor(pydl.tensor(wide), dtype="uint8").tolist() == expected
    assert pydl.zeros(2, dtype="uint8").copy_(wide).tolist() == expected


@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "RMSprop"])
def test_learning_rates_keep_their_digits(name: str) -> None:
    parameter = pydl.tensor([1.0], dtype="float64", requires_grad=True)
    optimizer = getattr(pydl.optim, name)([parameter], lr=0.1)
    assert optimizer.lr == 0.1
    optimizer.lr = 1 / 3
    assert optimizer.lr == 1 / 3
    if name == "SGD":
        parameter.grad = pydl.tensor([1.0], dtype="float64")
        optimizer.step()
        assert parameter.item() == 1 - 1 / 3


def test_sums_and_products_of_bools_are_logical() -> None:
    a, b = np.array([True, True, False, False]), np.array([True, False, True, False])
    x, y = pydl.tensor(a), pydl.tensor(b)
    for function in (operator.add, operator.mul, operator.and_, operator.or_, operator.xor):
        result = function(x, y)
        assert result.dtype == "bool"
        assert result.tolist() == function(a, b).tolist()
        assert pydl.compile(lambda p, q, f=function: f(p, q))(x, y).tolist() == result.tolist()
    assert (~x).tolist() == (~a).tolist()
    assert (x + True).tolist() == [True] * 4
    assert (x + 1).tolist() == [2, 2, 1, 1]
    with pytest.raises(TypeError, match="subtract: bool"):
        x - y


BITS = [operator.and_, operator.or_, operator.xor, operator.lshift, operator.rshift]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("function", BITS)
def test_bits(function: Function, dtype: str) -> None:
    a = np.array(values(dtype), dtype)
    b = np.array([0, 1, 3, 7, 40, 100], dtype)
    x, y = pydl.tensor(a), pydl.tensor(b)
    expected = function(a[:, None], b[None, :])
    actual = function(pydl.expand_dims(x, 1), pydl.expand_dims(y, 0))
    assert actual.dtype == dtype
    np.testing.assert_array_equal(actual.numpy(), expected)
    assert function(x, 3).tolist() == function(a, dtype_number(3, dtype)).tolist()
    assert function(3, x).tolist() == function(dtype_number(3, dtype), a).tolist()
    np.testing.assert_array_equal((~x).numpy(), ~a)
    np.testing.assert_array_equal(pydl.compile(lambda p: ~p)(x).numpy(), ~a)
    compiled = pydl.compile(lambda p, q: function(p, q))
    np.testing.assert_array_equal(compiled(x, y).numpy(), function(a, b))


def dtype_number(number: int, dtype: str) -> Any:
    return np.dtype(dtype).type(number)


def test_bits_of_floats_are_an_error() -> None:
    for function in BITS:
        with pytest.raises(TypeError, match=r"bitwise_.*: expected integers or bools, got float32"):
            function(pydl.ones(2), pydl.ones(2))
    with pytest.raises(TypeError, match="bitwise_invert"):
        ~pydl.ones(2)
