"""Gradients where a function has a kink or a formula divides by zero, with PyTorch's values."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pydl
import pydl.nn.functional as F
from pydl.testing import check_gradients

Function = Callable[[pydl.Tensor], pydl.Tensor]


def _gradient(function: Function, values: object) -> list[float]:
    x = pydl.tensor(values, dtype="float64", requires_grad=True)
    function(x).sum().backward()
    assert x.grad is not None
    found = x.grad.tolist()
    assert isinstance(found, list)
    return found


def test_crossed_bounds_have_the_gradient_of_the_upper_one() -> None:
    x = pydl.tensor([0.0, 5.0, 2.0], requires_grad=True)
    low = pydl.tensor([3.0, 3.0, 3.0], requires_grad=True)
    high = pydl.tensor([1.0, 1.0, 1.0], requires_grad=True)
    y = pydl.clip(x, low, high)
    assert y.tolist() == [1.0, 1.0, 1.0]
    found = [g.tolist() for g in pydl.grad(y.sum(), (x, low, high))]
    assert found == [[0.0] * 3, [0.0] * 3, [1.0] * 3]


def test_probabilities_outside_of_their_range_have_no_slope() -> None:
    x = pydl.tensor([-0.5, 0.0, 0.25, 1.0, 1.5], requires_grad=True)
    found = pydl.grad(pydl.logit(x).sum(), x)[0].numpy()
    np.testing.assert_allclose(found, [np.nan, np.inf, 16 / 3, np.inf, np.nan], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bessel_functions_that_overflow_have_infinite_slopes(dtype: str) -> None:
    x = pydl.tensor([60000.0, 1e30, 715.0, -60000.0], dtype=dtype, requires_grad=True)
    assert pydl.grad(pydl.i0(x).sum(), x)[0].tolist() == [np.inf] * 3 + [-np.inf]
    assert pydl.grad(pydl.i1(x).sum(), x)[0].tolist() == [np.inf] * 4
    y = pydl.tensor([709.0], dtype="float64", requires_grad=True)
    np.testing.assert_allclose(pydl.grad(pydl.i0(y), y)[0].numpy(), pydl.i1(y).detach().numpy())


def test_powers_that_are_no_numbers_have_no_slope_along_the_exponent() -> None:
    base, exponent = pydl.tensor([-2.0, -2.0, 2.0]), pydl.tensor([0.5, 2.0, 2.0])
    found = pydl.grad((base ** exponent.requires_grad_()).sum(), exponent)[0].tolist()
    assert np.isnan(found[0])
    assert found[1:] == [0.0, pytest.approx(4 * np.log(2))]


CASES: list[tuple[str, Function, list[float], list[float]]] = [
    ("relu", pydl.relu, [-1, 0, 2], [0, 0, 1]),
    ("abs", pydl.abs, [-1, 0, 2], [-1, 0, 1]),
    ("sign", pydl.sign, [-1, 0, 2], [0, 0, 0]),
    ("elu", pydl.elu, [-0.0, 0, 2], [1, 1, 1]),
    ("elu with alpha", lambda x: pydl.elu(x, 0.5), [0, 2], [0.5, 1]),
    ("leaky_relu", lambda x: pydl.leaky_relu(x, 0.1), [-1, -0.0, 0, 2], [0.1, 0.1, 0.1, 1]),
    ("selu", pydl.selu, [0, 2], [1.0507009873554805 * 1.6732632423543772, 1.0507009873554805]),
    ("softsign", pydl.softsign, [0, 1], [1, 0.25]),
    ("clip", lambda x: pydl.clip(x, -1, 1), [-2, -1, 0, 1, 2], [0, 1, 1, 1, 0]),
    ("maximum of equals", lambda x: pydl.maximum(x, 1.0), [0, 1, 2], [0, 0.5, 1]),
    ("minimum of equals", lambda x: pydl.minimum(x, 1.0), [0, 1, 2], [1, 0.5, 0]),
    ("maximum with itself", lambda x: pydl.maximum(x, x), [3], [1]),
    ("max of equals", lambda x: x.max(), [1, 3, 3, 2], [0, 0.5, 0.5, 0]),
    ("min of equals", lambda x: x.min(), [1, 3, 1, 2], [0.5, 0, 0.5, 0]),
    ("prod with one zero", lambda x: x.prod(), [2, 0, 3], [0, 6, 0]),
    ("prod with two zeros", lambda x: x.prod(), [2, 0, 0], [0, 0, 0]),
    ("square by pow", lambda x: x**2, [-3, 0, 3], [-6, 0, 6]),
    ("cube by pow", lambda x: x**3, [-3, 0, 3], [27, 0, 27]),
    ("power zero", lambda x: x**0, [-3, 0, 3], [0, 0, 0]),
    ("inverse by pow", lambda x: x**-1, [-2, 2], [-0.25, -0.25]),
    ("base of pow", lambda x: 2.0**x, [0, 1], [np.log(2), 2 * np.log(2)]),
    ("base zero of pow", lambda x: 0.0**x, [1, 2], [0, 0]),
    ("var of equals", lambda x: x.var(), [2, 2, 2], [0, 0, 0]),
    ("remainder", lambda x: x % 3.0, [4, -4], [1, 1]),
    ("where", lambda x: pydl.where(x > 0, x, x * 0.1), [-1, 0, 1], [0.1, 0.1, 1]),
    ("hardtanh", pydl.hardtanh, [-2, -1, 0, 1, 2], [0, 0, 1, 0, 0]),
    ("hardsigmoid", pydl.hardsigmoid, [-3, 0, 3], [0, 1 / 6, 0]),
    ("hardswish", pydl.hardswish, [-4, -3, 0, 3, 4], [0, 0, 0.5, 1, 1]),
    ("hardshrink", pydl.hardshrink, [-1, -0.5, 0, 0.5, 1], [1, 0, 0, 0, 1]),
    ("softshrink", pydl.softshrink, [-1, -0.5, 0, 0.5, 1], [1, 0, 0, 0, 1]),
    ("celu", pydl.celu, [-0.0, 0, 2], [1, 1, 1]),
    ("prelu", lambda x: F.prelu(x, 0.25), [-1, 0, 2], [0.25, 0.25, 1]),
    ("threshold", lambda x: F.threshold(x, 1.0, -1.0), [0, 1, 2], [0, 0, 1]),
    ("tanhshrink", F.tanhshrink, [0, 30], [0, 1]),
    ("copysign", lambda x: pydl.copysign(x, -1.0), [-2, 0, 2], [1, 0, -1]),
    ("heaviside", lambda x: pydl.heaviside(x, 1.0), [-1, 0, 1], [0, 0, 0]),
    ("value at 0 of heaviside", lambda x: pydl.heaviside(x * 0, x), [3, 4], [1, 1]),
    ("hypot at the origin", lambda x: pydl.hypot(x, 0.0), [-2, 0, 2], [-1, 0, 1]),
    ("logaddexp of equals", lambda x: pydl.logaddexp(x, 1.0), [1], [0.5]),
    ("logaddexp of nothing", lambda x: pydl.logaddexp(x, x), [float("-inf")], [1]),
    ("logaddexp with nothing", lambda x: pydl.logaddexp(x, float("-inf")), [1], [1]),
    ("xlogy of zeros", lambda x: pydl.xlogy(x, x), [0, 1], [0, 1]),
    ("xlogy of a negative number", lambda x: pydl.xlogy(0.0, x), [-1, 0, 2], [0, 0, 0]),
    ("sinc", pydl.sinc, [0, 1, -1, 2], [0, -1, 1, 0.5]),
    ("fmod", lambda x: pydl.fmod(x, 3.0), [4, -4, 3], [1, 1, 1]),
    ("divisor of fmod", lambda x: pydl.fmod(-7.5, x), [2, -2], [3, -3]),
    ("frac", pydl.frac, [-1.5, 0, 1, 2.5], [1, 1, 1, 1]),
    ("nan_to_num", pydl.nan_to_num, [1, float("inf"), float("nan")], [1, 0, 0]),
]


@pytest.mark.parametrize(
    ("function", "values", "expected"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_gradient(function: Function, values: list[float], expected: list[float]) -> None:
    np.testing.assert_allclose(_gradient(function, values), expected, rtol=1e-14)


@pytest.mark.parametrize(
    "name", ["relu", "leaky_relu", "elu", "selu", "clip", "abs", "softsign", "sign"]
)
def test_gradient_at_the_kink_is_that_of_torch(name: str) -> None:
    torch = pytest.importorskip("torch")
    theirs = {
        "clip": lambda x: torch.clip(x, -1, 1),
        "abs": torch.abs,
        "sign": torch.sign,
        "leaky_relu": lambda x: torch.nn.functional.leaky_relu(x, 0.3),
        "elu": lambda x: torch.nn.functional.elu(x, 0.7),
    }.get(name) or getattr(torch.nn.functional, name)
    ours: dict[str, Function] = {
        "clip": lambda x: pydl.clip(x, -1, 1),
        "leaky_relu": lambda x: pydl.leaky_relu(x, 0.3),
        "elu": lambda x: pydl.elu(x, 0.7),
    }
    values = [-2.0, -1.0, -0.0, 0.0, 1.0, 2.0]
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    theirs(x).sum().backward()
    found = _gradient(ours.get(name, getattr(pydl, name)), values)
    np.testing.assert_allclose(found, x.grad.tolist(), rtol=1e-14)


def test_second_derivatives_at_special_points() -> None:
    cases: list[tuple[Function, float, float]] = [
        (pydl.sinc, 0.0, -(np.pi**2) / 3),
        (pydl.sinc, 1e-4, -(np.pi**2) / 3),
        (lambda x: pydl.logaddexp(x, 2.0), 2.0, 0.25),
        (pydl.lgamma, 1.0, np.pi**2 / 6),
        (pydl.digamma, 1.0, -2 * 1.2020569031595942),
        (lambda x: pydl.hypot(x, 0.0), 0.0, 0.0),
        (lambda x: pydl.hypot(x, 1.0), 0.0, 1.0),
        (pydl.hardswish, 1.0, 1 / 3),
        (pydl.hardswish, 4.0, 0.0),
        (lambda x: pydl.xlogy(x, x), 0.5, 2.0),
        (pydl.log_sigmoid, 0.0, -0.25),
    ]
    for function, point, expected in cases:
        x = pydl.tensor(point, dtype="float64", requires_grad=True)
        (first,) = pydl.grad(function(x), x, create_graph=True)
        found = pydl.grad(first, x)[0].item()
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)


def test_prod_with_zeros_along_axes() -> None:
    x = [[2.0, 0.0, 3.0], [0.0, 4.0, 0.0], [1.0, 2.0, 3.0]]
    assert _gradient(lambda t: t.prod(axis=1), x) == [[0, 6, 0], [0, 0, 0], [6, 3, 2]]
    assert _gradient(lambda t: t.prod(axis=0, keepdims=True), x) == [[0, 8, 0], [2, 0, 9], [0] * 3]


def test_second_derivative_of_prod_with_a_zero() -> None:
    x = np.array([2.0, 0.0, 3.0])
    check_gradients(lambda t: t.prod(), [x], order=2)


def test_second_derivative_at_zero_of_powers() -> None:
    x = pydl.tensor([0.0, 2.0], requires_grad=True)
    (first,) = pydl.grad((x**2).sum(), x, create_graph=True)
    assert pydl.grad(first.sum(), x)[0].tolist() == [2.0, 2.0]


def test_gradients_of_empty_tensors_are_empty() -> None:
    for function in (pydl.exp, lambda x: x * x, lambda x: pydl.softmax(x, 1), lambda x: x @ x.T):
        x = pydl.zeros((0, 3), dtype="float64")
        x.requires_grad = True
        function(x).sum().backward()
        assert x.grad is not None
        assert x.grad.shape == (0, 3)


def test_indices_that_repeat_add_up() -> None:
    x = pydl.tensor(np.zeros((4, 3)), requires_grad=True)
    pydl.take(x, pydl.tensor([1, 1, -3, 0])).sum().backward()
    assert x.grad is not None
    assert x.grad[:, 0].tolist() == [1, 3, 0, 0]
    x.grad = None
    pydl.gather(x, pydl.tensor([[0, 0, -3]] * 4), 1).sum().backward()
    assert x.grad.tolist() == [[3, 0, 0]] * 4
