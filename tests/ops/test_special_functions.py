"""Functions of pydl/special.h at special numbers, against known digits, and their dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.special as special
from ops.table import Array

import pydl
import pydl.nn.functional as F
from pydl.testing import check_gradients

INF, NAN = float("inf"), float("nan")
SPECIAL = np.array(
    [NAN, 0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.5, -3.0, 1e10, -1e10, 1e-10, -1e-10, INF, -INF]
)

UNARY: dict[str, Callable[[Array], Any]] = {
    "exp2": np.exp2,
    "asinh": np.arcsinh,
    "acosh": np.arccosh,
    "atanh": np.arctanh,
    "erfc": special.erfc,
    "erfinv": lambda x: np.copysign(special.erfinv(x), x),
    "lgamma": lambda x: np.where(np.isinf(x), INF, special.gammaln(x)),
    "log_sigmoid": lambda x: -np.logaddexp(0, -x),
    "signbit": np.signbit,
    "positive": np.positive,
    "deg2rad": np.deg2rad,
    "rad2deg": np.rad2deg,
}
BINARY: dict[str, Callable[[Array, Array], Any]] = {
    "copysign": np.copysign,
    "hypot": np.hypot,
    "logaddexp": np.logaddexp,
    "fmod": np.fmod,
    "heaviside": np.heaviside,
    "nextafter": np.nextafter,
    "floor_divide": np.floor_divide,
    "remainder": np.remainder,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


def _assert_same(found: pydl.Tensor, expected: Array, rtol: float) -> None:
    values = found.numpy()
    assert values.shape == expected.shape
    np.testing.assert_allclose(values, expected, rtol=rtol, atol=0)
    zeros = expected == 0
    np.testing.assert_array_equal(np.signbit(values[zeros]), np.signbit(expected[zeros]))


RTOL = {"float32": 5e-7, "float64": 2e-15}


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("name", UNARY)
def test_unary_special_numbers(name: str, dtype: str, compiled: bool) -> None:
    x = SPECIAL.astype(dtype)
    with np.errstate(all="ignore"):
        expected = np.asarray(UNARY[name](x))
    function = getattr(pydl, name)
    if compiled:
        function = pydl.compile(lambda t: getattr(pydl, name)(t))
    _assert_same(function(pydl.tensor(x)), expected, RTOL[dtype] * 10)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("name", BINARY)
def test_binary_special_numbers(name: str, dtype: str, compiled: bool) -> None:
    x = SPECIAL.astype(dtype)
    if name in ("floor_divide", "remainder", "fmod", "nextafter"):
        x = x[np.abs(x) != 1e-10]  # quotients beyond the digits of the dtype
    a, b = np.meshgrid(x, x)
    if name == "nextafter":  # neighbours of 0 are subnormal, which comparisons may flush
        keep = a != 0
        a, b = a[keep], b[keep]
    with np.errstate(all="ignore"):
        expected = np.asarray(BINARY[name](a, b))
    function = getattr(pydl, name)
    if compiled:
        function = pydl.compile(lambda s, t: getattr(pydl, name)(s, t))
    _assert_same(function(pydl.tensor(a), pydl.tensor(b)), expected, RTOL[dtype])


# Digits by arithmetic of 50 digits.
KNOWN = [
    ("lgamma", 1e-8, 18.420680738180208906),
    ("lgamma", 1.0 + 2.0**-20, -5.504750066148867e-07),
    ("lgamma", 2.0 - 2.0**-20, -4.0319826848018475e-07),
    ("lgamma", 3.5, 1.2009736023470743073),
    ("lgamma", 100.25, 360.28455963776423),
    ("lgamma", -1.5, 0.86004701537648101451),
    ("digamma", 1.4616321449683622, -9.2412655217294275e-17),
    ("digamma", 1.5, 0.036489973978576520559),
    ("digamma", 0.25, -4.2274535333762654081),
    ("digamma", 9.5, 2.1977378764029494),
    ("digamma", -1.25, 3.714139120213528),
    ("erfinv", 0.5, 0.47693627620446987338),
    ("erfinv", 1.0 - 2.0**-40, 5.05125408524939),
    ("erfinv", 1e-9, 8.8622692545275801391e-10),
    ("erfc", 10.0, 2.0884875837625447570e-45),
    ("sinc", 1e-9, 1.0),
    ("sinc", 2.5, 0.12732395447351626862),
    ("logit", 0.5 + 2.0**-30, 3.7252902984619140668e-09),
    ("asinh", 1e-6, 9.9999999999983333333e-07),
    ("atanh", 1.0 - 2.0**-40, 14.20951720147865),
    ("acosh", 1.0 + 2.0**-40, 1.3486991523485068e-06),
]


def _known_by_mpmath(name: str, x: float) -> float | None:
    """The same digits, where mpmath is installed: the list is right."""
    mpmath = pytest.importorskip("mpmath")
    with mpmath.workdps(50):
        value = mpmath.mpf(x)
        functions = {
            "lgamma": lambda: mpmath.log(abs(mpmath.gamma(value))),
            "digamma": lambda: mpmath.digamma(value),
            "erfinv": lambda: mpmath.erfinv(value),
            "erfc": lambda: mpmath.erfc(value),
            "sinc": lambda: mpmath.sincpi(value),
            "logit": lambda: mpmath.log(value / (1 - value)),
            "asinh": lambda: mpmath.asinh(value),
            "atanh": lambda: mpmath.atanh(value),
            "acosh": lambda: mpmath.acosh(value),
        }
        return float(functions[name]())


@pytest.mark.parametrize(("name", "x", "expected"), KNOWN)
def test_known_digits(name: str, x: float, expected: float) -> None:
    found = getattr(pydl, name)(pydl.tensor(x, dtype="float64")).item()
    # What is left of the argument's last digit near a zero of the function.
    assert found == pytest.approx(expected, rel=2e-15, abs=1e-31)
    single = np.float32(x)
    if float(single) == x and abs(expected) > 1e-37:
        found = getattr(pydl, name)(pydl.tensor(single)).item()
        assert found == pytest.approx(expected, rel=2e-7)


@pytest.mark.parametrize(("name", "x", "expected"), KNOWN)
def test_the_digits_are_right(name: str, x: float, expected: float) -> None:
    assert _known_by_mpmath(name, x) == pytest.approx(expected, rel=2e-16, abs=0)


# Function, range of its arguments, ulps that are allowed in float64.
RANGES = [
    ("erfc", -3, 26, 2), ("erfinv", -1, 1, 2), ("lgamma", 0.01, 30, 3), ("lgamma", 0.9, 2.2, 3),
    ("digamma", 0.01, 30, 3), ("digamma", 1.3, 1.6, 3), ("logit", 0, 1, 2), ("sinc", -4, 4, 3),
    ("asinh", -3, 3, 2), ("acosh", 1, 3, 2), ("atanh", -1, 1, 2), ("polygamma", 0.01, 30, 6),
]  # fmt: skip


@pytest.mark.parametrize(("name", "low", "high", "ulps"), RANGES)
def test_all_digits(name: str, low: float, high: float, ulps: float) -> None:
    mpmath = pytest.importorskip("mpmath")
    exact = {
        "lgamma": mpmath.loggamma,
        "sinc": mpmath.sincpi,
        "logit": lambda v: mpmath.log(v / (1 - v)),
        "polygamma": lambda v: mpmath.polygamma(2, v),
    }.get(name) or getattr(mpmath, name)
    function = (lambda x: pydl.polygamma(2, x)) if name == "polygamma" else getattr(pydl, name)
    drawn = np.random.default_rng(0).uniform(low, high, 60)
    for dtype, unit, allowed in (("float32", 2.0**-23, 1.0), ("float64", 2.0**-52, ulps)):
        x = drawn.astype(dtype)
        found = function(pydl.tensor(x)).numpy()
        with mpmath.workdps(50):
            for argument, value in zip(x, found, strict=True):
                wanted = exact(mpmath.mpf(float(argument)))
                if abs(wanted) < 1e-37:
                    continue
                error = abs((mpmath.mpf(float(value)) - wanted) / wanted)
                assert error <= allowed * unit, (dtype, argument, value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gamma_functions_of_negative_numbers(dtype: str) -> None:
    x = np.array([-0.5, -1.5, -0.1, -2.75, -7.3, -19.5, -0.001, 0.5, 3.0] * 100, dtype)
    for name, reference in (("lgamma", special.gammaln), ("digamma", special.psi)):
        found = getattr(pydl, name)(pydl.tensor(x)).numpy()
        expected = reference(x.astype("float64"))
        np.testing.assert_allclose(found, expected, rtol=1e-6 if dtype == "float32" else 1e-12)
    poles = pydl.tensor([0.0, -0.0, -1.0, -2.0], dtype=dtype)
    assert pydl.lgamma(poles).tolist() == [INF] * 4
    digamma = pydl.digamma(poles).tolist()
    assert digamma[:2] == [-INF, INF]
    assert np.isnan(digamma[2:]).all()


def test_polygamma() -> None:
    x = np.array([0.1, 0.7, 1.0, 2.5, 11.0, 400.0, 1e4])
    for n in (0, 1, 2, 3, 7, 30):
        found = pydl.polygamma(n, pydl.tensor(x)).numpy()
        np.testing.assert_allclose(found, special.polygamma(n, x), rtol=1e-12)
    # Derivatives of the reflection formula.
    negative = pydl.tensor([-0.25, -3.75, -1e-3], dtype="float64")
    expected = [18.541879647671607, 19.504980060599575, 1000001.6473414317]
    np.testing.assert_allclose(pydl.polygamma(1, negative).numpy(), expected, rtol=1e-12)
    assert pydl.polygamma(1, pydl.tensor([0.0, -2.0])).tolist() == [INF, INF]
    assert np.isnan(pydl.polygamma(pydl.tensor([-1.0, 0.5]), 2.0).numpy()).all()
    assert pydl.polygamma(2, pydl.tensor(INF)).item() == 0
    third = pydl.tensor(3.0, dtype="float64", requires_grad=True)
    y = pydl.lgamma(third)
    for n in range(4):
        (y,) = pydl.grad(y, third, create_graph=True)
        assert y.item() == pytest.approx(float(special.polygamma(n, 3.0)), rel=1e-12)


BITS = {"float16": np.uint16, "float32": np.uint32, "float64": np.uint64}


@pytest.mark.parametrize("dtype", BITS)
def test_nextafter_steps_through_all_numbers(dtype: str) -> None:
    info = np.finfo(dtype)
    x = np.array([0, -0.0, 1, -1, 2, info.max, info.tiny, -info.tiny, 3.140625, 1e-7], dtype)
    for target in (INF, -INF, 0.0, 1.0, NAN):
        b = np.full(x.shape, target, dtype)
        found = pydl.nextafter(pydl.tensor(x), pydl.tensor(b)).numpy()
        expected = np.where(x == b, b, np.nextafter(x, b))
        np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
        numbers = ~np.isnan(expected)
        np.testing.assert_array_equal(
            found.view(BITS[dtype])[numbers], expected.view(BITS[dtype])[numbers]
        )


def test_nextafter_of_bfloat16_and_integers() -> None:
    one = pydl.tensor([1.0, -1.0], dtype="bfloat16")
    assert pydl.nextafter(one, 2.0).tolist() == [1.0078125, -0.99609375]
    assert pydl.nextafter(pydl.tensor([1]), 2).dtype == "float32"


def test_integers_become_float32() -> None:
    whole = pydl.tensor([1, 2])
    for name in ("exp2", "asinh", "lgamma", "erfc", "sinc", "hardswish", "deg2rad", "log_sigmoid"):
        assert getattr(pydl, name)(whole).dtype == "float32", name
    for name in ("hypot", "logaddexp", "copysign", "xlogy"):
        assert getattr(pydl, name)(whole, whole).dtype == "float32", name
    assert pydl.lerp(whole, whole, 0.5).dtype == "float32"
    assert F.glu(pydl.tensor([1, 0])).tolist() == [0.5]
    assert F.tanhshrink(whole).dtype == "float32"
    assert pydl.float_power(whole, 2).dtype == "float64"
    assert pydl.float_power(pydl.tensor([4.0]), 0.5).tolist() == [2.0]
    assert pydl.nan_to_num(whole) is whole or pydl.nan_to_num(whole).tolist() == [1, 2]


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64", "uint8"])
def test_integer_remainders(dtype: str) -> None:
    info = np.iinfo(dtype)
    x = np.array([info.min, info.min + 1, 0, 1, 7, info.max], dtype)
    y = np.array([1, 2, 3, 7, info.max] + ([-1, -2, info.min] if info.min < 0 else []), dtype)
    a, b = np.meshgrid(x, y)
    s, t = pydl.tensor(a), pydl.tensor(b)
    with np.errstate(all="ignore"):
        for name in ("fmod", "remainder", "floor_divide"):
            found = getattr(pydl, name)(s, t)
            assert found.dtype == dtype
            np.testing.assert_array_equal(found.numpy(), getattr(np, name)(a, b), err_msg=name)
    assert pydl.fmod(s, 0).tolist() == [[0] * 6] * len(y)
    assert pydl.signbit(s).tolist() == (a < 0).tolist()
    assert pydl.abs(s).tolist() == np.abs(a).tolist()
    assert pydl.heaviside(s, 1).tolist() == (a >= 0).astype(int).tolist()


def test_nan_to_num() -> None:
    x = pydl.tensor([NAN, INF, -INF, 1.5, -0.0])
    largest = float(np.finfo("float32").max)
    assert pydl.nan_to_num(x).tolist() == [0, largest, -largest, 1.5, 0]
    assert x.nan_to_num(1.0, 2.0, -3.0).tolist() == [1, 2, -3, 1.5, 0]
    for dtype, bound in (("float16", 65504.0), ("bfloat16", float(2**128 - 2**120))):
        assert pydl.nan_to_num(x.astype(dtype))[1].item() == bound
    assert pydl.nan_to_num(pydl.tensor([True])).tolist() == [True]


def test_isclose_is_that_of_numpy() -> None:
    values = np.array([0, 1, 1 + 1e-6, 1 + 1e-4, 1e-9, 1e-7, -1, INF, -INF, NAN, 1e300, -1e300])
    a, b = np.meshgrid(values, values)
    for keywords in ({}, {"equal_nan": True}, {"rtol": 0.0, "atol": 1e-3}, {"rtol": 1e-3}):
        with np.errstate(all="ignore"):
            expected = np.isclose(a, b, **keywords)  # type: ignore[arg-type]
        found = pydl.isclose(pydl.tensor(a), pydl.tensor(b), **keywords)  # type: ignore[arg-type]
        np.testing.assert_array_equal(found.numpy(), expected)
    large = pydl.tensor([2**53, 2**31])
    assert pydl.isclose(large, large + 1, 0, 0).tolist() == [True, False]
    assert pydl.isclose(pydl.tensor([200], dtype="uint8"), 250, atol=20).tolist() == [False]
    assert pydl.isclose(pydl.tensor([True]), pydl.tensor([True])).tolist() == [True]


def test_allclose_is_a_python_bool() -> None:
    x = pydl.tensor([1.0, NAN])
    assert pydl.allclose(x, x) is False
    assert pydl.allclose(x, x, equal_nan=True) is True
    assert x.allclose(pydl.tensor([1.0, NAN]), equal_nan=True)
    assert pydl.allclose(pydl.ones((0,)), 3.0)
    with pytest.raises(pydl.TraceError):
        pydl.compile(lambda t: pydl.allclose(t, t))(x)
    assert pydl.compile(lambda t: pydl.isclose(t, t).all())(x).item() is False


def test_round_half_to_even() -> None:
    x = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 1e20, -0.0])
    _assert_same(pydl.round(pydl.tensor(x)), np.round(x), 0)


def test_clip_with_bounds_of_every_kind() -> None:
    x = pydl.tensor([[-2.0, 0.5], [NAN, 3.0]])
    low = pydl.tensor([-1.0, 1.0])
    np.testing.assert_array_equal(pydl.clip(x, low).numpy(), [[-1, 1], [NAN, 3]])
    np.testing.assert_array_equal(pydl.clip(x, None, low).numpy(), [[-2, 0.5], [NAN, 1]])
    np.testing.assert_array_equal(pydl.clip(x, max=1).numpy(), [[-2, 0.5], [NAN, 1]])
    np.testing.assert_array_equal(x.clamp(min=0).numpy(), [[0, 0.5], [NAN, 3]])
    assert pydl.clip(pydl.tensor([1, 5]), None, None).tolist() == [1, 5]
    assert pydl.clip(pydl.tensor([1.0]), 3.0, 2.0).tolist() == [2.0]  # as NumPy: the upper one wins
    assert np.isnan(pydl.clip(pydl.tensor([1.0]), NAN, 2.0).item())


@pytest.mark.parametrize(
    ("function", "passes"),
    [
        (pydl.hardshrink, 1), (pydl.softshrink, 1), (pydl.celu, 1), (pydl.hardtanh, 1),
        (pydl.hardswish, 1), (pydl.hardsigmoid, 1), (F.tanhshrink, 1), (F.rrelu, 1),
        (lambda x: F.threshold(x, 0.0, 1.0), 1), (lambda x: F.prelu(x, 0.25), 1),
    ],
)  # fmt: skip
def test_activations_keep_what_is_not_a_number(function: Any, passes: int) -> None:
    x = pydl.tensor([NAN, 1.0], requires_grad=True)
    y = function(x)
    assert np.isnan(y.detach().numpy()).tolist() == [True, False]
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (2,)
    assert passes == 1


def test_activations_of_large_numbers() -> None:
    x = pydl.tensor([-INF, -1e30, 1e30, INF])
    largest = float(np.float32(1e30))
    assert pydl.hardswish(x).tolist() == [0, 0, largest, INF]
    assert pydl.hardsigmoid(x).tolist() == [0, 0, 1, 1]
    assert pydl.celu(x, 0.5).tolist() == [-0.5, -0.5, largest, INF]
    assert pydl.log_sigmoid(x).tolist() == [-INF, -largest, 0, 0]
    assert pydl.hardtanh(x, -2, 3).tolist() == [-2, -2, 3, 3]
    assert pydl.hardtanh(pydl.tensor([1, 5], dtype="float16"), 0, 2).dtype == "float16"


def test_rrelu_is_drawn_from_the_generator_and_traced() -> None:
    x = -pydl.ones((1000,))
    first = F.rrelu(x, 0.1, 0.9, True, pydl.Generator(3)).numpy()
    again = F.rrelu(x, 0.1, 0.9, True, pydl.Generator(3)).numpy()
    np.testing.assert_array_equal(first, again)
    assert len(np.unique(first)) > 900
    assert F.rrelu(x, 0.1, 0.9)[0].item() == pytest.approx(-0.5)
    function = pydl.compile(lambda t: F.rrelu(t, 0.1, 0.9, True))
    pydl.manual_seed(5)
    drawn = function(x).numpy()
    assert (drawn != function(x).numpy()).any()
    pydl.manual_seed(5)
    np.testing.assert_array_equal(drawn, F.rrelu(x, 0.1, 0.9, True).numpy())


@pytest.mark.parametrize("layout", ["strided", "reversed", "broadcast", "empty"])
def test_layouts_of_ternary_functions(layout: str) -> None:
    rng = np.random.default_rng(0)
    shape = (0, 4) if layout == "empty" else (30, 40)
    arrays = [rng.uniform(size=shape) for _ in range(3)]
    if layout == "strided":
        arrays = [np.repeat(a, 2, 1)[:, ::2] for a in arrays]
    elif layout == "reversed":
        arrays = [a[::-1, ::-1] for a in arrays]
    elif layout == "broadcast":
        arrays = [
            np.broadcast_to(a[:1], shape) if i else a.T.copy().T for i, a in enumerate(arrays)
        ]
    tensors = [pydl.asarray(a) for a in arrays]
    expected = arrays[0] + arrays[2] * (arrays[1] - arrays[0])
    np.testing.assert_allclose(pydl.lerp(*tensors).numpy(), expected, rtol=1e-12)
    compiled = pydl.compile(lambda a, b, c: pydl.lerp(a * 2.0, b, c) * 0.5)
    twice = 2 * arrays[0] + arrays[2] * (arrays[1] - 2 * arrays[0])
    np.testing.assert_allclose(compiled(*tensors).numpy(), twice / 2, rtol=1e-12)


BESSEL = ("i0", "i0e", "i1", "i1e")


@pytest.mark.parametrize("name", BESSEL)
def test_bessel_functions(name: str) -> None:
    x = np.concatenate(
        [
            np.linspace(-60, 60, 4001),
            [0.0, -0.0, 8.0, -8.0, 1e-300, 1e-8, 700, 709, 1e5, INF, -INF, np.nan],
        ]
    )
    # SciPy has no numbers there.
    at_infinity = {"i0": [INF, INF], "i0e": [0.0, 0.0], "i1": [INF, -INF], "i1e": [0.0, -0.0]}[name]
    function = getattr(pydl, name)
    for dtype, rtol in (("float64", 4e-15), ("float32", 1.3e-7), ("bfloat16", 4e-3)):
        given = pydl.tensor(x, dtype=dtype)
        with np.errstate(all="ignore"):
            wanted = getattr(special, name)(given.astype("float64").numpy())
            wanted[-3:-1] = at_infinity
            if dtype != "float64":
                wanted = wanted.astype(np.float32).astype(np.float64)
        for call in (function, pydl.compile(function)):
            found = call(given)
            assert str(found.dtype).endswith(dtype)
            with np.errstate(all="ignore"):
                np.testing.assert_allclose(
                    found.astype("float64").numpy(),
                    wanted,
                    rtol=rtol,
                    atol=1e-300 if dtype == "float64" else 1e-37,
                )
    if not name.endswith("e"):  # where the exponential is infinite, and the function is not
        large = function(pydl.tensor(712.0, dtype="float64")).item()
        np.testing.assert_allclose(np.log(large), 712 + np.log(getattr(special, name + "e")(712)))
    assert function(pydl.tensor([1, 2])).dtype == pydl.float32
    assert function(pydl.ones((0, 2))).shape == (0, 2)


@pytest.mark.parametrize("name", BESSEL)
def test_derivatives_of_bessel_functions(name: str) -> None:
    points = np.array([-12.0, -7.5, -1.0, 0.3, 2.0, 7.9, 8.1, 20.0])
    check_gradients(getattr(pydl, name), [pydl.tensor(points)], order=2, rtol=1e-4)
    origin = pydl.tensor([0.0, -0.0], dtype="float64", requires_grad=True)
    getattr(pydl, name)(origin).sum().backward()
    assert origin.grad is not None
    assert origin.grad.tolist() == [0.5 if name in ("i1", "i1e") else 0.0] * 2


def test_normal_probabilities() -> None:
    x = np.array([-INF, -30.0, -8.0, -1.0, -0.0, 0.5, 3.0, 40.0, INF, np.nan])
    np.testing.assert_allclose(pydl.ndtr(pydl.tensor(x)).numpy(), special.ndtr(x), rtol=1e-13)
    small = pydl.ndtr(pydl.tensor(x, dtype="float32")).numpy()
    np.testing.assert_allclose(small[2:], special.ndtr(x)[2:], rtol=2e-5)
    check_gradients(pydl.ndtr, [pydl.tensor([-2.0, 0.0, 1.5])], order=2)
    assert pydl.ndtr(pydl.tensor([0, 1])).dtype == pydl.float32


@pytest.mark.parametrize("name", ["hardshrink", "softshrink"])
def test_bounds_of_shrinking_are_not_negative(name: str) -> None:
    for owner in (pydl, pydl.nn.functional):
        function = getattr(owner, name, None)
        if function is None:
            continue
        with pytest.raises(ValueError, match=f"{name}: expected a lambd of at least 0, got -0.5"):
            function(pydl.ones(2), -0.5)
        assert function(pydl.tensor([1.0, -2.0]), 0.0).tolist() == [1.0, -2.0]


def test_equal_infinities_share_the_gradient_of_logaddexp() -> None:
    for value in (INF, -INF, 3.0):
        a, b = (pydl.tensor([value], requires_grad=True) for _ in range(2))
        pydl.logaddexp(a, b).sum().backward()
        assert a.grad is not None and b.grad is not None
        assert a.grad.tolist() == b.grad.tolist() == [0.5]
