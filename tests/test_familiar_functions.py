"""Functions and arguments that users of NumPy and PyTorch know, against these libraries."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl.testing import assert_close, check_gradients

INF, NAN = float("inf"), float("nan")
RNG = np.random.default_rng(0)


def _both_ways(function: Callable[..., Any]) -> tuple[Callable[..., Any], ...]:
    return function, pydl.compile(function)


# --- products that are added -------------------------------------------------------------------

OPERANDS = {
    "baddbmm": ((2, 3, 4), (2, 4, 5), [(2, 3, 5), (3, 5), (5,), (2, 1, 1)]),
    "addbmm": ((2, 3, 4), (2, 4, 5), [(3, 5), (5,), (3, 1)]),
    "addmv": ((3, 4), (4,), [(3,), (1,)]),
}


@pytest.mark.parametrize("name", OPERANDS)
@pytest.mark.parametrize("factors", [(1, 1), (0.5, -2), (0, 3)])
def test_products_that_are_added(name: str, factors: tuple[float, float]) -> None:
    torch = pytest.importorskip("torch")
    of_a, of_b, of_x = OPERANDS[name]
    a, b = RNG.standard_normal(of_a), RNG.standard_normal(of_b)
    options = dict(zip(("beta", "alpha"), factors, strict=True))
    for shape in of_x:
        x = RNG.standard_normal(shape)
        expected = getattr(torch, name)(*map(torch.tensor, (x, a, b)), **options).numpy()
        tensors = [pydl.tensor(v) for v in (x, a, b)]
        for call in _both_ways(lambda *t: getattr(pydl, name)(*t, **options)):
            assert_close(call(*tensors), expected)
        check_gradients(lambda *t: getattr(pydl, name)(*t, **options), tensors, order=2)


def test_added_products_that_have_no_terms() -> None:
    assert pydl.baddbmm(pydl.ones(2), pydl.ones((0, 3, 4)), pydl.ones((0, 4, 2))).shape == (0, 3, 2)
    assert pydl.addbmm(pydl.ones(2), pydl.ones((0, 3, 4)), pydl.ones((0, 4, 2))).sum().item() == 6
    assert pydl.addmv(pydl.ones(3), pydl.ones((3, 0)), pydl.ones(0)).tolist() == [1, 1, 1]
    nothing = pydl.full((2,), NAN)
    assert pydl.addmv(nothing, pydl.ones((2, 1)), pydl.ones(1), beta=0).tolist() == [1, 1]
    whole = pydl.ones((1, 2, 2), dtype="int64")
    assert pydl.baddbmm(whole, whole, whole).tolist() == [[[3, 3], [3, 3]]]


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("baddbmm", ((2,), (2, 3), (3, 2))),
        ("baddbmm", ((7,), (1, 2, 3), (1, 3, 2))),
        ("baddbmm", ((4, 1, 2, 2), (1, 2, 3), (1, 3, 2))),
        ("addbmm", ((2,), (2, 2, 3), (1, 3, 2))),
        ("addmv", ((2,), (2, 3), (3, 1))),
        ("addmv", ((2,), (2, 3), (2,))),
    ],
)
def test_products_that_do_not_fit(name: str, shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        getattr(pydl, name)(*map(pydl.ones, shapes))


# --- powers of 2 -------------------------------------------------------------------------------

# Without numbers below the normal ones, which count as 0.
EDGES = [0.0, -0.0, 1.0, 0.5, -3.0, 2.0**-1022, 1.7e308, 1 - 2.0**-53, 1 + 2.0**-52]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fractions_and_exponents(dtype: str) -> None:
    with np.errstate(all="ignore"):
        x = np.array([*EDGES, 2.0**-126, 3e38, INF, -INF, NAN]).astype(dtype)
        x = np.concatenate(
            [x, RNG.standard_normal(50).astype(dtype) * 2.0 ** RNG.integers(-40, 40, 50)]
        )
    x = np.where(np.abs(x) < np.finfo(dtype).tiny, 0, x).astype(dtype)
    mantissas, exponents = np.frexp(x)
    for call in _both_ways(pydl.frexp):
        mantissa, exponent = call(pydl.tensor(x))
        np.testing.assert_array_equal(mantissa.numpy(), mantissas)
        finite = np.isfinite(x)
        np.testing.assert_array_equal(exponent.numpy()[finite], exponents[finite])
        assert (mantissa.dtype, exponent.dtype) == (dtype, "int32")
        np.testing.assert_array_equal(pydl.ldexp(mantissa, exponent).numpy(), x)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_products_with_powers(dtype: str) -> None:
    numbers = [1.0, -1.5, 0.0, 3.0, INF, NAN]
    exponents = [0, 1, -1, 10, -14, 127, -130, 1023, -1074, 2**40, -(2**40)]
    x, n = (a.reshape(-1) for a in np.meshgrid(numbers, exponents))
    with np.errstate(all="ignore"):
        expected = np.ldexp(x.astype(dtype), n.clip(-5000, 5000).astype(int))
        if dtype != "float16":  # whose numbers below the normal ones are kept
            expected = np.where(np.abs(expected) < np.finfo(dtype).tiny, 0 * expected, expected)
    for call in _both_ways(pydl.ldexp):
        found = call(pydl.tensor(x, dtype=dtype), pydl.tensor(n.astype(np.int64)))
        assert found.dtype == dtype
        np.testing.assert_array_equal(found.numpy(), expected)


def test_powers_of_smallest_and_largest_numbers() -> None:
    x = pydl.tensor([2.0**-1022, 2.0**1023], dtype="float64")
    assert pydl.ldexp(x, pydl.tensor([2045, -2045])).tolist() == [2.0**1023, 2.0**-1022]
    assert pydl.ldexp(pydl.tensor([3]), pydl.tensor([-1])).tolist() == [1.5]
    with pytest.raises(TypeError, match="^ldexp: expected exponents of integers, got float32"):
        pydl.ldexp(pydl.ones(2), pydl.ones(2))


def test_derivatives_of_powers() -> None:
    x = pydl.tensor([0.3, -5.0, 100.0], dtype="float64")
    check_gradients(lambda t: pydl.ldexp(t, pydl.tensor([3, -2, 1])), [x], order=2)
    check_gradients(lambda t: pydl.frexp(t)[0], [x], order=2)


# --- distances ---------------------------------------------------------------------------------


@pytest.mark.parametrize("p", [0.0, 1.0, 2.0, 3.5, INF])
def test_distances_of_pairs(p: float) -> None:
    torch = pytest.importorskip("torch")
    for shape in [(5, 3), (2, 4), (1, 3), (0, 3)]:
        x = RNG.standard_normal(shape)
        expected = torch.pdist(torch.tensor(x), p).numpy()
        for call in _both_ways(lambda t: pydl.pdist(t, p)):
            assert_close(call(pydl.tensor(x)), expected)
    if p > 0:
        points = pydl.tensor(RNG.standard_normal((4, 3)))
        check_gradients(lambda t: pydl.pdist(t, p), [points], order=2)
    with pytest.raises(ValueError, match=r"^pdist: expected rows \(N, K\), got shape \(3,\)"):
        pydl.pdist(pydl.ones(3))


# --- runs of equal elements --------------------------------------------------------------------


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
def test_neighbours_that_are_equal(axis: int | None) -> None:
    torch = pytest.importorskip("torch")
    x = np.array([[1, 1, 2, 2], [1, 1, 2, 2], [2, 2, 1, 1]])
    for values in (x, x.astype(np.float32), x == 1):
        expected = torch.unique_consecutive(torch.tensor(values), True, True, dim=axis)
        found = pydl.unique_consecutive(pydl.tensor(values), True, True, axis)
        for a, b in zip(found, expected, strict=True):
            assert_close(a, b.numpy())
        alone = pydl.unique_consecutive(pydl.tensor(values), axis=axis)
        assert_close(alone, expected[0].numpy())


def test_neighbours_of_few_and_of_nan() -> None:
    values, inverse, counts = pydl.unique_consecutive(pydl.ones(0), True, True)
    assert (values.shape, inverse.shape, counts.shape) == ((0,), (0,), (0,))
    assert pydl.unique_consecutive(pydl.tensor(3.0)).tolist() == [3]
    assert len(pydl.unique_consecutive(pydl.tensor([NAN, NAN, 1, 1])).tolist()) == 3
    x = pydl.tensor([2.0, 2.0, 3.0], requires_grad=True)
    pydl.unique_consecutive(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 0, 1]
    with pytest.raises(pydl.TraceError):
        pydl.compile(lambda t: pydl.unique_consecutive(t))(pydl.ones(3))


# --- numerical gradients -----------------------------------------------------------------------


@pytest.mark.parametrize("edge_order", [1, 2])
@pytest.mark.parametrize("axis", [None, 0, -1, (1, 0)])
@pytest.mark.parametrize("kind", ["none", "one", "numbers", "positions"])
def test_numerical_gradients(edge_order: int, axis: Any, kind: str) -> None:
    x = RNG.standard_normal((4, 3))
    axes = [0, 1] if axis is None else [axis % 2] if isinstance(axis, int) else list(axis)
    spacing: list[Any] = {
        "none": [],
        "one": [0.3],
        "numbers": [0.5 + a for a in axes],
        "positions": [np.cumsum(RNG.uniform(0.5, 2, x.shape[a])) for a in axes],
    }[kind]
    expected = np.gradient(x, *spacing, axis=axis, edge_order=edge_order)
    points = [pydl.tensor(s) if isinstance(s, np.ndarray) else s for s in spacing]

    def run(t: pydl.Tensor, *places: Any) -> Any:
        found = pydl.gradient(t, *places, axis=axis, edge_order=edge_order)
        return found if isinstance(found, tuple) else (found,)

    for call in _both_ways(run):
        wanted = expected if isinstance(expected, (tuple, list)) else (expected,)
        for a, b in zip(call(pydl.tensor(x), *points), wanted, strict=True):
            np.testing.assert_allclose(a.numpy(), b, rtol=1e-12, atol=1e-13)
    check_gradients(
        lambda t: sum(part.square().sum() for part in run(t, *points)), [pydl.tensor(x)], order=2
    )


def test_numerical_gradients_by_positions() -> None:
    x, points = (
        pydl.tensor(RNG.standard_normal(5)),
        pydl.tensor([0.0, 1.0, 1.5, 4.0, 5.0], dtype="float64"),
    )
    for order in (1, 2):
        check_gradients(
            lambda t, p, n=order: pydl.gradient(t, p, edge_order=n), [x, points], order=2
        )
    assert pydl.gradient(pydl.tensor([1, 2, 4])).tolist() == [1, 1.5, 2]
    assert pydl.gradient(pydl.tensor([1.0, 2.0])).tolist() == [1, 1]
    assert pydl.gradient(pydl.tensor([[1.0, 2.0]]), dim=1).tolist() == [[1, 1]]


@pytest.mark.parametrize(
    ("shape", "spacing", "options", "message"),
    [
        ((1,), (), {}, "edge_order=1 takes at least 2 points, axis 0 has 1"),
        ((2,), (), {"edge_order": 2}, "edge_order=2 takes at least 3 points"),
        ((3,), (), {"edge_order": 3}, "expected edge_order 1 or 2, got 3"),
        ((3, 3), (1, 1, 1), {}, "expected one spacing, or one for each of 2 axes, got 3"),
        ((3, 3), ([0.0, 1.0],), {"axis": 0}, r"positions of 3 points .* got shape \(2,\)"),
        ((3, 3), (), {"axis": 2}, "axis 2 is out of range for 2 axes"),
        ((3, 3), (), {"axis": (0, -2)}, "expected different axes"),
    ],
)
def test_numerical_gradients_that_are_refused(
    shape: tuple[int, ...], spacing: tuple[Any, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^gradient: .*{message}"):
        pydl.gradient(pydl.ones(shape), *spacing, **options)


# --- positions ---------------------------------------------------------------------------------


def test_positions_out_of_range_are_refused() -> None:
    for wrong in (6, -1):
        with pytest.raises(IndexError, match=rf"^unravel_index: .* from 0 to 5 .* got {wrong}$"):
            pydl.unravel_index(pydl.tensor([0, wrong]), (2, 3))
    with pytest.raises(
        TypeError, match="^unravel_index: expected an index of integers, got float32"
    ):
        pydl.unravel_index(pydl.ones(2), (2, 3))
    assert pydl.compile(lambda i: pydl.unravel_index(i, (2, 3)))(pydl.tensor([5]))[0].tolist() == [
        1
    ]


# --- arguments of linear algebra ---------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 3), (2, 4, 4), (0, 0), (0, 2, 2)])
@pytest.mark.parametrize("options", [{}, {"atol": 0.5}, {"atol": 0.5, "rtol": 0.4}, {"rtol": 0.1}])
def test_inverses_and_ranks_of_symmetric_matrices(
    shape: tuple[int, ...], options: dict[str, float]
) -> None:
    torch = pytest.importorskip("torch")
    x = RNG.standard_normal(shape)
    symmetric = x + np.swapaxes(x, -1, -2)
    for hermitian, matrices in ((True, symmetric), (False, x)):
        given = options | {"hermitian": hermitian}
        expected = torch.linalg.pinv(torch.tensor(matrices), **given).numpy()
        ranks = torch.linalg.matrix_rank(torch.tensor(matrices), **given).numpy()
        # The other triangle is not read.
        read = np.tril(matrices) if hermitian else matrices
        for call in _both_ways(lambda t, o=given: pydl.linalg.pinv(t, **o)):
            np.testing.assert_allclose(call(pydl.tensor(read)).numpy(), expected, atol=1e-10)
        for call in _both_ways(lambda t, o=given: pydl.linalg.matrix_rank(t, **o)):
            assert_close(call(pydl.tensor(read)), ranks)
    if symmetric.size and not options:
        point = pydl.tensor(symmetric)
        check_gradients(lambda t: pydl.linalg.pinv(t, hermitian=True), [point], order=2)


def test_limits_of_singular_values() -> None:
    assert pydl.linalg.matrix_rank(pydl.zeros((2, 2)), atol=0.0).item() == 0
    batch = pydl.stack([pydl.eye(2), 3 * pydl.eye(2)])
    assert pydl.linalg.matrix_rank(batch, atol=pydl.tensor([2.0, 2.0])).tolist() == [0, 2]
    for name in ("pinv", "matrix_rank"):
        with pytest.raises(ValueError, match=rf"^{name}: expected square .* got shape \(2, 3\)"):
            getattr(pydl.linalg, name)(pydl.ones((2, 3)), hermitian=True)


# --- metrics -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("fbeta", r"write pydl.metrics.FBeta\(beta\)"),
        ("confusion_matrix", r"write pydl.metrics.ConfusionMatrix\(\)"),
        ("bleu", r"call update\(texts, references\) of a pydl.metrics.BLEU\(\)"),
    ],
)
def test_metrics_without_names(name: str, advice: str) -> None:
    model = pydl.Sequential(pydl.nn.Linear(3, 2))
    with pytest.raises(ValueError, match=f"^compile: .* got '{name}'; .*{advice}"):
        model.compile(loss="cross_entropy", metrics=[name])


# --- options of elementwise functions ----------------------------------------------------------


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "float32", "float64"])
def test_running_results_of_a_dtype(name: str, dtype: str) -> None:
    x = np.array([[1, 2, 3], [100, 100, -7]])
    for given in ("int8", "int32", "float32"):
        expected = getattr(np, name)(x.astype(given), axis=1, dtype=dtype)
        for call in _both_ways(lambda t: getattr(pydl, name)(t, 1, dtype=dtype)):
            found = call(pydl.tensor(x.astype(given)))
            assert found.dtype == dtype
            assert_close(found, expected)
        method = getattr(pydl.tensor(x.astype(given)), name)(1, True, dtype=dtype)
        assert_close(method, getattr(np, name)(x.astype(given)[:, ::-1], 1, dtype)[:, ::-1])
    point = pydl.tensor(RNG.uniform(1, 2, (2, 3)))
    if dtype == "float64":
        check_gradients(lambda t: getattr(pydl, name)(t, 1, dtype=dtype), [point], order=2)


@pytest.mark.parametrize("alpha", [2, -0.5])
def test_multiples_of_the_other_operand(alpha: float) -> None:
    torch = pytest.importorskip("torch")
    a, b = RNG.standard_normal((2, 3)), RNG.standard_normal(3)
    x, y = pydl.tensor(a), pydl.tensor(b)
    for name in ("add", "sub", "subtract"):
        expected = getattr(torch, name)(torch.tensor(a), torch.tensor(b), alpha=alpha).numpy()
        function = getattr(pydl, name)
        for call in _both_ways(lambda s, t, f=function: f(s, t, alpha=alpha)):
            assert_close(call(x, y), expected)
        assert_close(getattr(x, name)(y, alpha=alpha), expected)
        sign = 1 if name == "add" else -1
        assert_close(function(x, 3, alpha=alpha), a + sign * alpha * 3)
        assert_close(function(3, y, alpha=alpha), 3 + sign * alpha * b)
        check_gradients(lambda s, t, f=function: f(s, t, alpha=alpha), [x, y], order=2)
    assert pydl.add(pydl.tensor([1]), 2, alpha=3).dtype == "int64"
    assert pydl.add(pydl.ones(2), [1.0, 2.0], alpha=2).tolist() == [3, 5]
    assert pydl.add(pydl.ones(2, dtype="float16"), 2, alpha=3.0).dtype == "float16"


def test_bounded_logits() -> None:
    torch = pytest.importorskip("torch")
    x = np.array([0.0, 1e-3, 0.3, 0.95, 1.0, 2.0, NAN])
    for eps in (1e-6, 0.1, 0.5):
        expected = torch.logit(torch.tensor(x), eps).numpy()
        for call in _both_ways(lambda t, e=eps: pydl.logit(t, e)):
            np.testing.assert_allclose(call(pydl.tensor(x)).numpy(), expected, atol=1e-12)
        np.testing.assert_allclose(pydl.tensor(x).logit(eps=eps).numpy(), expected, atol=1e-12)
    point = pydl.tensor([0.02, 0.3, 0.7, 0.99], dtype="float64")
    check_gradients(lambda t: pydl.logit(t, eps=0.05), [point], order=2)
    assert pydl.logit(pydl.tensor([1]), 0.5).tolist() == [0]
    for wrong in (-0.1, 0.6, NAN):
        with pytest.raises(ValueError, match="^logit: expected eps from 0 to 0.5"):
            pydl.logit(point, wrong)


def test_spaced_integers() -> None:
    for start, stop, count in [(0, 10, 5), (-7, 8, 6), (0.5, 9.7, 4), (3, -3, 7), (2, 9, 1)]:
        for endpoint in (True, False):
            expected = np.linspace(start, stop, count, endpoint, dtype=int)
            for dtype in ("int8", "int64"):
                found = pydl.linspace(start, stop, count, dtype=dtype, endpoint=endpoint)
                assert found.dtype == dtype
                assert found.tolist() == expected.tolist()
    for count in range(2, 200):  # whole numbers are met in spite of rounding
        assert pydl.linspace(0, count - 1, count, dtype="int64").tolist() == list(range(count))
    assert pydl.linspace(0, 1, 0, dtype="int32").tolist() == []
    with pytest.raises(TypeError, match="^linspace: expected a dtype of numbers, got bool"):
        pydl.linspace(0, 1, 2, dtype="bool")


# --- derivatives -------------------------------------------------------------------------------

CONSTANT: dict[str, Callable[..., pydl.Tensor]] = {
    "norm": lambda x: pydl.linalg.norm(x, 0, axis=1),
    "vector_norm": lambda x: pydl.vector_norm(x, ord=0),
    "cdist": lambda x: pydl.cdist(x, 2 * x, 0.0),
    "pdist": lambda x: pydl.pdist(x, 0.0),
    "matrix_power": lambda x: pydl.linalg.matrix_power(x, 0),
    "slogdet": lambda x: pydl.linalg.slogdet(x)[0],
}


@pytest.mark.parametrize("name", CONSTANT)
def test_derivatives_of_steps_are_zeros(name: str) -> None:
    for values in ([[1.0, 2.0], [0.0, 3.0]], [[0.0, 0.0], [0.0, 0.0]], [[NAN, 1.0], [INF, 0.0]]):
        x = pydl.tensor(values, requires_grad=True)
        function = CONSTANT[name]
        for call in _both_ways(lambda t, f=function: pydl.grad(f(t).sum(), t)[0]):
            assert call(x).tolist() == [[0, 0], [0, 0]]
    np.testing.assert_array_equal(
        pydl.vector_norm(pydl.tensor([[0.0, -0.0, 2.0, NAN, INF, -1e-30]]), axis=1, ord=0).numpy(),
        [4],
    )
    if name == "matrix_power":
        assert CONSTANT[name](pydl.ones((2, 2), dtype="int64")).tolist() == [[1, 0], [0, 1]]
        assert CONSTANT[name](pydl.full((2, 2), NAN)).tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("order", [0, 1])
def test_large_arguments_of_bessel_functions(order: int) -> None:
    special = pytest.importorskip("scipy.special")
    function = (pydl.i0, pydl.i1)[order]
    x = np.array([8.1, 50, 700, 709.7, 709.9, 711, 713, 713.98])
    x = np.concatenate([x, -x])
    values = (special.i0e, special.i1e)[order](x)
    slopes = special.i1e(x) if order == 0 else special.i0e(x) - special.i1e(x) / x
    half = np.exp(np.abs(x) / 2)
    t = pydl.tensor(x, requires_grad=True)
    np.testing.assert_allclose(function(t).detach().numpy(), values * half * half, rtol=1e-14)
    first = pydl.grad(function(t).sum(), t, create_graph=True)[0]
    np.testing.assert_allclose(first.detach().numpy(), slopes * half * half, rtol=1e-13)
    second = pydl.grad(first.sum(), t)[0]
    bends = values - slopes / x + order * order / x**2 * values
    np.testing.assert_allclose(second.numpy(), bends * half * half, rtol=1e-11)
    beyond = pydl.tensor([713.99, 714.0, 800.0, INF], dtype="float64", requires_grad=True)
    assert function(beyond).tolist() == [INF] * 4
    assert pydl.grad(function(beyond).sum(), beyond)[0].tolist()[:3] == [INF] * 3
