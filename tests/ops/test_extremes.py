"""Special numbers: infinities, NaN, both zeros, largest, smallest, integer edges."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special as special
from ops.table import Array

import pydl
from pydl import _core

UNARY: dict[str, Callable[[Array], Any]] = {
    "negative": np.negative,
    "abs": np.abs,
    "sign": np.sign,
    "square": np.square,
    "relu": lambda x: np.maximum(x, 0),
    "binary_step": lambda x: (x >= 0).astype(x.dtype),
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.round,
    "trunc": np.trunc,
    "reciprocal": np.reciprocal,
    "sqrt": np.sqrt,
    "rsqrt": lambda x: 1 / np.sqrt(x),
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "log2": np.log2,
    "log10": np.log10,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "erf": special.erf,
    "sigmoid": special.expit,
    "softplus": lambda x: np.logaddexp(0, x),
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
    "logical_not": np.logical_not,
}
BINARY: dict[str, Callable[[Array, Array], Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "pow": np.power,
    "atan2": np.arctan2,
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less": np.less,
    "less_equal": np.less_equal,
    "greater": np.greater,
    "greater_equal": np.greater_equal,
}
# Arguments at which a result in the middle of the range of the dtype tests nothing special.
ORDINARY = [0.5, 1.0, 1.5, 2.0, 2.5, 3.5, 10.0, 88.0, 700.0]


def _special_numbers(dtype: str, largest: bool = True) -> Array:
    info = np.finfo(dtype)
    positive = [0.0, np.inf, float(info.tiny), *ORDINARY]
    if largest:
        positive += [float(info.max), float(info.max) / 2, 1e30]
    return np.array([np.nan, *positive, *(-v for v in positive)], dtype)


def _many(values: Array) -> Array:
    """Each number in every place of a vector register, and in the remainder after the last one."""
    return np.tile(values, 7)


def _compare(name: str, actual: pydl.Tensor, expected: Any, arguments: tuple[Array, ...]) -> None:
    values, wanted = actual.numpy(), np.asarray(expected)
    rtol = {"float64": 1e-13, "float32": 4e-6}.get(str(values.dtype), 0)
    close = np.isclose(values, wanted, rtol=rtol, atol=0, equal_nan=True)
    if values.dtype.kind == "f":
        # Results without a full significand may be flushed to zero.
        tiny = np.finfo(values.dtype).tiny
        close |= (np.abs(wanted) <= tiny) & (np.abs(values) <= tiny)
    wrong = [(*(a[i] for a in arguments), values[i], wanted[i]) for i in np.flatnonzero(~close)]
    assert not wrong, f"{name}: (arguments, result, expected): {wrong[:5]}"


def _large_angle(name: str) -> bool:
    return name in ("sin", "cos", "tan")


@pytest.mark.parametrize("provider", ["cpu", "ref"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, dtype: str, provider: str) -> None:
    x = _many(_special_numbers(dtype, largest=not _large_angle(name)))
    with np.errstate(all="ignore"):
        expected = UNARY[name](x)
    actual = _core._apply_with_provider(name, provider, [pydl.tensor(x)], {})
    assert actual is not None
    _compare(name, actual, expected, (x,))


@pytest.mark.parametrize("provider", ["cpu", "ref"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str, dtype: str, provider: str) -> None:
    values = _special_numbers(dtype)
    a, b = (np.ascontiguousarray(v.reshape(-1)) for v in np.meshgrid(values, values))
    with np.errstate(all="ignore"):
        expected = BINARY[name](a, b)
    actual = _core._apply_with_provider(name, provider, [pydl.tensor(a), pydl.tensor(b)], {})
    assert actual is not None
    _compare(name, actual, expected, (a, b))


@pytest.mark.parametrize("name", ["silu", "gelu", "gelu_tanh", "softsign", "selu", "mish"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_activations_stay_finite_far_out(name: str, dtype: str) -> None:
    """They approach x (or a constant) and 0 (or a constant), and so do their gradients."""
    x = pydl.tensor([-1e4, -300.0, -100.0, 100.0, 300.0, 1e4], dtype=dtype, requires_grad=True)
    y = getattr(pydl, name, None) or getattr(_core, name)
    result = y(x)
    result.sum().backward()
    assert x.grad is not None
    assert np.isfinite(result.detach().astype("float64").numpy()).all()
    assert np.isfinite(x.grad.astype("float64").numpy()).all()


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "softplus", "relu", "exp", "expm1"])
def test_gradients_at_saturation(name: str) -> None:
    x = pydl.tensor([-500.0, -50.0, 0.0, 50.0], requires_grad=True)
    getattr(pydl, name)(x).sum().backward()
    assert x.grad is not None
    assert not np.isnan(x.grad.numpy()).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nan_wins_in_reductions(dtype: str) -> None:
    x = np.arange(40.0, dtype=dtype).reshape(2, 20)
    x[1, 13] = np.nan
    t = pydl.tensor(x)
    for name in ("sum", "mean", "max", "min", "prod", "var"):
        for axis in (None, 0, 1):
            found = getattr(pydl, name)(t, axis=axis).numpy()
            wanted = getattr(np, name)(x, axis=axis)
            np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted), err_msg=name)
    assert pydl.argmax(t, axis=1).tolist() == [19, 13]
    assert pydl.argmin(t, axis=1).tolist() == [0, 13]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_infinities_in_reductions(dtype: str) -> None:
    x = np.zeros((3, 9), dtype)
    x[0, 4], x[1, 2], x[2, 1], x[2, 7] = np.inf, -np.inf, np.inf, -np.inf
    t = pydl.tensor(x)
    for name in ("sum", "mean", "max", "min", "argmax", "argmin", "any", "all"):
        for axis in (0, 1):
            with np.errstate(all="ignore"):
                wanted = getattr(np, name)(x, axis=axis)
            found = getattr(pydl, name)(t, axis=axis).numpy()
            np.testing.assert_array_equal(found, wanted, err_msg=name)


def test_sums_of_many_small_numbers_keep_their_precision() -> None:
    x = np.full(3_000_000, 0.1, np.float32)
    exact = float(np.float32(0.1)) * len(x)
    assert pydl.sum(pydl.tensor(x)).item() == pytest.approx(exact, rel=1e-6)
    half = pydl.tensor(np.full(5000, 1.0, np.float16))
    assert pydl.sum(half).item() == 5000
    assert pydl.sum(half.astype("bfloat16")).item() == 4992  # 5000 rounded to 8 bits
    shifted = pydl.tensor(np.tile(np.float32([1e4, 1e4 + 1]), 5000))
    assert pydl.var(shifted).item() == pytest.approx(0.25, rel=1e-3)


def test_ties_of_argmax_take_the_first() -> None:
    x = pydl.tensor(np.tile([1.0, 7.0, 7.0, 0.0], (70, 20)).astype(np.float32))
    assert set(pydl.argmax(x, axis=1).tolist()) == {1}
    assert set(pydl.argmin(x, axis=1).tolist()) == {3}
    assert set(pydl.argmax(x, axis=0).tolist()) == {0}


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_softmax_neither_overflows_nor_divides_by_zero(dtype: str) -> None:
    x = pydl.tensor([[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4]], dtype=dtype)
    found = pydl.softmax(x).astype("float64").numpy()
    third = float(pydl.tensor(1 / 3, dtype=dtype).astype("float64"))
    np.testing.assert_allclose(found, [[0.5, 0.5, 0], [third] * 3], rtol=1e-6)
    log = pydl.log_softmax(x).astype("float64").numpy()
    np.testing.assert_allclose(log[0, :2], np.log(0.5), rtol=4e-3)
    assert log[0, 2] < -1e4
    masked = pydl.softmax(pydl.tensor([0.0, -np.inf, 0.0], dtype=dtype))
    assert masked.astype("float32").tolist() == [0.5, 0.0, 0.5]


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
def test_integer_edges(dtype: str) -> None:
    info = np.iinfo(dtype)
    values = np.unique(np.array([info.min, info.min + 1, -1, 0, 1, 2, 7, info.max]).clip(
        info.min, info.max)).astype(dtype)  # fmt: skip
    a, b = (np.ascontiguousarray(np.tile(v.reshape(-1), 3)) for v in np.meshgrid(values, values))
    ta, tb = pydl.tensor(a), pydl.tensor(b)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for name in (
            "add", "subtract", "multiply", "maximum", "minimum", "floor_divide", "remainder",
            "equal", "less", "greater_equal",
        ):  # fmt: skip
            numpy_name = "mod" if name == "remainder" else name
            wanted = getattr(np, numpy_name)(a, b)
            found = getattr(pydl, name)(ta, tb)
            assert found.dtype == str(wanted.dtype), name
            np.testing.assert_array_equal(found.numpy(), wanted, err_msg=f"{name} {dtype}")
        for name in ("negative", "abs", "square", "sign"):
            found = getattr(pydl, name)(ta)
            np.testing.assert_array_equal(found.numpy(), getattr(np, name)(a), err_msg=name)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
def test_integer_powers(dtype: str) -> None:
    base = np.arange(0 if dtype == "uint8" else -3, 4, dtype=dtype)
    for exponent in range(5):
        found = pydl.pow(pydl.tensor(base), pydl.tensor(exponent, dtype=dtype))
        np.testing.assert_array_equal(found.numpy(), base ** np.array(exponent, dtype))


@pytest.mark.parametrize("wide", ["float32", "float64"])
def test_every_float16_and_bfloat16_pattern_converts(wide: str) -> None:
    bits = np.arange(65536, dtype=np.uint16)
    half = bits.view(np.float16)
    np.testing.assert_array_equal(pydl.tensor(half).astype(wide).numpy(), half.astype(wide))
    brain = (bits.astype(np.uint32) << 16).view(np.float32)
    # Denormals may be flushed to zero.
    brain = brain[~((np.abs(brain) > 0) & (np.abs(brain) < np.finfo(np.float32).tiny))]
    # There and back: every value of bfloat16 is one of float32.
    again = pydl.tensor(brain).astype("bfloat16").astype(wide).numpy()
    with np.errstate(invalid="ignore"):  # signalling NaN
        np.testing.assert_array_equal(again, brain.astype(wide))


def test_rounding_to_sixteen_bits_is_to_nearest_even() -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**32, 200_000, dtype=np.uint64).astype(np.uint32)
    x = bits.view(np.float32)
    # Halfway between two neighbours, where the even one is right.
    x = np.concatenate([x, ((bits & 0xFFFF0000) | 0x8000).view(np.float32)])
    with np.errstate(all="ignore"):
        wanted = x.astype(np.float16)
    found = pydl.tensor(x).astype("float16").numpy()
    np.testing.assert_array_equal(found, wanted)
    finite = x[np.isfinite(x)]
    raw = finite.view(np.uint32).astype(np.uint64)
    rounded = ((raw + 0x7FFF + ((raw >> 16) & 1)) >> 16 << 16).astype(np.uint32).view(np.float32)
    normal = np.abs(finite) >= np.finfo(np.float32).tiny
    brain = pydl.tensor(finite).astype("bfloat16").astype("float32").numpy()
    np.testing.assert_array_equal(brain[normal], rounded[normal])


@pytest.mark.parametrize("target", ["int8", "uint8", "int16", "int32", "int64"])
@pytest.mark.parametrize("source", ["float16", "float32", "float64"])
def test_casts_to_integers_truncate(source: str, target: str) -> None:
    x = np.array([0.0, 0.9, 1.0, 1.9, 99.5, -0.9, -1.0, -1.9, -99.5] * 5, source)
    if target == "uint8":
        x = np.abs(x)
    np.testing.assert_array_equal(pydl.tensor(x).astype(target).numpy(), x.astype(target))


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64", "float16",
                                   "bfloat16", "float32", "float64"])  # fmt: skip
def test_casts_to_bool_ask_for_zero(dtype: str) -> None:
    x = pydl.tensor([0, 1, 2, 100] * 9, dtype=dtype)
    assert x.astype("bool").tolist() == [False, True, True, True] * 9
    if dtype.startswith(("float", "b")):
        odd = pydl.tensor([0.25, -0.0, float("nan"), float("inf")], dtype=dtype)
        assert odd.astype("bool").tolist() == [True, False, True, True]


def test_clip_and_where_with_nan() -> None:
    nan = float("nan")
    x = pydl.tensor([nan, -5.0, 0.5, 5.0] * 9)
    np.testing.assert_array_equal(
        pydl.clip(x, -1.0, 1.0).numpy(), np.float32([nan, -1, 0.5, 1] * 9)
    )
    chosen = pydl.where(pydl.isnan(x), 0.0, x)
    assert chosen.tolist() == [0.0, -5.0, 0.5, 5.0] * 9


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_magnitude_of_negative_zero_is_positive(dtype: str) -> None:
    x = pydl.tensor([-0.0] * 37, dtype=dtype)
    for found in (pydl.abs(x), x + 0.0):
        assert not np.signbit(found.numpy()).any()
    for found in (x.copy(), -pydl.zeros(37, dtype=dtype), pydl.sqrt(x), pydl.round(x)):
        assert np.signbit(found.numpy()).all()


def test_where_does_not_leak_nan_into_gradients() -> None:
    x = pydl.tensor([0.0, 4.0], requires_grad=True)
    safe = pydl.where(x > 0, x, 1.0)
    pydl.where(x > 0, safe.sqrt(), 0.0).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 0.25]


def test_powers_at_zero_have_finite_gradients() -> None:
    x = pydl.tensor([0.0, 0.0, 2.0], requires_grad=True)
    (x ** pydl.tensor([2.0, 1.0, 0.0])).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0.0, 1.0, 0.0]
    (x**2).sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 4.0]
