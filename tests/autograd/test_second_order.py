"""Second derivatives against formulas: Hessians and their products with vectors."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import pydl

RNG = np.random.default_rng(7)
MATRIX = RNG.normal(size=(4, 4))
POINT = RNG.uniform(0.5, 1.5, size=4)
VECTOR = RNG.normal(size=4)
Function = Callable[[pydl.Tensor], pydl.Tensor]


def tensor(array: np.ndarray, requires_grad: bool = False) -> pydl.Tensor:
    return pydl.tensor(array, dtype="float64", requires_grad=requires_grad)


def hessian_vector_product(function: Function, x: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Reverse over reverse: the gradient of (gradient . v)."""
    leaf = tensor(x, requires_grad=True)
    (gradient,) = pydl.grad(function(leaf), leaf, create_graph=True)
    (product,) = pydl.grad((gradient * tensor(v)).sum(), leaf)
    return product.numpy()


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max())
    return e / e.sum()


def hessian_of_logsumexp(x: np.ndarray) -> np.ndarray:
    p = softmax(x)
    return np.diag(p) - np.outer(p, p)


def hessian_of_norm(x: np.ndarray) -> np.ndarray:
    norm = np.linalg.norm(x)
    return np.eye(x.size) / norm - np.outer(x, x) / norm**3


def hessian_of_product(x: np.ndarray) -> np.ndarray:
    off_diagonal = x.prod() / np.outer(x, x)
    return off_diagonal - np.diag(np.diag(off_diagonal))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


CASES: dict[str, tuple[Function, Callable[[np.ndarray], np.ndarray]]] = {
    "quadratic": (lambda x: x @ tensor(MATRIX) @ x, lambda x: MATRIX + MATRIX.T),
    "cubes": (lambda x: (x**3).sum(), lambda x: np.diag(6 * x)),
    "exp": (lambda x: pydl.exp(x).sum(), lambda x: np.diag(np.exp(x))),
    "log": (lambda x: pydl.log(x).sum(), lambda x: np.diag(-1 / x**2)),
    "reciprocal": (lambda x: (1 / x).sum(), lambda x: np.diag(2 / x**3)),
    "sqrt": (lambda x: pydl.sqrt(x).sum(), lambda x: np.diag(-0.25 * x**-1.5)),
    "tanh": (
        lambda x: pydl.tanh(x).sum(),
        lambda x: np.diag(-2 * np.tanh(x) * (1 - np.tanh(x) ** 2)),
    ),
    "softplus": (
        lambda x: pydl.softplus(x).sum(),
        lambda x: np.diag(sigmoid(x) * (1 - sigmoid(x))),
    ),
    "relu": (lambda x: pydl.relu(x - 1).sum(), lambda x: np.zeros((4, 4))),
    "relu of a square": (
        lambda x: pydl.relu(x * x - 1).sum(),
        lambda x: np.diag(2.0 * (x * x > 1)),
    ),
    "logsumexp": (lambda x: pydl.logsumexp(x), hessian_of_logsumexp),
    "log_softmax": (
        lambda x: -pydl.log_softmax(x)[1],
        hessian_of_logsumexp,
    ),
    "norm": (lambda x: pydl.sqrt((x * x).sum()), hessian_of_norm),
    "prod": (lambda x: pydl.prod(x), hessian_of_product),
    "var": (
        lambda x: pydl.var(x, correction=1),
        lambda x: 2 / 3 * (np.eye(4) - np.full((4, 4), 0.25)),
    ),
    "views": (
        lambda x: (x.reshape(2, 2).T[::-1] * x.reshape(2, 2)).sum(),
        lambda x: reverse_pairs(),
    ),
    "broadcasting": (
        lambda x: (x[:, None] * x[None, :]).sum(),
        lambda x: np.full((4, 4), 2.0),
    ),
    "take": (
        lambda x: (x[[0, 0, 2]] ** 2).sum(),
        lambda x: np.diag([4.0, 0.0, 2.0, 0.0]),
    ),
}


def reverse_pairs() -> np.ndarray:
    # x = [a b; c d], transposed and reversed: [b d; a c]. The sum is ab + bd + ca + dc.
    a = np.zeros((4, 4))
    for i, j in ((0, 1), (1, 3), (2, 0), (3, 2)):
        a[i, j] += 1
        a[j, i] += 1
    return a


@pytest.mark.parametrize("name", CASES)
def test_hessian_vector_product(name: str) -> None:
    function, hessian = CASES[name]
    product = hessian_vector_product(function, POINT, VECTOR)
    np.testing.assert_allclose(product, hessian(POINT) @ VECTOR, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["quadratic", "logsumexp", "prod", "norm"])
def test_whole_hessian_by_nested_functions(name: str) -> None:
    function, hessian = CASES[name]
    rows = [
        pydl.grad(lambda x, i=i: pydl.grad(function)(x)[i])(tensor(POINT)).numpy()
        for i in range(POINT.size)
    ]
    np.testing.assert_allclose(np.array(rows), hessian(POINT), rtol=1e-10, atol=1e-12)


def test_backward_with_create_graph_records_the_gradient() -> None:
    x = tensor(POINT, requires_grad=True)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    assert first is not None
    assert first.requires_grad
    np.testing.assert_allclose(first.detach().numpy(), 3 * POINT**2)
    x.grad = None
    first.sum().backward()
    assert x.grad is not None
    assert not x.grad.requires_grad
    np.testing.assert_allclose(x.grad.numpy(), 6 * POINT)


def test_gradient_penalty_reaches_the_weights() -> None:
    # The penalty |d/dx tanh(w . x)|^2 = (1 - t^2)^2 |w|^2 with t = tanh(w . x).
    w, x = tensor(VECTOR, requires_grad=True), tensor(POINT, requires_grad=True)
    (dx,) = pydl.grad(pydl.tanh(w @ x), x, create_graph=True)
    (dw,) = pydl.grad((dx * dx).sum(), w)
    t = np.tanh(VECTOR @ POINT)
    slope = 1 - t * t
    # d/dw slope^2 |w|^2: slope' = -2 t slope x.
    expected = 2 * slope**2 * VECTOR + 2 * slope * (-2 * t * slope) * POINT * (VECTOR @ VECTOR)
    np.testing.assert_allclose(dw.numpy(), expected, rtol=1e-10)


def test_mixed_derivatives_are_symmetric() -> None:
    def function(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        return (pydl.sin(x) * pydl.exp(y) * x).sum()

    x, y = tensor(POINT, requires_grad=True), tensor(VECTOR, requires_grad=True)
    dx, dy = pydl.grad(function(x, y), [x, y], create_graph=True)
    (dxy,) = pydl.grad(dx.sum(), y, retain_graph=True)
    (dyx,) = pydl.grad(dy.sum(), x)
    expected = (np.cos(POINT) * POINT + np.sin(POINT)) * np.exp(VECTOR)
    np.testing.assert_allclose(dxy.numpy(), expected)
    np.testing.assert_allclose(dyx.numpy(), expected)


def test_derivatives_of_higher_order() -> None:
    x = tensor(np.array(0.3), requires_grad=True)
    value = pydl.sin(x)
    for expected in (np.cos(0.3), -np.sin(0.3), -np.cos(0.3), np.sin(0.3), np.cos(0.3)):
        (value,) = pydl.grad(value, x, create_graph=True)
        assert value.item() == pytest.approx(expected, rel=1e-12)


def test_a_constant_gradient_has_no_second_derivative() -> None:
    x = tensor(POINT, requires_grad=True)
    (gradient,) = pydl.grad((3 * x).sum(), x, create_graph=True)
    assert gradient.tolist() == [3.0] * 4
    with pytest.raises(RuntimeError, match="does not depend|no influence"):
        pydl.grad(gradient.sum(), x)
