"""Operators of tensors: in place, reflected, with numbers; methods and other names of functions."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl

REALS = ["iadd", "isub", "imul", "itruediv", "ifloordiv", "imod", "ipow"]
WHOLE = ["iadd", "isub", "imul", "ifloordiv", "imod", "ipow", "iand", "ior", "ixor", "ilshift",
         "irshift"]  # fmt: skip
CASES = [(name, "float32") for name in REALS] + [(name, "int32") for name in WHOLE]
CASES += [(name, "bool") for name in ("iand", "ior", "ixor")]


def _values(dtype: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    if dtype == "bool":
        return np.array([True, True, False, False]), np.array([True, False, True, False])
    return np.array([7, 2, 9, 4], dtype), np.array([2, 3, 1, 4], dtype)


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_in_place(name: str, dtype: str) -> None:
    a, b = _values(dtype)
    function: Callable[[Any, Any], Any] = getattr(operator, name)
    for other in (b, b[0].item()):
        x = pydl.tensor(a)
        view, version = x[1:], x
        y = pydl.tensor(other) if isinstance(other, np.ndarray) else other
        result = function(x, y)
        assert result is version
        expected = function(a.copy(), other)
        assert result.dtype == dtype
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-6)
        np.testing.assert_array_equal(view.numpy(), result.numpy()[1:])


@pytest.mark.parametrize("name", REALS)
def test_in_place_is_differentiable(name: str) -> None:
    """A recorded result is a new tensor, as in x = x + y."""
    function: Callable[[Any, Any], Any] = getattr(operator, name)
    plain: Callable[[Any, Any], Any] = getattr(operator, name[1:])
    leaf = pydl.tensor([2.0, 3.0], requires_grad=True)
    wanted = pydl.grad(plain(leaf * 1.0, 1.5).sum(), leaf)[0]
    x = leaf * 1.0
    found = pydl.grad(function(x, 1.5).sum(), leaf)[0]
    assert found.tolist() == wanted.tolist()


@pytest.mark.parametrize("name", REALS)
def test_in_place_compiled(name: str) -> None:
    function: Callable[[Any, Any], Any] = getattr(operator, name)

    def step(x: pydl.Tensor) -> pydl.Tensor:
        y = x * 1.0
        y = function(y, 1.5)
        return y

    x = pydl.tensor([2.0, 3.0])
    assert pydl.compile(step)(x).tolist() == step(x).tolist()


def test_in_place_keeps_dtype_and_shape() -> None:
    whole = pydl.tensor([1, 2])
    with pytest.raises(TypeError, match="cannot turn int64 into float32"):
        whole /= 2
    with pytest.raises(TypeError, match="cannot turn int64 into float32"):
        whole **= 0.5
    x = pydl.ones(2)
    with pytest.raises(ValueError, match=r"cannot turn shape \(2,\) into \(3, 2\)"):
        x %= pydl.ones((3, 2))
    with pytest.raises(TypeError, match="integers or bools"):
        x &= 1
    with pytest.raises(OverflowError):
        small = pydl.tensor([1], dtype="int8")
        small *= 300
    with pytest.raises(TypeError):
        x //= "text"


REFLECTED: list[tuple[Callable[[Any, Any], Any], Any]] = [
    (operator.add, 5.5), (operator.sub, 5.5), (operator.mul, 5.5), (operator.truediv, 5.5),
    (operator.floordiv, 5.5), (operator.mod, 5.5), (operator.pow, 2.5), (operator.and_, 6),
    (operator.or_, 6), (operator.xor, 6), (operator.lshift, 3), (operator.rshift, 100),
    (divmod, 5.5),
]  # fmt: skip


@pytest.mark.parametrize(("function", "number"), REFLECTED)
def test_reflected(function: Callable[[Any, Any], Any], number: Any) -> None:
    a = np.array([1, 2, 3], "int64" if isinstance(number, int) else "float64")
    for left, right in ((number, a), (a, number), (a[::-1].copy(), a)):
        expected = function(left, right)
        found = function(
            *(pydl.tensor(v) if isinstance(v, np.ndarray) else v for v in (left, right))
        )
        np.testing.assert_allclose(np.asarray(found), np.asarray(expected), rtol=1e-12)


def test_divmod() -> None:
    quotient, rest = divmod(pydl.tensor([7.5, -7.5]), 2)
    assert quotient.tolist() == [3, -4]
    assert rest.tolist() == [1.5, 0.5]
    quotient, rest = divmod(-7, pydl.tensor([2, -2]))
    assert quotient.tolist() == [-4, 3]
    assert rest.tolist() == [1, -1]
    with pytest.raises(TypeError, match="unsupported operand"):
        divmod(pydl.ones(2), object())  # type: ignore[operator]


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int32", "int64"])
def test_comparisons_with_numbers_out_of_range(dtype: str) -> None:
    a = np.array([0, 1], dtype) if dtype == "bool" else np.array([0, 1, 100], dtype)
    x = pydl.tensor(a)
    for number in (-1, 300, 2**40, -(2**40), 2**63, -(2**70), 0.5, float("inf"), float("nan")):
        for name in ("eq", "ne", "lt", "le", "gt", "ge"):
            function = getattr(operator, name)
            expected = [bool(function(int(value), number)) for value in a]
            assert function(x, number).tolist() == expected, (name, number)
            assert getattr(x, name)(number).tolist() == expected, (name, number)
            assert getattr(pydl, name)(x, number).tolist() == expected, (name, number)


SHIFTS = ["int8", "uint8", "int16", "int32", "int64"]


@pytest.mark.parametrize("dtype", SHIFTS)
def test_shifts_by_the_width_or_more(dtype: str) -> None:
    info = np.iinfo(dtype)
    width = info.bits
    values = [info.min, -1 if info.min < 0 else 1, 0, 1, 5, info.max]
    x = pydl.tensor(np.array(values, dtype))
    for count in (0, 1, width - 1, width, width + 1, 2 * width, 100):
        wanted = [v >> count for v in values]
        assert (x >> count).tolist() == wanted
        left = [((v << count) + 2**200) % 2**width for v in values]
        left = [v - 2**width if v > info.max else v for v in left]
        assert (x << count).tolist() == left


METHODS = ["add", "subtract", "multiply", "divide", "floor_divide", "remainder", "fmod", "pow",
           "maximum", "minimum", "atan2", "hypot", "copysign", "logaddexp", "xlogy"]  # fmt: skip


@pytest.mark.parametrize("name", METHODS)
def test_methods(name: str) -> None:
    x, y = pydl.tensor([0.5, 2.0]), pydl.tensor([1.5, 0.25])
    for other in (y, 1.5):
        expected = getattr(pydl, name)(x, other).tolist()
        assert getattr(x, name)(other).tolist() == expected
        assert getattr(x, name)(other=other).tolist() == expected


def test_more_methods() -> None:
    x = pydl.tensor([0.0, 2.0])
    assert x.lerp(pydl.tensor([1.0, 4.0]), 0.5).tolist() == [0.5, 3.0]
    assert x.neg().tolist() == [0, -2]
    assert x.sub(1).mul(3).div(2).tolist() == [-1.5, 1.5]
    assert x.clamp(0.5, 1).tolist() == [0.5, 1]
    assert x.logical_and(pydl.tensor([True, True])).tolist() == [False, True]
    assert pydl.tensor([6]).bitwise_and(3).tolist() == [2]
    assert x.isclose(2.0).tolist() == [False, True]
    with pytest.raises(ValueError, match="mul: shapes"):
        x.mul(pydl.ones(3))


ALIASES = {
    "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "clamp": "clip", "div": "divide", "eq": "equal",
    "ge": "greater_equal", "gt": "greater", "le": "less_equal", "lt": "less", "mul": "multiply",
    "ne": "not_equal", "neg": "negative", "power": "pow", "sub": "subtract",
    "true_divide": "divide",
}  # fmt: skip


@pytest.mark.parametrize("name", ALIASES)
def test_aliases_are_functions_with_another_name(name: str) -> None:
    x = pydl.tensor([0.5, 0.75])
    alias, function = getattr(pydl, name), getattr(pydl, ALIASES[name])
    one_operand = name == "neg" or (name.startswith("arc") and name != "arctan2")
    operands = (x,) if one_operand else (x, 0.5)
    np.testing.assert_array_equal(alias(*operands).numpy(), function(*operands).numpy())
    with pytest.raises(TypeError, match=f"^{name}: "):
        alias(x, x, x, x)


@pytest.mark.parametrize("dtype", ["int8", "int64", "float32", "float64"])
def test_rounded_quotients(dtype: str) -> None:
    torch = pytest.importorskip("torch")
    a = np.array([7, -7, 7, -7, 0, -128, 127], dtype)
    b = np.array([2, 2, -2, -2, 5, 3, -4], dtype)
    for mode in (None, "trunc", "floor"):
        expected = torch.div(torch.tensor(a), torch.tensor(b), rounding_mode=mode)
        x, y = pydl.tensor(a), pydl.tensor(b)
        for found in (pydl.div(x, y, rounding_mode=mode), x.div(y, rounding_mode=mode)):
            assert found.dtype.name == str(expected.dtype)[6:]
            np.testing.assert_allclose(found.numpy(), expected.numpy())
    assert pydl.div(pydl.tensor([-7]), 2, rounding_mode="trunc").tolist() == [-3]
    with pytest.raises(ValueError, match="^div: expected the rounding mode"):
        pydl.div(1.0, pydl.ones(2), rounding_mode="up")


IN_PLACE_METHODS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    "add_": (lambda x, y: x.add_(y), lambda x, y: x + y),
    "add_ alpha": (lambda x, y: x.add_(y, alpha=2), lambda x, y: x + 2 * y),
    "sub_": (lambda x, y: x.sub_(y), lambda x, y: x - y),
    "sub_ alpha": (lambda x, y: x.sub_(y, alpha=3), lambda x, y: x - 3 * y),
    "mul_": (lambda x, y: x.mul_(y), lambda x, y: x * y),
    "div_": (lambda x, y: x.div_(y), lambda x, y: x / y),
    "pow_": (lambda x, y: x.pow_(2), lambda x, y: x**2),
    "clamp_": (lambda x, y: x.clamp_(min=0), lambda x, y: np.clip(x, 0, None)),
    "clip_": (lambda x, y: x.clip_(-1, 1), lambda x, y: np.clip(x, -1, 1)),
}


@pytest.mark.parametrize("name", IN_PLACE_METHODS)
def test_in_place_methods(name: str) -> None:
    ours, numpys = IN_PLACE_METHODS[name]
    a, b = np.array([[-2.0, 0.5], [3.0, -0.25]]), np.array([2.0, -4.0])
    x, y = pydl.tensor(a), pydl.tensor(b)
    view = x[:]
    assert ours(x, y) is x
    np.testing.assert_array_equal(view.numpy(), numpys(a, b))
    leaf = pydl.tensor(a, requires_grad=True)
    with pydl.no_grad():
        ours(leaf, y)
    np.testing.assert_array_equal(leaf.detach().numpy(), numpys(a, b))

    def compiled(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        return ours(x + 0, y)

    found = pydl.compile(compiled)(pydl.tensor(a), y)
    np.testing.assert_array_equal(found.numpy(), numpys(a, b))


def test_in_place_methods_refuse_another_shape() -> None:
    x = pydl.ones(2)
    for name in ("add_", "sub_", "mul_", "div_"):
        with pytest.raises(ValueError, match=r"\(3,\)"):
            getattr(x, name)(pydl.ones(3))
    assert x.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_the_sign_of_zeros_is_0(dtype: str) -> None:
    numbers = [0.0, -0.0, -1e-5, 1e-5, -np.inf, np.inf, np.nan] * 9
    x = pydl.tensor(numbers, dtype=dtype)
    for found in (x.sign(), pydl.compile(lambda x: x.sign())(x)):
        np.testing.assert_array_equal(found.astype("float64").numpy(), np.sign(numbers))
        assert not found.signbit()[:2].any().item()  # not -0.0


def test_positive() -> None:
    x = pydl.tensor([1.0])
    assert (+x) is x or (+x).tolist() == [1.0]
    assert pydl.positive(x).tolist() == [1.0]
    with pytest.raises(TypeError, match="positive: bool has no arithmetic"):
        pydl.positive(pydl.tensor([True]))
