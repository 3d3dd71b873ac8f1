"""Functions that are composed of others, and windows, against NumPy, SciPy and PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.signal
import scipy.spatial.distance
import scipy.special

import pydl
from pydl.testing import assert_close, check_gradients

INF, NAN = float("inf"), float("nan")
EDGES = np.array([0.0, -0.0, 1.0, -2.5, 1e300, -1e300, INF, -INF, NAN])
PAIRS = [array.reshape(-1) for array in np.meshgrid(EDGES, EDGES)]


@pytest.mark.parametrize("name", ["fmax", "fmin", "logaddexp2"])
def test_two_operands(name: str) -> None:
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(*PAIRS)
    function = getattr(pydl, name)
    for call in (function, pydl.compile(function)):
        np.testing.assert_allclose(call(*map(pydl.tensor, PAIRS)).numpy(), expected, rtol=1e-14)


@pytest.mark.parametrize("name", ["isposinf", "isneginf"])
@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "int64"])
def test_infinities(name: str, dtype: str) -> None:
    values = EDGES[:4] if dtype == "int64" else EDGES
    found = getattr(pydl, name)(
        pydl.tensor(values.astype(int) if dtype == "int64" else values, dtype=dtype)
    )
    infinite = [-INF, INF] if dtype in ("float64", "int64") else [-INF, -1e300, INF, 1e300]
    sign = 1 if name == "isposinf" else -1
    expected = [v in infinite and np.sign(v) == sign for v in values.tolist()]
    assert found.tolist() == expected


def test_entropy_and_logarithms() -> None:
    x = np.array([0.0, 1e-300, 0.3, 1.0, 5.0, -1.0, INF, NAN])
    np.testing.assert_allclose(pydl.entr(pydl.tensor(x)).numpy(), scipy.special.entr(x), rtol=1e-14)
    with np.errstate(all="ignore"):
        expected = scipy.special.xlog1py(*PAIRS)
    np.testing.assert_allclose(pydl.xlog1py(*map(pydl.tensor, PAIRS)).numpy(), expected, rtol=1e-14)
    point = pydl.tensor([0.3, 0.7, 2.0], dtype="float64")
    check_gradients(pydl.entr, [point], order=2)
    check_gradients(pydl.xlog1py, [point, point + 0.5], order=2)
    check_gradients(pydl.logaddexp2, [point, point * 2 - 1], order=2)


def test_multiples_that_are_added() -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    x, a, b = rng.standard_normal((3, 1)), rng.standard_normal(4), rng.uniform(1, 2, (3, 4))
    tensors, others = [[m.tensor(v) for v in (x, a, b)] for m in (pydl, torch)]
    for name in ("addcmul", "addcdiv"):
        for value in (1, -0.5):
            found = getattr(pydl, name)(*tensors, value=value)
            assert_close(found, getattr(torch, name)(*others, value=value).numpy())
        check_gradients(getattr(pydl, name), tensors, order=2)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, INF])
def test_distances(p: float) -> None:
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((5, 3)), rng.standard_normal((7, 3))
    metric: dict[str, Any] = (
        {"metric": "chebyshev"} if p == INF else {"metric": "minkowski", "p": p}
    )
    expected = scipy.spatial.distance.cdist(a, b, **metric)
    assert_close(pydl.cdist(pydl.tensor(a), pydl.tensor(b), p), expected)
    batch = pydl.cdist(pydl.tensor(np.stack([a, 2 * a])), pydl.tensor(b), p)
    assert batch.shape == (2, 5, 7)
    assert_close(batch[0], expected)
    assert pydl.cdist(pydl.ones((0, 3)), pydl.ones((2, 3)), p).shape == (0, 2)
    check_gradients(lambda x, y: pydl.cdist(x, y, p), [pydl.tensor(a), pydl.tensor(b)])
    # A distance of 0 has no direction.
    same = pydl.tensor(a, requires_grad=True)
    pydl.cdist(same, pydl.tensor(a), 2.0).sum().backward()
    assert same.grad is not None and bool(pydl.isfinite(same.grad).all())


def test_distances_of_other_vectors_are_refused() -> None:
    with pytest.raises(ValueError, match=r"cdist: expected tensors .* got \(2, 3\) and \(2, 4\)"):
        pydl.cdist(pydl.ones((2, 3)), pydl.ones((2, 4)))


def test_equality() -> None:
    x = pydl.tensor([1.0, NAN])
    assert not pydl.array_equal(x, x)
    assert pydl.array_equal(x, x, equal_nan=True)
    assert not pydl.array_equal(pydl.ones(2), pydl.ones((1, 2)))
    assert pydl.array_equal(pydl.ones((0, 2)), pydl.zeros((0, 2)))
    assert pydl.array_equal(pydl.ones(2), [1, 1])


def test_positions() -> None:
    x = np.array([[0, 5, 0], [7, 0, -1]])
    assert_close(pydl.flatnonzero(pydl.tensor(x)), np.flatnonzero(x))
    for shape in [(6,), (2, 3), (3, 1, 2)]:
        index = np.arange(6).reshape(2, 3)
        for found, wanted in zip(
            pydl.unravel_index(pydl.tensor(index), shape),
            np.unravel_index(index, shape),
            strict=True,
        ):
            assert_close(found, wanted)


def test_percentiles() -> None:
    x = np.random.default_rng(0).standard_normal((5, 8))
    assert_close(pydl.percentile(pydl.tensor(x), 30), np.percentile(x, 30))
    q = [0.0, 12.5, 100.0]
    assert_close(pydl.percentile(pydl.tensor(x), q, axis=1), np.percentile(x, q, axis=1))
    kept = pydl.percentile(pydl.tensor(x), 75.0, axis=0, keepdims=True)
    assert_close(kept, np.percentile(x, 75, axis=0, keepdims=True))


def test_powers() -> None:
    for x in (np.array([2, 3, 5]), np.array([0.5, -1.5, 0.0, 2.0])):
        for count in (None, 0, 1, 6):
            for increasing in (False, True):
                found = pydl.vander(pydl.tensor(x), count, increasing)
                assert_close(found, np.vander(x, count, increasing))
    assert pydl.vander(pydl.ones((2, 3)), 4).shape == (2, 3, 4)
    with pytest.raises(ValueError, match="vander: expected a tensor of at least one axis"):
        pydl.vander(pydl.tensor(1.0))


WINDOWS: dict[str, tuple[Any, ...]] = {
    "bartlett": (), "blackman": (), "hamming": (), "hann": (), "kaiser": (3.5,)
}  # fmt: skip


@pytest.mark.parametrize("name", WINDOWS)
@pytest.mark.parametrize("length", [0, 1, 2, 3, 8, 51])
@pytest.mark.parametrize("periodic", [False, True])
def test_windows(name: str, length: int, periodic: bool) -> None:
    options: dict[str, Any] = {"beta": 3.5} if name == "kaiser" else {}
    found = getattr(pydl, f"{name}_window")(length, periodic, dtype=pydl.float64, **options)
    expected = (
        scipy.signal.get_window((name, *WINDOWS[name]) if WINDOWS[name] else name, length, periodic)
        if length
        else np.zeros(0)
    )
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-13, atol=2e-16)
    assert getattr(pydl, f"{name}_window")(length).dtype == pydl.float32


def test_narrow_windows() -> None:
    window = pydl.kaiser_window(9, periodic=False, beta=1e4)
    assert bool(pydl.isfinite(window).all())
    assert window[4].item() == 1
    with pytest.raises(ValueError, match="hann_window: expected a window_length of at least 0"):
        pydl.hann_window(-1)
