"""Rows of the elementwise ops of pydl/special.h: special functions and more activations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.special as special
from ops.samples import SHAPES, between, draw, pairs
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core


def _logit(x: Array) -> Array:
    near = (x > 0.25) & (x < 0.75)
    middle = np.where(near, x, 0.5)
    return np.where(near, np.log1p((2 * middle - 1) / (1 - middle)), np.log(x / (1 - x)))


def _sinc(x: Array) -> Array:
    whole = np.rint(x)
    sine = np.sin(np.pi * (x - whole)) * np.where(np.mod(whole, 2) == 0, 1, -1)
    return np.where(x == 0, 1, sine / np.where(x == 0, 1, np.pi * x))


def _log_sigmoid(x: Array) -> Array:
    return -np.logaddexp(0, -x)


def _hardsigmoid(x: Array) -> Array:
    return np.where(x <= -3, 0, np.where(x >= 3, 1, (x + 3) / 6))


def _lgamma(x: Array) -> Array:
    """As in C: infinite at both ends."""
    return np.where(np.isinf(x), np.inf, special.gammaln(x))


def _hardswish(x: Array) -> Array:
    return np.where(x <= -3, 0, np.where(x >= 3, x, x * (x + 3) / 6))


def _in_torch(name: str) -> Callable[..., Any]:
    return lambda torch, *operands: getattr(torch, name)(*operands)


def _in_functional(name: str) -> Callable[..., Any]:
    return lambda torch, x: getattr(torch.nn.functional, name)(x)


def _unary(
    name: str,
    reference: Callable[..., Any],
    low: float = -3,
    high: float = 3,
    *,
    kinks: Sequence[float] = (),
    torch: Callable[..., Any] | None = None,
    smooth: bool = True,
) -> Row:
    return Row(
        name,
        getattr(_core, name),
        reference,
        between(low, high, away_from=kinks),
        smooth=(0,) if smooth else (),
        torch=torch or _in_torch(name),
        bad=(BadCall(lambda: getattr(_core, name)("text"), TypeError, name),),
    )


_UNARY = [
    _unary("exp2", np.exp2),
    _unary("asinh", np.arcsinh),
    _unary("acosh", np.arccosh, 1.2, 9),
    _unary("atanh", np.arctanh, -0.9, 0.9),
    _unary("erfc", special.erfc),
    _unary("erfinv", special.erfinv, -0.9, 0.9),
    _unary("lgamma", _lgamma, 0.2, 9),
    _unary("digamma", special.psi, 0.2, 9),
    _unary("logit", _logit, 0.1, 0.9),
    _unary("sinc", _sinc),
    _unary("frac", lambda x: x - np.trunc(x), kinks=range(-3, 4)),
    _unary("log_sigmoid", _log_sigmoid, torch=_in_functional("logsigmoid")),
    _unary("hardsigmoid", _hardsigmoid, -5, 5, kinks=(-3, 3), torch=_in_functional("hardsigmoid")),
    _unary("hardswish", _hardswish, -5, 5, kinks=(-3, 3), torch=_in_functional("hardswish")),
    _unary("signbit", np.signbit, smooth=False),
]


def _binary(
    name: str,
    reference: Callable[..., Any],
    samples: Any,
    *,
    smooth: tuple[int, ...] = (0, 1),
    torch: Callable[..., Any] | None = None,
    call: Callable[..., Any] | None = None,
) -> Row:
    function = getattr(_core, name)
    return Row(
        name,
        call or function,
        reference,
        samples,
        smooth=smooth,
        torch=torch,
        bad=(
            BadCall(lambda: function(pydl.ones((2, 3)), pydl.ones((2, 4))), ValueError, name),
            BadCall(lambda: function(pydl.ones(2), "text"), TypeError, "str"),
        ),
    )


def _xlogy(a: Array, b: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.where((a == 0) & ~np.isnan(b), 0, a * np.log(b))


def _softshrink(a: Array, b: Array) -> Array:
    return np.where(a > b, a - b, np.where(a < -b, a + b, np.where(np.isnan(a), a, 0)))


def _celu(a: Array, b: Array) -> Array:
    return np.where(a > 0, a, b * np.expm1(np.minimum(a, 0) / b))


def _hardswish_backward(g: Array, x: Array) -> Array:
    return np.where(x <= -3, 0, np.where(x >= 3, g, g * (x / 3 + 0.5)))


_SELU_SCALE, _SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


def _selu_backward(g: Array, x: Array) -> Array:
    return g * _SELU_SCALE * np.where(x > 0, 1, _SELU_ALPHA * np.exp(np.minimum(x, 0)))


def _elu_backward(g: Array, x: Array, alpha: Array) -> Array:
    return g * np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))


def _orders(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((rng.integers(0, 4, order).astype(float), draw(rng, shape, 0.3, 9)))
        for order, shape in [((), ()), ((), (5,)), ((3, 1), (4,)), ((0,), (0,)), ((4,), (4,))]
    ]


def _with_parameter(*kinks: float) -> Callable[[np.random.Generator], list[Sample]]:
    def sample(rng: np.random.Generator) -> list[Sample]:
        return [
            Sample((draw(rng, shape, -3, 3, (0, *kinks)), np.array(0.5)))
            for shape in [(), (5,), (0,), (3, 4), (20, 30)]
        ]

    return sample


def _polygamma(n: Array, x: Array) -> Array:
    return np.asarray(special.polygamma(n, x))


_BINARY = [
    _binary("fmod", np.fmod, pairs(0.3, 3, 3.5, 9), torch=_in_torch("fmod")),
    _binary("heaviside", np.heaviside, pairs(-3, 3, apart=True), smooth=(1,)),
    _binary("hypot", np.hypot, pairs(0.5, 3), torch=_in_torch("hypot")),
    _binary("copysign", np.copysign, pairs(0.5, 3, -3, -0.5), torch=_in_torch("copysign")),
    _binary("logaddexp", np.logaddexp, pairs(-3, 3), torch=_in_torch("logaddexp")),
    _binary("xlogy", _xlogy, pairs(-3, 3, 0.3, 3), torch=_in_torch("xlogy")),
    _binary("polygamma", _polygamma, _orders, smooth=(1,)),
    _binary("hardshrink", lambda a, b: np.where(np.abs(a) <= b, 0, a), _with_parameter(0.5, -0.5),
            smooth=(0,), torch=lambda torch, a, b: torch.nn.functional.hardshrink(a, float(b))),
    _binary("softshrink", _softshrink, _with_parameter(0.5, -0.5),
            torch=lambda torch, a, b: torch.nn.functional.softshrink(a, float(b))),
    _binary("celu", _celu, _with_parameter(),
            torch=lambda torch, a, b: torch.nn.functional.celu(a, float(b))),
    _binary("selu_backward", _selu_backward, pairs(-3, 3, -2.9, 2.9, apart=True)),
    _binary("hardswish_backward", _hardswish_backward, pairs(-3, 3, -2.9, 2.9)),
    _binary("nextafter", lambda a, b: np.nextafter(a, b), pairs(-3, 3, apart=True), smooth=(0,),
            torch=_in_torch("nextafter")),
]  # fmt: skip


def _triples(rng: np.random.Generator) -> list[Sample]:
    shapes = [((), (), ()), ((4,), (4,), (4,)), ((3, 1), (4,), ()), ((2, 3), (2, 3), (3,))]
    shapes += [((0,), (0,), ()), ((40, 50), (40, 50), (50,))]
    return [
        Sample((draw(rng, a, -3, 3), draw(rng, b, -3, 3), draw(rng, c, 0, 1, (0.5,))))
        for a, b, c in shapes
    ]


def _triples_beside_zero(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((draw(rng, shape, -3, 3), draw(rng, shape, -3, 3, (0,)), np.array(0.5)))
        for shape in SHAPES
    ]


def _limits(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((draw(rng, shape, -3, 3, (-1, 1.5)), np.array(-1.0), np.array(1.5)))
        for shape in SHAPES
    ]


def _huber(a: Array, b: Array, delta: Array) -> Array:
    size = np.abs(a - b)
    return np.where(size <= delta, size**2 / 2, delta * (size - delta / 2))


def _around_target(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((draw(rng, shape, -3, 3, (-0.5, 1.0)), np.array(0.25), np.array(0.75)))
        for shape in SHAPES
    ]


def _bad_triple(name: str) -> tuple[BadCall, ...]:
    function = getattr(_core, name)
    return (
        BadCall(lambda: function(pydl.ones((2, 3)), pydl.ones(4), 1), ValueError, name),
        BadCall(lambda: function(pydl.ones(2), "text", 1), TypeError, "str"),
    )


def _numbers(rng: np.random.Generator) -> list[Sample]:
    """What is not finite has no differences; tests/test_one_pass.py has it."""
    keywords = {"nan": 0.5, "positive": 7.0, "negative": -2.0}
    return [Sample((draw(rng, shape, -3, 3),), keywords) for shape in SHAPES]


def _replaced(x: Array, nan: float, positive: float, negative: float) -> Array:
    return np.nan_to_num(x, nan=nan, posinf=positive, neginf=negative)


_OTHERS = [
    Row("replace_nonfinite", _core.replace_nonfinite, _replaced, _numbers, smooth=(0,),
        bad=(BadCall(lambda: _core.replace_nonfinite(pydl.arange(3), 0.0, 0.0, 0.0), TypeError,
                     "replace_nonfinite"),)),
]  # fmt: skip

_TERNARY = [
    Row("lerp", _core.lerp, lambda a, b, c: a + c * (b - a), _triples, smooth=(0, 1, 2),
        torch=_in_torch("lerp"), bad=_bad_triple("lerp")),
    Row("hardtanh", _core.hardtanh, np.clip, _limits, smooth=(0, 1, 2), bad=_bad_triple("hardtanh"),
        torch=lambda torch, x, a, b: torch.nn.functional.hardtanh(x, float(a), float(b))),
    Row("huber", _core.huber, _huber, _around_target, smooth=(0, 1, 2), bad=_bad_triple("huber")),
    Row("leaky_relu_backward", _core.leaky_relu_backward,
        lambda g, x, slope: np.where(x > 0, g, g * slope), _triples_beside_zero, smooth=(0, 1, 2),
        bad=_bad_triple("leaky_relu_backward")),
    Row("elu_backward", _core.elu_backward, _elu_backward, _triples_beside_zero, smooth=(0, 1, 2),
        bad=_bad_triple("elu_backward")),
    Row("squared_difference_backward", _core.squared_difference_backward,
        lambda g, a, b: g * 2 * (a - b), _triples, smooth=(0, 1, 2),
        bad=_bad_triple("squared_difference_backward")),
]  # fmt: skip

ROWS = [*_UNARY, *_BINARY, *_TERNARY, *_OTHERS]
