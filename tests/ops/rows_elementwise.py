"""Rows of the elementwise ops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.special as special
from ops.samples import between, draw, pairs
from ops.table import Array, BadCall, Row, Sample

import pydl
from pydl import _core

ERF_SCALE = 0.7071067811865476


def _gelu_tanh(x: Array) -> Array:
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def _silu_backward(g: Array, x: Array) -> Array:
    return g * special.expit(x) * (1 + x * special.expit(-x))


def _gelu_backward(g: Array, x: Array) -> Array:
    return g * (special.ndtr(x) + x * np.exp(-0.5 * x * x) / np.sqrt(2 * np.pi))


def _gelu_tanh_backward(g: Array, x: Array) -> Array:
    tanh = np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))
    inner = np.sqrt(2 / np.pi) * (1 + 3 * 0.044715 * x * x)
    return g * (0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * inner)


def _selu(x: Array) -> Array:
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(np.minimum(x, 0)))


def _unary(
    name: str,
    reference: Callable[..., Any],
    low: float = -3,
    high: float = 3,
    *,
    kinks: Sequence[float] = (),
    smooth: bool = True,
    torch: Callable[..., Any] | None = None,
    bad: tuple[BadCall, ...] = (),
) -> Row:
    return Row(
        name,
        getattr(_core, name),
        reference,
        between(low, high, away_from=kinks),
        smooth=(0,) if smooth else (),
        torch=torch,
        bad=bad,
    )


def _no_bool(name: str) -> tuple[BadCall, ...]:
    return (BadCall(lambda: getattr(_core, name)(pydl.tensor([True])), TypeError, name),)


def _torch_named(name: str) -> Callable[..., Any]:
    def call(torch: Any, x: Any) -> Any:
        return getattr(torch, name, None)(x)

    return call


def _activation(name: str, **keywords: Any) -> Callable[..., Any]:
    return lambda torch, x: getattr(torch.nn.functional, name)(x, **keywords)


_UNARY = [
    _unary("negative", np.negative, torch=_torch_named("neg"), bad=_no_bool("negative")),
    _unary("abs", np.abs, kinks=(0,), torch=_torch_named("abs"), bad=_no_bool("abs")),
    _unary("sign", np.sign, kinks=(0,), torch=_torch_named("sign")),
    _unary("square", np.square, torch=_torch_named("square")),
    _unary("relu", lambda x: np.maximum(x, 0), kinks=(0,), torch=_activation("relu")),
    _unary("relu6", lambda x: np.clip(x, 0, 6), kinks=(0, 6), torch=_activation("relu6")),
    _unary("binary_step", lambda x: (x >= 0) * 1.0, kinks=(0,)),
    _unary("floor", np.floor, kinks=range(-3, 4), torch=_torch_named("floor")),
    _unary("ceil", np.ceil, kinks=range(-3, 4), torch=_torch_named("ceil")),
    _unary("round", np.round, kinks=np.arange(-3, 3.1, 0.5), torch=_torch_named("round")),
    _unary("trunc", np.trunc, kinks=range(-3, 4), torch=_torch_named("trunc")),
    _unary("reciprocal", np.reciprocal, 0.3, 3, torch=_torch_named("reciprocal")),
    _unary("sqrt", np.sqrt, 0.2, 5, torch=_torch_named("sqrt")),
    _unary("rsqrt", lambda x: 1 / np.sqrt(x), 0.2, 5, torch=_torch_named("rsqrt")),
    _unary("exp", np.exp, torch=_torch_named("exp")),
    _unary("expm1", np.expm1, torch=_torch_named("expm1")),
    _unary("log", np.log, 0.1, 9, torch=_torch_named("log")),
    _unary("log1p", np.log1p, -0.7, 9, torch=_torch_named("log1p")),
    _unary("log2", np.log2, 0.1, 9, torch=_torch_named("log2")),
    _unary("log10", np.log10, 0.1, 9, torch=_torch_named("log10")),
    _unary("sin", np.sin, -9, 9, torch=_torch_named("sin")),
    _unary("cos", np.cos, -9, 9, torch=_torch_named("cos")),
    _unary("tan", np.tan, -1.2, 1.2, torch=_torch_named("tan")),
    _unary("asin", np.arcsin, -0.9, 0.9, torch=_torch_named("asin")),
    _unary("acos", np.arccos, -0.9, 0.9, torch=_torch_named("acos")),
    _unary("atan", np.arctan, torch=_torch_named("atan")),
    _unary("sinh", np.sinh, torch=_torch_named("sinh")),
    _unary("cosh", np.cosh, torch=_torch_named("cosh")),
    _unary("tanh", np.tanh, torch=_torch_named("tanh")),
    _unary("erf", special.erf, torch=_torch_named("erf")),
    _unary("sigmoid", special.expit, torch=_torch_named("sigmoid")),
    _unary("softplus", lambda x: np.logaddexp(0, x), torch=_activation("softplus")),
    _unary("silu", lambda x: x * special.expit(x), torch=_activation("silu")),
    Row(
        "gelu",
        _core.gelu,
        lambda x: 0.5 * x * (1 + special.erf(x * ERF_SCALE)),
        between(-3, 3),
        smooth=(0,),
        torch=_activation("gelu"),
        bad=(
            BadCall(
                lambda: _core.gelu(pydl.ones(2), approximate="cube"), ValueError, "approximate"
            ),
        ),
    ),
    _unary("gelu_tanh", _gelu_tanh, torch=_activation("gelu", approximate="tanh")),
    _unary("softsign", lambda x: x / (1 + np.abs(x)), kinks=(0,), torch=_activation("softsign")),
    _unary("selu", _selu, kinks=(0,), torch=_activation("selu")),
    _unary("mish", lambda x: x * np.tanh(np.logaddexp(0, x)), torch=_activation("mish")),
    _unary("isnan", np.isnan, smooth=False, torch=_torch_named("isnan")),
    _unary("isinf", np.isinf, smooth=False, torch=_torch_named("isinf")),
    _unary("isfinite", np.isfinite, smooth=False, torch=_torch_named("isfinite")),
    _unary("logical_not", np.logical_not, smooth=False, torch=_torch_named("logical_not")),
]


def _binary(
    name: str,
    reference: Callable[..., Any],
    samples: Any,
    *,
    smooth: tuple[int, ...] = (0, 1),
    torch: Callable[..., Any] | None = None,
) -> Row:
    function = getattr(_core, name)
    bad = (
        BadCall(lambda: function(pydl.ones((2, 3)), pydl.ones((2, 4))), ValueError, name),
        BadCall(lambda: function(pydl.ones(2), "text"), TypeError, "str"),
    )
    return Row(name, function, reference, samples, smooth=smooth, torch=torch, bad=bad)


def _torch_binary(name: str) -> Callable[..., Any]:
    return lambda torch, a, b: getattr(torch, name)(a, b)


_ANY = pairs(-3, 3)
_APART = pairs(-3, 3, apart=True)
_POSITIVE_DIVISOR = pairs(-3, 3, 0.5, 3)
_POWERS = pairs(0.3, 2.5, -2, 2)


def _gradient_times(g: Array, slope: Array) -> Array:
    nothing = (g == 0) | ((slope == 0) & ~np.isnan(g))
    return np.where(nothing, 0, g * slope)


_BINARY = [
    _binary("add", np.add, _ANY, torch=_torch_binary("add")),
    _binary("subtract", np.subtract, _ANY, torch=_torch_binary("subtract")),
    _binary("multiply", np.multiply, _ANY, torch=_torch_binary("multiply")),
    _binary("divide", np.divide, _POSITIVE_DIVISOR, torch=_torch_binary("divide")),
    _binary("maximum", np.maximum, _APART, torch=_torch_binary("maximum")),
    _binary("minimum", np.minimum, _APART, torch=_torch_binary("minimum")),
    _binary(
        "floor_divide",
        np.floor_divide,
        pairs(-3, 3, 0.5, 3, apart=True),
        smooth=(),
        torch=_torch_binary("floor_divide"),
    ),
    _binary("remainder", np.mod, pairs(-3, -0.3, 3.5, 9), torch=_torch_binary("remainder")),
    _binary("pow", np.power, _POWERS, torch=_torch_binary("pow")),
    _binary("atan2", np.arctan2, pairs(0.5, 3), torch=_torch_binary("atan2")),
    _binary(
        "relu_backward",
        lambda g, y: np.where(y > 0, g, 0),
        pairs(-3, 3, apart=True),
        smooth=(0,),
    ),
    _binary(
        "relu6_backward",
        lambda g, y: np.where((y > 0) & (y < 6), g, 0),
        pairs(-3, 3, apart=True),
        smooth=(0,),
    ),
    _binary("sigmoid_backward", lambda g, y: g * y * (1 - y), pairs(-3, 3, 0, 1)),
    _binary("tanh_backward", lambda g, y: g * (1 - y * y), pairs(-3, 3, -1, 1)),
    _binary("silu_backward", _silu_backward, pairs(-3, 3)),
    _binary("gelu_backward", _gelu_backward, pairs(-3, 3)),
    _binary("gelu_tanh_backward", _gelu_tanh_backward, pairs(-3, 3)),
    _binary("squared_difference", lambda a, b: (a - b) ** 2, _ANY),
    _binary("gradient_times", _gradient_times, _ANY),
    _binary("gradient_over", lambda g, y: np.where(g == 0, 0, g / y), _POSITIVE_DIVISOR),
    *(
        _binary(name, function, _APART, smooth=(), torch=_torch_binary(torch_name))
        for name, function, torch_name in [
            ("equal", np.equal, "eq"),
            ("not_equal", np.not_equal, "ne"),
            ("less", np.less, "lt"),
            ("less_equal", np.less_equal, "le"),
            ("greater", np.greater, "gt"),
            ("greater_equal", np.greater_equal, "ge"),
            ("logical_and", np.logical_and, "logical_and"),
            ("logical_or", np.logical_or, "logical_or"),
            ("logical_xor", np.logical_xor, "logical_xor"),
        ]
    ),
]


def _whole(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of the arguments as integers."""
    return lambda *arguments: function(*(x.astype("int64") for x in arguments))


_WHOLE_AND_SHIFTS = pairs(-100, 100, 0, 70)

_BITWISE = [
    Row(
        name,
        _whole(getattr(_core, name)),
        _whole(function),
        pairs(-100, 100) if "shift" not in name else _WHOLE_AND_SHIFTS,
        bad=(
            BadCall(
                lambda name=name: getattr(_core, name)(pydl.ones(2), pydl.ones(2)),
                TypeError,
                f"{name}: expected integers or bools, got float32",
            ),
        ),
    )
    for name, function in [
        ("bitwise_and", np.bitwise_and),
        ("bitwise_or", np.bitwise_or),
        ("bitwise_xor", np.bitwise_xor),
        ("bitwise_left_shift", np.left_shift),
        ("bitwise_right_shift", np.right_shift),
    ]
] + [
    Row(
        "bitwise_invert",
        _whole(_core.bitwise_invert),
        _whole(np.invert),
        between(-100, 100),
        bad=(BadCall(lambda: _core.bitwise_invert(pydl.ones(2)), TypeError, "bitwise_invert"),),
    )
]


def _kinked_with_parameter(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((draw(rng, shape, -3, 3, (0,)), draw(rng, (), 0.1, 1)))
        for shape in [(), (5,), (0,), (3, 4)]
    ]


def _where_samples(rng: np.random.Generator) -> list[Sample]:
    shapes = [((), (), ()), ((4,), (4,), (4,)), ((3, 1), (4,), ()), ((2, 3), (2, 3), (3,))]
    return [
        Sample((rng.integers(0, 2, c).astype(bool), draw(rng, a, -3, 3), draw(rng, b, -3, 3)))
        for c, a, b in shapes
    ]


def _clip_samples(rng: np.random.Generator) -> list[Sample]:
    return [
        Sample((draw(rng, shape, -3, 3, (-1, 1)), np.array(-1.0), np.array(1.0)))
        for shape in [(), (6,), (0,), (3, 5)]
    ]


_PARAMETRIC = [
    Row(
        "leaky_relu",
        _core.leaky_relu,
        lambda x, slope: np.where(x < 0, slope * x, x),
        _kinked_with_parameter,
        smooth=(0, 1),
        torch=lambda torch, x, slope: torch.nn.functional.leaky_relu(x, float(slope)),
    ),
    Row(
        "elu",
        _core.elu,
        lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
        _kinked_with_parameter,
        smooth=(0, 1),
        torch=lambda torch, x, alpha: torch.nn.functional.elu(x, float(alpha)),
    ),
    Row(
        "where",
        pydl.where,
        np.where,
        _where_samples,
        smooth=(1, 2),
        torch=lambda torch, c, a, b: torch.where(c, a, b),
        bad=(
            BadCall(lambda: pydl.where(pydl.ones(2), 1.0, 2.0), TypeError, "where: .*bool"),
            BadCall(
                lambda: pydl.where(pydl.tensor([True] * 3), pydl.ones(2), 0.0), ValueError, "where"
            ),
        ),
    ),
    Row(
        "clip",
        pydl.clip,
        np.clip,
        _clip_samples,
        smooth=(0, 1, 2),
        torch=lambda torch, x, low, high: torch.clip(x, low, high),
        bad=(
            BadCall(lambda: pydl.clip(pydl.ones((2, 3)), pydl.ones(4), 1), ValueError, "max|clip"),
        ),
    ),
    Row(
        "cast",
        lambda x: pydl.astype(pydl.astype(x, "float32"), "float64"),
        lambda x: x.astype(np.float32).astype(np.float64),
        lambda rng: [
            Sample((np.round(draw(rng, s, -3, 3) * 64) / 64,)) for s in [(), (5,), (0, 2)]
        ],
        smooth=(),
        dtypes=("float64",),
        bad=(BadCall(lambda: pydl.astype(pydl.ones(2), "float8"), TypeError, "float8"),),
    ),
    Row("copy", pydl.copy, np.copy, between(-3, 3), smooth=(0,)),
]

ROWS = [*_UNARY, *_BINARY, *_BITWISE, *_PARAMETRIC]
