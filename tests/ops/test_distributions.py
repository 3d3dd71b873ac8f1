"""Distributions against SciPy's, at fixed seeds: shapes, extremes, gradients, threads, programs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
import scipy.stats as stats

import pydl
from pydl import _core

random = pydl.random
Draw = Callable[..., pydl.Tensor]
N = 20_000
NAN = float("nan")
INFINITY = float("inf")

# How to draw, and the distribution in SciPy.
CONTINUOUS: dict[str, tuple[Draw, Any]] = {
    "exponential": (lambda **k: random.exponential(2.5, **k), stats.expon(scale=2.5)),
    "laplace": (lambda **k: random.laplace(1.0, 3.0, **k), stats.laplace(1, 3)),
    "gumbel": (lambda **k: random.gumbel(-1.0, 0.5, **k), stats.gumbel_r(-1, 0.5)),
    "cauchy": (lambda **k: random.cauchy(2.0, 0.5, **k), stats.cauchy(2, 0.5)),
    "log_normal": (
        lambda **k: random.log_normal(0.5, 0.8, **k),
        stats.lognorm(0.8, 0, math.e**0.5),
    ),
    "gamma 0.3": (lambda **k: random.gamma(0.3, 2.0, **k), stats.gamma(0.3, scale=2)),
    "gamma 1": (lambda **k: random.gamma(1.0, **k), stats.gamma(1)),
    "gamma 4.5": (lambda **k: random.gamma(4.5, 0.1, **k), stats.gamma(4.5, scale=0.1)),
    "gamma 1e6": (lambda **k: random.gamma(1e6, **k), stats.gamma(1e6)),
    "beta 2, 3": (lambda **k: random.beta(2.0, 3.0, **k), stats.beta(2, 3)),
    "beta 0.5, 5": (lambda **k: random.beta(0.5, 5.0, **k), stats.beta(0.5, 5)),
    "truncated, wide": (
        lambda **k: random.truncated_normal(-1.0, 3.0, **k),
        stats.truncnorm(-1, 3),
    ),
    "truncated, narrow": (
        lambda **k: random.truncated_normal(-0.2, 0.5, **k),
        stats.truncnorm(-0.2, 0.5),
    ),
    "truncated, one side": (
        lambda **k: random.truncated_normal(-0.5, INFINITY, **k),
        stats.truncnorm(-0.5, np.inf),
    ),
    "truncated, near tail": (
        lambda **k: random.truncated_normal(0.3, 2.0, **k),
        stats.truncnorm(0.3, 2),
    ),
    "truncated, flat tail": (
        lambda **k: random.truncated_normal(2.0, 2.2, **k),
        stats.truncnorm(2, 2.2),
    ),
    "truncated, far tail": (
        lambda **k: random.truncated_normal(-INFINITY, -6.0, **k),
        stats.truncnorm(-np.inf, -6),
    ),
    "truncated, moved": (
        lambda **k: random.truncated_normal(0.0, 10.0, 12.0, 4.0, **k),
        stats.truncnorm(-3, -0.5, 12, 4),
    ),
}
DISCRETE: dict[str, tuple[Draw, Any]] = {
    "bernoulli": (lambda **k: random.bernoulli(0.3, **k), stats.bernoulli(0.3)),
    "geometric": (lambda **k: random.geometric(0.2, **k), stats.geom(0.2)),
    "geometric 0.9": (lambda **k: random.geometric(0.9, **k), stats.geom(0.9)),
    **{
        f"poisson {rate}": (lambda rate=rate, **k: random.poisson(rate, **k), stats.poisson(rate))
        for rate in (0.05, 3.7, 9.99, 10.0, 14.5, 300.0)
    },
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CONTINUOUS)
def test_continuous_distributions(name: str, dtype: str) -> None:
    draw, expected = CONTINUOUS[name]
    found = draw(shape=(N // 4, 4), dtype=dtype, generator=pydl.Generator(1))
    assert found.dtype == dtype
    assert found.shape == (N // 4, 4)
    values = found.numpy().astype("float64").ravel()
    assert stats.kstest(values, expected.cdf).pvalue > 1e-3
    # Neighbours, which share blocks of random bits, are independent.
    pairs = np.argsort(np.argsort(values)).reshape(-1, 2)
    assert stats.spearmanr(pairs[:, 0], pairs[:, 1]).pvalue > 1e-3


def chi_squared(values: np.ndarray, expected: Any) -> float:
    """Return the p-value of counts, where rare values at both ends are taken together."""
    numbers = np.arange(int(values.min()), int(values.max()) + 1)
    counts = np.array([(values == k).sum() for k in numbers])
    probabilities = expected.pmf(numbers)
    common = np.flatnonzero(probabilities * len(values) >= 10)
    low, high = common[0], common[-1]
    observed = [counts[:low].sum(), *counts[low : high + 1], counts[high + 1 :].sum()]
    inner = probabilities[low : high + 1]
    below = expected.cdf(numbers[low] - 1)
    predicted = np.array([below, *inner, 1 - below - inner.sum()]) * len(values)
    keep = predicted > 1e-6
    assert sum(np.array(observed)[~keep]) == 0
    predicted = predicted[keep]
    return float(
        stats.chisquare(np.array(observed)[keep], predicted * len(values) / predicted.sum()).pvalue
    )


@pytest.mark.parametrize("name", DISCRETE)
def test_discrete_distributions(name: str) -> None:
    draw, expected = DISCRETE[name]
    values = draw(shape=N, generator=pydl.Generator(2)).numpy()
    assert (values == np.round(values)).all()
    assert chi_squared(values, expected) > 1e-3


@pytest.mark.parametrize("rate", [1e4, 1e6, 1e9, 1e15])
def test_many_events(rate: float) -> None:
    values = random.poisson(rate, N, "float64", pydl.Generator(3)).numpy()
    # In steps of a standard deviation, they are so fine that the normal approximation fits.
    normal = (values - rate + 0.5) / np.sqrt(rate)
    skewed = normal - (normal**2 - 1) / (6 * np.sqrt(rate))
    assert stats.kstest(skewed, stats.norm.cdf).pvalue > 1e-3


@pytest.mark.parametrize("concentration", [1e-3, 0.01, 0.1])
def test_small_concentrations(concentration: float) -> None:
    generator = pydl.Generator(4)
    values = random.gamma(concentration, shape=N, dtype="float64", generator=generator).numpy()
    # Subnormal numbers may have become 0.
    tiny = np.finfo("float64").tiny
    small = np.exp(concentration * np.log(tiny) - scipy.special.gammaln(1 + concentration))
    assert stats.binomtest(int((values < tiny).sum()), N, small).pvalue > 1e-3
    below = scipy.special.gammainc(concentration, values[values >= tiny])
    assert stats.kstest((below - small) / (1 - small), stats.uniform.cdf).pvalue > 1e-3
    both = random.beta(concentration, concentration, N, "float64", generator).numpy()
    assert not np.isnan(both).any()
    assert ((both >= 0) & (both <= 1)).all()
    ends = stats.binomtest(int((both > 0.5).sum()), N, 0.5)
    assert ends.pvalue > 1e-3
    near = 1 - 2 * stats.beta(concentration, concentration).cdf(0.01)
    inside = int(((both > 0.01) & (both < 0.99)).sum())
    assert stats.binomtest(inside, N, near).pvalue > 1e-3


def test_dirichlet() -> None:
    concentration = np.array([0.5, 2.0, 4.0])
    found = random.dirichlet(
        pydl.tensor(concentration), shape=N, generator=pydl.Generator(5)
    ).numpy()
    assert found.shape == (N, 3)
    np.testing.assert_allclose(found.sum(1), 1)
    for k in range(3):
        marginal = stats.beta(concentration[k], concentration.sum() - concentration[k])
        assert stats.kstest(found[:, k], marginal.cdf).pvalue > 1e-3
    assert random.dirichlet(pydl.ones((2, 3))).shape == (2, 3)
    assert random.dirichlet(pydl.ones((2, 3)), (4, 5)).shape == (4, 5, 2, 3)
    tiny = random.dirichlet(pydl.full((5,), 1e-3), 100).numpy()
    np.testing.assert_allclose(tiny.sum(1), 1, rtol=1e-5)
    assert np.isnan(random.dirichlet(pydl.tensor([1.0, -1.0])).numpy()).all()


# --- choices --------------------------------------------------------------------------------------

WEIGHTS = np.array([[0.0, 1.0, 2.0, 0.0, 5.0], [3.0, 0.0, 0.0, 1.0, 0.0]])


def test_choices_with_replacement() -> None:
    probs = pydl.tensor(WEIGHTS)
    found = pydl.multinomial(probs, N, replacement=True, generator=pydl.Generator(6))
    assert found.dtype == "int64"
    assert found.shape == (2, N)
    for row, weights in zip(found.numpy(), WEIGHTS, strict=True):
        counts = np.bincount(row, minlength=5)
        assert (counts[weights == 0] == 0).all()
        expected = (weights / weights.sum() * N)[weights > 0]
        assert stats.chisquare(counts[weights > 0], expected).pvalue > 1e-3


def test_choices_without_replacement_are_as_if_drawn_one_by_one() -> None:
    weights = np.array([1.0, 2.0, 0.0, 4.0])
    found = pydl.multinomial(
        pydl.expand(pydl.tensor(weights, dtype="float32"), (N, 4)),
        3,
        generator=pydl.Generator(7),
    ).numpy()
    assert found.shape == (N, 3)
    assert (np.sort(found, 1) == [0, 1, 3]).all()
    orders = [(a, b, c) for a in (0, 1, 3) for b in (0, 1, 3) for c in (0, 1, 3)
              if len({a, b, c}) == 3]  # fmt: skip
    expected = [weights[a] / 7 * weights[b] / (7 - weights[a]) * N for a, b, _ in orders]
    counts = [(found == order).all(1).sum() for order in orders]
    assert stats.chisquare(counts, expected).pvalue > 1e-3


def test_categories_by_logits_and_shapes() -> None:
    logits = np.log(WEIGHTS + 1e-300)
    generator = pydl.Generator(8)
    found = random.categorical(logits=pydl.tensor(logits), shape=(N, 1), generator=generator)
    assert found.shape == (N, 1, 2)
    counts = np.bincount(found.numpy()[:, 0, 0], minlength=5)
    assert counts[[0, 3]].tolist() == [0, 0]
    assert stats.chisquare(counts[[1, 2, 4]], np.array([1, 2, 5]) * N / 8).pvalue > 1e-3
    assert random.categorical(pydl.tensor([0.0, 1.0])).item() == 1
    assert random.categorical(pydl.ones((3, 2, 7))).shape == (3, 2)
    assert pydl.multinomial(pydl.tensor([0, 0, 4, 0])).tolist() == [2]
    assert pydl.multinomial(pydl.ones((0, 3)), 2).shape == (0, 2)
    assert pydl.multinomial(pydl.ones((2, 3)), 0).shape == (2, 0)
    assert pydl.multinomial(logits=pydl.tensor([-INFINITY, 3.0]), num_samples=1).tolist() == [1]
    assert pydl.multinomial(pydl.tensor([[0.0, 1.0]], requires_grad=True)).tolist() == [[1]]
    # The greatest uniform number that there is does not reach beyond the last category.
    many = pydl.multinomial(pydl.tensor([1.0, 1e-30, 0.0]), N, replacement=True).numpy()
    assert many.max() <= 1


@pytest.mark.parametrize("jit", [False, True])
def test_refused_probabilities(jit: bool) -> None:
    def draw(x: pydl.Tensor) -> pydl.Tensor:
        return pydl.multinomial(x, 2)

    run = pydl.compile(draw) if jit else draw
    with pytest.raises(ValueError, match="multinomial: .*not negative, got -1"):
        run(pydl.tensor([1.0, -1.0, 2.0]))
    with pytest.raises(ValueError, match="multinomial: .*finite"):
        run(pydl.tensor([1.0, NAN, 2.0]))
    with pytest.raises(ValueError, match="multinomial: .*finite"):
        run(pydl.tensor([1.0, INFINITY, 2.0]))
    with pytest.raises(ValueError, match="at least 2 positive .* got 1"):
        run(pydl.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]))
    with pytest.raises(ValueError, match="only zeros"):
        run(pydl.zeros(3))
    with pytest.raises(ValueError, match="multinomial: .*without replacement, got 2"):
        run(pydl.ones((4, 1)))


# --- parameters -----------------------------------------------------------------------------------


def test_parameters_are_broadcast_and_decide_on_the_dtype() -> None:
    scale = pydl.tensor([[1.0], [2.0]], dtype="float64")
    assert random.laplace(pydl.zeros(3), scale).shape == (2, 3)
    assert random.laplace(pydl.zeros(3), scale).dtype == "float64"
    assert random.exponential(pydl.ones(3, dtype="float16")).dtype == "float16"
    assert random.exponential(pydl.tensor([1, 2])).dtype == "float32"
    assert random.exponential(scale, (5, 2, 3), "bfloat16").shape == (5, 2, 3)
    assert random.exponential().shape == ()
    assert random.poisson(np.ones((2, 0))).shape == (2, 0)
    assert random.gamma([0.5, 2.0], [1.0]).shape == (2,)
    assert pydl.bernoulli(pydl.tensor([0.0, 1.0])).tolist() == [0.0, 1.0]
    assert pydl.bernoulli(pydl.tensor([[0, 1]])).tolist() == [[0.0, 1.0]]
    assert (
        pydl.normal((4, 2), pydl.tensor([0.0, 9.0], dtype="float64"), 0.0).tolist() == [[0, 9]] * 4
    )
    assert pydl.uniform((2, 2), 5, pydl.tensor([5.0, 6.0]))[:, 0].tolist() == [5.0, 5.0]
    with pytest.raises(ValueError, match=r"exponential: .*\(2, 1\).*\(3,\)"):
        random.exponential(scale, 3)
    with pytest.raises(ValueError, match="exponential"):
        random.exponential(pydl.ones((2, 1)), (2,))
    with pytest.raises(TypeError, match="poisson: expected a floating-point dtype, got int64"):
        random.poisson(3.0, dtype="int64")


BAD_NUMBERS: list[tuple[Callable[[Any], pydl.Tensor], list[float]]] = [
    (random.bernoulli, [-0.1, 1.1, NAN]),
    (random.geometric, [0.0, -0.1, 1.5, NAN]),
    (random.exponential, [-1.0, NAN]),
    (lambda v: random.laplace(0.0, v), [-1.0, NAN]),
    (lambda v: random.gumbel(0.0, v), [-1.0, NAN]),
    (lambda v: random.cauchy(0.0, v), [-1.0, NAN]),
    (lambda v: random.log_normal(0.0, v), [-1.0, NAN]),
    (lambda v: pydl.normal(np.shape(v), 0.0, v), [-1.0, NAN]),
    (random.gamma, [-1.0, NAN]),
    (lambda v: random.gamma(1.0, v), [-1.0, NAN]),
    (lambda v: random.beta(v, 1.0), [0.0, -1.0, NAN]),
    (lambda v: random.beta(1.0, v), [0.0, NAN]),
    (random.poisson, [-1.0, NAN]),
    (lambda v: random.truncated_normal(0.0, 1.0, 0.0, v), [0.0, -1.0, NAN]),
]


@pytest.mark.parametrize(("draw", "values"), BAD_NUMBERS)
def test_numbers_out_of_range_raise_and_elements_give_nan(
    draw: Callable[[Any], pydl.Tensor], values: list[float]
) -> None:
    for value in values:
        with pytest.raises(ValueError, match=r": expected \w+ (>|in)"):
            draw(value)
    assert np.isnan(draw(pydl.tensor(values)).numpy()).all()
    compiled = pydl.compile(draw)
    assert np.isnan(compiled(pydl.tensor(values)).numpy()).all()


def test_extremes() -> None:
    assert random.bernoulli(0.0, 1000).sum().item() == 0
    assert random.bernoulli(1.0, 1000).sum().item() == 1000
    assert random.geometric(1.0, 100).tolist() == [1.0] * 100
    assert random.poisson(0.0, 3).tolist() == [0.0] * 3
    assert random.gamma(0.0, shape=3).tolist() == [0.0] * 3
    assert random.exponential(0.0, 3).tolist() == [0.0] * 3
    assert np.isnan(random.poisson(INFINITY).item())
    assert random.gamma(INFINITY).item() == INFINITY
    assert random.truncated_normal(2.0, 2.0, shape=2).tolist() == [2.0, 2.0]
    assert np.isnan(random.truncated_normal(pydl.tensor(1.0), 0.0).item())
    with pytest.raises(ValueError, match="low <= high"):
        random.truncated_normal(1.0, 0.0)
    with pytest.raises(ValueError, match="low <= high"):
        random.truncated_normal(NAN, 0.0)
    far = random.truncated_normal(40.0, INFINITY, shape=1000, dtype="float64").numpy()
    assert ((far >= 40) & (far < 41)).all()
    assert stats.kstest((far - 40) * 40, stats.expon.cdf).pvalue > 1e-6
    rounded = random.truncated_normal(-0.1, 0.1, shape=1000, dtype="float16").numpy()
    assert rounded.min() >= np.float16(-0.1)
    assert rounded.max() <= np.float16(0.1)
    assert np.isnan(pydl.uniform((), pydl.tensor(1.0), 0.0).item())
    for draw, _ in CONTINUOUS.values():
        assert np.isfinite(draw(shape=N, dtype="float32").numpy()).all()


# --- the same numbers -----------------------------------------------------------------------------

ALL: dict[str, Draw] = {
    **{name: draw for name, (draw, _) in (CONTINUOUS | DISCRETE).items()},
    "dirichlet": lambda **k: random.dirichlet(pydl.tensor([0.5, 2.0]), **k),
    "normal": lambda shape, **k: pydl.normal(shape, pydl.tensor(1.0), pydl.tensor(2.0), **k),
    "uniform": lambda shape, **k: pydl.uniform(shape, pydl.tensor(1.0), pydl.tensor(2.0), **k),
    "multinomial": lambda shape, generator: pydl.multinomial(
        pydl.ones((*shape, 3)), 2, generator=generator
    ),
    "categorical": lambda shape, generator: random.categorical(
        pydl.ones((*shape, 3)), generator=generator
    ),
    "permutation": lambda shape, generator: pydl.permutation(
        pydl.arange(math.prod(shape)).reshape(shape), generator=generator
    ),
}


@pytest.fixture
def threads() -> Iterator[None]:
    before = pydl.get_num_threads()
    yield
    pydl.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("name", ALL)
def test_same_numbers_for_any_number_of_threads_and_compiled(name: str) -> None:
    shape = (101, 23)
    found = []
    for count in (1, 3):
        pydl.set_num_threads(count)
        generator = pydl.Generator(9)
        ALL[name](shape=(3, 5), generator=generator)
        found.append(ALL[name](shape=shape, generator=generator).numpy())
    generator = pydl.Generator(9)

    @pydl.compile
    def both() -> tuple[pydl.Tensor, pydl.Tensor]:
        first = ALL[name](shape=(3, 5), generator=generator)
        return first, ALL[name](shape=shape, generator=generator)

    found.append(both()[1].numpy())
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)
    again = both()[1].numpy()
    assert not (again == found[0]).all() or name == "permutation"


@pytest.mark.parametrize("op", ["bernoulli", "standard_gamma", "poisson", "truncated_normal"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize(("low", "high"), [(-1.0, 2.5), (0.1, 30.0)])
def test_every_kernel_draws_the_same(op: str, dtype: str, low: float, high: float) -> None:
    rng = np.random.default_rng(0)
    first = pydl.tensor(rng.uniform(low, high, (40, 7)), dtype=dtype)
    inputs = [first, first + 1] if op == "truncated_normal" else [first]
    numbers = [x[:1, :1].expand((40, 7)) for x in inputs]
    for layout in (inputs, [x.T for x in inputs], numbers):
        arguments = [*layout, pydl.tensor([5, 1000])]
        attributes = {"logarithm": False} if op == "standard_gamma" else {}
        expected = _core._apply_with_provider(op, "ref", arguments, attributes)
        found = _core._apply_with_provider(op, "cpu", arguments, attributes)
        np.testing.assert_array_equal(
            found.astype("float64").numpy(), expected.astype("float64").numpy()
        )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_kernel_chooses_the_same(dtype: str) -> None:
    for shape, count, replacement in (
        *(((3,), 1, False), ((5, 40), 3, False), ((2, 3, 300), 299, False), ((1, 70), 70, False)),
        *(((3,), 1, True), ((5, 40), 3, True), ((2, 3, 30), 301, True), ((1, 70), 5001, True)),
        *(((1,), 5, True), ((20, 9), 9, True), ((9, 1000), 1, True)),
    ):
        rng = np.random.default_rng(count)
        weights = rng.uniform(0, 1, shape) + (rng.random(shape) < 0.5)
        if replacement:
            weights *= (rng.random(shape) < 0.7) | (np.arange(shape[-1]) == shape[-1] // 2)
        probs = pydl.tensor(weights, dtype=dtype)
        arguments = [probs, pydl.tensor([5, 1000])]
        attributes = {"count": count, "replacement": replacement}
        expected = _core._apply_with_provider("multinomial", "ref", arguments, attributes)
        found = _core._apply_with_provider("multinomial", "cpu", arguments, attributes)
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_a_call_takes_as_many_numbers_as_it_has_elements() -> None:
    for draw in (random.poisson, random.gamma):
        generator = pydl.Generator(1)
        draw(3.0, shape=10, generator=generator)
        assert generator.state().tolist() == [1, 5]
    generator = pydl.Generator(1)
    pydl.multinomial(pydl.ones((3, 50)), 2, generator=generator)
    assert generator.state().tolist() == [1, 3]


# --- gradients ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draw",
    [
        random.laplace,
        random.gumbel,
        random.cauchy,
        random.log_normal,
        lambda loc, scale, **k: pydl.normal((3,), loc, scale, **k),
        lambda low, width, **k: pydl.uniform((3,), low, low + width, **k),
        lambda loc, scale, **k: loc + random.exponential(scale, **k),
        lambda loc, scale, **k: loc + random.gamma(2.0, scale, **k),
    ],
)
def test_gradients_reach_loc_and_scale(draw: Draw) -> None:
    point = pydl.tensor([[0.5, -1.0, 2.0], [1.5, 0.5, 2.0]], dtype="float64", requires_grad=True)

    def total(p: pydl.Tensor) -> pydl.Tensor:
        drawn = draw(p[0], p[1], generator=pydl.Generator(3))
        return (drawn * pydl.tensor([1.0, 2.0, 3.0], dtype="float64")).sum()

    total(point).backward()
    assert point.grad is not None
    expected = np.zeros((2, 3))
    for i in np.ndindex(2, 3):
        step = np.zeros((2, 3))
        step[i] = 1e-6
        values = point.detach().numpy()
        up, down = (total(pydl.tensor(values + s)).item() for s in (step, -step))
        expected[i] = (up - down) / 2e-6
    np.testing.assert_allclose(point.grad.numpy(), expected, rtol=1e-6, atol=1e-8)


def test_what_has_no_gradient() -> None:
    x = pydl.tensor([0.3, 0.6], requires_grad=True)
    for draw in (random.bernoulli, random.poisson, random.geometric, random.dirichlet,
                 lambda x: random.beta(x, 1.0), lambda x: random.truncated_normal(0.0, x),
                 random.gamma, pydl.multinomial):  # fmt: skip
        assert not draw(x).requires_grad


# --- orders, fills and likes ----------------------------------------------------------------------


def test_permutations_and_shuffles() -> None:
    x = pydl.arange(60).reshape(20, 3)
    for axis in (0, 1, -1):
        found = pydl.permutation(x, axis=axis, generator=pydl.Generator(1)).numpy()
        order = pydl.permutation(x.shape[axis], generator=pydl.Generator(1)).numpy()
        np.testing.assert_array_equal(found, np.take(x.numpy(), order, axis))
        y = x.copy()
        assert random.shuffle(y, axis, generator=pydl.Generator(1)) is None
        np.testing.assert_array_equal(y.numpy(), found)
    assert sorted(pydl.permutation([3, 1, 2]).tolist()) == [1, 2, 3]
    assert sorted(pydl.permutation(np.int64(4)).tolist()) == [0, 1, 2, 3]
    assert sorted(pydl.randperm(4).tolist()) == [0, 1, 2, 3]
    assert pydl.permutation(pydl.ones((0, 2))).shape == (0, 2)
    weight = pydl.ones(3, dtype="float64").requires_grad_()
    (pydl.permutation(weight) * pydl.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert weight.grad is not None
    assert sorted(weight.grad.tolist()) == [1.0, 2.0, 3.0]
    with pytest.raises(IndexError, match="permutation: axis 0"):
        pydl.permutation(pydl.tensor(1.0))
    with pytest.raises(TypeError, match="shuffle: "):
        random.shuffle([1, 2])  # a list would be copied
    with pytest.raises(RuntimeError, match="shuffle|gradient"):
        random.shuffle(weight)


def test_integers() -> None:
    generator = pydl.Generator(1)
    assert pydl.randint(3, generator=generator).shape == ()
    for found in (
        pydl.randint(10, (500,), generator=generator),
        pydl.randint(10, shape=500, generator=generator),
        pydl.randint(0, 10, (500,), generator=generator),
    ):
        assert found.shape == (500,)
        assert set(found.tolist()) == set(range(10))
    for dtype, (low, high) in {
        "uint8": (0, 256), "int8": (-128, 128), "int16": (-(2**15), 2**15),
        "int32": (-(2**31), 2**31), "int64": (-(2**62), -(2**62) + 5),
    }.items():  # fmt: skip
        found = pydl.randint(low, high, (2000,), dtype, generator)
        assert found.dtype == dtype
        assert low <= found.min().item() < found.max().item() < high
        if dtype != "int64":
            with pytest.raises(ValueError, match=f"randint: {dtype} does not hold"):
                pydl.randint(low - 1, high, (2,), dtype)
            with pytest.raises(ValueError, match=f"randint: {dtype} does not hold"):
                pydl.randint(low, high + 1, (2,), dtype)
    with pytest.raises(TypeError, match="randint: expected 'high' as an integer"):
        pydl.randint(0, 1.5, (2,))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="low < high"):
        pydl.randint(0, (2,))


@pytest.mark.parametrize(
    ("low", "high"),
    [
        (0, 2**63 - 1),
        (-(2**63), 2**63 - 1),
        (-(2**62), 2**62),
        (5, 2**53 + 6),
        (-7, 2**54 + 2**31),
        (0, 3 * 2**52),
    ],
)
def test_wide_integers(low: int, high: int) -> None:
    found = pydl.randint(low, high, (N,), generator=pydl.Generator(11)).tolist()
    assert all(low <= value < high for value in found)
    unit = np.array([(value - low) / (high - low) for value in found])
    assert stats.kstest(unit, stats.uniform.cdf).pvalue > 1e-3
    assert stats.chisquare(np.bincount([value % 64 for value in found])).pvalue > 1e-3
    assert stats.chisquare(np.bincount([value >> 20 & 63 for value in found])).pvalue > 1e-3
    generator = pydl.Generator(11)
    compiled = pydl.compile(lambda: pydl.randint(low, high, (N,), generator=generator))
    assert compiled().tolist() == found


def test_likes() -> None:
    x = pydl.zeros((40, 5), dtype="float64")
    generator = pydl.Generator(1)
    assert pydl.rand_like(x).dtype == pydl.randn_like(x).dtype == "float64"
    assert pydl.rand_like(x, "float32").dtype == "float32"
    same = pydl.uniform((40, 5), dtype="float64", generator=pydl.Generator(1))
    assert pydl.rand_like(x, generator=generator).tolist() == same.tolist()
    found = pydl.randint_like(x, 2, 5)
    assert found.dtype == "float64"
    assert set(found.reshape(-1).tolist()) == {2.0, 3.0, 4.0}
    assert set(pydl.randint_like(found.astype("int8"), 2).reshape(-1).tolist()) == {0, 1}
    assert pydl.randint_like(x, 3, dtype="uint8").dtype == "uint8"
    with pytest.raises(TypeError, match="rand_like: expected a floating-point dtype"):
        pydl.rand_like(pydl.arange(3))


def test_fills() -> None:
    x = pydl.zeros((100, 10))
    assert x.uniform_(2, 3, generator=pydl.Generator(1)) is x
    same = pydl.uniform((100, 10), 2, 3, generator=pydl.Generator(1))
    assert x.tolist() == same.tolist()
    assert x.normal_(100.0, 1.0).min().item() > 50
    assert abs(x.exponential_(10.0).mean().item() - 0.1) < 0.03
    counts = pydl.zeros((100, 10), dtype="int32").bernoulli_(0.25)
    assert set(counts.reshape(-1).tolist()) == {0, 1}
    assert pydl.zeros(3, dtype="bool").bernoulli_(1.0).tolist() == [True] * 3
    assert pydl.zeros(2).bernoulli_(pydl.tensor([0.0, 1.0])).tolist() == [0.0, 1.0]
    weight = pydl.zeros(3, dtype="float64").requires_grad_()
    with pydl.no_grad():
        weight.normal_()
    assert weight.requires_grad
    with pytest.raises(RuntimeError, match="gradient"):
        weight.uniform_()
    with pytest.raises(TypeError, match="uniform_: expected a floating-point tensor"):
        pydl.arange(3).uniform_()
    with pytest.raises(ValueError, match="exponential_: expected lambd > 0"):
        x.exponential_(0)

    @pydl.compile
    def noisy(x: pydl.Tensor) -> pydl.Tensor:
        return pydl.zeros(4).uniform_() + x

    assert noisy(pydl.zeros(4)).tolist() != noisy(pydl.zeros(4)).tolist()


def test_truncated_normal_weights() -> None:
    weight = pydl.nn.Parameter(pydl.zeros((100, 30)))
    assert pydl.nn.init.trunc_normal_(weight, 1.0, 0.1, 0.9, 1.2, pydl.Generator(1)) is weight
    values = weight.detach().numpy().ravel()
    assert stats.kstest(values, stats.truncnorm(-1, 2, 1, 0.1).cdf).pvalue > 1e-3
    layer = pydl.nn.Linear(3, 4, init="trunc_normal")
    assert layer.weight.detach().abs().max().item() <= 2


# --- generators -----------------------------------------------------------------------------------


def test_forks_leave_no_trace() -> None:
    pydl.manual_seed(1)
    with random.fork_rng():
        pydl.rand(3)
        with random.fork_rng():
            pydl.manual_seed(5)
            inner = pydl.rand(2).tolist()
        assert inner == pydl.rand(2, generator=pydl.Generator(5)).tolist()
    after = pydl.rand(3).tolist()
    assert after == pydl.rand(3, generator=pydl.Generator(1)).tolist()
    generator = pydl.Generator(2)
    state = generator.state().tolist()

    @random.fork_rng(generator)
    def draws() -> list[float]:
        return pydl.rand(4, generator=generator).tolist()

    assert draws() == draws()
    assert generator.state().tolist() == state
    with pytest.raises(ZeroDivisionError), random.fork_rng(generator):
        pydl.rand(4, generator=generator)
        raise ZeroDivisionError
    assert generator.state().tolist() == state

    def forked() -> pydl.Tensor:
        with random.fork_rng():
            return pydl.rand(3)

    with pytest.raises(pydl.TraceError, match="fork_rng: "):
        pydl.compile(forked)()


def test_every_distribution_takes_a_generator() -> None:
    for name in random.__all__:
        if name in ("Generator", "fork_rng", "manual_seed", "get_rng_state", "set_rng_state"):
            continue
        doc = getattr(random, name).__doc__ or ""
        assert "generator" in doc.partition("->")[0], name


@pytest.mark.parametrize("name", ALL)
def test_saved_programs_draw_the_same_numbers(name: str, tmp_path: Path) -> None:
    def draw(x: pydl.Tensor) -> tuple[pydl.Tensor, pydl.Tensor]:
        numbers = ALL[name](shape=(3, 4), generator=generator)
        return numbers, pydl.uniform(3, generator=generator) + x

    generator = pydl.Generator(9)
    path = tmp_path / "draw.pydl"
    pydl.save_program(path, draw, pydl.zeros(3), open_batch=False)
    loaded = pydl.load(path)
    for _ in range(2):
        for found, expected in zip(loaded(pydl.zeros(3)), draw(pydl.zeros(3)), strict=True):
            np.testing.assert_array_equal(found.numpy(), expected.numpy())
