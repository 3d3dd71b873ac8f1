"""The rules of `backward`, `grad` and of recording."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import pydl


def leaf(*values: float, dtype: str = "float32") -> pydl.Tensor:
    return pydl.tensor(list(values), dtype=dtype, requires_grad=True)


def gradient_of(x: pydl.Tensor) -> Any:
    assert x.grad is not None
    return x.grad.tolist()


# --- accumulation -------------------------------------------------------------------------------


def test_gradients_accumulate_until_they_are_cleared() -> None:
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    assert gradient_of(x) == [2.0, 4.0]
    (3 * x).sum().backward()
    assert gradient_of(x) == [5.0, 7.0]
    x.grad = None
    assert x.grad is None
    x.sum().backward()
    assert gradient_of(x) == [1.0, 1.0]


def test_accumulation_does_not_write_into_gradients_given_out() -> None:
    x = leaf(1.0)
    x.sum().backward()
    first = x.grad
    x.sum().backward()
    assert first is not None
    assert first.tolist() == [1.0]
    assert gradient_of(x) == [2.0]


def test_the_gradient_argument_is_not_shared_with_the_leaf() -> None:
    x, y, weight = leaf(1.0, 2.0), leaf(1.0, 2.0), pydl.ones(2)
    (x + y).backward(weight)
    weight.fill_(7)
    assert x.grad is not None
    x.grad.fill_(5)
    assert gradient_of(y) == [1.0, 1.0]


def _channels_last(x: Any) -> pydl.Tensor:
    return pydl.tensor(np.moveaxis(x, 1, -1).copy()).permute_dims((0, 3, 1, 2))


def test_gradients_of_channels_last_leaves_lie_channels_last() -> None:
    rng = np.random.default_rng()
    values, weight = rng.standard_normal((2, 16, 9, 8)), rng.standard_normal((24, 16, 3, 3))
    x = _channels_last(values).requires_grad_()
    rows = pydl.tensor(values, requires_grad=True)
    w = pydl.tensor(weight)
    for leaf in (x, rows):
        pydl.nn.functional.conv2d(leaf, w, padding=1).square().sum().backward()
    assert x.grad is not None
    assert rows.grad is not None
    assert x.grad.strides == x.strides
    assert rows.grad.strides == rows.strides
    np.testing.assert_allclose(x.grad.numpy(), rows.grad.numpy(), rtol=1e-10, atol=1e-10)
    # And again, on top of the first.
    first = x.grad.numpy().copy()
    pydl.nn.functional.conv2d(x, w, padding=1).square().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * first, rtol=1e-10, atol=1e-10)


def test_gradients_of_channels_last_leaves_are_their_own() -> None:
    values = np.random.default_rng().standard_normal((2, 3, 4, 5))
    x, y = (_channels_last(values).requires_grad_() for _ in range(2))
    given = _channels_last(values)
    (x + y).backward(given)
    given.fill_(7)
    assert x.grad is not None
    assert y.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), values)
    x.grad.fill_(5)
    np.testing.assert_array_equal(y.grad.numpy(), values)


def test_gradients_of_leaves_that_are_otherwise_permuted() -> None:
    values = np.random.default_rng().standard_normal((3, 4, 5))
    x = pydl.tensor(values.transpose(2, 0, 1).copy()).permute_dims((1, 2, 0)).requires_grad_()
    (x * x).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), 2 * values)


def test_every_use_of_a_tensor_counts() -> None:
    x = leaf(3.0)
    y = x * x
    (y + y * x + y).sum().backward()
    assert gradient_of(x) == [2 * 2 * 3.0 + 3 * 9.0]


def test_a_diamond_is_visited_once_per_node() -> None:
    x = leaf(1.0)
    y = x
    for _ in range(60):  # 2^60 paths
        y = y + y
    y.sum().backward()
    assert gradient_of(x) == [2.0**60]


def test_broadcast_operands_get_sums() -> None:
    x, y, z = leaf(1.0, 2.0), pydl.tensor(3.0, requires_grad=True), pydl.ones((3, 1), dtype="int8")
    ((x * y + z) * 2).sum().backward()
    assert gradient_of(x) == [18.0, 18.0]
    assert gradient_of(y) == 18.0


def test_gradients_have_the_dtype_of_their_tensor() -> None:
    x, y = leaf(1.0, dtype="float16"), leaf(2.0, dtype="float64")
    (x * y).sum().backward()
    assert x.grad is not None
    assert y.grad is not None
    assert (x.grad.dtype, y.grad.dtype) == ("float16", "float64")


# --- graphs that are used again -----------------------------------------------------------------


def test_second_backward_needs_retain_graph() -> None:
    x = leaf(2.0)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert gradient_of(x) == [8.0]
    with pytest.raises(RuntimeError, match="multiply.*retain_graph=True"):
        y.backward()
    assert gradient_of(x) == [8.0]


def test_a_shared_part_that_was_freed_is_an_error() -> None:
    x = leaf(2.0)
    shared = x.exp()
    first, second = shared.sum(), (shared * 2).sum()
    first.backward()
    with pytest.raises(RuntimeError, match="exp.*retain_graph"):
        second.backward()


def test_graphs_that_save_nothing_can_be_used_again() -> None:
    x = leaf(2.0)
    y = (x + 1).sum()
    y.backward()
    y.backward()
    assert gradient_of(x) == [2.0]


# --- outputs ------------------------------------------------------------------------------------


def test_outputs_of_several_elements_need_a_gradient() -> None:
    x = leaf(1.0, 2.0)
    with pytest.raises(RuntimeError, match=r"gradient is needed.*\(2,\)"):
        (x * 2).backward()
    (x * 2).backward(pydl.tensor([1.0, 10.0]))
    assert gradient_of(x) == [2.0, 20.0]
    with pytest.raises(ValueError, match=r"shape \(2,\), got \(3,\)"):
        (x * 2).backward(pydl.ones(3))
    (x[:1] * 2).backward()  # a single element, whatever its rank
    assert gradient_of(x) == [4.0, 20.0]


@pytest.mark.parametrize("use", [lambda y: y.backward(), lambda y: pydl.grad(y, leaf(1.0))])
def test_outputs_without_history(use: Callable[[pydl.Tensor], object]) -> None:
    with pytest.raises(RuntimeError, match="does not depend on any tensor that requires"):
        use(pydl.tensor(1.0))


def test_backward_from_a_leaf() -> None:
    x = pydl.tensor(3.0, requires_grad=True)
    x.backward()
    assert gradient_of(x) == 1.0


def test_a_failing_pass_leaves_the_switch_as_it_was() -> None:
    x = leaf(1.0)
    y = x.exp()
    y.sum().backward()
    with pytest.raises(RuntimeError):
        y.sum().backward()
    assert pydl.is_grad_enabled()
    assert (x * 2).requires_grad


# --- leaves -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int32", "int64"])
def test_only_floats_require_gradients(dtype: str) -> None:
    x = pydl.zeros(2, dtype=dtype)
    for attempt in (x.requires_grad_, lambda: setattr(x, "requires_grad", True)):
        with pytest.raises(TypeError, match=f"floating-point.*{dtype}"):
            attempt()
    x.requires_grad_(False)
    assert not x.requires_grad


def test_leaves_and_results() -> None:
    x = leaf(1.0)
    y = x * 2
    assert x.is_leaf
    assert not y.is_leaf
    assert y.requires_grad
    assert (pydl.ones(1) * 2).is_leaf
    assert not (x > 0).requires_grad
    assert not x.astype("int32").requires_grad
    with pytest.raises(ValueError, match="only a leaf"):
        y.requires_grad = False
    y.sum().backward()
    assert y.grad is None


def test_gradients_can_be_set_when_they_fit() -> None:
    x = leaf(1.0, 2.0)
    x.grad = pydl.tensor([5.0, 6.0])
    x.sum().backward()
    assert gradient_of(x) == [6.0, 7.0]
    for wrong in (pydl.ones(3), pydl.ones(2, dtype="float64")):
        with pytest.raises(ValueError, match="grad: expected shape"):
            x.grad = wrong
    with pytest.raises(TypeError):
        x.grad = "a"


def test_detach_shares_memory_without_history() -> None:
    x = leaf(1.0, 2.0)
    y = (x * 2).detach()
    assert not y.requires_grad
    assert y.is_leaf
    z = x.detach()
    z[0] = 9
    assert x.tolist() == [9.0, 2.0]
    (x * x.detach()).sum().backward()
    assert gradient_of(x) == [9.0, 2.0]


def test_copies_are_recorded_and_tensor_is_not() -> None:
    x = leaf(1.0, 2.0)
    x.copy().sum().backward()
    assert gradient_of(x) == [1.0, 1.0]
    assert not pydl.tensor(x).requires_grad


def test_requires_grad_can_be_turned_off() -> None:
    x = leaf(1.0)
    assert x.requires_grad_(False) is x
    assert not (x * 2).requires_grad


# --- recording ----------------------------------------------------------------------------------


def test_no_grad_and_enable_grad_nest() -> None:
    x = leaf(1.0)
    with pydl.no_grad():
        assert not pydl.is_grad_enabled()
        assert not (x * 2).requires_grad
        with pydl.enable_grad():
            assert (x * 2).requires_grad
        assert not pydl.is_grad_enabled()
    assert pydl.is_grad_enabled()


def test_scopes_end_when_exceptions_leave_them() -> None:
    with pytest.raises(ZeroDivisionError), pydl.no_grad():
        _ = 1 / 0
    assert pydl.is_grad_enabled()


def test_scopes_as_decorators() -> None:
    @pydl.no_grad()
    def count_down(n: int) -> list[bool]:
        return [pydl.is_grad_enabled(), *(count_down(n - 1) if n else [])]

    assert count_down(3) == [False] * 4
    assert pydl.is_grad_enabled()


def test_one_scope_object_can_be_entered_again() -> None:
    scope = pydl.no_grad()
    with scope:
        with scope:
            assert not pydl.is_grad_enabled()
        assert not pydl.is_grad_enabled()
    assert pydl.is_grad_enabled()


def test_set_grad_enabled() -> None:
    pydl.set_grad_enabled(False)
    try:
        assert not (leaf(1.0) * 2).requires_grad
    finally:
        pydl.set_grad_enabled(True)
    assert (leaf(1.0) * 2).requires_grad


def test_backward_runs_inside_no_grad() -> None:
    x = leaf(3.0)
    y = (x * x).sum()
    with pydl.no_grad():
        y.backward()
        assert not pydl.is_grad_enabled()
    assert gradient_of(x) == [6.0]


# --- grad of tensors ----------------------------------------------------------------------------


def test_grad_returns_gradients_and_leaves_grad_alone() -> None:
    x, y = leaf(2.0), leaf(3.0)
    dx, dy = pydl.grad((x * x * y).sum(), [x, y])
    assert (dx.tolist(), dy.tolist()) == ([12.0], [4.0])
    assert x.grad is None
    assert y.grad is None
    assert not dx.requires_grad


def test_grad_for_intermediate_results_and_for_the_output_itself() -> None:
    x = leaf(2.0)
    y = x * x
    z = (y * y).sum()
    dz, dy, dx = pydl.grad(z, [z, y, x], retain_graph=True)
    assert (dz.item(), dy.tolist(), dx.tolist()) == (1.0, [8.0], [32.0])
    assert pydl.grad(x, x)[0].tolist() == [1.0]
    twice = pydl.grad(z, [x, x])
    assert [g.tolist() for g in twice] == [[32.0], [32.0]]


def test_grad_of_several_outputs_with_weights() -> None:
    x = leaf(1.0, 2.0)
    outputs = [x * x, x.sum()]
    (dx,) = pydl.grad(outputs, x, [pydl.tensor([1.0, 10.0]), None])
    assert dx.tolist() == [3.0, 41.0]
    with pytest.raises(ValueError, match="each of 2 outputs, got 1"):
        pydl.grad([x.sum(), x.sum()], x, [None])


def test_grad_of_unused_inputs() -> None:
    x, unused = leaf(1.0), leaf(1.0, 2.0)
    y = (x * 2).sum()
    with pytest.raises(RuntimeError, match=r"input 1 of shape \(2,\).*allow_unused"):
        pydl.grad(y, [x, unused], retain_graph=True)
    dx, nothing = pydl.grad(y, [x, unused], allow_unused=True)
    assert dx.tolist() == [2.0]
    assert nothing is None
    with pytest.raises(RuntimeError, match="does not require a gradient"):
        pydl.grad((x * 2).sum(), pydl.ones(1))


def test_grad_visits_only_what_leads_to_the_inputs() -> None:
    x, y = leaf(1.0), leaf(1.0)
    side = y.exp()
    total = (x * 2).sum() + side.sum()
    pydl.grad(total, x)
    # exp was not asked for, so what it saved is there still.
    side.sum().backward()
    assert gradient_of(y) == pytest.approx([np.e])


@pytest.mark.parametrize("arguments", [(1.0,), (None, None), ("a", "b")])
def test_grad_of_odd_arguments(arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError):
        pydl.grad(*arguments)


# --- grad of functions --------------------------------------------------------------------------


def polynomial(x: pydl.Tensor, y: pydl.Tensor, scale: float = 1.0) -> pydl.Tensor:
    return (x * x * y * scale).sum()


def test_grad_of_a_function() -> None:
    x, y = pydl.tensor([2.0]), pydl.tensor([3.0])
    assert pydl.grad(polynomial)(x, y).tolist() == [12.0]
    assert pydl.grad(polynomial, 1)(x, y, scale=2.0).tolist() == [8.0]
    assert pydl.grad(polynomial, argnums=-1)(x, y).tolist() == [4.0]
    both = pydl.grad(polynomial, argnums=(0, 1))(x, y)
    assert isinstance(both, tuple)
    assert [g.tolist() for g in both] == [[12.0], [4.0]]
    assert x.grad is None
    assert not x.requires_grad


def test_grad_of_a_function_of_numbers_arrays_and_trees() -> None:
    assert pydl.grad(lambda x: x * x)(3.0).item() == 6.0
    assert pydl.grad(lambda x: (x * x).sum())(np.array([1.0, 2.0])).tolist() == [2.0, 4.0]
    parameters = {"w": [pydl.tensor(2.0), pydl.tensor(3.0)], "b": (pydl.tensor(1.0),)}

    def loss(p: Any) -> pydl.Tensor:
        return p["w"][0] * p["w"][1]

    gradients = pydl.grad(loss)(parameters)
    assert [g.item() for g in gradients["w"]] == [3.0, 2.0]
    assert gradients["b"][0].item() == 0.0


def test_nested_grad_of_functions() -> None:
    def fourth(x: pydl.Tensor) -> pydl.Tensor:
        return x * x * x * x

    function: Any = fourth
    for expected in (32.0, 48.0, 48.0, 24.0):
        function = pydl.grad(function)
        assert function(pydl.tensor(2.0)).item() == expected


def test_inner_gradients_do_not_see_outer_variables() -> None:
    def outer(x: pydl.Tensor) -> pydl.Tensor:
        inner = pydl.grad(lambda y: x + y)(pydl.tensor(1.0))
        return x * inner

    assert pydl.grad(outer)(pydl.tensor(5.0)).item() == 1.0


def test_value_and_grad() -> None:
    x, y = pydl.tensor([2.0]), pydl.tensor([3.0])
    value, gradient = pydl.value_and_grad(polynomial)(x, y)
    assert (value.item(), gradient.tolist()) == (12.0, [12.0])
    assert not value.requires_grad
    (value, extra), gradients = pydl.value_and_grad(
        lambda a, b: (polynomial(a, b), "extra"), argnums=(1,), has_aux=True
    )(x, y)
    assert (value.item(), extra) == (12.0, "extra")
    assert [g.tolist() for g in gradients] == [[4.0]]


def test_function_gradients_of_tensors_that_require_gradients() -> None:
    x = leaf(2.0)
    value, gradient = pydl.value_and_grad(lambda t: (t * t * t).sum())(x)
    assert gradient.requires_grad
    gradient.sum().backward()
    assert gradient_of(x) == [12.0]
    assert value.item() == 8.0


def test_function_gradients_inside_no_grad() -> None:
    with pydl.no_grad():
        gradient = pydl.grad(lambda t: (t * t).sum())(leaf(2.0))
        assert not pydl.is_grad_enabled()
    assert gradient.tolist() == [4.0]
    assert not gradient.requires_grad


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: pydl.grad(lambda x: 1.0)(pydl.ones(())), TypeError, "float"),
        (lambda: pydl.grad(lambda x: x)(pydl.ones(2)), RuntimeError, "more than one"),
        (lambda: pydl.grad(lambda x: x, 1)(pydl.ones(())), ValueError, "argnums has 1"),
        (lambda: pydl.grad(lambda x: x)(pydl.tensor([1])), TypeError, "floating-point"),
        (lambda: pydl.grad(lambda x: x)("a"), TypeError, "str"),
        (lambda: pydl.grad(lambda x: pydl.ones(()))(1.0), RuntimeError, "depend"),
    ],
)
def test_functions_that_have_no_gradient(
    call: Callable[[], object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        call()
    assert pydl.is_grad_enabled()
