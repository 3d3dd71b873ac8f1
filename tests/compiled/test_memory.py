"""What passes and the plan must not break: memory that is shared, overwritten, handed out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from compiled.comparison import CHOICE_IDS, CHOICES, assert_same, check_calls

import pydl
from pydl import nn

each_choice = pytest.mark.parametrize("without", CHOICES, ids=CHOICE_IDS)


def random(*shape: int, seed: int = 0, dtype: str = "float64") -> pydl.Tensor:
    return pydl.tensor(np.random.default_rng(seed).standard_normal(shape), dtype=dtype)


# --- aliasing of results and operands -------------------------------------------------------------


@pytest.mark.parametrize(
    "without",
    [
        pytest.param(
            choice,
            id=name,
        )
        for choice, name in zip(CHOICES, CHOICE_IDS, strict=True)
    ],
)
def test_operand_and_a_view_of_it(without: tuple[str, ...]) -> None:
    def function(x: pydl.Tensor) -> pydl.Tensor:
        t = x.softmax()
        return (t + t.T).softmax()

    check_calls(function, [(random(60, 60),)], (without,))


@pytest.mark.parametrize("size", [3, 40, 200])
def test_operand_and_views_of_it_in_a_chain(size: int) -> None:
    views: list[Any] = [
        lambda t: t.T,
        lambda t: t[::-1],
        lambda t: t[:, ::-1],
        lambda t: t[0],
        lambda t: t[-1],
        lambda t: t[:, :1],
        lambda t: t[:, -1:],
    ]
    for view in views:

        def function(x: pydl.Tensor, view: Any = view) -> pydl.Tensor:
            t = x.softmax()
            return (t * 2.0 + view(t) * t - view(t)).softmax()

        check_calls(function, [(random(size, size),)])


# --- simplification of what has another layout ----------------------------------------------------


@pytest.mark.parametrize(
    "simplified",
    [
        pytest.param(lambda x: x * 1, id="times_one"),
        pytest.param(lambda x: x / 1, id="over_one"),
        pytest.param(lambda x: x**1, id="power_one"),
        pytest.param(lambda x: x - 0, id="minus_zero"),
        pytest.param(lambda x: x.copy(), id="copy"),
        pytest.param(lambda x: x.astype("float64"), id="cast"),
    ],
)
@pytest.mark.parametrize(
    "view",
    [
        pytest.param(lambda x: x[:, ::2], id="gaps"),
        pytest.param(lambda x: x[::-1], id="reversed"),
        pytest.param(lambda x: x.T, id="transposed"),
        pytest.param(lambda x: x[1:3, 2:5], id="part"),
        pytest.param(lambda x: x[0].expand(3, 6), id="expanded"),
    ],
)
@pytest.mark.parametrize(
    "use",
    [
        pytest.param(lambda y: y.reshape(-1) * 2, id="reshaped"),
        pytest.param(lambda y: y[1:3] * 2, id="sliced"),
        pytest.param(lambda y: y.T.reshape(-1) * 2, id="transposed"),
        pytest.param(lambda y: y.softmax(), id="read"),
    ],
)
def test_views_of_simplified_views(simplified: Any, view: Any, use: Any) -> None:
    check_calls(lambda x: use(simplified(view(x))), [(random(6, 6),), (random(6, 6, seed=1),)])


# --- memory that is handed out --------------------------------------------------------------------


@each_choice
def test_results_have_memory_of_their_own(without: tuple[str, ...]) -> None:
    weight = nn.Parameter(random(3))

    def function(x: pydl.Tensor) -> Any:
        return x * 1, x.copy(), weight * 1, weight.copy(), pydl.tensor([1.0, 2.0]), pydl.ones(2)

    compiled = pydl.compile(function, state=[weight], without=without)
    x = random(3, seed=1)
    before = x.tolist(), weight.tolist()
    expected = [t.tolist() for t in compiled(x)]
    for _ in range(2):
        for tensor in compiled(x):
            with pydl.no_grad():
                tensor.detach().fill_(77)
        assert (x.tolist(), weight.tolist()) == before
        assert [t.tolist() for t in compiled(x)] == expected


def test_results_of_earlier_calls_stay() -> None:
    compiled = pydl.compile(lambda x: ((x * 2).softmax(), (x + 1).tanh()[1:], x.sum()))
    inputs = [random(8, 8, seed=k) for k in range(4)]
    results = [compiled(x) for x in inputs]
    for x, result in zip(inputs, results, strict=True):
        assert_same(result, ((x * 2).softmax(), (x + 1).tanh()[1:], x.sum()))


def test_results_that_are_views_of_one_another_share_memory() -> None:
    def function(x: pydl.Tensor) -> Any:
        y = x * 2
        return y, y[0], y.reshape(-1)

    y, row, flat = pydl.compile(function)(random(3, 3))
    row.fill_(5.0)
    assert y[0].tolist() == [5.0] * 3
    assert flat[:3].tolist() == [5.0] * 3


def test_results_that_are_arguments_and_states() -> None:
    weight = nn.Parameter(random(3))
    compiled = pydl.compile(lambda x: (x, weight, x, {"a": x[1:]}), state=[weight])
    x = random(3)
    for _ in range(2):
        a, b, c, d = compiled(x)
        assert_same(a, x)
        assert_same(b, weight)
        assert_same(c, x)
        assert_same(d["a"], x[1:])
    assert b.requires_grad


@each_choice
def test_one_tensor_as_two_arguments(without: tuple[str, ...]) -> None:
    x = random(5, 5)
    check_calls(lambda a, b: (a * b + a).softmax() - b, [(x, x), (x, x.T)], (without,))


# --- memory that is overwritten -------------------------------------------------------------------


@each_choice
def test_assignments_to_temporaries(without: tuple[str, ...]) -> None:
    def function(x: pydl.Tensor, v: pydl.Tensor) -> Any:
        t = x * 2
        early = t + 1
        t[1] = v
        middle = t + 1
        t[:, ::2] = t[:, 1::2] * 10
        part = t[2]
        t += 1
        part -= x[0]
        t.T[0] = 7.0
        z = pydl.zeros((3, 4), dtype=x.dtype)
        z[::2] = t[:2, :4]
        z.fill_(2.0)
        z[0, 1] = v.sum()
        return early, middle, t, part, z, t.copy(), x * 2

    calls = [(random(4, 4, seed=k), random(4, seed=9 + k)) for k in range(3)]
    check_calls(function, calls, (without,))


@each_choice
def test_assignments_to_constants(without: tuple[str, ...]) -> None:
    """Each run begins with the constant of the trace, and what was read before stays."""

    def function(x: pydl.Tensor) -> pydl.Tensor:
        y = pydl.zeros((4, 3), dtype=x.dtype)
        before = y + 1.0
        y[1] = x
        y[:, 2] = before[:, 0] * 5.0
        y += 1.0
        return y * before

    check_calls(function, [(random(3, seed=k),) for k in range(3)], (without,))


@each_choice
def test_states_are_overwritten_in_program_order(without: tuple[str, ...]) -> None:
    def make() -> tuple[list[pydl.Tensor], Any]:
        states = [random(4), random(4, 3, seed=1)]
        a, b = states

        def function(x: pydl.Tensor) -> Any:
            before = a * 2 + x
            a[...] = a + x
            between = a * 2 + x
            view = b[1]
            b[1:3] = x[:3]
            b.T[0] += a
            a[::2] = before[::2] * 0.5
            return before, between, view * 1, b.sum(axis=0), (a * 2 + x) - before

        return states, function

    (expected_states, eager), (states, function) = make(), make()
    compiled = pydl.compile(function, state=states, without=without)
    for k in range(4):
        x = random(4, seed=20 + k)
        assert_same(compiled(x), eager(x), f"call {k}")
        assert_same(states, expected_states, f"states after call {k}")
    assert compiled.traces == 1


@each_choice
def test_declared_views_of_one_memory(without: tuple[str, ...]) -> None:
    """States may share memory: a tensor and a part of it."""

    def make() -> tuple[list[pydl.Tensor], Any]:
        whole = random(4, 4)
        part = whole[1]

        def function(x: pydl.Tensor) -> Any:
            part[...] = part + x
            a = whole.sum(axis=0)
            whole[:, 0] = x
            return a, part * 1

        return [whole, part], function

    (expected_states, eager), (states, function) = make(), make()
    compiled = pydl.compile(function, state=states, without=without)
    for k in range(3):
        x = random(4, seed=20 + k)
        assert_same(compiled(x), eager(x), f"call {k}")
        assert_same(states, expected_states, f"states after call {k}")


def test_argument_that_is_a_state() -> None:
    def make() -> tuple[pydl.Tensor, Any]:
        weight = random(3)

        def function(x: pydl.Tensor) -> pydl.Tensor:
            y = x * 2
            weight[...] = weight + 1
            return y + x

        return weight, function

    weight, function = make()
    before = weight.tolist()
    with pytest.raises(ValueError, match="argument 0 .* shares memory with a state"):
        pydl.compile(function, state=[weight])(weight)
    assert weight.tolist() == before


@each_choice
def test_states_with_strides(without: tuple[str, ...]) -> None:
    """A declared tensor may be a view of a larger array."""
    arrays = [np.arange(48.0).reshape(6, 8) for _ in range(2)]
    expected_state, state = (pydl.asarray(array)[::-1, ::2] for array in arrays)

    def function(tensor: pydl.Tensor, x: pydl.Tensor) -> pydl.Tensor:
        tensor[...] = tensor * 0.5 + x
        return tensor.sum(axis=0)

    compiled = pydl.compile(lambda x: function(state, x), state=[state], without=without)
    for k in range(3):
        x = random(4, seed=k)
        assert_same(compiled(x), function(expected_state, x))
        assert np.allclose(*arrays)
