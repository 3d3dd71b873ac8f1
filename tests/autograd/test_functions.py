"""Functions with custom derivatives."""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest

import pydl
from pydl.autograd import Function, gradcheck, gradgradcheck, once_differentiable


class Exp(Function):
    """Saves its output."""

    @staticmethod
    def forward(ctx: Any, x: pydl.Tensor) -> pydl.Tensor:
        y = x.exp()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx: Any, gradient: pydl.Tensor) -> pydl.Tensor:
        (y,) = ctx.saved_tensors
        return gradient * y


class Product(Function):
    """Saves inputs, and has an argument that is not a tensor."""

    @staticmethod
    def forward(ctx: Any, a: pydl.Tensor, factor: float, b: pydl.Tensor) -> pydl.Tensor:
        ctx.save_for_backward(a, b)
        ctx.factor = factor
        return a * b * factor

    @staticmethod
    def backward(ctx: Any, gradient: pydl.Tensor) -> Any:
        a, b = ctx.saved_tensors
        first = gradient * b * ctx.factor if ctx.needs_input_grad[0] else None
        return first, None, gradient * a * ctx.factor if ctx.needs_input_grad[2] else None


class SinCos(Function):
    """Two outputs, in the newer form."""

    @staticmethod
    def forward(x: pydl.Tensor) -> Any:  # type: ignore[override]
        return x.sin(), x.cos()

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        ctx.save_for_backward(*output)

    @staticmethod
    def backward(ctx: Any, ds: pydl.Tensor, dc: pydl.Tensor) -> pydl.Tensor:
        sine, cosine = ctx.saved_tensors
        return ds * cosine - dc * sine


def points(*values: float) -> pydl.Tensor:
    return pydl.tensor(list(values), dtype="float64", requires_grad=True)


FUNCTIONS: dict[str, Any] = {
    "saved output": (Exp.apply, (points(0.3, -1.0),)),
    "saved inputs": (lambda a, b: Product.apply(a, 1.5, b), (points(0.3, 2.0), points(-1.0, 0.5))),
    "two outputs": (lambda x: pydl.concat(list(SinCos.apply(x))), (points(0.3, -1.0),)),
    "one of two outputs": (lambda x: SinCos.apply(x)[1] * x, (points(0.3, -1.0),)),
    "of a result": (lambda x: Exp.apply(x * x) * x, (points(0.3, -1.0),)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
def test_against_differences(name: str, compiled: bool) -> None:
    function, inputs = FUNCTIONS[name]
    assert gradcheck(pydl.compile(function) if compiled else function, inputs)
    if not compiled:
        assert gradgradcheck(function, inputs)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_second_derivatives_inside_of_compiled_functions(name: str) -> None:
    function, inputs = FUNCTIONS[name]

    def second(*xs: pydl.Tensor) -> Any:
        def first(*ys: pydl.Tensor) -> pydl.Tensor:
            gradient = pydl.grad(lambda *zs: function(*zs).sum())(*ys)
            return (gradient**2 + ys[0] ** 3).sum()

        return pydl.grad(first)(*xs)

    plain = [x.detach() for x in inputs]
    assert np.allclose(second(*plain).numpy(), pydl.compile(second)(*plain).numpy())


def test_without_recording_nothing_is_kept() -> None:
    with pydl.no_grad():
        assert not Exp.apply(points(1.0)).requires_grad
    assert not Exp.apply(pydl.ones(2)).requires_grad


def test_which_gradients_are_needed() -> None:
    seen = []

    class Look(Product):
        @staticmethod
        def backward(ctx: Any, gradient: pydl.Tensor) -> Any:
            seen.append(ctx.needs_input_grad)
            return Product.backward(ctx, gradient)

    a, b = points(1.0), points(2.0)
    Look.apply(a, 1.0, b.detach()).sum().backward()
    Look.apply(a.detach(), 1.0, b).sum().backward()
    assert seen == [(True, False, False), (False, False, True)]
    assert a.grad.tolist() == [2.0] and b.grad.tolist() == [1.0]


@pytest.mark.parametrize("materializes", [True, False])
def test_gradients_of_outputs_without_influence(materializes: bool) -> None:
    seen: list[Any] = []

    class Two(Function):
        @staticmethod
        def forward(ctx: Any, x: pydl.Tensor) -> Any:
            ctx.set_materialize_grads(materializes)
            return x * 2, x * 3

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            seen.append(None if b is None else b.tolist())
            return a * 2

    x = points(1.0)
    Two.apply(x)[0].sum().backward()
    assert seen == [[0.0] if materializes else None] and x.grad.tolist() == [2.0]


def test_outputs_that_are_not_differentiable() -> None:
    class Largest(Function):
        @staticmethod
        def forward(ctx: Any, x: pydl.Tensor) -> Any:
            index, rounded = x.argmax(), x.round()
            ctx.mark_non_differentiable(rounded)
            ctx.save_for_backward(index, None)
            return x.max(), index, rounded

        @staticmethod
        def backward(ctx: Any, gradient: Any, *others: Any) -> Any:
            index, nothing = ctx.saved_tensors
            assert nothing is None and len(others) == 2
            return pydl.where(pydl.arange(3) == index, gradient, 0.0)

    x = points(1.0, 5.0, 2.0)
    value, index, rounded = Largest.apply(x)
    assert not rounded.requires_grad and index.item() == 1
    value.backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


def test_an_input_that_is_returned_as_it_is() -> None:
    class Reversed(Function):
        @staticmethod
        def forward(ctx: Any, x: pydl.Tensor) -> pydl.Tensor:
            return x

        @staticmethod
        def backward(ctx: Any, gradient: pydl.Tensor) -> pydl.Tensor:
            return -gradient

    x = points(2.0)
    y = Reversed.apply(x)
    assert y is not x
    y.sum().backward()
    assert x.grad.tolist() == [-1.0]


def test_once_differentiable() -> None:
    class Square(Function):
        @staticmethod
        def forward(ctx: Any, x: pydl.Tensor) -> pydl.Tensor:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx: Any, gradient: pydl.Tensor) -> pydl.Tensor:
            assert not pydl.is_grad_enabled()
            return 2 * gradient * ctx.saved_tensors[0]

    x = points(3.0)
    (first,) = pydl.grad(Square.apply(x).sum(), x, create_graph=True)
    assert first.tolist() == [6.0]
    with pytest.raises(RuntimeError, match=r"Square\.backward is differentiable once"):
        first.sum().backward()


def returning(result: Any) -> type[Function]:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: pydl.Tensor, k: Any = None) -> pydl.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, gradient: pydl.Tensor) -> Any:
            return result

    return Wrong


@pytest.mark.parametrize(
    ("result", "error", "message"),
    [
        ((pydl.ones(2), None), RuntimeError, "expected 1 gradients, one for each .*, got 2|got 2"),
        ((), RuntimeError, "expected 1 gradients, .* got 0"),
        (pydl.ones(3), ValueError, r"expected gradient 0 of shape \(2,\) and float64, got shape"),
        (pydl.ones(2, dtype="int64"), ValueError, "expected gradient 0 .* and int64"),
        (1.0, TypeError, "expected a tensor or None as gradient 0, got float"),
    ],
)
def test_wrong_gradients_name_the_class(result: Any, error: Any, message: str) -> None:
    x = points(1.0, 2.0)
    if isinstance(result, tuple) and len(result) == 2:
        result = (*result[:1], pydl.ones(2))
    with pytest.raises(error, match=r"Wrong\.backward: .*" + message):
        returning(result).apply(x).sum().backward()


def test_a_gradient_of_an_argument_that_is_no_tensor() -> None:
    with pytest.raises(RuntimeError, match=r"Wrong\.backward: argument 1 is not a tensor"):
        returning((pydl.ones(1), pydl.ones(1))).apply(points(1.0), 3).sum().backward()


def test_wrong_calls_name_the_class() -> None:
    with pytest.raises(TypeError, match=r"Exp\.apply: expected a tensor .* got \(float\)"):
        Exp.apply(1.0)

    class Keeps(Function):
        @staticmethod
        def forward(ctx: Any, x: pydl.Tensor) -> Any:
            ctx.save_for_backward("text")  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="Keeps: save_for_backward takes tensors and None, got str"):
        Keeps.apply(points(1.0))


def test_saved_tensors_that_were_overwritten() -> None:
    a, b = points(1.0), points(2.0) * 1
    y = Product.apply(a, 1.0, b)
    with pydl.no_grad():
        a.fill_(5.0)
    with pytest.raises(RuntimeError, match="Product still needs a tensor .* overwritten in place"):
        y.sum().backward()
    x = points(1.0)
    y = Exp.apply(x)
    with pydl.no_grad():
        y.fill_(5.0)
    with pytest.raises(RuntimeError, match="Exp still needs its output .* overwritten in place"):
        y.sum().backward()


def test_a_second_backward_names_the_class() -> None:
    y = Exp.apply(points(1.0)).sum()
    y.backward()
    with pytest.raises(RuntimeError, match="saved by .*freed by an earlier backward"):
        y.backward()


def test_errors_in_backward_leave_the_engine_usable() -> None:
    class Fails(Function):
        @staticmethod
        def forward(ctx: Any, x: pydl.Tensor) -> pydl.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, gradient: pydl.Tensor) -> Any:
            raise KeyError("mine")

    x = points(1.0)
    with pytest.raises(KeyError, match="mine"):
        Fails.apply(x).sum().backward()
    assert pydl.is_grad_enabled()
    Exp.apply(x).sum().backward()
    assert x.grad is not None


def test_records_are_freed() -> None:
    gc.collect()
    before = pydl.live_tensor_count()
    for _ in range(3):
        x, b = points(1.0, 2.0), points(1.0, 3.0)
        unused = Exp.apply(Product.apply(x, 2.0, b))  # never differentiated
        (gradient,) = pydl.grad(Exp.apply(x).sum(), x, create_graph=True)
        x.grad = gradient  # a history that reaches the leaf again
        del x, b, unused, gradient
    gc.collect()
    assert pydl.live_tensor_count() == before


def test_custom_gradients_are_freed() -> None:
    gc.collect()
    before = pydl.live_tensor_count()
    for _ in range(3):
        x = points(1.0, 2.0)
        (gradient,) = pydl.grad(log1pexp(x).sum(), x, create_graph=True)
        x.grad = gradient
        unused = log1pexp(x)
        del x, gradient, unused
    gc.collect()
    assert pydl.live_tensor_count() == before


def test_in_threads() -> None:
    found: list[float] = []

    def work(value: float) -> None:
        for _ in range(20):
            x = points(value)
            Exp.apply(x).sum().backward()
        found.append(float(x.grad[0]))

    threads = [threading.Thread(target=work, args=(v,)) for v in (0.0, 1.0, 2.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.allclose(sorted(found), np.exp([0.0, 1.0, 2.0]))


# --- custom_gradient ------------------------------------------------------------------------------


@pydl.custom_gradient
def log1pexp(x: pydl.Tensor) -> Any:
    e = x.exp()
    return (1 + e).log(), lambda gradient: gradient * (1 - 1 / (1 + e))


@pydl.custom_gradient
def scaled(x: pydl.Tensor, factor: float, y: pydl.Tensor) -> Any:
    return (x * factor, x * y), lambda g, h: (g * factor + h * y, None, h * x)


def test_custom_gradients_against_differences() -> None:
    x, y = points(0.5, -2.0), points(1.5, 3.0)
    assert gradcheck(log1pexp, x) and gradgradcheck(log1pexp, x)
    both = lambda x, y: pydl.concat(list(scaled(x, 3.0, y)))  # noqa: E731
    assert gradcheck(both, (x, y)) and gradgradcheck(both, (x, y))
    assert gradcheck(pydl.compile(log1pexp), x) and gradcheck(pydl.compile(both), (x, y))


def test_custom_gradients_replace_the_derivative() -> None:
    @pydl.custom_gradient
    def rounded(x: pydl.Tensor) -> Any:
        return x.round(), lambda gradient: gradient

    x = points(0.2, 1.7)
    y = rounded(x)
    y.sum().backward()
    assert y.tolist() == [0.0, 2.0] and x.grad.tolist() == [1.0, 1.0]
    assert pydl.grad(log1pexp)(pydl.tensor(1000.0)).item() == 1.0


def test_wrong_custom_gradients() -> None:
    @pydl.custom_gradient
    def only_result(x: pydl.Tensor) -> Any:
        return x * 2

    @pydl.custom_gradient
    def too_many(x: pydl.Tensor) -> Any:
        return x * 2, lambda gradient: (gradient, gradient)

    with pytest.raises(TypeError, match="only_result: .* returns a pair"):
        only_result(points(1.0))
    with pytest.raises(RuntimeError, match=r"too_many\.backward: expected 1 gradients"):
        too_many(points(1.0)).sum().backward()


def test_against_torch() -> None:
    torch = pytest.importorskip("torch")
    values = [0.3, -1.2, 2.0]
    results = []
    for lib, base in ((pydl, Function), (torch, torch.autograd.Function)):

        class Cube(base):  # type: ignore[valid-type, misc]
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return x * x * x

            @staticmethod
            def backward(ctx: Any, gradient: Any) -> Any:
                (x,) = ctx.saved_tensors
                return gradient * 3 * x * x

        x = lib.tensor(values, dtype=lib.float64, requires_grad=True)
        grad = pydl.grad if lib is pydl else torch.autograd.grad
        (first,) = grad(Cube.apply(x).sum(), x, create_graph=True)
        (second,) = grad((first * first).sum(), x)
        results.append([first.tolist(), second.tolist()])
    assert np.allclose(results[0], results[1], rtol=1e-12)
