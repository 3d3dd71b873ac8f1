"""First and second derivatives where formulas divide, take roots, logarithms and powers of zero, or
choose among equals: they are never NaN where the value is finite.

Every op of the registry is walked, so that one that is added later is too. Where a one-sided limit
of the derivative is infinite, so is the result, with its sign: `SINGULAR` lists these places.
Everywhere else it is finite, unless the number is too large for the dtype.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from compiled.comparison import to_numpy
from ops.table import Array, Row, Sample, row_samples, rows

import pydl
from pydl import _core

INF = float("inf")
NAN = float("nan")
OPS = {op["name"]: op for op in _core.ops()}
BY_NAME = {row.name: row for row in rows()}
ELEMENTWISE = [name for name, op in OPS.items() if op["elementwise"] and op["differentiable"]]
# Of matrices that are singular, or whose eigenvalues are equal, they raise or have no derivative: a
# subject of tests/test_linalg.py.
FACTORISATIONS = {"cholesky", "eigh", "pinv", "qr", "solve", "solve_triangular", "svd"}
STRUCTURAL = [
    row for row in rows() if row.smooth and row.name not in {*ELEMENTWISE, *FACTORISATIONS}
]
DTYPES = ["float32", "float64", "float16", "bfloat16"]

# A number whose square is in the range of the dtype, and so is its reciprocal's.
SMALL = {"float16": 2.0**-6, "bfloat16": 1e-12, "float32": 1e-12, "float64": 1e-100}
LARGEST = {"float16": 65504.0, "bfloat16": 3.38e38, "float32": 3.4e38, "float64": 1.79e308}
ORDINARY = [0.0, 0.5, 1.0, 2.0, 3.0, 6.0, 17.0, 20.0, 50.0, 88.0, 100.0, 300.0, 710.0, 1e4]
# Second operands that are outputs of `sigmoid`, `tanh`, `relu6`, and parameters of activations.
SECOND: dict[str, list[float]] = {
    "sigmoid_backward": [0.0, 0.25, 1.0],
    "tanh_backward": [-1.0, 0.0, 0.5, 1.0],
    "relu6_backward": [0.0, 3.0, 6.0],
    "leaky_relu": [0.0, 0.01, 1.0],
    "elu": [0.0, 0.5, 1.0],
    "celu": [0.25, 0.5, 1.0],
}
# First operands that are the number of a derivative, or moderate gradients.
FIRST: dict[str, list[float]] = {
    "polygamma": [0.0, 1.0, 2.0],
    # Third derivatives are sums of multiples of the gradient.
    "silu_backward": [0.0, 0.5, 1.0, 17.0, 100.0, -0.5, -17.0],
    "gelu_tanh_backward": [0.0, 0.5, 1.0, 17.0, 100.0, -0.5, -17.0],
}
# What is infinite: the derivative for operand k, of arguments for which the test holds.
SINGULAR: dict[tuple[str, int], tuple[Callable[..., Any], float]] = {
    ("sqrt", 0): (lambda x: x == 0, INF),
    ("asin", 0): (lambda x: abs(x) == 1, INF),
    ("acos", 0): (lambda x: abs(x) == 1, -INF),
    ("acosh", 0): (lambda x: x == 1, INF),
    ("xlogy", 0): (lambda a, b: a == 0 and b == INF, INF),
    ("pow", 0): (lambda a, b: a == 0 and 0 < b < 1, NAN),  # INF, but for -0.0 and some b
    ("pow", 1): (lambda a, b: a == INF and b == 0, INF),
    ("gradient_over", 0): (lambda a, b: a == 0 and b == 0, NAN),  # the sign is that of b
    ("gradient_times", 0): (lambda a, b: a == 0 and abs(b) == INF, NAN),
    ("gradient_times", 1): (lambda a, b: b == 0 and abs(a) == INF, NAN),
    ("sigmoid_backward", 1): (lambda a, b: abs(a) == INF, NAN),
    ("tanh_backward", 1): (lambda a, b: abs(a) == INF, NAN),
    ("squared_difference_backward", 1): (lambda g, a, b: abs(g) == INF, NAN),
    ("squared_difference_backward", 2): (lambda g, a, b: abs(g) == INF, NAN),
    ("squared_difference_backward", 0): (lambda g, a, b: abs(a) == INF, NAN),
    ("gelu_backward", 1): (lambda a, b: abs(a) == INF, NAN),
}


def _points(dtype: str) -> list[float]:
    positive = [*ORDINARY, SMALL[dtype], LARGEST[dtype], LARGEST[dtype] / 2, INF]
    return [*positive, *(-x for x in positive)]


def _operands(name: str, dtype: str) -> tuple[Array, ...]:
    points = _points(dtype)
    row = BY_NAME[name]
    count = len(next(iter(row_samples(row))).arrays)
    if name == "where":
        both = np.array(points)
        return np.arange(len(points)) % 2 == 0, both, both[::-1].copy()
    if name in ("clip", "hardtanh"):
        return np.array(points), np.array(-1.0), np.array(1.0)
    if name == "huber":
        return np.array(points), np.array(0.0), np.array(1.0)
    if name == "squared_difference_backward":
        first, second = np.meshgrid(points, points)
        return first.reshape(-1), second.reshape(-1), np.array(1.0)
    if name in ("leaky_relu_backward", "elu_backward"):
        first, second = np.meshgrid([0.0, 0.5, 1.0, 17.0, 100.0, -0.5, -17.0], points)
        return first.reshape(-1), second.reshape(-1), np.array(0.5)
    if name == "lerp":
        return tuple(a.reshape(-1) for a in np.meshgrid(points, points, [0.0, 0.25, 1.0]))
    if count == 1:
        return (np.array(points),)
    first, second = np.meshgrid(FIRST.get(name, points), SECOND.get(name, points))
    return first.reshape(-1), second.reshape(-1)


def _call(name: str) -> Callable[..., pydl.Tensor]:
    if name == "cast":
        return lambda x: x.astype("float64")
    return pydl.clip if name == "clip" else pydl.where if name == "where" else getattr(_core, name)


Derivatives = tuple[pydl.Tensor, list[Any], list[Any]]


def _derivatives(
    call: Callable[..., pydl.Tensor],
    arguments: Sequence[pydl.Tensor],
    smooth: Sequence[int],
    orders: int = 2,
) -> Derivatives:
    """Value, first derivatives by operand, second ones by pairs of operands."""
    leaves = list(arguments)
    for i in smooth:
        leaves[i] = (arguments[i] * 1).detach().requires_grad_()
    inputs = [leaves[i] for i in smooth]
    y = call(*leaves)
    first = pydl.grad([y], inputs, [pydl.ones_like(y)], create_graph=orders > 1, allow_unused=True)
    second: list[Any] = []
    for gradient in first if orders > 1 else ():
        if gradient is None or not gradient.requires_grad:
            second.append(None)
            continue
        second.append(
            pydl.grad(
                [gradient], inputs, [pydl.ones_like(gradient)], allow_unused=True, retain_graph=True
            )
        )
    return y.detach(), [None if g is None else g.detach() for g in first], second


def _assert_same(actual: Any, expected: Any, where: str) -> None:
    if expected is None or isinstance(expected, (list, tuple)):
        assert (actual is None) == (expected is None), where
        for a, e in zip(actual or (), expected or (), strict=True):
            _assert_same(a, e, where)
        return
    np.testing.assert_allclose(
        to_numpy(actual), to_numpy(expected), rtol=1e-5, atol=1e-30, err_msg=where
    )


def _overflows(name: str, dtype: str, k: int, point: tuple[float, ...], found: float) -> bool:
    """Whether the derivative at a place is finite in float64 and beyond the range of the dtype."""
    if dtype == "float64":
        sizes = [abs(x) for x in point if x != 0 and np.isfinite(x)]
        return max(sizes) > 1e150 or min(sizes) < 1e-90
    exact = _derivatives(
        _call(name), [pydl.tensor(x, dtype="float64") for x in point], range(len(point)), 1
    )
    value = exact[1][k].item()
    return abs(value) > LARGEST[dtype] / 2 and (value > 0) == (found > 0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise(name: str, dtype: str) -> None:
    arrays = _operands(name, dtype)
    tensors = [
        pydl.tensor(a, dtype=dtype) if a.dtype.kind == "f" else pydl.tensor(a) for a in arrays
    ]
    smooth = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    value, first, second = _derivatives(_call(name), tensors, smooth)
    finite = np.isfinite(to_numpy(value))
    used = [to_numpy(pydl.broadcast_to(t, value.shape)).reshape(-1) for t in tensors]
    for k, gradient in enumerate(first):
        if gradient is None or gradient.shape != value.shape:
            continue
        found = to_numpy(gradient)
        wrong = []
        for i in np.flatnonzero(finite & ~np.isfinite(found)):
            point = tuple(float(x[i]) for x in used)
            test, expected = SINGULAR.get((name, k), (lambda *_: False, 0.0))
            if test(*point):
                right = np.isinf(found[i]) if np.isnan(expected) else found[i] == expected
            else:
                right = not np.isnan(found[i]) and _overflows(
                    name, dtype, k, point, float(found[i])
                )
            if not right:
                wrong.append((point, float(found[i])))
        assert not wrong, f"derivative {k} of {name}: {wrong[:5]}"
    for k, gradients in enumerate(second):
        for j, gradient in enumerate(gradients or ()):
            if gradient is None or gradient.shape != value.shape:
                continue
            bad = np.flatnonzero(finite & np.isnan(to_numpy(gradient)))
            wrong = [tuple(float(x[i]) for x in used) for i in bad]
            assert not wrong, f"second derivative {k}, {j} of {name} is NaN at {wrong[:5]}"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_compiled(name: str, dtype: str) -> None:
    arrays = _operands(name, dtype)
    tensors = [
        pydl.tensor(a, dtype=dtype) if a.dtype.kind == "f" else pydl.tensor(a) for a in arrays
    ]
    smooth = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]

    def function(*arguments: pydl.Tensor) -> Derivatives:
        return _derivatives(_call(name), arguments, smooth, 1)

    _assert_same(pydl.compile(function)(*tensors), function(*tensors), name)


# Constant rows and columns, ties, zeros, saturation.
FILLS = [0.0, 1.0, -1.0, 0.1, 20.0, -20.0, 1e4, -1e4]


def _is_constant(row: Row, i: int, array: Array) -> bool:
    return i in row.smooth or (row.name == "concat" and array.dtype.kind == "f")


@pytest.mark.parametrize("row", STRUCTURAL, ids=lambda row: row.name)
def test_structural(row: Row) -> None:
    """All smooth operands of the table's samples filled with one number."""
    smallest: dict[Any, Sample] = {}
    for sample in row_samples(row):
        key = (tuple(a.ndim for a in sample.arrays), str(sorted(sample.keywords.items(), key=str)))
        if sum(a.size for a in sample.arrays) <= 600:
            smallest.setdefault(key, sample)
    assert smallest
    for sample in smallest.values():
        smooth = [i for i, a in enumerate(sample.arrays) if _is_constant(row, i, a)]
        for dtype in row.dtypes:
            for fill in FILLS:
                tensors = [
                    pydl.tensor(np.full_like(a, fill) if i in smooth else a, dtype=dtype)
                    if a.dtype.kind == "f"
                    else pydl.tensor(a)
                    for i, a in enumerate(sample.arrays)
                ]

                def call(*arguments: pydl.Tensor, sample: Sample = sample) -> pydl.Tensor:
                    result: pydl.Tensor = row.call(*arguments, **sample.keywords)
                    return result

                value, first, second = _derivatives(call, tensors, smooth, row.orders)
                if not np.isfinite(to_numpy(value)).all():
                    continue
                place = f"{row.name} of {fill} {[a.shape for a in sample.arrays]} {sample.keywords}"
                for gradient in first:
                    assert gradient is None or np.isfinite(to_numpy(gradient)).all(), place
                for gradients in second:
                    for gradient in gradients or ():
                        assert gradient is None or not np.isnan(to_numpy(gradient)).any(), place


# --- compositions ---------------------------------------------------------------------------------


def _rows(x: pydl.Tensor) -> pydl.Tensor:
    return pydl.broadcast_to(x.reshape(1, -1), (2, x.size))


# Function, where, its gradient. What the user writes, and what layers are made of.
COMPOSED: list[tuple[str, Callable[[pydl.Tensor], pydl.Tensor], list[float], list[float]]] = [
    ("norm of zeros", lambda x: x.square().sum().sqrt(), [0, 0], [0, 0]),
    ("norm by powers", lambda x: (x**2.0).sum() ** 0.5, [0, 0], [0, 0]),
    ("std of equals", lambda x: x.std(), [2, 2, 2], [0, 0, 0]),
    ("std of constant rows", lambda x: pydl.std(_rows(x), axis=1).sum(), [3, 3], [0, 0]),
    ("cosine of zeros", lambda x: x.sum() / (x.square().sum().sqrt() + 1e-8), [0, 0], [1e8, 1e8]),
    ("root of abs", lambda x: x.abs().sqrt(), [0, 4], [0, 0.25]),
    ("root of relu", lambda x: x.relu().sqrt(), [-1, 0, 4], [0, 0, 0.25]),
    ("root of clip", lambda x: pydl.clip(x, 0, 9).sqrt(), [-1, 4], [0, 0.25]),
    ("root of sigmoid", lambda x: x.sigmoid().sqrt(), [-1e4, 1e4], [0, 0]),
    ("log of sigmoid at 1", lambda x: x.sigmoid().log(), [1e4], [0]),
    ("bounded log", lambda x: pydl.maximum(x.sigmoid().log(), -100.0), [-1e4, 1e4], [0, 0]),
    ("not taken: log", lambda x: pydl.where(x > 0, x.log(), 0.0), [-1, 0, 2], [0, 0, 0.5]),
    ("not taken: root", lambda x: pydl.where(x > 0, x.sqrt(), 0.0), [-1, 0, 4], [0, 0, 0.25]),
    ("not taken: quotient", lambda x: pydl.where(x != 0, 1 / x, 0.0), [0, 2], [0, -0.25]),
    ("not taken: x log x", lambda x: pydl.where(x > 0, x * x.log(), 0.0), [0, 1], [0, 1]),
    ("not taken: power", lambda x: pydl.where(x > 0, x**-0.5, 0.0), [0, 4], [0, -0.0625]),
    ("not taken: exp", lambda x: pydl.where(x < 9, x.exp(), x), [1e4, 0], [1, 1]),
    ("not taken: asin", lambda x: pydl.where(x.abs() < 1, x.asin(), x), [1, 2, 0], [1, 1, 1]),
    ("sinc", lambda x: pydl.where(x == 0, 1.0, x.sin() / x), [0], [0]),
    ("logsumexp", lambda x: pydl.logsumexp(x), [1e4, 1e4], [0.5, 0.5]),
    ("logsumexp of nothing", lambda x: pydl.logsumexp(x), [-INF, -INF], [0, 0]),
    ("logsumexp with nothing", lambda x: pydl.logsumexp(x), [-INF, 3], [0, 1]),
    ("softmax with nothing", lambda x: pydl.softmax(x)[1], [-INF, 3], [0, 0]),
    ("log_softmax with nothing", lambda x: pydl.log_softmax(x)[1], [-INF, 3], [0, 0]),
    ("angle of the origin", lambda x: pydl.atan2(x, x), [0], [0]),
    ("angle at a distance", lambda x: pydl.atan2(x, x * 0 + 1e200), [1e200], [5e-201]),
    ("power of a negative base", lambda x: (-2.0) ** x, [0, 1, 2], [0, 0, 0]),
    ("product with two zeros", lambda x: x.prod(), [0, 0, 3], [0, 0, 0]),
    ("entropy", lambda x: -(x * pydl.maximum(x, 1e-300).log()), [0, 1], [690.7755278982137, -1]),
]  # fmt: skip


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize(("function", "values", "expected"), [c[1:] for c in COMPOSED],
                         ids=[c[0] for c in COMPOSED])  # fmt: skip
def test_composed(
    function: Callable[[pydl.Tensor], pydl.Tensor],
    values: list[float],
    expected: list[float],
    compiled: bool,
) -> None:
    def gradient(x: pydl.Tensor) -> pydl.Tensor:
        leaf = (x * 1).detach().requires_grad_()
        return pydl.grad(function(leaf).sum(), leaf)[0]

    x = pydl.tensor(values, dtype="float64")
    found = (pydl.compile(gradient) if compiled else gradient)(x)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-300)


def test_what_is_not_a_number_stays_that() -> None:
    """Zeros swallow infinities, never a gradient that is not a number, nor a value that is none."""
    for name in ("sin", "square", "sigmoid", "tanh", "relu", "relu6", "abs", "sqrt", "log"):
        x = pydl.tensor([0.0, 1.0], requires_grad=True)
        getattr(_core, name)(x).backward(pydl.tensor([NAN, NAN]))
        if name not in ("relu", "relu6"):
            assert x.grad is not None
            assert np.isnan(x.grad.numpy()).all(), name
        y = pydl.tensor([NAN], requires_grad=True)
        getattr(_core, name)(y).backward(pydl.tensor([NAN]))
        assert y.grad is not None
        assert np.isnan(y.grad.numpy()).all(), name
    a = pydl.tensor([2.0], requires_grad=True)
    (a * NAN).sum().backward()
    assert a.grad is not None
    assert np.isnan(a.grad.numpy()).all()


SLOPES: dict[str, Callable[[Array], Array]] = {
    "gradient_times": lambda b: b,
    "sigmoid_backward": lambda y: y * (1 - y),
    "tanh_backward": lambda y: 1 - y * y,
}


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SLOPES)
def test_gradients_meet_slopes_in_blocks(name: str, dtype: str, compiled: bool) -> None:
    """Zeros, infinities and what is not a number at any place of long rows."""
    rng = np.random.default_rng(0)
    function = getattr(_core, name)
    for size in (1, 7, 511, 512, 513, 5000):
        g, y = rng.normal(size=size).astype(dtype), rng.uniform(size=size).astype(dtype)
        for _ in range(3):
            g[rng.integers(size)] = rng.choice([0.0, np.inf, -np.inf, np.nan])
            y[rng.integers(size)] = rng.choice([0.0, 1.0])
        both = pydl.tensor(g), pydl.tensor(y)
        call = (lambda a, b: function(a + 0.0, b + 0.0)) if compiled else function
        found = (pydl.compile(call) if compiled else call)(*both).numpy()
        with np.errstate(all="ignore"):
            slope = SLOPES[name](y)
            wanted = np.where((g == 0) | ((slope == 0) & ~np.isnan(g)), 0, g * slope)
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-7, err_msg=f"{size}")
