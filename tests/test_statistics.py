"""Statistics, quantiles, differences and counts against NumPy, with derivatives, and compiled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from ops.table import Array

import pydl
from pydl.testing import check_gradients

INF, NAN = float("inf"), float("nan")
RULES = ["linear", "lower", "higher", "midpoint", "nearest"]


@dataclass(frozen=True)
class Case:
    """A function of tensors and its reference on float64 arrays; `smooth` if it has derivatives."""

    name: str
    call: Callable[..., Any]
    reference: Callable[..., Any]
    arrays: tuple[Array, ...]
    smooth: bool = True


def _distinct(shape: tuple[int, ...], seed: int = 0) -> Array:
    """Numbers far enough apart that a small change does not reorder them, and none is 0."""
    count = int(np.prod(shape))
    order = np.random.default_rng(seed).permutation(count)
    return ((order - count / 2 + 0.3) * (4.0 / max(count, 4))).reshape(shape)


def _quiet(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **keywords: Any) -> Any:
        import warnings

        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return function(*args, **keywords)

    return call


def _with_nan(x: Array) -> Array:
    """Some elements are NaN, but no row or column has nothing else."""
    holes = x.copy()
    holes.reshape(-1)[::3] = NAN
    return holes


def _reductions() -> list[Case]:
    """Every reduction over several axes, with and without keeping them."""
    functions: list[tuple[str, Callable[..., Any], Callable[..., Any], bool]] = [
        ("amax", pydl.amax, np.amax, True),
        ("amin", pydl.amin, np.amin, True),
        ("ptp", pydl.ptp, lambda x, axis, keepdims: x.max(axis, keepdims=keepdims)
         - x.min(axis, keepdims=keepdims), True),
        ("count_nonzero", pydl.count_nonzero, np.count_nonzero, False),
        ("median", pydl.median, np.median, True),
        ("average", pydl.average, np.mean, True),
        ("std_mean", lambda x, **k: pydl.stack(pydl.std_mean(x, correction=1, **k)),
         lambda x, **k: np.stack([np.std(x, ddof=1, **k), np.mean(x, **k)]), True),
        ("var_mean", lambda x, **k: pydl.stack(pydl.var_mean(x, **k)),
         lambda x, **k: np.stack([np.var(x, **k), np.mean(x, **k)]), True),
        ("aminmax", lambda x, **k: pydl.stack(pydl.aminmax(x, **k)),
         lambda x, **k: np.stack([np.min(x, **k), np.max(x, **k)]), True),
    ]  # fmt: skip
    for p in (0, 1, 2, 3, 0.5, -1, INF, -INF):
        functions.append((f"norm {p}", lambda x, p=p, **k: pydl.norm(x, p, **k),
                          lambda x, p=p, **k: _norm(x, p, **k), p != 0))  # fmt: skip
    axes: list[tuple[tuple[int, ...], Any]] = [
        ((7,), None), ((7,), 0), ((3, 5), 0), ((3, 5), (-1, 0)), ((2, 3, 4), 1), ((2, 3, 4), (0, 2))
    ]  # fmt: skip
    return [
        Case(
            f"{name} {shape} {axis} {keepdims}",
            lambda x, f=ours, a=axis, k=keepdims: f(x, axis=a, keepdims=k),
            lambda x, f=theirs, a=axis, k=keepdims: f(x, axis=a, keepdims=k),
            (_distinct(shape),),
            smooth,
        )
        for name, ours, theirs, smooth in functions
        for shape, axis in axes
        for keepdims in (False, True)
    ]


def _norm(x: Array, p: float, axis: Any, keepdims: bool) -> Any:
    magnitudes = np.abs(x)
    if p == 0:
        return np.sum(x != 0, axis=axis, keepdims=keepdims)
    if np.isinf(p):
        return (np.max if p > 0 else np.min)(magnitudes, axis=axis, keepdims=keepdims)
    return np.sum(magnitudes**p, axis=axis, keepdims=keepdims) ** (1 / p)


def _bound(function: Callable[..., Any], *args: Any, **keywords: Any) -> Callable[..., Any]:
    """The function of x alone."""
    return lambda x: function(x, *args, **keywords)


def _without_nan() -> list[Case]:
    names = ("nansum", "nanmean", "nanmax", "nanmin", "nanvar", "nanstd", "nanmedian")
    axes: list[tuple[tuple[int, ...], Any]] = [
        ((7,), None), ((4, 5), 0), ((4, 5), -1), ((2, 3, 4), (0, 2))
    ]  # fmt: skip
    return [
        Case(
            f"{name} {shape} {axis} {keepdims}",
            _bound(getattr(pydl, name), axis=axis, keepdims=keepdims),
            _bound(getattr(np, name), axis=axis, keepdims=keepdims),
            (_with_nan(_distinct(shape)),),
            False,
        )
        for name in names
        for shape, axis in axes
        for keepdims in (False, True)
    ]


def _quantiles() -> list[Case]:
    samples: list[tuple[Any, tuple[int, ...], Any]] = [
        (0.3, (7,), None),
        ([0.0, 0.25, 1.0], (4, 5), 0),
        ([[0.5], [0.9]], (2, 3, 4), (0, 2)),
        (0.5, (1,), 0),
        (0.37, (3, 30), -1),
    ]
    return [
        Case(
            f"{name} {rule} {q} {shape} {keepdims}",
            _bound(getattr(pydl, name), q, axis=axis, keepdims=keepdims, interpolation=rule),
            _bound(getattr(np, name), q, axis=axis, keepdims=keepdims, method=rule),
            (_distinct(shape),),
        )
        for name in ("quantile", "nanquantile")
        for rule in RULES
        for q, shape, axis in samples
        for keepdims in (False, True)
        # NumPy's nanquantile misplaces the axes of a q of several axes.
        if name == "quantile" or np.ndim(q) < 2
    ]


def _along_axis() -> list[Case]:
    x = _distinct((4, 6))
    points = np.cumsum(np.random.default_rng(1).uniform(0.1, 1, 6))
    cases = [
        Case(f"diff {n} {axis}", lambda x, n=n, a=axis: pydl.diff(x, n, a),
             lambda x, n=n, a=axis: np.diff(x, n, a), (x,))
        for n in (0, 1, 2, 7) for axis in (0, -1)
    ]  # fmt: skip
    cases += [
        Case("diff joined", lambda x, a, b: pydl.diff(x, prepend=a, append=b),
             lambda x, a, b: np.diff(x, prepend=a, append=b), (x, x[:, :2], np.array(3.0))),
        Case("trapezoid", lambda y: pydl.trapezoid(y, dx=0.5, axis=0),
             lambda y: (0.25 * (y[1:] + y[:-1])).sum(0), (x,)),
        Case("trapezoid points", lambda y, t: pydl.trapezoid(y, t),
             lambda y, t: (0.5 * (y[:, 1:] + y[:, :-1]) * np.diff(t)).sum(-1), (x, points)),
        Case("trapezoid all points", lambda y, t: pydl.trapezoid(y, t),
             lambda y, t: (0.5 * (y[:, 1:] + y[:, :-1]) * np.diff(t)).sum(-1), (x, x * 2)),
        Case("cumulative_trapezoid", lambda y, t: pydl.cumulative_trapezoid(y, t),
             lambda y, t: (0.5 * (y[:, 1:] + y[:, :-1]) * np.diff(t)).cumsum(-1), (x, points)),
        Case("cumulative_sum", lambda x: pydl.cumulative_sum(x, axis=1, include_initial=True),
             lambda x: np.concatenate([np.zeros((4, 1)), x.cumsum(1)], 1), (x,)),
        Case("cumulative_prod", lambda x: pydl.cumulative_prod(x, axis=0, include_initial=True),
             lambda x: np.concatenate([np.ones((1, 6)), x.cumprod(0)]), (x,)),
        Case("cumulative_sum of one axis", pydl.cumulative_sum, np.cumsum, (points,)),
    ]  # fmt: skip
    return cases


def _several_variables() -> list[Case]:
    x = _distinct((3, 8)) + np.arange(8) * 0.3
    counts, weights = np.arange(8.0) % 3 + 1, np.linspace(0.5, 1, 8)
    return [
        Case("average", lambda x, w: pydl.average(x, 1, weights=w),
             lambda x, w: np.average(x, 1, w), (x, weights)),
        Case("average all", lambda x, w: pydl.average(x, weights=w, keepdims=True),
             lambda x, w: np.average(x, weights=w).reshape(1, 1), (x, np.abs(x) + 0.1)),
        Case("cov", pydl.cov, np.cov, (x,)),
        Case("cov population", lambda x: pydl.cov(x, correction=0),
             lambda x: np.cov(x, ddof=0), (x,)),
        Case("cov row", lambda x: pydl.cov(x), np.cov, (x[0],)),
        Case("cov repetitions", lambda x, f: pydl.cov(x, fweights=f),
             lambda x, f: np.cov(x, fweights=f.astype(int)), (x, counts)),
        Case("cov weights", lambda x, f, w: pydl.cov(x, fweights=f, aweights=w),
             lambda x, f, w: np.cov(x, fweights=f.astype(int), aweights=w), (x, counts, weights)),
        Case("corrcoef", pydl.corrcoef, np.corrcoef, (x,)),
        Case("corrcoef row", pydl.corrcoef, np.corrcoef, (x[0],)),
        Case("cov of one variable", pydl.cov, np.cov, (x[:1],)),
        Case("corrcoef of one variable", pydl.corrcoef, np.corrcoef, (x[:1],)),
    ]  # fmt: skip


NUMBER_REDUCTIONS = [
    "sum", "mean", "prod", "max", "min", "any", "all", "amax", "amin", "argmax", "argmin", "median",
    "nanmedian", "nansum", "nanmean", "nanmax", "nanmin", "ptp", "count_nonzero", "var", "std",
    "logsumexp",
]  # fmt: skip


@pytest.mark.parametrize("name", NUMBER_REDUCTIONS)
def test_a_number_is_reduced_over_its_only_element(name: str) -> None:
    """As in NumPy and PyTorch, axes 0 and -1 of a number are none."""
    function = getattr(pydl, name)
    x = pydl.tensor(2.5)
    for axis in (0, -1):
        found = function(x, axis)
        assert found.shape == ()
        assert found.item() == function(x).item()
    with pytest.raises(IndexError, match="axis 1 is outside a tensor of rank 0"):
        function(x, 1)


def test_a_density_has_the_dtype_of_the_bounds() -> None:
    for dtype in ("float32", "float64"):
        values = pydl.linspace(0, 1, 7, dtype=dtype)
        found, bounds = pydl.histogram(values, 3, density=True)
        assert found.dtype == bounds.dtype == dtype
        np.testing.assert_allclose(found.numpy(), np.histogram(values.numpy(), 3, density=True)[0])


def test_no_differences_are_the_tensor_itself() -> None:
    """NumPy and PyTorch join nothing to it then."""
    x = pydl.arange(3)
    assert pydl.diff(x, n=0, prepend=x, append=x).tolist() == [0, 1, 2]


CASES = [
    *_reductions(), *_without_nan(), *_quantiles(), *_along_axis(), *_several_variables(),
]  # fmt: skip
SMOOTH = [case for case in CASES if case.smooth]


def _tensors(arrays: Sequence[Array], dtype: str = "float64") -> list[pydl.Tensor]:
    return [pydl.tensor(array, dtype=dtype) for array in arrays]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_values(case: Case) -> None:
    expected = np.asarray(_quiet(case.reference)(*case.arrays))
    found = case.call(*_tensors(case.arrays))
    assert found.shape == expected.shape
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-13)
    single = case.call(*_tensors(case.arrays, "float32"))
    assert single.dtype in ("float32", "int64")
    np.testing.assert_allclose(single.numpy(), expected, rtol=2e-4, atol=2e-5)
    flipped = [pydl.flip(pydl.tensor(np.flip(array).copy())) for array in case.arrays]
    np.testing.assert_allclose(case.call(*flipped).numpy(), expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_compiled(case: Case) -> None:
    tensors = _tensors(case.arrays)
    compiled = pydl.compile(case.call)
    for _ in range(2):
        np.testing.assert_allclose(
            compiled(*tensors).numpy(), case.call(*tensors).numpy(), rtol=1e-12, atol=1e-13
        )


@pytest.mark.parametrize("case", SMOOTH, ids=lambda case: case.name)
def test_derivatives(case: Case) -> None:
    check_gradients(case.call, list(case.arrays), order=2)


@pytest.mark.parametrize("name", ["nansum", "nanmean", "nanmax", "nanvar", "nanstd", "nanmedian"])
def test_derivatives_without_nan(name: str) -> None:
    """What is left out receives a gradient of 0, the others that of the plain function."""
    array = _with_nan(_distinct((9,)))
    plain = getattr(pydl, {"nansum": "sum", "nanmedian": "median"}.get(name, name[3:]))
    x, y = (
        pydl.tensor(array, requires_grad=True),
        pydl.tensor(array[~np.isnan(array)], requires_grad=True),
    )
    getattr(pydl, name)(x).backward()
    plain(y).backward()
    assert x.grad is not None
    assert y.grad is not None
    expected = np.zeros(9)
    expected[~np.isnan(array)] = y.grad.numpy()
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-12)


# --- edges ----------------------------------------------------------------------------------------


def _gradient(function: Callable[[pydl.Tensor], pydl.Tensor], values: object) -> Any:
    x = pydl.tensor(values, dtype="float64", requires_grad=True)
    function(x).sum().backward()
    assert x.grad is not None
    return x.grad.tolist()


GRADIENTS: list[tuple[str, Callable[[pydl.Tensor], pydl.Tensor], Any, Any]] = [
    ("norm of zeros", lambda x: x.norm(), [0, 0], [0, 0]),
    ("norm 1 with a zero", lambda x: x.norm(1), [-2, 0], [-1, 0]),
    ("norm 3 of zeros", lambda x: x.norm(3), [0, 0], [0, 0]),
    ("norm 1/2 with a zero", lambda x: x.norm(0.5), [4, 0], [1, 0]),
    ("norm -1 with a zero", lambda x: x.norm(-1), [4, 0], [0, 0]),
    ("largest magnitude of equals", lambda x: x.norm(INF), [-2, 2, 1], [-0.5, 0.5, 0]),
    ("amax of equals", lambda x: x.amax(), [3, 1, 3], [0.5, 0, 0.5]),
    ("amin of equals", lambda x: x.amin(), [1, 1, 3], [0.5, 0.5, 0]),
    ("std of equals", lambda x: pydl.std_mean(x)[0], [2, 2], [0, 0]),
    ("nanstd of equals", lambda x: pydl.nanstd(x), [2, NAN, 2], [0, 0, 0]),
    ("median of two", lambda x: x.median(), [4, 1, 9, 2], [0.5, 0, 0, 0.5]),
    ("median of equals", lambda x: x.median(), [2, 2, 2], [0, 1, 0]),
    ("median next to infinity", lambda x: x.median(), [1, 2, INF], [0, 1, 0]),
    ("cumprod with a zero", lambda x: x.cumprod(0), [2, 0, 3], [1, 8, 0]),
    ("cumprod with two zeros", lambda x: x.cumprod(0), [0, 2, 0], [3, 0, 0]),
    ("prod of one", lambda x: x.prod(), [0], [1]),
    ("cummax of equals", lambda x: x.cummax(0)[0], [1, 3, 3, 2], [1, 1, 2, 0]),
    ("logsumexp of nothing", lambda x: x.logsumexp(), [-INF, -INF], [0, 0]),
    ("logsumexp with nothing", lambda x: x.logsumexp(), [-INF, 2], [0, 1]),
    ("logcumsumexp of nothing", lambda x: x.logcumsumexp(0), [-INF, -INF, 0], [0, 0, 1]),
    ("logcumsumexp of infinity", lambda x: x.logcumsumexp(0), [0, INF], [1, 1]),
    ("logcumsumexp far apart", lambda x: x.logcumsumexp(0), [-1e300, 1e300], [1, 1]),
]  # fmt: skip


@pytest.mark.parametrize(("function", "values", "expected"), [g[1:] for g in GRADIENTS],
                         ids=[g[0] for g in GRADIENTS])  # fmt: skip
def test_gradient(
    function: Callable[[pydl.Tensor], pydl.Tensor], values: Any, expected: Any
) -> None:
    np.testing.assert_allclose(_gradient(function, values), expected, atol=1e-14)


@pytest.mark.parametrize("p", [0.5, 1, 2, 3, INF])
def test_second_derivative_of_norms_at_zero_is_finite(p: float) -> None:
    x = pydl.tensor([0.0, 2.0, 0.0], dtype="float64", requires_grad=True)
    (first,) = pydl.grad(x.norm(p), x, create_graph=True)
    (second,) = pydl.grad((first * pydl.tensor([1.0, 2.0, 3.0])).sum(), x)
    assert np.isfinite(second.numpy()).all()


@pytest.mark.parametrize("zeros", [(), (1,), (0, 2), (0, 1, 2)])
def test_second_derivatives_of_products_with_zeros(zeros: tuple[int, ...]) -> None:
    x = np.array([2.0, -1.5, 0.5, 3.0])
    x[list(zeros)] = 0
    check_gradients(lambda t: t.cumprod(0), [x], order=2)
    check_gradients(lambda t: t.prod(), [x], order=2)


def test_product_of_parts_that_overflow() -> None:
    found = _gradient(lambda t: t.astype("float32").prod(), [1e30, 1e30, 1e-30, 1e-30])
    np.testing.assert_allclose(found, [1e-30, 1e-30, 1e30, 1e30], rtol=1e-6)


def test_nan_and_infinity() -> None:
    x = pydl.tensor([[1.0, NAN, 2.0], [-INF, 0.0, INF]])
    assert np.isnan(pydl.median(x, axis=1).tolist()[0])
    assert pydl.median(x, axis=1).tolist()[1] == 0
    assert pydl.quantile(pydl.tensor([-INF, 1.0]), 0.5).item() == -INF
    assert pydl.quantile(pydl.tensor([INF, INF]), 0.5).item() == INF
    assert np.isnan(pydl.quantile(pydl.tensor([-INF, INF]), 0.5).item())
    assert pydl.nanmedian(x, axis=1).tolist() == [1.5, 0.0]
    nothing = pydl.full((2, 2), NAN)
    assert pydl.nansum(nothing).item() == 0
    for function in (pydl.nanmean, pydl.nanmax, pydl.nanmin, pydl.nanvar, pydl.nanmedian):
        assert np.isnan(function(nothing).item())
    assert pydl.cummax(pydl.tensor([1.0, NAN, 3.0]), 0)[0].tolist()[0] == 1
    assert np.isnan(pydl.cummax(pydl.tensor([1.0, NAN, 3.0]), 0)[0].numpy()[1:]).all()
    assert pydl.cummin(pydl.tensor([2, 2, 3]), 0)[1].tolist() == [0, 1, 1]
    assert pydl.logcumsumexp(pydl.tensor([-INF, 0.0, INF, 1.0]), 0).tolist() == [-INF, 0, INF, INF]
    assert pydl.logsumexp(pydl.zeros((2, 0)), axis=1).tolist() == [-INF, -INF]
    assert pydl.count_nonzero(pydl.tensor([0.0, -0.0, NAN])).item() == 1


def test_integers_and_bools() -> None:
    x = pydl.tensor([3, 1, 2, 2])
    assert pydl.median(x).dtype == pydl.average(x).dtype == pydl.norm(x).dtype == "float32"
    assert pydl.ptp(x).dtype == pydl.nansum(x).dtype == "int64"
    assert pydl.nanmax(x).item() == 3
    assert pydl.nanvar(x).item() == 0.5
    assert pydl.diff(pydl.tensor([True, True, False])).tolist() == [False, True]
    assert pydl.cumprod(pydl.tensor([100, 100, 100], dtype="uint8"), 0).tolist()[-1] == 10**6
    assert pydl.cummax(pydl.tensor([1, 3, 2], dtype="int8"), 0)[0].dtype == "int8"
    assert pydl.logcumsumexp(x, 0).dtype == "float32"
    least = np.iinfo(np.int64).min
    assert pydl.cummin(pydl.tensor([0, least]), 0)[0].tolist() == [0, least]
    assert pydl.cumulative_sum(x, dtype="float64").dtype == "float64"
    assert pydl.sum(pydl.tensor([200, 100], dtype="uint8"), dtype="uint8").item() == 44
    assert pydl.mean(x, dtype="float64").dtype == "float64"
    assert pydl.prod(x, dtype="float32").dtype == "float32"


def test_half_precision_does_not_overflow() -> None:
    for dtype in ("float16", "bfloat16"):
        x = pydl.full((4,), 300.0, dtype=dtype)
        assert pydl.norm(x).item() == 600
        assert pydl.norm(x).dtype == dtype
        assert pydl.nanvar(x).item() == 0
        assert pydl.nanmean(pydl.full((400,), 300.0, dtype=dtype)).item() == 300
        assert pydl.logsumexp(pydl.zeros((100_000,), dtype=dtype)).item() == pytest.approx(
            11.5, 0.01
        )


def test_ddof_is_correction() -> None:
    x = pydl.tensor([1.0, 2.0, 4.0])
    assert pydl.var(x, ddof=1).item() == pydl.var(x, correction=1).item()
    assert pydl.std(x, ddof=1).item() == x.std(ddof=1).item()
    with pytest.raises(TypeError, match="var: expected one of correction, ddof and unbiased"):
        pydl.var(x, correction=1, ddof=1)


def test_quantiles_of_a_tensor_inside_a_compiled_function() -> None:
    x, q = pydl.tensor(_distinct((3, 9))), pydl.tensor([0.1, 0.5], dtype="float64")
    found = pydl.compile(lambda x, q: pydl.quantile(x, q, axis=1))(x, q)
    np.testing.assert_allclose(found.numpy(), np.quantile(x.numpy(), q.numpy(), axis=1))


def test_quantile_has_a_derivative_for_q() -> None:
    x = pydl.tensor([1.0, 2.0, 4.0], dtype="float64")
    q = pydl.tensor(0.75, dtype="float64", requires_grad=True)
    pydl.quantile(x, q).backward()
    assert q.grad is not None
    assert q.grad.item() == 4  # two steps of the position, along a slope of 2


def test_linear_recurrence_broadcasts_and_promotes() -> None:
    y = pydl.linear_recurrence(
        pydl.tensor([[0.5], [2.0]], dtype="float64"), pydl.tensor([1, 1, 1]), -1
    )
    assert y.dtype == "float64"
    assert y.tolist() == [[1.0, 1.5, 1.75], [1.0, 3.0, 7.0]]
    # The first factor is not read.
    assert pydl.linear_recurrence(pydl.tensor([NAN, 1.0]), pydl.tensor([1.0, 2.0]), 0).tolist() == [
        1,
        3,
    ]


def test_long_running_sums_are_exact_enough() -> None:
    x = np.random.default_rng(0).standard_normal((9, 100_000)).astype(np.float32)
    expected = np.cumsum(x.astype(np.float64), 1)
    np.testing.assert_allclose(pydl.cumsum(pydl.tensor(x), 1).numpy(), expected, atol=1e-4)
    single = pydl.cumsum(pydl.tensor(x[0]), 0, reverse=True).numpy()
    np.testing.assert_allclose(single, np.cumsum(x[0, ::-1].astype(np.float64))[::-1], atol=1e-4)


# --- counts ---------------------------------------------------------------------------------------


def test_bincount() -> None:
    x = np.random.default_rng(0).integers(0, 20, 500)
    weights = np.random.default_rng(1).standard_normal(500)
    np.testing.assert_array_equal(pydl.bincount(pydl.tensor(x)).numpy(), np.bincount(x))
    found = pydl.tensor(x, dtype="int8").bincount(pydl.tensor(weights), minlength=30)
    np.testing.assert_allclose(found.numpy(), np.bincount(x, weights, 30), atol=1e-13)
    assert pydl.bincount(pydl.zeros(0, dtype="int64"), minlength=2).tolist() == [0, 0]
    w = pydl.ones(3).requires_grad_()
    (pydl.bincount(pydl.tensor([1, 0, 1]), w) * pydl.tensor([2.0, 3.0])).sum().backward()
    assert w.grad is not None
    assert w.grad.tolist() == [3, 2, 3]
    with pytest.raises(pydl.TraceError, match="bincount: .*histogram"):
        pydl.compile(pydl.bincount)(pydl.tensor([1, 2]))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("range_", [None, (-1, 2), (3.0, 3.0)])
@pytest.mark.parametrize("bins", [1, 10, 64])
def test_histogram(dtype: str, range_: Any, bins: int) -> None:
    x = (
        np.random.default_rng(0).integers(-40, 40, (7, 90)) / (8 if dtype != "int64" else 1)
    ).astype(dtype)
    expected, edges = np.histogram(x, bins, range_)
    counts, found = pydl.histogram(pydl.tensor(x), bins, range_)
    np.testing.assert_array_equal(counts.numpy(), expected)
    np.testing.assert_allclose(found.numpy(), edges, rtol=1e-6, atol=1e-6)
    compiled = pydl.compile(lambda x: pydl.histogram(x, bins, range_)[0])(pydl.tensor(x))
    np.testing.assert_array_equal(compiled.numpy(), expected)


def test_histogram_with_edges_weights_and_density() -> None:
    rng = np.random.default_rng(0)
    x, weights = rng.standard_normal((5, 40)), rng.uniform(0, 1, (5, 40))
    edges = [-1.0, -0.99, -0.9, -0.5, 0.7, 0.71, 0.72, 30.0]
    for density in (False, True):
        expected = np.histogram(x, edges, weights=weights, density=density)[0]
        found = pydl.histogram(
            pydl.tensor(x), edges, weights=pydl.tensor(weights), density=density
        )[0]
        np.testing.assert_allclose(found.numpy(), expected)
    expected = np.histogram(x, 7, density=True)[0]
    found = pydl.histogram(pydl.tensor(x), 7, density=True)[0]
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-6)
    assert pydl.histogram(pydl.tensor([NAN, 1.0, 5.0]), 2, (0, 2))[0].tolist() == [0, 1]
    assert pydl.histogram(pydl.zeros(0), 2)[1].tolist() == [0.0, 0.5, 1.0]
    # Edges of float32 that are hardly apart, or not at all.
    near = pydl.tensor([1e7, 1e7 + 1, 1e7 + 5, 1e7 + 8])
    counts, found = pydl.histogram(near, 100)
    assert counts.sum().item() == 4
    assert counts.tolist() == pydl.histogram(near, found)[0].tolist()
    assert pydl.histc(pydl.tensor([1.0, 2.0, 1.0, 9.0]), 4, min=0, max=3).tolist() == [0, 2, 1, 0]
    assert pydl.tensor([1.0, 2.0]).histc(2).dtype == "float32"


# --- errors ---------------------------------------------------------------------------------------

WRONG: list[tuple[Callable[[], object], type[Exception], str]] = [
    (lambda: pydl.median(pydl.ones((2, 3)), axis=2), IndexError, "median: axis 2"),
    (lambda: pydl.median(pydl.ones((2, 0)), axis=1), ValueError, "median: no elements to reduce"),
    (lambda: pydl.amax(pydl.ones((0,))), ValueError, "amax: no elements"),
    (lambda: pydl.ptp(pydl.tensor([True])), TypeError, "ptp: expected numbers"),
    (lambda: pydl.quantile(pydl.ones(2), 1.5), ValueError, "quantile: expected q from 0 to 1"),
    (lambda: pydl.quantile(pydl.ones(2), NAN), ValueError, "quantile: expected q from 0 to 1"),
    (lambda: pydl.quantile(pydl.ones(2), 0.5, interpolation="cubic"), ValueError,
     "quantile: expected interpolation 'linear', .*got 'cubic'"),
    (lambda: pydl.nanquantile(pydl.ones(2), -0.5), ValueError, "nanquantile: expected q"),
    (lambda: pydl.norm(pydl.ones(2), NAN), ValueError, "norm: expected a number as the order"),
    (lambda: pydl.average(pydl.ones((2, 3)), weights=pydl.ones(3)), ValueError,
     "average: .*weights"),
    (lambda: pydl.cov(pydl.ones((2, 3, 4))), ValueError, "cov: expected"),
    (lambda: pydl.cov(pydl.ones((2, 3)), aweights=pydl.ones(2)), ValueError, r"cov: .*\(3,\)"),
    (lambda: pydl.corrcoef(pydl.ones(())), ValueError, "corrcoef: expected"),
    (lambda: pydl.diff(pydl.ones(3), -1), ValueError, "diff: expected n of at least 0"),
    (lambda: pydl.diff(pydl.ones((2, 3)), prepend=pydl.ones((3, 3))), ValueError, "diff: "),
    (lambda: pydl.trapezoid(pydl.ones((2, 3)), pydl.ones(2)), ValueError, "trapezoid: expected x"),
    (lambda: pydl.cumulative_sum(pydl.ones((2, 3))), ValueError,
     "cumulative_sum: expected an axis"),
    (lambda: pydl.cumulative_prod(pydl.ones(3), axis=1), IndexError, "cumulative_prod: axis 1"),
    (lambda: pydl.bincount(pydl.tensor([1, -1])), ValueError, "bincount: .*from 0 on, got -1"),
    (lambda: pydl.bincount(pydl.ones(3)), TypeError, "bincount: expected integers"),
    (lambda: pydl.bincount(pydl.tensor([1]), pydl.ones(2)), ValueError, "bincount: .*weights"),
    (lambda: pydl.histogram(pydl.ones(3), 0), ValueError, "histogram: expected at least 1 bin"),
    (lambda: pydl.histogram(pydl.tensor([INF, 1.0])), ValueError, "histogram: expected a finite"),
    (lambda: pydl.histogram(pydl.ones(3), 2, (2, 1)), ValueError, "histogram: expected a finite"),
    (lambda: pydl.histogram(pydl.ones(3), [2.0, 1.0]), ValueError, "histogram: .*ascending"),
    (lambda: pydl.histogram(pydl.ones(3), [1.0, 2.0], (0, 1)), ValueError, "histogram: .*both"),
    (lambda: pydl.histc(pydl.ones(3), -1), ValueError, "histc: expected at least 1 bin"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_wrong_calls(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_methods_are_the_functions() -> None:
    x = pydl.tensor(_distinct((3, 4)))
    for name in (
        "amax", "amin", "ptp", "count_nonzero", "median", "nansum", "nanmean", "nanmedian",
        "nanmax", "nanmin", "logsumexp",
    ):  # fmt: skip
        method, function = getattr(x, name), getattr(pydl, name)
        assert method(axis=1, keepdims=True).tolist() == function(x, 1, True).tolist()
    assert x.quantile(0.3, axis=0).tolist() == pydl.quantile(x, 0.3, axis=0).tolist()
    assert x.diff(n=2).tolist() == pydl.diff(x, 2).tolist()
    assert x.norm(dim=1).tolist() == pydl.vector_norm(x, axis=1).tolist()
    assert x.cummin(1)[1].tolist() == pydl.cummin(x, 1)[1].tolist()
    assert [t.tolist() for t in x.aminmax()] == [x.min().tolist(), x.max().tolist()]
    assert np.ptp(x).item() == x.ptp().item()
    with pytest.raises(TypeError, match="ptp: expected out=None"):
        x.ptp(out=np.zeros(()))


@pytest.mark.parametrize("name", ["var", "std", "var_mean", "std_mean", "nanvar", "nanstd"])
def test_unbiased_is_a_correction(name: str) -> None:
    x = pydl.tensor(np.random.default_rng(0).standard_normal((4, 5)))
    function = getattr(pydl, name)
    for unbiased in (False, True):
        found = function(x, 1, unbiased=unbiased)
        expected = function(x, 1, correction=int(unbiased))
        for one, other in zip(pydl.stack(list(found)), pydl.stack(list(expected)), strict=True):
            assert one.tolist() == other.tolist()
    for given in (
        {"correction": 0},
        {"ddof": 1} if name in ("var", "std") else {"correction": 1.0},
    ):
        with pytest.raises(
            TypeError, match=f"{name}: expected one of correction, ddof and unbiased"
        ):
            function(x, unbiased=True, **given)
    if name in ("var", "std"):
        assert getattr(x, name)(unbiased=True).item() == function(x, correction=1).item()
        with pytest.raises(TypeError, match=f"{name}: expected one of"):
            getattr(x, name)(0, 1.0, unbiased=False)
