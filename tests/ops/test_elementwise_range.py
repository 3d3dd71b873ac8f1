"""Every elementwise op over the whole range of its dtypes: all exponents, signs, special values.

Errors are counted in units in the last place (ulps) of the exact result. Numbers without a full
significand count as zero where that is nearer, as arguments and as results: kernels flush them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from ops.table import Array, row_samples, rows

import pydl
from pydl import _core

BY_NAME = {row.name: row for row in rows()}
NAMES = [
    op["name"]
    for op in _core.ops()
    if op["elementwise"]
    and op["name"] not in ("cast", "copy", "where", "clip")
    and not op["name"].startswith(("logical", "bitwise"))
]
OPERANDS = {name: len(next(iter(row_samples(BY_NAME[name]))).arrays) for name in NAMES}
UNARY = [name for name in NAMES if OPERANDS[name] == 1]
BINARY = [name for name in NAMES if OPERANDS[name] == 2]
# Ulps that are allowed. Polynomials of float32 are good for 2.5, the C library for 1 in float64.
BOUND = 2.6
# Activations that multiply what they have rounded, in ulps of the larger of x and the result: where
# the result is tiny beside x, digits cancel, as they do in other libraries.
SLOPES = {"silu_backward", "gelu_backward", "gelu_tanh_backward"}
RELATIVE_TO_ARGUMENT = {"gelu", "gelu_tanh", *SLOPES}
# Products of several rounded factors.
BOUND_OF_PRODUCTS = {"gelu": 3.0, **dict.fromkeys(SLOPES, 5.0)}
# What SciPy's functions, which have no long double, are good for in float64. The digits of ours are
# checked in test_special_functions.py.
BOUND_OF_SCIPY = {"erfc": 400.0, "polygamma": 64.0, "lgamma": 64.0, "digamma": 64.0}
# They lose them beside their poles, and where they are near 0.
GAMMA = {"lgamma", "digamma"}
# What operands are: outputs of activations, and a parameter.
SECOND: dict[str, tuple[float, float]] = {
    "sigmoid_backward": (0.0, 1.0),
    "tanh_backward": (-1.0, 1.0),
    "elu": (0.0, 1.0),
    "celu": (0.1, 1.0),
    "hardshrink": (0.0, 1.0),
    "softshrink": (0.0, 1.0),
    "polygamma": (0.05, 30.0),
}
FIRST: dict[str, list[float]] = {"polygamma": [0, 1, 2, 5]}


def _numbers(dtype: type[np.floating[Any]], per_exponent: int, rng: np.random.Generator) -> Array:
    info = np.finfo(dtype)
    exact = [1.0, 1.5, 1 + float(info.eps), 2 - float(info.eps)]
    significands = np.concatenate([exact, rng.uniform(1, 2, per_exponent)]).astype(dtype)
    exponents = np.arange(info.minexp - info.nmant, info.maxexp)
    with np.errstate(all="ignore"):
        values = np.ldexp(significands, exponents[:, None]).astype(dtype).reshape(-1)
    whole = np.arange(-64, 65) * 0.5
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, *whole], dtype)
    return np.concatenate([values, -values, special])


def _reference(name: str, arrays: tuple[Array, ...], wide: Any) -> Array:
    with np.errstate(all="ignore"):
        try:
            return np.asarray(BY_NAME[name].reference(*(a.astype(wide) for a in arrays)))
        except TypeError:  # scipy has no long double
            return np.asarray(BY_NAME[name].reference(*(a.astype(np.float64) for a in arrays)))


def _flushed(array: Array) -> Array:
    tiny = np.finfo(array.dtype).tiny
    return np.where(np.abs(array) < tiny, np.copysign(0, array), array).astype(array.dtype)


def _errors(found: Array, wanted: Array, scale: Array, info: Any) -> Array:
    """In ulps; 0 where both are no number, or equal, or beyond the range of the dtype."""
    wide = np.longdouble
    with np.errstate(all="ignore"):
        magnitude = np.maximum(np.maximum(np.abs(wanted), scale), wide(info.tiny)).astype(wide)
        ulp = np.ldexp(wide(1), np.frexp(magnitude)[1] - 1 - info.nmant)
        errors = np.abs(found.astype(wide) - wanted.astype(wide)) / ulp
        overflown = np.abs(wanted) >= wide(info.max) * (1 - 2 * wide(info.eps))
        right = (found == wanted) | (np.isnan(found) & np.isnan(wanted))
        right |= np.isinf(found) & overflown & (np.sign(found) == np.sign(wanted))
        # Products of a few factors, one of which is flushed.
        right |= (np.abs(wanted) <= 256 * info.tiny) & (np.abs(found) <= 256 * info.tiny)
    return np.where(right, 0, np.where(np.isnan(errors), np.inf, errors))


def _check(name: str, arrays: tuple[Array, ...], found: Array, wide: Any, info: Any) -> None:
    wanted = [_reference(name, a, wide) for a in (arrays, tuple(map(_flushed, arrays)))]
    if found.dtype == bool:
        errors = np.minimum(*(np.where(found == w, 0, np.inf) for w in wanted))
    else:
        scale = np.abs(arrays[0]) if name in RELATIVE_TO_ARGUMENT else np.zeros(found.shape)
        scale = np.where(np.isfinite(scale), scale, 0)
        if name in GAMMA and found.dtype == np.float64:
            scale = np.ones(found.shape)
        errors = np.minimum(*(_errors(found, w, scale, info) for w in wanted))
    worst = np.argsort(-errors)[:5]
    report = [(*(float(a[i]) for a in arrays), float(found[i]), float(wanted[0][i])) for i in worst]
    bound = BOUND_OF_PRODUCTS.get(name, BOUND)
    if found.dtype == np.float64:
        bound = BOUND_OF_SCIPY.get(name, bound)
    assert errors.max() <= bound, (
        f"{name}: {errors.max():.3g} ulps, (arguments, result, exact): {report}"
    )


def _apply(name: str, arrays: tuple[Array, ...]) -> Array:
    result = _core._apply_with_provider(name, "cpu", [pydl.tensor(a) for a in arrays], {})
    assert result is not None
    return np.asarray(result.numpy())


WIDE = {np.float32: np.float64, np.float64: np.longdouble}


@pytest.mark.parametrize("dtype", WIDE)
@pytest.mark.parametrize("name", UNARY)
def test_unary(name: str, dtype: type[np.floating[Any]]) -> None:
    x = _numbers(dtype, 12 if dtype == np.float32 else 2, np.random.default_rng(0))
    if name in GAMMA and dtype == np.float64:
        with np.errstate(all="ignore"):
            x = x[x > -100]
            x = x[(x > 0) | (np.abs(x - np.rint(x)) > 0.01) | (x == np.rint(x))]
    _check(name, (x,), _apply(name, (x,)), WIDE[dtype], np.finfo(dtype))


def _pairs(name: str, dtype: type[np.floating[Any]]) -> tuple[Array, Array]:
    rng = np.random.default_rng(1)
    numbers = _numbers(dtype, 0, rng)
    first = rng.choice(numbers, 120)
    second = rng.choice(numbers, 120)
    if name in SECOND:
        second = rng.uniform(*SECOND[name], 120).astype(dtype)
    if name in FIRST:
        first = rng.choice(FIRST[name], 120).astype(dtype)
    if name in ("floor_divide", "remainder", "fmod"):
        # Remainders without a full significand would be flushed.
        first, second = (
            np.where(np.abs(a) < 1e-20, a * 0 + 1, a).astype(dtype) for a in (first, second)
        )
    a, b = np.meshgrid(first, second)
    return a.reshape(-1), b.reshape(-1)


@pytest.mark.parametrize("dtype", WIDE)
@pytest.mark.parametrize("name", BINARY)
def test_binary(name: str, dtype: type[np.floating[Any]]) -> None:
    arrays = _pairs(name, dtype)
    _check(name, arrays, _apply(name, arrays), WIDE[dtype], np.finfo(dtype))


def _rounded(exact: Array, dtype: str) -> Array:
    with np.errstate(all="ignore"):
        single = exact.astype(np.float32)
        if dtype == "float16":
            return single.astype(np.float16).astype(np.float32)
    return np.asarray(pydl.tensor(single).astype("bfloat16").astype("float32").numpy())


def _sixteen_bits(dtype: str) -> Array:
    """All numbers of the dtype, in float32."""
    bits = np.arange(65536, dtype=np.uint16)
    if dtype == "float16":
        return bits.view(np.float16).astype(np.float32)
    return (bits.astype(np.uint32) << 16).view(np.float32)


EPSILON = {"float16": 2.0**-10, "bfloat16": 2.0**-7}
TINY = {"float16": 2.0**-14, "bfloat16": 2.0**-126}


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize("name", UNARY + BINARY)
def test_sixteen_bits(name: str, dtype: str) -> None:
    """All numbers, or all with some partners: what float32 gives, rounded, or its neighbour."""
    numbers = _sixteen_bits(dtype)
    arrays: tuple[Array, ...] = (numbers,)
    if name in BINARY:
        rng = np.random.default_rng(2)
        low, high = SECOND.get(name, (-8.0, 8.0))
        partners = rng.uniform(low, high, numbers.shape).astype(np.float32)
        arrays = numbers, _rounded(partners, dtype)
    tensors = [pydl.tensor(a).astype(dtype) for a in arrays]
    result = getattr(_core, name)(*tensors) if name not in ("leaky_relu", "elu", "gelu") else (
        _core._apply_with_provider(name, "cpu", tensors, {})
    )  # fmt: skip
    assert result is not None
    single = _core._apply_with_provider(name, "cpu", [pydl.tensor(a) for a in arrays], {})
    assert single is not None
    if result.dtype == "bool":
        found, wanted = result.numpy(), single.numpy()
        assert (found == wanted).all()
        return
    assert result.dtype == dtype
    found, wanted = result.astype("float32").numpy(), _rounded(single.numpy(), dtype)
    with np.errstate(all="ignore"):
        close = np.abs(found - wanted) <= EPSILON[dtype] * np.maximum(np.abs(wanted), TINY[dtype])
    close |= (found == wanted) | (np.isnan(found) & np.isnan(wanted))
    close |= (np.abs(found) <= TINY[dtype]) & (np.abs(wanted) <= TINY[dtype])
    wrong = np.flatnonzero(~close)[:5]
    assert close.all(), [(*(float(a[i]) for a in arrays), found[i], wanted[i]) for i in wrong]


LARGE_ANGLES = np.array(
    [1e6, 1.1e6, 1e7, 1e10, 1e20, 1e30, 3e38, 12345678.0, 16367173.0], np.float32
)


@pytest.mark.parametrize("place", ["alone", "among usual ones", "fused", "in place", "strided"])
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_large_angles(name: str, place: str) -> None:
    """They are reduced exactly, wherever they are among usual ones."""
    x = np.concatenate([LARGE_ANGLES, -LARGE_ANGLES])
    if place != "alone":
        usual = np.linspace(-10, 10, 3000, dtype=np.float32)
        usual[7::170] = x
        x = usual
    wanted = getattr(np, name)(x.astype(np.float64))
    t = pydl.tensor(x)
    if place == "fused":
        found = pydl.compile(lambda v: getattr(pydl, name)(v) * 2.0)(t).numpy() * 0.5
    elif place == "in place":
        found = pydl.compile(lambda v: getattr(pydl, name)(v + 0.0))(t).numpy()
    elif place == "strided":
        found = getattr(pydl, name)(pydl.tensor(np.repeat(x, 2))[::2]).numpy()
    else:
        found = getattr(pydl, name)(t).numpy()
    np.testing.assert_allclose(found, wanted, rtol=4e-7)
