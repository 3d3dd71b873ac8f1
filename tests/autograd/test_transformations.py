"""Products with Jacobians and Hessians, these matrices, and checks by finite differences."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl
from pydl import nn
from pydl.autograd import functional, gradcheck, gradgradcheck

X = np.array([[0.3, -1.2, 0.7], [1.1, 0.4, -0.5]])
W = np.array([[0.2, 0.9], [-0.4, 0.3], [1.5, -0.7]])


def tensor(values: Any) -> pydl.Tensor:
    return pydl.tensor(values, dtype="float64")


def layer(x: pydl.Tensor, w: pydl.Tensor) -> pydl.Tensor:
    return (x @ w).tanh() * x.sum()


def loss(x: pydl.Tensor, w: pydl.Tensor) -> pydl.Tensor:
    return (layer(x, w) ** 2).sum()


def differences(function: Callable[..., Any], args: tuple[Any, ...], place: int) -> Any:
    """Return the Jacobian for one argument, by central differences."""
    columns = []
    point = np.array(args[place], np.float64)
    for j in range(point.size):
        ends = []
        for step in (1e-5, -1e-5):
            moved = point.copy()
            moved.flat[j] += step
            own = [tensor(moved if i == place else a) for i, a in enumerate(args)]
            ends.append(np.array(function(*own).numpy()))
        columns.append((ends[0] - ends[1]) / 2e-5)
    return np.stack(columns, -1).reshape(*columns[0].shape, *point.shape)


BOTH = pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])


def maybe_compiled(function: Any, compiled: bool) -> Any:
    return pydl.compile(function) if compiled else function


@BOTH
@pytest.mark.parametrize("vectorize", [True, False])
def test_jacobian(compiled: bool, vectorize: bool) -> None:
    run = maybe_compiled(lambda x, w: pydl.jacobian(layer, (x, w), vectorize=vectorize), compiled)
    found = run(tensor(X), tensor(W))
    for place in (0, 1):
        expected = differences(layer, (X, W), place)
        assert found[place].shape == expected.shape
        assert np.allclose(found[place].numpy(), expected, atol=1e-8)


@BOTH
@pytest.mark.parametrize("vectorize", [True, False])
def test_hessian(compiled: bool, vectorize: bool) -> None:
    run = maybe_compiled(lambda x, w: pydl.hessian(loss, (x, w), vectorize=vectorize), compiled)
    found = run(tensor(X), tensor(W))
    gradient = pydl.grad(loss, (0, 1))
    for i in (0, 1):
        for j in (0, 1):
            expected = differences(lambda *args, i=i: gradient(*args)[i], (X, W), j)
            assert np.allclose(found[i][j].numpy(), expected, atol=1e-6)


@BOTH
def test_products(compiled: bool) -> None:
    rng = np.random.default_rng(0)
    v, dx, dw = (rng.standard_normal(s) for s in ((2, 2), X.shape, W.shape))
    jx, jw = (differences(layer, (X, W), place) for place in (0, 1))

    def run(x: Any, w: Any, v: Any, dx: Any, dw: Any) -> Any:
        y, pullback = pydl.vjp(layer, x, w)
        again, change = pydl.jvp(layer, (x, w), (dx, dw))
        value, product = pydl.hvp(loss, (x, w), (dx, dw))
        return y, pullback(v), pullback(2 * v), again, change, value, product

    y, gradients, twice, again, change, value, product = maybe_compiled(run, compiled)(
        *map(tensor, (X, W, v, dx, dw))
    )
    plain = layer(tensor(X), tensor(W)).numpy()
    assert np.allclose(y.numpy(), plain) and np.allclose(again.numpy(), plain)
    assert np.allclose(gradients[0].numpy(), np.tensordot(v, jx, 2), atol=1e-8)
    assert np.allclose(twice[1].numpy(), 2 * np.tensordot(v, jw, 2), atol=1e-8)
    expected = np.tensordot(jx, dx, 2) + np.tensordot(jw, dw, 2)
    assert np.allclose(change.numpy(), expected, atol=1e-8)
    assert np.allclose(value.item(), loss(tensor(X), tensor(W)).item())
    h = pydl.hessian(loss, (tensor(X), tensor(W)))
    for i in (0, 1):
        whole = np.tensordot(h[i][0].numpy(), dx, 2) + np.tensordot(h[i][1].numpy(), dw, 2)
        assert np.allclose(product[i].numpy(), whole)


def test_structures_of_inputs_and_outputs() -> None:
    params = {"w": tensor(W), "parts": [tensor([1.0, 2.0]), 3.0]}

    def f(p: Any) -> Any:
        return {"a": (p["w"].sum(0) * p["parts"][0]), "b": (p["parts"][1] * 2.0,)}

    found = pydl.jacobian(f, params)
    assert found["a"]["w"].shape == (2, 3, 2) and found["a"]["parts"][1].tolist() == [0.0, 0.0]
    assert found["b"][0]["parts"][1].item() == 2.0
    _, pullback = pydl.vjp(f, params)
    (gradient,) = pullback({"a": pydl.ones(2), "b": (pydl.ones(()),)})
    assert gradient["w"].shape == (3, 2) and gradient["parts"][1].item() == 2.0
    _, change = pydl.jvp(f, (params,), ({"w": tensor(W), "parts": [tensor([0.0, 0.0]), 1.0]},))
    assert change["a"].shape == (2,) and change["b"][0].item() == 2.0
    h = pydl.hessian(lambda p: (p["w"] ** 2).sum() * p["parts"][1], params)
    assert h["parts"][1]["w"].shape == (3, 2) and h["w"]["parts"][1].shape == (3, 2)


def test_functions_of_some_arguments() -> None:
    f = lambda x, y, k=1.0: x * y * y * k  # noqa: E731
    assert pydl.jacobian(f)(tensor(2.0), tensor(3.0)).item() == 9.0
    assert pydl.jacobian(f, argnums=1)(tensor(2.0), tensor(3.0), k=2.0).item() == 24.0
    both = pydl.jacobian(f, argnums=(0, -1))(tensor(2.0), tensor(3.0))
    assert [x.item() for x in both] == [9.0, 12.0]
    assert pydl.hessian(f, argnums=1)(tensor(2.0), tensor(3.0)).item() == 4.0
    rows = pydl.hessian(f, argnums=(0, 1))(tensor(2.0), tensor(3.0))
    assert [[x.item() for x in row] for row in rows] == [[0.0, 6.0], [6.0, 4.0]]


def test_outputs_of_size_zero_and_without_influence() -> None:
    x = tensor([1.0, 2.0])
    assert pydl.jacobian(lambda x: x[:0], x).shape == (0, 2)
    assert pydl.jacobian(lambda x: pydl.ones(3), x).tolist() == [[0.0, 0.0]] * 3
    assert pydl.jacobian(lambda x: x[0], x).tolist() == [1.0, 0.0]
    assert pydl.jvp(lambda x: pydl.ones(3), (x,), (x,))[1].tolist() == [0.0] * 3
    assert pydl.hvp(lambda x: x.sum(), x, x)[1].tolist() == [0.0, 0.0]
    assert pydl.hessian(lambda x: x.sum(), x).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_auxiliary_outputs() -> None:
    f = lambda x: (x * x, "kept")  # noqa: E731
    x = tensor([1.0, 2.0])
    y, pullback, aux = pydl.vjp(f, x, has_aux=True)
    assert aux == "kept" and pullback(tensor([1.0, 1.0]))[0].tolist() == [2.0, 4.0]
    y, change, aux = pydl.jvp(f, (x,), (x,), has_aux=True)
    assert aux == "kept" and change.tolist() == [2.0, 8.0] and y.tolist() == [1.0, 4.0]
    matrix, aux = pydl.jacobian(f, x, has_aux=True)
    assert aux == "kept" and matrix.tolist() == [[2.0, 0.0], [0.0, 4.0]]


def test_results_are_recorded_where_an_input_requires_a_gradient() -> None:
    x = pydl.tensor([1.0, 2.0], dtype="float64", requires_grad=True)
    cube = lambda x: x**3  # noqa: E731
    assert gradcheck(lambda x: pydl.jacobian(cube, x), x)
    assert gradcheck(lambda x: pydl.hessian(lambda x: cube(x).prod(), x), x)
    assert gradcheck(lambda x: pydl.hvp(lambda x: cube(x).prod(), x, x)[1], x)
    assert gradcheck(lambda x: pydl.jvp(cube, (x,), (x * x,))[1], x)
    assert gradcheck(lambda x: pydl.vjp(cube, x)[1](x * x)[0], x)
    assert not pydl.jacobian(cube, x.detach()).requires_grad
    with pydl.no_grad():
        assert not pydl.jacobian(cube, x).requires_grad


def test_recorded_parameters_with_create_graph() -> None:
    w = pydl.tensor([3.0], dtype="float64", requires_grad=True)
    matrix = pydl.jacobian(lambda x: w * x * x, tensor([2.0]), create_graph=True)
    matrix.sum().backward()
    assert w.grad.tolist() == [4.0]


def test_transformations_nest() -> None:
    x = tensor(2.0)
    third = pydl.jacobian(pydl.jacobian(pydl.jacobian(lambda x: x**4)))
    assert third(x).item() == 48.0
    speed = lambda x: pydl.jvp(lambda x: x**3, (x,), (tensor(1.0),))[1]  # noqa: E731
    assert pydl.grad(speed)(x).item() == 12.0


def test_names_of_torch() -> None:
    x = tensor([1.0, 2.0])
    square = lambda x: x * x  # noqa: E731
    assert functional.jacobian(square, x).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert functional.vjp(square, x, x)[1].tolist() == [2.0, 8.0]
    assert functional.jvp(square, x, x)[1].tolist() == [2.0, 8.0]
    assert functional.vhp(lambda x: (x**3).sum(), x, x)[1].tolist() == [6.0, 24.0]
    assert functional.hvp(lambda x: (x**3).sum(), x, x)[1].tolist() == [6.0, 24.0]
    assert pydl.autograd.grad is pydl.grad
    y = pydl.tensor(3.0, requires_grad=True)
    pydl.autograd.backward([y * y, 2 * y], [pydl.tensor(1.0), None])
    assert y.grad.item() == 8.0
    with pytest.raises(ValueError, match="vjp: v is needed"):
        functional.vjp(square, x)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda x: pydl.vjp(lambda x: 3, x),
            TypeError,
            "vjp: expected the function to return tens",
        ),
        (lambda x: pydl.vjp(lambda x: x, x)[1](pydl.ones(3)), ValueError, "vjp: .* shapes"),
        (lambda x: pydl.jvp(lambda x: x, x, x), TypeError, "jvp: expected tuples"),
        (lambda x: pydl.jvp(lambda x: x, (x,), (pydl.ones(3),)), ValueError, "jvp: .* shapes"),
        (lambda x: pydl.hvp(lambda x: x, x, x), ValueError, "hvp: .* one element"),
        (lambda x: pydl.hvp(lambda x: x.sum(), x, pydl.ones(3)), ValueError, "hvp: .* shapes"),
        (lambda x: pydl.hessian(lambda x: x, x), ValueError, "hessian: .* one element"),
        (lambda x: pydl.jacobian(lambda x: None, x), TypeError, "jacobian: .* NoneType"),
        (lambda x: pydl.jacobian(lambda x: x, argnums=2)(x), ValueError, "jacobian: argnums has 2"),
        (lambda x: pydl.vjp(lambda x: x, x, has_aux=True), TypeError, "vjp: with has_aux"),
    ],
)
def test_wrong_calls(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(tensor([1.0, 2.0]))


def test_nothing_is_kept() -> None:
    gc.collect()
    before = pydl.live_tensor_count()
    x = tensor([1.0, 2.0])
    pydl.hessian(lambda x: (x**3).sum(), x)
    pydl.jvp(lambda x: x**3, (x,), (x,))
    with pytest.raises(ZeroDivisionError):
        pydl.jacobian(lambda x: x * (1 / 0), x)
    assert pydl._core._gradient_nesting() == 0
    del x
    gc.collect()
    assert pydl.live_tensor_count() == before


def test_gradcheck_finds_wrong_derivatives() -> None:
    @pydl.custom_gradient
    def wrong(x: pydl.Tensor) -> Any:
        return x * x, lambda gradient: gradient * x

    x = pydl.tensor([1.0, 2.0], dtype="float64", requires_grad=True)
    with pytest.raises(RuntimeError, match="gradcheck: the derivative of output 0 for input 0"):
        gradcheck(wrong, x)
    assert not gradcheck(wrong, x, raise_exception=False)

    @pydl.custom_gradient
    def wrong_twice(x: pydl.Tensor) -> Any:
        return x * x, lambda gradient: gradient * 2 * x.detach()

    assert gradcheck(wrong_twice, x)
    with pytest.raises(RuntimeError, match="gradgradcheck"):
        gradgradcheck(wrong_twice, x)
    with pytest.raises(ValueError, match="gradcheck: expected an input that requires a gradient"):
        gradcheck(wrong, x.detach())
    with pytest.raises(ValueError, match="gradcheck: expected input 0 of float64, got"):
        gradcheck(wrong, pydl.ones(2).requires_grad_())


def test_against_torch() -> None:
    torch = pytest.importorskip("torch")
    of_torch = torch.autograd.functional

    def f(lib: Any) -> Any:
        return lambda x, w: (lib.tanh(lib.matmul(x, w)) ** 2).sum()

    own = pydl.hessian(f(pydl), (tensor(X), tensor(W)))
    theirs = of_torch.hessian(f(torch), (torch.tensor(X), torch.tensor(W)))
    for i in (0, 1):
        for j in (0, 1):
            assert np.allclose(own[i][j].numpy(), theirs[i][j].numpy())


def test_jacobians_of_compiled_functions() -> None:
    x = tensor([1.0, 2.0])
    compiled = pydl.compile(lambda x: x * x.sum())
    assert pydl.jacobian(compiled, x).tolist() == [[4.0, 1.0], [2.0, 5.0]]


def test_hessian_of_a_network() -> None:
    pydl.manual_seed(0)
    net = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    x = pydl.tensor([0.3, -0.4])
    looped = pydl.hessian(lambda x: net(x).sum(), x, vectorize=False)
    assert np.allclose(pydl.hessian(lambda x: net(x).sum(), x).numpy(), looped.numpy(), atol=1e-6)
