"""Random numbers: the exact Philox stream, statistics, state, and independence of threads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import scipy.stats as stats

import pydl
from pydl import _core

MASK = 0xFFFFFFFF


def _philox(key: int, counter: int) -> list[int]:
    """Philox 4x32-10 as in the paper, with Python's integers."""
    c = [counter & MASK, counter >> 32, 0, 0]
    k0, k1 = key & MASK, key >> 32
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & MASK, (p0 >> 32) ^ c[3] ^ k1, p0 & MASK]
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return c


def _unit_floats(seed: int, offset: int, count: int) -> np.ndarray:
    words = [w for block in range((count + 3) // 4) for w in _philox(seed, offset + block)]
    return np.array([(w >> 8) * 2.0**-24 for w in words[:count]])


def test_known_answer_of_the_paper() -> None:
    assert _philox(0, 0) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]


@pytest.mark.parametrize("count", [1, 4, 7, 1000])
def test_uniform_is_the_philox_stream(count: int) -> None:
    generator = pydl.Generator(12345678901)
    pydl.uniform(10, generator=generator)
    offset = int(generator.state()[1])
    values = pydl.uniform(count, generator=generator)
    np.testing.assert_array_equal(values.numpy(), _unit_floats(12345678901, offset, count))


def test_normal_is_box_muller_of_the_stream() -> None:
    words = [w for block in range(50) for w in _philox(3, block)]
    unit = np.array([(w >> 8) * 2.0**-24 for w in words])
    radius = np.sqrt(-2 * np.log(1 - unit[0::2]))
    angle = 2 * np.pi * unit[1::2]
    expected = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)
    values = pydl.normal(200, generator=pydl.Generator(3)).numpy()
    np.testing.assert_allclose(values, expected, rtol=1e-4, atol=1e-5)


def _unit_doubles(seed: int, count: int) -> np.ndarray:
    words = [w for block in range((count + 1) // 2) for w in _philox(seed, block)]
    pairs = [(high << 32 | low) >> 11 for high, low in zip(words[::2], words[1::2], strict=True)]
    return np.array([pair * 2.0**-53 for pair in pairs[:count]])


def test_double_precision_streams() -> None:
    u = _unit_doubles(8, 101)
    found = pydl.uniform(101, -1, 3, dtype="float64", generator=pydl.Generator(8))
    np.testing.assert_allclose(found.numpy(), -1 + 4 * u, rtol=1e-14)
    radius = np.sqrt(-2 * np.log(1 - u[0:100:2]))
    angle = 2 * np.pi * u[1:100:2]
    expected = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1).reshape(-1)
    found = pydl.normal(100, 2, 3, dtype="float64", generator=pydl.Generator(8))
    np.testing.assert_allclose(found.numpy(), 2 + 3 * expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_sixteen_bit_numbers_are_the_rounded_float32_stream(dtype: str) -> None:
    small = pydl.uniform(999, dtype=dtype, generator=pydl.Generator(6)).astype("float32").numpy()
    exact = pydl.uniform(999, generator=pydl.Generator(6)).numpy()
    np.testing.assert_allclose(small, exact, atol=4e-3)
    assert small.max() < 1


def test_permutation_is_fisher_yates_of_the_stream() -> None:
    n, seed = 37, 21
    order = list(range(n))
    for s in range(n - 1):
        words = _philox(seed, s // 2)[2 * (s % 2) :]
        i = n - 1 - s
        j = ((words[0] << 32 | words[1]) * (i + 1)) >> 64
        order[i], order[j] = order[j], order[i]
    assert pydl.permutation(n, generator=pydl.Generator(seed)).tolist() == order


@pytest.mark.parametrize("n", [2, 129, 130, 5000])
def test_every_kernel_gives_the_same_permutation(n: int) -> None:
    arguments = [pydl.tensor([6, 2**40])]
    expected = _core._apply_with_provider("permutation", "ref", arguments, {"n": n})
    found = _core._apply_with_provider("permutation", "cpu", arguments, {"n": n})
    np.testing.assert_array_equal(found.numpy(), expected.numpy())


STANDARD = {
    "exponential": lambda u: -np.log1p(-u),
    "laplace": lambda u: -np.sign(u - 0.5) * np.log1p(-2 * np.abs(u - 0.5)),
    "gumbel": lambda u: -np.log(-np.log1p(-u)),
    "cauchy": lambda u: np.tan(np.pi * (u - 0.5)),
}


@pytest.mark.parametrize("distribution", STANDARD)
def test_standard_variates_are_functions_of_the_stream(distribution: str) -> None:
    attributes = {"shape": (101,), "dtype": pydl.float64, "distribution": distribution}
    found = _core._apply_with_provider("standard_variate", "cpu", [pydl.tensor([8, 0])], attributes)
    expected = STANDARD[distribution](_unit_doubles(8, 101))
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("distribution", STANDARD)
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_every_kernel_draws_the_same_variates(distribution: str, dtype: str) -> None:
    attributes = {"shape": (37, 9), "dtype": dtype, "distribution": distribution}
    arguments = [pydl.tensor([6, 2**40])]
    expected = _core._apply_with_provider("standard_variate", "ref", arguments, attributes)
    found = _core._apply_with_provider("standard_variate", "cpu", arguments, attributes)
    np.testing.assert_array_equal(
        found.astype("float64").numpy(), expected.astype("float64").numpy()
    )


@pytest.mark.parametrize(
    ("low", "high"), [(0, 10), (-7, -6), (-(2**52), 2**52), (2**62, 2**62 + 12345)]
)
def test_integers_are_parts_of_the_stream(low: int, high: int) -> None:
    expected = low + np.floor(_unit_doubles(8, 101) * (high - low)).astype(np.int64)
    for provider in ("ref", "cpu"):
        attributes = {"shape": (101,), "low": low, "high": high}
        arguments = [pydl.tensor([8, 0])]
        found = _core._apply_with_provider("random_integers", provider, arguments, attributes)
        np.testing.assert_array_equal(found.numpy(), expected)
    found = pydl.randint(low, high, (101,), generator=pydl.Generator(8))
    np.testing.assert_array_equal(found.numpy(), expected)


def test_integers_too_far_apart_for_one_number() -> None:
    with pytest.raises(ValueError, match="random_integers: expected low < high, at most"):
        _core.random_integers(pydl.tensor([1, 0]), (2,), 0, 2**53 + 1)
    with pytest.raises(ValueError, match="random_integers: expected low < high"):
        _core.random_integers(pydl.tensor([1, 0]), (2,), 3, 3)


def test_dropout_reads_the_stream_by_logical_index() -> None:
    x = np.random.default_rng(0).standard_normal((30, 7)).astype(np.float32)
    kept = (_unit_floats(14, 0, x.size) >= 0.4).reshape(x.shape)
    for layout in (x, np.ascontiguousarray(x.T).T, x[::-1].copy()[::-1]):
        found = pydl.dropout(pydl.asarray(layout), 0.4, generator=pydl.Generator(14))
        np.testing.assert_allclose(found.numpy(), np.where(kept, x / 0.6, 0), rtol=1e-6)


def test_calls_do_not_share_numbers() -> None:
    generator = pydl.Generator(30)
    found = [pydl.uniform(count, generator=generator).numpy() for count in (1, 3, 4, 5, 6)]
    values = np.concatenate(found)
    assert len(np.unique(values)) == len(values)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_distributions(dtype: str) -> None:
    generator = pydl.Generator(1)
    u = pydl.uniform(50_000, -2, 3, dtype=dtype, generator=generator).numpy()
    assert u.min() >= -2
    assert u.max() < 3
    assert stats.kstest(u, stats.uniform(-2, 5).cdf).pvalue > 1e-3
    n = pydl.normal(50_000, 1, 2, dtype=dtype, generator=generator).numpy()
    assert stats.kstest(n, stats.norm(1, 2).cdf).pvalue > 1e-3


def test_integers_and_permutations() -> None:
    generator = pydl.Generator(2)
    dice = pydl.randint(1, 7, 60_000, generator=generator).numpy()
    assert set(dice) == {1, 2, 3, 4, 5, 6}
    assert stats.chisquare(np.bincount(dice)[1:]).pvalue > 1e-3
    order = pydl.permutation(1000, generator=generator).numpy()
    assert sorted(order) == list(range(1000))
    assert (order != np.arange(1000)).sum() > 900
    firsts = [int(pydl.permutation(4, generator=generator)[0]) for _ in range(4000)]
    assert stats.chisquare(np.bincount(firsts)).pvalue > 1e-3
    assert pydl.permutation(0, generator=generator).shape == (0,)


@pytest.fixture
def threads() -> Iterator[None]:
    before = pydl.get_num_threads()
    yield
    pydl.set_num_threads(before)


@pytest.mark.usefixtures("threads")
def test_same_numbers_for_any_number_of_threads() -> None:
    found = []
    for count in (1, 2, 3):
        pydl.set_num_threads(count)
        generator = pydl.Generator(9)
        x = pydl.normal(100_003, generator=generator)
        found.append(pydl.dropout(x, 0.4, generator=generator).numpy())
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_state_continues_the_stream() -> None:
    generator = pydl.Generator(4)
    pydl.uniform(5, generator=generator)
    state = generator.state()
    first = pydl.uniform(9, generator=generator).numpy()
    second = pydl.uniform(9, generator=generator).numpy()
    assert not (first == second).any()
    generator.set_state(state)
    np.testing.assert_array_equal(pydl.uniform(9, generator=generator).numpy(), first)
    pydl.manual_seed(11)
    again = pydl.rand(3).numpy()
    pydl.manual_seed(11)
    np.testing.assert_array_equal(pydl.rand(3).numpy(), again)


def test_dropout_keeps_scales_and_masks_its_gradient_alike() -> None:
    x = pydl.ones((300, 100))
    x.requires_grad = True
    y = pydl.dropout(x, 0.25, generator=pydl.Generator(5))
    values = y.detach().numpy()
    assert set(np.unique(values)) <= {np.float32(0), np.float32(1 / 0.75)}
    assert abs((values == 0).mean() - 0.25) < 0.01
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), values)
    np.testing.assert_array_equal(pydl.dropout(x.detach(), 1.0).numpy(), np.zeros((300, 100)))


def test_errors() -> None:
    with pytest.raises(ValueError, match="dropout: expected 0 <= p <= 1"):
        pydl.dropout(pydl.ones(2), 1.5)
    with pytest.raises(ValueError, match="normal: expected std >= 0"):
        pydl.normal(2, 0, -1)
    with pytest.raises(ValueError, match="uniform: expected low <= high"):
        pydl.uniform(2, 1, 0)
    with pytest.raises(ValueError, match="randint: expected low < high"):
        pydl.randint(3, 3, 2)
    with pytest.raises(TypeError, match="uniform: expected a floating-point dtype"):
        pydl.uniform(2, dtype="int32")
    with pytest.raises(ValueError, match="set_state"):
        pydl.Generator(0).set_state(pydl.tensor([1.0]))
