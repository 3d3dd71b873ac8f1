"""Functions of each element."""

from __future__ import annotations

from bench.operations.row import (
    Row,
    bools,
    column_vector,
    double,
    half,
    int32,
    integers,
    normal,
    positive,
    row_vector,
    unit,
)  # fmt: skip

_SAME = (
    "negative", "abs", "sign", "square", "floor", "ceil", "trunc", "sin", "cos", "tan", "atan",
    "sinh", "cosh", "tanh", "exp", "expm1", "exp2", "asinh", "isnan", "isinf", "isfinite",
    "signbit", "sinc",
)  # fmt: skip
_OF_POSITIVE = ("reciprocal", "sqrt", "log", "log1p", "log2", "log10")
_OF_UNIT = ("asin", "acos")
_NETWORK = ("relu", "sigmoid", "softplus", "silu", "gelu", "selu", "mish", "elu", "leaky_relu")
_MORE_OF_NETWORKS = (
    "relu6", "softsign", "hardsigmoid", "hardswish", "hardtanh", "celu", "hardshrink", "softshrink",
)  # fmt: skip
_SPECIAL = ("erf", "erfc", "lgamma", "digamma")
_PAIRS = ("maximum", "minimum", "hypot", "copysign", "logaddexp", "nextafter", "heaviside")
_COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")
_ARITHMETIC = {"add": "x + y", "subtract": "x - y", "multiply": "x * y", "divide": "x / y"}
_BITS = ("&", "|", "^")

_MKL = "in PyTorch, Intel's MKL computes it, where that is built in"
_IN_DOUBLE = "computed in double, so that a float32 has all its digits"
_REASONS = {
    "sin": "angles are reduced in double, so that large ones keep their digits",
    "exp": _MKL,
    "tanh": _MKL,
    "sqrt": f"the processor's square root, which is rounded correctly; {_MKL}",
    "erfc": _IN_DOUBLE,
}
ROWS = (
    *(Row(f"m.{name}(x)", gradient=name in ("abs", "square", "tanh", "exp"),
          reason=_REASONS.get(name, "")) for name in _SAME),
    *(Row(f"m.{name}(x)", (positive,), gradient=name in ("sqrt", "log"),
          reason=_REASONS.get(name, "")) for name in _OF_POSITIVE),
    *(Row(f"m.{name}(x)", (unit,)) for name in _OF_UNIT),
    Row("m.acosh(x + 1.5)", (positive,)),
    Row("m.atanh(x)", (unit,), reason=_IN_DOUBLE),
    Row("m.rsqrt(x)", (positive,), numpy="1 / m.sqrt(x)"),
    Row("m.round(x)"),
    Row("m.frac(x)", numpy="x - m.trunc(x)"),
    *(
        Row(f"f.{name}(x)", numpy="m.maximum(x, 0)" if name == "relu" else "", gradient=True)
        for name in _NETWORK
    ),
    *(Row(f"f.{name}(x)", numpy="") for name in _MORE_OF_NETWORKS),
    Row("f.gelu(x, approximate='tanh')", numpy="", gradient=True, covers=("gelu_tanh",)),
    Row("m.log_sigmoid(x)", torch="f.logsigmoid(x)", numpy="", gradient=True),
    Row("m.binary_step(x)", torch="m.heaviside(x, m.ones(()))", numpy="m.heaviside(x, 1)"),
    *(Row(f"m.{name}(x)", (positive,), torch=f"m.special.{name}(x)" if name == "erfc" else None,
          numpy="", reason=_REASONS.get(name, "")) for name in _SPECIAL),
    Row("m.erfinv(x)", (unit,), numpy="", tolerance=1e-3, reason=_IN_DOUBLE),
    Row("m.logit(x)", (unit,), numpy="", reason=_IN_DOUBLE),
    Row("m.polygamma(1, x)", (positive,), numpy=""),
    Row("m.xlogy(x, y)", (positive, positive), numpy=""),
    *(Row(expression, (normal, positive), gradient=True, covers=(name,))
      for name, expression in _ARITHMETIC.items()),
    *(Row(f"m.{name}(x, y)", (normal, normal), gradient=name == "maximum",
          reason=_IN_DOUBLE if name == "logaddexp" else "") for name in _PAIRS),
    *(Row(f"m.{name}(x, y)", (normal, normal), torch=f"m.{_torch}(x, y)")
      for name, _torch in zip(_COMPARISONS, ("eq", "ne", "lt", "le", "gt", "ge"), strict=True)),
    Row("m.atan2(x, y)", (normal, normal), numpy="m.arctan2(x, y)"),
    Row("m.fmod(x, y)", (normal, positive)),
    Row("m.remainder(x, y)", (normal, positive)),
    Row("m.floor_divide(x, y)", (normal, positive)),
    Row("m.floor_divide(x, y)", (integers, integers), name="floor_divide(x, y) of int64",
        torch="m.floor_divide(x, y | 1)", numpy="m.floor_divide(x, y | 1)"),
    Row("x ** y", (positive, normal), covers=("pow",), gradient=True),
    Row("x ** 2", covers=("pow",), name="x ** 2"),
    Row("x ** 3", covers=("pow",), name="x ** 3"),
    Row("x + 1", name="x + 1"),
    Row("x * 2 + 1", name="x * 2 + 1", gradient=True),
    Row("x.add_(y)", (normal, normal), numpy="m.add(x, y, out=x)", name="x.add_(y)"),
    Row("x.mul_(y)", (normal, unit), numpy="m.multiply(x, y, out=x)", name="x.mul_(y)"),
    Row("x.add_(1.0)", numpy="m.add(x, 1, out=x)", name="x.add_(1.0)"),
    Row("x + y", (normal, row_vector), name="x + row", gradient=True),
    Row("x * y", (normal, column_vector), name="x * column", gradient=True),
    Row("x + y", (integers, integers), name="x + y of int64"),
    Row("x + y", (int32, int32), name="x + y of int32"),
    Row("x + y", (double, double), name="x + y of float64"),
    Row("x + y", (half, half), name="x + y of float16"),
    Row("m.exp(x)", (double,), name="exp(x) of float64", reason=_MKL),
    Row("m.exp(x)", (half,), name="exp(x) of float16", tolerance=2e-3),
    Row("m.where(x, y, z)", (bools, normal, normal)),
    Row("m.clip(x, -1, 1)", gradient=True),
    Row("m.lerp(x, y, 0.3)", (normal, normal), numpy=""),
    Row("m.nan_to_num(x)", covers=("replace_nonfinite",)),
    Row("m.logical_not(x)", (bools,)),
    *(Row(f"m.logical_{name}(x, y)", (bools, bools)) for name in ("and", "or", "xor")),
    *(Row(f"x {sign} y", (integers, integers), covers=(f"bitwise_{name}",))
      for sign, name in zip(_BITS, ("and", "or", "xor"), strict=True)),
    Row("~x", (integers,), covers=("bitwise_invert",)),
    Row("x << 3", (integers,), covers=("bitwise_left_shift",)),
    Row("x >> 3", (integers,), covers=("bitwise_right_shift",)),
)  # fmt: skip
